//! Session templates: what can be done with them, and the sessions made from them.

use hearth_testkit::{Options, PARENT, TestServer, id_of};
use hearth_wire::dataproc::session_template_controller_client::SessionTemplateControllerClient;
use hearth_wire::dataproc::{
    CreateSessionTemplateRequest, DeleteSessionTemplateRequest, GetSessionTemplateRequest,
    ListSessionTemplatesRequest, RuntimeConfig, SessionTemplate, SparkConnectConfig,
    UpdateSessionTemplateRequest, session_template,
};
use serde_json::{Value, json};
use tonic::Code;

use crate::grpc::{Service, service};
use crate::{HEARTH, server};

fn name(id: &str) -> String {
    format!("{PARENT}/sessionTemplates/{id}")
}

fn templates() -> String {
    format!("/v1/{PARENT}/sessionTemplates")
}

fn client(server: &TestServer) -> SessionTemplateControllerClient<Service> {
    SessionTemplateControllerClient::new(service(server, server.token()))
}

fn create_session(server: &TestServer, id: &str, body: &Value) -> hearth_testkit::Answer {
    let mut whole = json!({"name": format!("{PARENT}/sessions/{id}")});
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId={id}"), &whole)
}

#[test]
fn a_template_is_made_read_written_anew_and_removed_at_once() {
    let server = server();
    let body = json!({
        "name": name("Etl_1"),
        "description": "nightly",
        "displayName": "Nightly",
        "jupyterSession": {"kernel": "PYTHON", "displayName": "a card"},
        "labels": {"team": "a"},
        "runtimeConfig": {"properties": {"spark.sql.shuffle.partitions": "8"}},
        "environmentConfig": {"executionConfig": {"ttl": "7200s"}},
        // What only the server sets is ignored.
        "uuid": "mine", "creator": "me", "createTime": "2000-01-01T00:00:00Z", "updateTime": "2000-01-01T00:00:00Z",
    });
    let made = server.rest().post(&templates(), &body).ok();
    for field in ["name", "description", "displayName", "jupyterSession", "labels", "environmentConfig"] {
        assert_eq!(made[field], body[field], "{field}");
    }
    assert_eq!(made["runtimeConfig"]["properties"], json!({"spark:spark.sql.shuffle.partitions": "8"}));
    assert_eq!(made["createTime"], made["updateTime"]);
    assert!(made["createTime"].as_str().unwrap() > "2020" && made["uuid"].as_str().unwrap().len() == 36);
    assert!(made["creator"].as_str().unwrap().contains('@'), "{made:#}");
    let path = format!("/v1/{}", name("Etl_1"));
    assert_eq!(server.rest().get(&path).ok(), made);

    // What is left out is cleared; who made it and when stays.
    let anew = json!({"name": name("Etl_1"), "sparkConnectSession": {}, "uuid": "mine"});
    let written = server.rest().call("PATCH", &path, &anew.to_string()).ok();
    for kept in ["name", "uuid", "creator", "createTime"] {
        assert_eq!(written[kept], made[kept], "{kept}");
    }
    assert_eq!(written["sparkConnectSession"], json!({}));
    assert!(written["updateTime"].as_str() > made["updateTime"].as_str());
    for cleared in
        ["description", "displayName", "labels", "runtimeConfig", "environmentConfig", "jupyterSession"]
    {
        assert!(written.get(cleared).is_none(), "{cleared}: {written:#}");
    }
    assert_eq!(server.rest().get(&path).ok(), written);

    assert_eq!(server.rest().delete(&path).ok(), json!({}));
    let gone = format!("Not found: Session Template {}", name("Etl_1"));
    assert_eq!(server.rest().get(&path).error(404, "NOT_FOUND"), gone);
    assert_eq!(server.rest().delete(&path).error(404, "NOT_FOUND"), gone);
    assert_eq!(server.rest().call("PATCH", &path, &anew.to_string()).error(404, "NOT_FOUND"), gone);
}

#[test]
fn what_is_wrong_with_a_template_is_told_all_at_once_and_nothing_is_made() {
    let server = server();
    let refused = server.rest().post(
        &templates(),
        &json!({
            "name": name("wrong"),
            "displayName": "x".repeat(64),
            "jupyterSession": {},
            "labels": {"Team": "a"},
            "runtimeConfig": {"version": "none", "properties": {"spark.yarn.am.memory": "1g"}},
            "environmentConfig": {"executionConfig": {"ttl": "1s", "stagingBucket": "gs://b"}},
        }),
    );
    refused.error(400, "INVALID_ARGUMENT");
    let fields: Vec<String> = refused.violations().into_iter().map(|(field, _)| field).collect();
    for field in [
        "display_name",
        "jupyter_session.display_name",
        "labels",
        "runtime_config.version",
        "runtime_config.properties",
        "environment_config.execution_config.ttl",
        "environment_config.execution_config.staging_bucket",
    ] {
        assert!(fields.contains(&format!("session_template.{field}")), "{field}: {fields:?}");
    }
    server.rest().get(&format!("/v1/{}", name("wrong"))).error(404, "NOT_FOUND");

    let message = |body: Value| server.rest().post(&templates(), &body).error(400, "INVALID_ARGUMENT");
    assert_eq!(message(json!({"sparkConnectSession": {}})), "Request contains an invalid argument.");
    assert!(message(json!({"name": name("-no-")})).contains("must conform to pattern"));
    let elsewhere = "projects/test/locations/there/sessionTemplates/etl";
    assert!(message(json!({"name": elsewhere})).contains("is not under"));

    let good = json!({"name": name("taken"), "sparkConnectSession": {}});
    server.rest().post(&templates(), &good).ok();
    assert_eq!(
        server.rest().post(&templates(), &good).error(409, "ALREADY_EXISTS"),
        format!("Already exists: Failed to create session template: Session Template {}", name("taken"))
    );
    // The path's name wins, and another one in the body is refused; so is a mask.
    let path = format!("/v1/{}", name("taken"));
    let other = json!({"name": name("other"), "sparkConnectSession": {}}).to_string();
    server.rest().call("PATCH", &path, &other).error(400, "INVALID_ARGUMENT");
    let masked = format!("{path}?updateMask=labels");
    server.rest().call("PATCH", &masked, "{}").error(400, "INVALID_ARGUMENT");
    let nameless = json!({"description": "anew"}).to_string();
    assert_eq!(server.rest().call("PATCH", &path, &nameless).ok()["description"], "anew");
}

#[test]
fn a_session_gets_its_templates_settings_under_its_own_and_keeps_them() {
    let server = server();
    let body = json!({
        "name": name("base"),
        "sparkConnectSession": {},
        "labels": {"team": "a", "stage": "dev"},
        "runtimeConfig": {"properties": {"spark.sql.shuffle.partitions": "8", "spark.one": "template"}},
        "environmentConfig": {"executionConfig": {"ttl": "7200s", "idleTtl": "1200s"}},
    });
    server.rest().post(&templates(), &body).ok();
    let own = json!({
        "labels": {"team": "b"},
        "runtimeConfig": {"properties": {"spark:spark.one": "session"}},
        "environmentConfig": {"executionConfig": {"ttl": "3600s"}},
    });
    for (id, sent) in [
        ("by-name", name("base")),
        ("by-url", format!("https://www.googleapis.com/compute/v1/{}", name("base"))),
        ("by-id", "base".to_owned()),
    ] {
        let mut own = own.clone();
        own["sessionTemplate"] = json!(sent);
        create_session(&server, id, &own).ok();
        let session = server.session(id).ok();
        assert_eq!(session["sessionTemplate"], sent);
        assert_eq!(session["sparkConnectSession"], json!({}));
        assert_eq!(session["labels"], json!({"team": "b", "stage": "dev"}));
        let properties = &session["runtimeConfig"]["properties"];
        assert_eq!(properties["spark:spark.sql.shuffle.partitions"], "8");
        assert_eq!(properties["spark:spark.one"], "session");
        // What nobody set is filled in, and shown.
        assert_eq!(properties["spark:spark.app.name"], session["name"]);
        assert!(properties["spark:spark.driver.memory"].as_str().is_some(), "{properties:#}");
        assert!(properties.as_object().unwrap().keys().all(|key| key.starts_with("spark:")));
        let execution = &session["environmentConfig"]["executionConfig"];
        assert_eq!((&execution["ttl"], &execution["idleTtl"]), (&json!("3600s"), &json!("1200s")));
    }
    let before = server.session("by-id").ok();
    server.rest().call("PATCH", &format!("/v1/{}", name("base")), r#"{"sparkConnectSession":{}}"#).ok();
    server.rest().delete(&format!("/v1/{}", name("base"))).ok();
    let after = server.session("by-id").ok();
    for field in ["labels", "runtimeConfig", "environmentConfig", "sessionTemplate"] {
        assert_eq!(before[field], after[field], "{field}");
    }
}

#[test]
fn a_session_whose_template_cannot_be_used_is_refused() {
    let server = server();
    let refused = |template: &str| create_session(&server, "orphan", &json!({"sessionTemplate": template}));
    assert_eq!(
        refused("absent").error(404, "NOT_FOUND"),
        format!("Not found: Session Template {}", name("absent"))
    );
    assert_eq!(
        refused("projects/test/locations/there/sessionTemplates/etl").error(400, "INVALID_ARGUMENT"),
        "Session template must be in the same project and location as the session"
    );
    refused("a/b").error(400, "INVALID_ARGUMENT");
    // What is wrong with the two together is told of the session.
    server.rest().post(&templates(), &json!({"name": name("kindless")})).ok();
    assert_eq!(
        refused("kindless").error(400, "INVALID_ARGUMENT"),
        "Session must have a jupyter_session or a spark_connect_session"
    );
    server.session("orphan").error(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_the_same_over_grpc() {
    let server = server();
    let mut grpc = client(&server);
    let template = SessionTemplate {
        name: name("over-grpc"),
        labels: [("team".to_owned(), "a".to_owned())].into(),
        runtime_config: Some(RuntimeConfig {
            properties: [("spark.one".to_owned(), "1".to_owned())].into(),
            ..RuntimeConfig::default()
        }),
        session_config: Some(session_template::SessionConfig::SparkConnectSession(SparkConnectConfig {})),
        ..SessionTemplate::default()
    };
    let request =
        CreateSessionTemplateRequest { parent: PARENT.to_owned(), session_template: Some(template.clone()) };
    let made = grpc.create_session_template(request.clone()).await.unwrap().into_inner();
    let json = server.rest().get(&format!("/v1/{}", name("over-grpc"))).ok();
    assert_eq!((json["uuid"].as_str(), json["labels"]["team"].as_str()), (Some(&*made.uuid), Some("a")));
    let again = grpc.create_session_template(request).await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists);

    let changed = SessionTemplate { description: "anew".to_owned(), labels: [].into(), ..template };
    let request = UpdateSessionTemplateRequest { session_template: Some(changed) };
    let written = grpc.update_session_template(request).await.unwrap().into_inner();
    assert_eq!((written.uuid.as_str(), written.description.as_str()), (made.uuid.as_str(), "anew"));
    let get = || GetSessionTemplateRequest { name: name("over-grpc") };
    assert_eq!(grpc.get_session_template(get()).await.unwrap().into_inner(), written);

    let list = |filter: &str| ListSessionTemplatesRequest {
        parent: PARENT.to_owned(),
        filter: filter.to_owned(),
        ..ListSessionTemplatesRequest::default()
    };
    let listed = grpc.list_session_templates(list("description = anew")).await.unwrap().into_inner();
    assert_eq!(listed.session_templates, [written]);
    assert_eq!(
        grpc.list_session_templates(list("state = X")).await.unwrap_err().code(),
        Code::InvalidArgument
    );

    let delete = || DeleteSessionTemplateRequest { name: name("over-grpc") };
    grpc.delete_session_template(delete()).await.unwrap();
    assert_eq!(grpc.delete_session_template(delete()).await.unwrap_err().code(), Code::NotFound);
    let gone = grpc.get_session_template(get()).await.unwrap_err();
    assert_eq!(gone.message(), format!("Not found: Session Template {}", name("over-grpc")));
}

#[test]
fn templates_are_listed_in_pages_newest_first_and_by_equality() {
    let server = server();
    for number in 0..5 {
        let kernel = if number % 2 == 0 { "PYTHON" } else { "SCALA" };
        let body = json!({
            "name": name(&format!("t-{number}")),
            "labels": {"team": if number < 3 { "a" } else { "b" }},
            "jupyterSession": {"kernel": kernel, "displayName": "a card"},
        });
        server.rest().post(&templates(), &body).ok();
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = server.rest().get(&format!("{}?pageSize=2&pageToken={token}", templates())).ok();
        for template in page["sessionTemplates"].as_array().unwrap() {
            seen.push(id_of(template["name"].as_str().unwrap()).to_owned());
        }
        let Some(next) = page["nextPageToken"].as_str() else { break };
        token = next.to_owned();
        let other = format!("{}?filter=labels.team%3Da&pageToken={token}", templates());
        server.rest().get(&other).error(400, "INVALID_ARGUMENT");
    }
    assert_eq!(seen, ["t-4", "t-3", "t-2", "t-1", "t-0"]);
    let filter = "labels.team%20%3D%20a%20AND%20jupyter_session.kernel%20%3D%20PYTHON";
    let page = server.rest().get(&format!("{}?filter={filter}", templates())).ok();
    let found = page["sessionTemplates"].as_array().unwrap();
    let ids: Vec<&str> = found.iter().map(|template| id_of(template["name"].as_str().unwrap())).collect();
    assert_eq!(ids, ["t-2", "t-0"]);
    server.rest().get(&format!("{}?filter=labels.team%3Aa", templates())).error(400, "INVALID_ARGUMENT");
    server.rest().get(&format!("{}?pageSize=-1", templates())).error(400, "INVALID_ARGUMENT");
    assert_eq!(server.rest().get("/v1/projects/p/locations/l/sessionTemplates").ok(), json!({}));
}

#[test]
fn templates_survive_a_kill() {
    let mut server = server();
    let made =
        server.rest().post(&templates(), &json!({"name": name("kept"), "sparkConnectSession": {}})).ok();
    server.kill9();
    server.restart();
    assert_eq!(server.rest().get(&format!("/v1/{}", name("kept"))).ok(), made);
}

const SEEDS: &str = "
- name: etl
  sparkConnectSession: {}
  labels: {team: data}
- name: projects/test/locations/here/sessionTemplates/notebook
  jupyterSession: {kernel: PYTHON, displayName: Notebook}
";

#[test]
fn templates_of_the_configuration_are_there_from_the_start_and_made_only_once() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("templates.yaml");
    std::fs::write(&file, SEEDS).unwrap();
    let options = Options::new(HEARTH).without_engines();
    let mut server = options.set(&format!("templates.file={}", file.display())).start();
    let home = "/v1/projects/local/locations/local/sessionTemplates";
    assert_eq!(server.rest().get(&format!("{home}/etl")).ok()["labels"]["team"], "data");
    assert_eq!(server.rest().get(&format!("{home}/spark-connect")).ok()["sparkConnectSession"], json!({}));
    let notebook = server.rest().get(&format!("/v1/{}", name("notebook"))).ok();
    assert_eq!(notebook["jupyterSession"]["displayName"], "Notebook");

    // Changed and removed ones: the one stays changed, the other is made again.
    let changed = r#"{"sparkConnectSession": {}, "description": "ours"}"#;
    let changed = server.rest().call("PATCH", &format!("{home}/etl"), changed).ok();
    server.rest().delete(&format!("{home}/spark-connect")).ok();
    server.sigterm();
    server.restart();
    assert_eq!(server.rest().get(&format!("{home}/etl")).ok(), changed);
    server.rest().get(&format!("{home}/spark-connect")).ok();
}

#[test]
fn a_spark_connect_session_is_made_without_an_empty_message() {
    let server = server();
    let parent = "projects/local/locations/local";
    let body = json!({"name": format!("{parent}/sessions/plain"), "sessionTemplate": "spark-connect"});
    server.rest().post(&format!("/v1/{parent}/sessions?sessionId=plain"), &body).ok();
    let session = server.rest().get(&format!("/v1/{parent}/sessions/plain")).ok();
    assert_eq!(session["sparkConnectSession"], json!({}));
    assert_eq!(session["sessionTemplate"], "spark-connect");
}

#[test]
fn templates_are_made_listed_shown_and_removed_from_the_command_line() {
    let server = server();
    let file = server.scratch().join("template.yaml");
    std::fs::write(&file, "sparkConnectSession: {}\nlabels: {team: data}\ndisplayName: Nightly\n").unwrap();
    let file = file.to_str().unwrap();
    let made = server.command(&["templates", "create", "nightly", "--file", file]).succeeded();
    assert!(made.contains("name: projects/local/locations/local/sessionTemplates/nightly"), "{made}");
    let listed = server.command(&["templates", "list"]).succeeded();
    for word in ["ID", "nightly", "spark-connect", "Nightly"] {
        assert!(listed.contains(word), "{word}: {listed}");
    }
    let found = server.command(&["templates", "list", "-q", "--filter", "labels.team = data"]).succeeded();
    assert_eq!(found, "nightly\n");
    let shown = server.command(&["templates", "get", "nightly", "-o", "json"]).succeeded();
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["labels"]["team"], "data");
    // What is shown can be written again under another name.
    std::fs::write(file, &shown).unwrap();
    server.command(&["templates", "create", "weekly", "-f", file]).succeeded();
    let taken = server.command(&["templates", "create", "-f", file]).failed();
    assert!(taken.contains("Already exists"), "{taken}");

    let made = ["sessions", "create", "from-nightly", "--template", "nightly", "-o", "json"];
    let session: Value = serde_json::from_str(&server.command(&made).succeeded()).unwrap();
    assert_eq!(session["labels"]["team"], "data");
    let listed = ["sessions", "list", "-q", "--filter", "labels.team = data AND state = ACTIVE"];
    assert_eq!(server.command(&listed).succeeded(), "from-nightly\n");
    let wrong = server.command(&["sessions", "list", "--filter", "team = data"]).failed();
    assert!(wrong.contains("unknown field 'team' at position 1") || wrong.contains("unknown field 'team'"));

    server.command(&["templates", "delete", "nightly"]).succeeded();
    let gone = server.command(&["templates", "get", "nightly"]).failed();
    assert!(gone.contains("Not found") && gone.contains("hint: "), "{gone}");
}

#[test]
fn a_file_of_templates_that_cannot_be_used_keeps_the_service_from_starting_and_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("seeds.yaml");
    let told = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let mut command = std::process::Command::new(HEARTH);
        command.env("XDG_STATE_HOME", home.path()).env("XDG_CONFIG_HOME", home.path());
        command.env("XDG_DATA_HOME", home.path()).args(["serve", "--listen", "127.0.0.1:0"]);
        command.args(["--set", "driver=fake", "--set", &format!("templates.file={}", file.display())]);
        let told = hearth_testkit::run(&mut command).failed();
        assert!(told.contains("seeds.yaml") && told.contains("hint: "), "{told}");
        told
    };
    told("nothing: here");
    told("[{]");
    assert!(told("[{name: etl, colour: red}]").contains("colour"));
    let all = told("[{name: good}, {name: bad, labels: {A: b}, jupyterSession: {}}]");
    assert!(
        all.contains("template 2") && all.contains("label key 'A'") && all.contains("display_name"),
        "{all}"
    );
}
