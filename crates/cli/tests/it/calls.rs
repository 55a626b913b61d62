//! Endpoints, repetitions, output, waiting, exit codes.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::server::{Answer, Server};
use crate::world::World;

const GET: [&str; 3] = ["projects", "locations-sessions-get", "projects/p/locations/l/sessions/s"];
const LIST: [&str; 3] = ["projects", "locations-sessions-list", "projects/p/locations/l"];

#[test]
fn a_context_brings_its_endpoint_and_its_token() {
    let server = Server::fixed(200, "{}");
    let world = World::new();
    world.file("home/.local/state/hearth/endpoint", &format!("{}\n", server.url));
    world.file("home/.local/state/hearth/token", "local-token\n");
    let ran = world.run(&[&["--context", "local"], &GET[..]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(server.seen()[0].header("authorization"), Some("Bearer local-token"));

    world.file("tok", "named-token");
    let url = server.url.as_str();
    for words in [&["contexts", "set", "team", url, "--token-file", "tok"][..], &["contexts", "use", "team"]]
    {
        let ran = world.run(words);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    assert_eq!(world.run(&GET).code, 0);
    assert_eq!(server.seen()[1].header("authorization"), Some("Bearer named-token"));
    let listed = world.run(&["contexts"]).stdout;
    assert!(listed.contains(&format!("* team   {url}")), "{listed}");
    assert!(
        world
            .run(&["--context", "nobody", "projects", GET[1], GET[2]])
            .stderr
            .contains("no context 'nobody'")
    );
}

#[test]
fn the_local_token_goes_to_no_other_machine() {
    let world = World::new();
    world.file("home/.local/state/hearth/endpoint", "https://192.0.2.1:8470");
    world.file("home/.local/state/hearth/token", "local-token");
    let ran = world.run(&[&["--context", "local"], &GET[..]].concat());
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("leads to another machine"), "{}", ran.stderr);
}

#[test]
fn a_context_named_on_the_command_line_beats_what_the_environment_says() {
    let server = Server::fixed(200, "{}");
    let mut world = World::with_token("http://127.0.0.1:9");
    world.var("DATAPROC1_ACCESS_TOKEN", "of-elsewhere").var("DATAPROC1_ACCESS_TOKEN_FILE", "/no/such");
    world.file("home/.local/state/hearth/endpoint", &server.url);
    world.file("home/.local/state/hearth/token", "local-token");
    let ran = world.run(&[&["--context", "local"], &GET[..]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(server.seen()[0].header("authorization"), Some("Bearer local-token"));
}

#[test]
fn plain_http_goes_only_to_this_machine() {
    let mut world = World::new();
    world.var("DATAPROC1_ACCESS_TOKEN", "t");
    let ran = world.run(&[&["--endpoint", "http://192.0.2.1:1"], &GET[..]].concat());
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("--insecure-http"), "{}", ran.stderr);
}

#[test]
fn variables_of_other_clients_choose_the_endpoint() {
    for name in ["GOOGLE_CLOUD_DATAPROC_API_ENDPOINT", "CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAPROC"] {
        let server = Server::fixed(200, "{}");
        let mut world = World::new();
        // Google's client takes host:port, gcloud an address that ends in a slash.
        let value = server.url.replace("http://", "") + "/";
        world.var(name, value.trim_end_matches('/')).var("DATAPROC1_ACCESS_TOKEN", "t");
        assert_eq!(world.run(&GET).code, 0, "{name}");
        assert_eq!(server.seen().len(), 1, "{name}");
    }
}

#[test]
fn a_busy_service_is_asked_again_where_that_is_safe() {
    let count = AtomicUsize::new(0);
    let server = Server::new(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::json(503, "{}").with("retry-after", "0"),
        _ => Answer::json(200, "{\"name\":\"s\"}"),
    });
    let ran = World::with_token(&server.url).run(&GET);
    assert_eq!((ran.code, server.seen().len()), (0, 2), "{}", ran.stderr);

    let server = Server::fixed(503, "{}");
    let create = ["projects", "locations-sessions-create", "projects/p/locations/l", "-r", "user=a"];
    let ran = World::with_token(&server.url).run(&create);
    assert_eq!((ran.code, server.seen().len()), (1, 1), "{}", ran.stderr);
}

#[test]
fn asking_for_repetitions_adds_a_request_id_that_stays_the_same() {
    let server = Server::new(|_| Answer::json(503, "{}").with("retry-after", "0"));
    let world = World::with_token(&server.url);
    let create =
        ["--retries", "2", "projects", "locations-sessions-create", "projects/p/locations/l", "-r", "user=a"];
    world.run(&create);
    let ids: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| seen.query.iter().find(|(name, _)| name == "requestId").map(|(_, id)| id.clone()))
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(
        ids[0].as_ref().is_some_and(|id| id.len() == 36) && ids.iter().all(|id| *id == ids[0]),
        "{ids:?}"
    );
}

#[test]
fn all_pages_are_one_answer() {
    let server = Server::new(|seen| {
        let token = seen.query.iter().find(|(name, _)| name == "pageToken").map_or("", |(_, value)| value);
        Answer::json(
            200,
            match token {
                "" => r#"{"sessions":[{"name":"a/1"}],"nextPageToken":"two"}"#,
                "two" => r#"{"sessions":[{"name":"a/2"}],"nextPageToken":"three"}"#,
                _ => "{}",
            },
        )
    });
    let world = World::with_token(&server.url);
    let ran = world.run(&[&["--all-pages", "--output", "name"], &LIST[..], &["-p", "filter=x=y"]].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "a/1\na/2\n"), "{}", ran.stderr);
    assert!(server.seen().iter().all(|seen| seen.query.contains(&("filter".to_owned(), "x=y".to_owned()))));
}

#[test]
fn waiting_ends_with_the_result_or_with_the_error() {
    let operation = "projects/p/regions/l/operations/o1";
    let script = move |error: bool| {
        let count = AtomicUsize::new(0);
        move |seen: &crate::server::Seen| {
            let done = count.fetch_add(1, Ordering::SeqCst) >= 2;
            assert!(seen.method == "POST" || seen.path.ends_with(operation));
            let mut answer = json!({"name": operation, "metadata": {"session": "a/b/s1", "description": "Create session"}});
            if done {
                answer["done"] = json!(true);
                if error {
                    answer["error"] = json!({"code": 8, "message": "no room"});
                } else {
                    answer["response"] = json!({"@type": "type.googleapis.com/x.Session", "name": "a/b/s1", "state": "ACTIVE"});
                }
            }
            Answer::json(200, answer.to_string())
        }
    };
    let words = [
        "--exit-codes=detailed",
        "projects",
        "locations-sessions-create",
        "projects/p/locations/l",
        "-r",
        "user=a",
        "--wait",
    ];
    let server = Server::new(script(false));
    let ran = World::with_token(&server.url).run(&words);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "{\n  \"name\": \"a/b/s1\",\n  \"state\": \"ACTIVE\"\n}"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("waiting: Create session s1\n"), "{}", ran.stderr);
    let server = Server::new(script(true));
    let ran = World::with_token(&server.url).run(&words);
    assert_eq!((ran.code, ran.stdout.as_str()), (14, ""));
    assert!(ran.stderr.contains("the operation failed: RESOURCE_EXHAUSTED: no room"), "{}", ran.stderr);
}

#[test]
fn giving_up_waiting_says_how_to_look_again() {
    let server = Server::fixed(200, r#"{"name":"projects/p/locations/l/operations/o"}"#);
    let ran = World::with_token(&server.url).run(&[
        "--wait",
        "--wait-timeout",
        "1ms",
        "--exit-codes",
        "detailed",
        "projects",
        "locations-sessions-delete",
        "projects/p/locations/l/sessions/s",
    ]);
    assert_eq!(ran.code, 13);
    assert!(
        ran.stderr.contains("locations-operations-get projects/p/locations/l/operations/o"),
        "{}",
        ran.stderr
    );
}

#[test]
fn exit_codes_are_the_originals_unless_detailed_ones_are_wanted() {
    let cases = [(401, 5), (403, 6), (404, 7), (409, 8), (400, 9), (429, 10), (500, 11)];
    for (status, detailed) in cases {
        let body = format!(r#"{{"error":{{"code":{status},"message":"the message","status":"WHY"}}}}"#);
        let server = Server::fixed(status, &body);
        let world = World::with_token(&server.url);
        let ran = world.run(&[&["--retries=0"], &GET[..]].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{status}");
        assert!(
            ran.stderr.contains(&format!("the service answered {status} WHY: the message")),
            "{}",
            ran.stderr
        );
        assert_eq!(
            world.run(&[&["--retries=0", "--exit-codes", "detailed"], &GET[..]].concat()).code,
            detailed
        );
    }
    let world = World::with_token("http://127.0.0.1:9");
    assert_eq!(world.run(&["--exit-codes=detailed", "projects", "nonsense"]).code, 2);
    assert_eq!(world.run(&[&["--exit-codes=detailed"], &GET[..]].concat()).code, 12);
}

#[test]
fn details_of_an_error_are_shown() {
    let body = r#"{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT","details":[{"fieldViolations":[{"field":"session.user","description":"no such person"}]}]}}"#;
    let server = Server::fixed(400, body);
    let ran = World::with_token(&server.url).run(&GET);
    assert!(ran.stderr.contains("caused by: session.user: no such person"), "{}", ran.stderr);
}

#[test]
fn a_failed_call_leaves_the_output_file_alone() {
    let server = Server::fixed(404, r#"{"error":{"message":"gone"}}"#);
    let world = World::with_token(&server.url);
    world.file("out.json", "old");
    let out = world.path("out.json");
    let ran = world.run(&[&GET[..], &["-o", out.to_str().expect("UTF-8")]].concat());
    assert_eq!(ran.code, 1);
    assert_eq!(std::fs::read_to_string(&out).expect("there"), "old");
    assert_eq!(std::fs::read_dir(world.path("")).expect("a folder").count(), 2);
}

#[test]
fn a_full_disk_is_an_error_and_no_crash() {
    let server = Server::fixed(200, r#"{"name":"x"}"#);
    let world = World::with_token(&server.url);
    let ran = world.run(&[&GET[..], &["-o", "/dev/full"]].concat());
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("could not be written to /dev/full"), "{}", ran.stderr);
}

#[test]
fn unknown_fields_of_answers_are_kept_in_every_form() {
    let server = Server::fixed(200, r#"{"name":"etl","brandNew":{"x":[1,2]},"milli":123}"#);
    let world = World::with_token(&server.url);
    let form = |form: &str| world.run(&[&["--output", form], &GET[..]].concat()).stdout;
    assert!(form("json").ends_with("}\n") && form("json").contains("brandNew"));
    assert_eq!(form("yaml"), "brandNew:\n  x:\n  - 1\n  - 2\nmilli: 123\nname: etl\n");
    assert_eq!(form("table"), "brandNew.x  1, 2\nmilli       123\nname        etl\n");
    assert_eq!(form("name"), "etl\n");
}

#[test]
fn debug_shows_requests_and_answers_without_secrets() {
    let server = Server::fixed(200, r#"{"name":"n","accessToken":"leak3"}"#);
    let ran = World::with_token(&server.url).run(&[&["--debug"], &GET[..], &["-p", "key=leak1"]].concat());
    assert_eq!(ran.code, 0);
    for part in [
        "> GET ",
        "> authorization: Bearer [removed]",
        "< HTTP 200",
        "\"name\": \"n\"",
        "* sign-in by stored tokens",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    for secret in ["seeded-tok", "leak1", "leak3"] {
        assert!(!ran.stderr.contains(secret), "{secret}: {}", ran.stderr);
    }
}

#[test]
fn the_form_of_scope_on_the_page_works() {
    let server = Server::fixed(200, "{}");
    let world = World::with_token(&server.url);
    let scope = "https://www.googleapis.com/auth/cloud-platform";
    for words in [vec!["--scope", scope], vec!["--scope", scope, scope], vec![&*format!("--scope={scope}")]] {
        let ran = world.run(&[&words[..], &GET[..]].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
}

#[test]
fn an_answer_that_is_no_json_is_an_error() {
    let server = Server::fixed(200, "<html>");
    let ran = World::with_token(&server.url).run(&GET);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("line 1 column 1: <html>"), "{}", ran.stderr);
}

#[test]
fn resource_names_of_another_shape_are_refused_before_sending() {
    let server = Server::fixed(200, "{}");
    let world = World::with_token(&server.url);
    let ran = world.run(&["projects", "locations-sessions-get", "s1"]);
    assert_eq!((ran.code, server.seen().len()), (1, 0));
    assert!(ran.stderr.contains("does not match 'projects/…/locations/…/sessions/…'"), "{}", ran.stderr);
    let ran = world.run(&["projects", "regions-clusters-get", "p", "r", "../x"]);
    assert!(ran.code == 1 && ran.stderr.contains("<cluster-name>"), "{}", ran.stderr);
    assert_eq!(world.run(&["--no-check", "projects", "locations-sessions-get", "s1"]).code, 0);
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let world = World::new();
    let mut command = world.command(&["help"]);
    let mut child = command.spawn().expect("started");
    drop(child.stdout.take());
    assert!(child.wait().expect("ended").success());
}

#[test]
fn every_method_has_a_page_and_every_field_in_it_a_meaning() {
    let world = World::new();
    let ran = world.run(&["man", "--dir", "pages"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(world.path("pages")).expect("a folder").count(), 137);
    for method in hearth_cli::api::methods() {
        let text = world.run(&["projects", method.command, "--help"]).stdout;
        assert!(text.contains("USAGE") && text.contains("EXAMPLE"), "{}", method.command);
        assert!(!method.about.is_empty(), "{}", method.command);
    }
}

#[test]
fn a_reader_of_standard_error_that_went_away_is_no_crash() {
    let world = World::new();
    let mut command = world.command(&["projects", "nonsense"]);
    let mut child = command.spawn().expect("started");
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("ended").code(), Some(1));
}
