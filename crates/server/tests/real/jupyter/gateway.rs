//! The gateway's own answers: specs, models, refusals.

use hearth_jupyter::framing::Framing;
use hearth_testkit::{Python, TestServer, eventually};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as WsMessage;

use super::client::Notebook;
use super::{SPEC, session, start};
use crate::{HEARTH, script};

#[test]
fn jupyters_own_gateway_client_runs_a_notebook() {
    let server = TestServer::start(HEARTH);
    let arguments = [server.address(), server.token(), SPEC];
    let said = Python::client("jupyterlab").run(&script("runs_a_notebook.py"), &arguments).succeeded();
    assert_eq!(
        said,
        "5\ntable\ntable\nstdout to the terminal\ntable\n[Row(twice=0), Row(twice=2), Row(twice=4)]\n\
         ValueError on purpose\n2\npassed\n"
    );
    // It has shut its kernel down, which ends the session.
    server.nothing_left();
    assert_eq!(server.rest().get("/api/kernels").ok(), json!([]));
}

#[test]
fn papermill_runs_a_notebook_with_parameters_and_keeps_what_it_has_run() {
    let server = TestServer::start(HEARTH);
    let folder = server.scratch().join("papermill");
    std::fs::create_dir(&folder).unwrap();
    let arguments = [server.address(), server.token(), SPEC, folder.to_str().unwrap()];
    let said = Python::client("jupyterlab").run(&script("runs_papermill.py"), &arguments).succeeded();
    assert_eq!(said, "12\nValueError\n[['error'], []]\npassed\n");
    // Failed or not, it shuts its kernels down.
    server.nothing_left();
}

#[test]
fn runtimes_and_templates_with_a_kernel_are_cards() {
    let server = TestServer::start(HEARTH);
    let templates = "/v1/projects/local/locations/local/sessionTemplates";
    for (id, kind) in [
        ("Cards", json!({"jupyterSession": {"displayName": "For the cards"}})),
        ("plain", json!({"sparkConnectSession": {}})),
    ] {
        let mut body = json!({"name": format!("{}/{id}", &templates[4..]), "labels": {"team": "cards"}});
        body.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
        server.rest().post(templates, &body).ok();
    }
    let listed = server.rest().get("/api/kernelspecs").ok();
    assert_eq!(listed["default"], SPEC);
    let specs = listed["kernelspecs"].as_object().unwrap();
    assert_eq!(specs[SPEC]["spec"]["display_name"], "Python (Sail 0.7.2)");
    let card = &specs["template-Cards"];
    assert_eq!(card["spec"]["display_name"], "For the cards");
    assert_eq!(card["spec"]["language"], "python");
    let parent = "//dataproc.googleapis.com/projects/local/locations/local/sessions";
    assert_eq!(card["resources"]["endpointParentResource"], parent);
    assert!(!specs.contains_key("template-plain"), "it has no kernel");
    assert_eq!(server.rest().get("/api/kernelspecs/template-Cards").ok(), *card);
    let logo = card["resources"]["logo-64x64"].as_str().unwrap();
    assert!(server.rest().get(logo).text.starts_with("<svg"));

    let model = server.rest().post("/api/kernels", &json!({"name": "template-Cards"}));
    assert_eq!(model.status, 201, "{}", model.text);
    assert_eq!(model.json["name"], "template-Cards");
    let resource = model.json["metadata"]["endpointParentResource"].as_str().unwrap().to_owned();
    let name = resource.strip_prefix("//dataproc.googleapis.com/").unwrap();
    let session = server.rest().get(&format!("/v1/{name}")).ok();
    assert_eq!(session["uuid"], model.json["id"]);
    assert_eq!(session["labels"]["team"], "cards", "the template's settings are the session's");
    let id = model.json["id"].as_str().unwrap();
    assert_eq!(server.rest().delete(&format!("/api/kernels/{id}")).status, 204);
    eventually("the session has ended", || {
        let state = server.rest().get(&format!("/v1/{name}")).ok()["state"].clone();
        if state == "TERMINATED" { Ok(()) } else { Err(state) }
    });
    let gone = server.rest().get(&format!("/api/kernels/{id}"));
    assert!(gone.status == 404 && gone.text.contains("has ended"), "{}", gone.text);
}

#[test]
fn a_session_made_through_the_api_has_an_endpoint_that_notebooks_share() {
    let server = TestServer::start(HEARTH);
    let made = session(&server, "shared");
    let id = made["uuid"].as_str().unwrap();
    let endpoint = made["runtimeInfo"]["endpoints"]["Jupyter"].as_str().unwrap();
    let path = endpoint.strip_prefix(&format!("http://localhost:{}", server.port())).unwrap();
    // What a client is given that starts a kernel there.
    for _ in 0..2 {
        let model = server.rest().post(&format!("{path}/api/kernels"), &json!({"name": "python3"}));
        assert_eq!((model.status, model.json["id"].as_str()), (201, Some(id)), "{}", model.text);
    }
    let channels = format!("{path}/api/kernels/{id}/channels");
    let token = format!("Bearer {}", server.token());
    let open =
        |name: &str, framing| Notebook::try_open(&server, &channels, name, framing, Some(&token)).unwrap();
    let (mut ada, mut bob) = (open("ada", Framing::V1), open("bob", Framing::Json));
    assert_eq!(ada.run("n = 20 + 1"), "");
    assert_eq!(bob.run("print(n * 2)"), "42\n", "they share the kernel");
    // What one has run the other one sees, but not the answer to it.
    let seen = ada.until(|said| said.msg_type == "stream");
    assert!(seen.iter().all(|said| said.msg_type != "execute_reply"), "{seen:#?}");
    let listed = server.rest().get(&format!("{path}/api/kernelspecs")).ok();
    assert_eq!((&listed["default"], listed["kernelspecs"].as_object().unwrap().len()), (&json!(SPEC), 1));
    // A notebook that is shut down leaves the others theirs.
    assert_eq!(server.rest().delete(&format!("{path}/api/kernels/{id}")).status, 204);
    assert_eq!(ada.run("print(n)"), "21\n");
    server.terminate("shared");
    server.nothing_left();
}

#[test]
fn documents_have_sessions_as_on_a_server_of_notebooks() {
    let server = TestServer::start(HEARTH);
    let rest = server.rest();
    assert_eq!(rest.get("/api/sessions").ok(), json!([]));
    let open = |path: &str| {
        let body = json!({"path": path, "name": "", "type": "notebook", "kernel": {"name": SPEC}});
        let answer = rest.post("/api/sessions", &body);
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json
    };
    let opened = open("work/a.ipynb");
    let kernel = opened["kernel"]["id"].as_str().unwrap();
    assert_eq!((&opened["path"], &opened["kernel"]["name"]), (&json!("work/a.ipynb"), &json!(SPEC)));
    let again = open("work/a.ipynb");
    assert_eq!((&again["id"], &again["kernel"]["id"]), (&opened["id"], &json!(kernel)), "a document has one");
    let at = format!("/api/sessions/{}", opened["id"].as_str().unwrap());
    let renamed = rest.call("PATCH", &at, r#"{"path": "work/b.ipynb"}"#).ok();
    assert_eq!((&renamed["path"], &renamed["type"]), (&json!("work/b.ipynb"), &json!("notebook")));
    let listed = rest.get("/api/sessions").ok();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["path"]), (1, &renamed["path"]), "{listed:#}");
    let mut notebook = Notebook::open(&server, kernel, "a");
    assert_eq!(notebook.run("1 + 1"), "2");
    // Another kernel for the same document ends the one that it had.
    let changed = rest.call("PATCH", &at, &json!({"kernel": {"name": SPEC}}).to_string()).ok();
    assert_eq!((&changed["id"], &changed["path"]), (&opened["id"], &json!("work/b.ipynb")));
    let other = changed["kernel"]["id"].as_str().unwrap();
    assert_ne!(other, kernel);
    assert_eq!(notebook.rest().1.map(|(code, _)| code), Some(1001));
    // A console on the same kernel.
    let shared = json!({"path": "console", "type": "console", "kernel": {"id": other}});
    let shared = rest.post("/api/sessions", &shared);
    assert_eq!((shared.status, &shared.json["kernel"]["id"]), (201, &json!(other)), "{}", shared.text);
    assert_eq!(rest.get("/api/sessions").ok().as_array().unwrap().len(), 2);
    assert_eq!(rest.get("/api/sessions/nothing").status, 404);
    assert_eq!(rest.post("/api/sessions", &json!({"path": 7})).status, 400);
    assert_eq!(rest.delete(&at).status, 204);
    eventually("the kernel has ended with its session", || match rest.get("/api/sessions").ok() {
        all if all == json!([]) => Ok(()),
        all => Err(all),
    });
    server.nothing_left();
}

#[test]
fn what_is_asked_for_wrongly_is_refused_in_words() {
    let server = TestServer::start(HEARTH);
    let rest = server.rest();
    let unknown = rest.post("/api/kernels", &json!({"name": "nothing"}));
    assert_eq!(unknown.status, 404, "{}", unknown.text);
    assert_eq!(unknown.json["message"], "there is no kernelspec 'nothing'");
    assert_eq!(rest.post("/api/kernels", &json!({"name": "template-nothing"})).status, 404);
    assert_eq!(rest.call("POST", "/api/kernels", "{").status, 400);
    assert_eq!(rest.call("POST", "/api/kernels", "[]").status, 400);
    assert_eq!(rest.get("/api/kernelspecs/nothing").status, 404);
    for id in ["x", "..%2f..", "0190a3c2-0000-4000-8000-000000000001"] {
        assert_eq!(rest.get(&format!("/api/kernels/{id}")).status, 404, "{id}");
        assert_eq!(rest.delete(&format!("/api/kernels/{id}")).status, 404, "{id}");
    }
    assert_eq!(rest.get("/api/nothing").status, 404);
    for token in [None, Some("wrong")] {
        let answer = rest.with_token(token).get("/api/kernels");
        assert_eq!(answer.status, 401);
        assert!(answer.json["message"].as_str().is_some(), "{}", answer.text);
    }
    // As a client sends it that was not given any.
    let empty = rest.with_token(None).with_header("authorization", "token ").get("/api/kernels");
    assert_eq!(empty.status, 401);

    let id = start(&server);
    let path = format!("/api/kernels/{id}/channels");
    let open = |credential| Notebook::try_open(&server, &path, "a", Framing::Json, credential).err();
    assert_eq!((open(None), open(Some("token wrong"))), (Some(401), Some(401)));
    assert_eq!(rest.get(&path).status, 426, "not a WebSocket");
    let reader = std::fs::read_to_string(server.state_dir().join("reader-token")).unwrap();
    assert_eq!(open(Some(&format!("token {}", reader.trim()))), Some(403));
    let reading = rest.with_token(Some(reader.trim()));
    assert_eq!(reading.get("/api/kernels").status, 200);
    assert_eq!(reading.post("/api/kernels", &json!({})).status, 403);
}

#[test]
fn a_client_that_sends_nonsense_is_told_so_and_others_go_on() {
    let server = TestServer::start(HEARTH);
    let id = start(&server);
    let mut good = Notebook::open(&server, &id, "good");
    let oversized = "x".repeat((64 << 20) + 1);
    for (frame, code) in [
        (WsMessage::Text("{".into()), 1007),
        (WsMessage::Text(r#"{"header": {}, "channel": "nothing"}"#.into()), 1007),
        (WsMessage::Binary(vec![1, 2, 3].into()), 1007),
        (WsMessage::Text(oversized.into()), 1009),
    ] {
        let mut bad = Notebook::open(&server, &id, "bad");
        bad.send(frame);
        let (_, ended) = bad.rest();
        let (told, reason) = ended.expect("it was told why");
        assert_eq!(told, code, "{reason}");
        assert!(!reason.is_empty());
    }
    // A message that kernels do not know, and one whose header says nothing, are the kernel's own business.
    good.say(hearth_jupyter::Channel::Shell, "no_such_request", &json!({}));
    assert_eq!(good.run("1 + 1"), "2");
}
