//! What the original cannot write: lists, structures, documents, clearing, values from elsewhere.

use serde_json::{Value, json};

use crate::server::Server;
use crate::world::{Ran, World};

const CREATE: [&str; 3] = ["projects", "locations-sessions-create", "projects/p/locations/l"];
const CLUSTER: [&str; 4] = ["projects", "regions-clusters-create", "p", "r"];

/// The body that `words` after `-r` make.
fn body_in(world: &mut World, method: &[&str], words: &[&str]) -> Value {
    let server = Server::fixed(200, "{}");
    world.var("DATAPROC1_ENDPOINT", &server.url).var("DATAPROC1_ACCESS_TOKEN", "t");
    let all: Vec<&str> = ["--quiet"].iter().chain(method).chain(&["-r"]).chain(words).copied().collect();
    let ran = world.run(&all);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    server.seen().pop().expect("a request").json()
}

fn body(method: &[&str], words: &[&str]) -> Value {
    body_in(&mut World::new(), method, words)
}

/// What is said about wrong words; nothing may be sent.
fn refused(method: &[&str], words: &[&str]) -> String {
    let server = Server::fixed(200, "{}");
    let world = World::with_token(&server.url);
    let all: Vec<&str> = method.iter().chain(&["-r"]).chain(words).copied().collect();
    let Ran { code, stdout, stderr } = world.run(&all);
    assert_eq!((code, stdout.as_str(), server.seen().len()), (1, "", 0), "{stderr}");
    stderr
}

#[test]
fn lists_of_structures_are_written_element_by_element() {
    let words = [
        "config.initialization-actions.+",
        "executable-file=gs://b/one.sh",
        "execution-timeout=10m",
        "..+",
        "executable-file=gs://b/two.sh",
        ".config.initialization-actions.0.execution-timeout:=null",
        ".config.master-config.accelerators.+.accelerator-count=2",
        ".config.master-config.accelerators.last.accelerator-type-uri=t4",
    ];
    // Setting what was set already is an error, so the sixth word is tried alone below.
    let kept: Vec<&str> =
        words.iter().enumerate().filter(|(at, _)| *at != 5).map(|(_, word)| *word).collect();
    assert_eq!(
        body(&CLUSTER, &kept),
        json!({"config": {
            "initializationActions": [
                {"executableFile": "gs://b/one.sh", "executionTimeout": "600s"},
                {"executableFile": "gs://b/two.sh"},
            ],
            "masterConfig": {"accelerators": [{"acceleratorCount": 2, "acceleratorTypeUri": "t4"}]},
        }})
    );
    assert!(refused(&CLUSTER, &words).contains("was already set"));
}

#[test]
fn iam_bindings_can_be_set() {
    let method = ["projects", "regions-clusters-set-iam-policy", "projects/p/regions/r/clusters/c"];
    let words =
        ["policy.bindings.+", "role=roles/viewer", "members=user:a@x", "members=user:b@x", "...version=1"];
    assert_eq!(
        body(&method, &words),
        json!({"policy": {"bindings": [{"members": ["user:a@x", "user:b@x"], "role": "roles/viewer"}], "version": 1}})
    );
}

#[test]
fn any_field_takes_json() {
    let words = [
        "labels:={\"a\": \"b\"}",
        "environment-config.execution-config:={\"ttl\": \"2h\", \"network_tags\": [\"x\"]}",
        "spark-connect-session={}",
        "runtime-config.properties:json={\"spark.executor.cores\": \"4\"}",
    ];
    assert_eq!(
        body(&CREATE, &words),
        json!({
            "labels": {"a": "b"},
            "environmentConfig": {"executionConfig": {"networkTags": ["x"], "ttl": "7200s"}},
            "runtimeConfig": {"properties": {"spark.executor.cores": "4"}},
            "sparkConnectSession": {},
        })
    );
    let actions = r#"config.initialization-actions=[{"executableFile":"a"},{"executableFile":"b"}]"#;
    assert_eq!(
        body(&CLUSTER, &[actions, r#"config.initialization-actions={"executableFile":"c"}"#]),
        json!({"config": {"initializationActions": [
            {"executableFile": "a"}, {"executableFile": "b"}, {"executableFile": "c"},
        ]}})
    );
}

#[test]
fn an_empty_structure_is_set_by_its_name() {
    assert_eq!(
        body(&CREATE, &["spark-connect-session", ".user=a"]),
        json!({"sparkConnectSession": {}, "user": "a"})
    );
    // Nothing can be below it, so names after it are its neighbors', with dots or without.
    for words in [["spark-connect-session", "user=a"], ["spark-connect-session", "..user=a"]] {
        assert_eq!(body(&CREATE, &words), json!({"sparkConnectSession": {}, "user": "a"}));
    }
}

#[test]
fn documents_are_merged_where_the_cursor_stands_and_words_win() {
    let mut world = World::new();
    world.file("session.yaml", "user: doc\nlabels:\n  a: doc\n  b: doc\nruntime_config:\n  version: '3.0'\njupyterSession: {kernel: SCALA}\n");
    world.file("execution.json", r#"{"ttl": "1h", "idleTtl": "600s", "networkTags": ["n"]}"#);
    let words = [
        "user=word",
        "labels=a=word",
        "@session.yaml",
        "environment-config.execution-config",
        "@execution.json",
        "ttl=2h",
        "network-tags=more",
        ".jupyter-session:=null",
    ];
    assert_eq!(
        body_in(&mut world, &CREATE, &words),
        json!({
            "user": "word",
            "labels": {"a": "word", "b": "doc"},
            "runtimeConfig": {"version": "3.0"},
            "environmentConfig": {"executionConfig": {"idleTtl": "600s", "networkTags": ["n", "more"], "ttl": "7200s"}},
        })
    );
}

#[test]
fn a_document_may_come_from_standard_input() {
    use std::io::Write as _;
    let server = Server::fixed(200, "{}");
    let world = World::with_token(&server.url);
    let mut command = world.command(&[&CREATE[..], &["-r", "@-", "user=w"]].concat());
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().expect("started");
    child.stdin.take().expect("piped").write_all(b"name: n\n").expect("written");
    assert!(child.wait().expect("ended").success());
    assert_eq!(server.seen()[0].json(), json!({"name": "n", "user": "w"}));
}

#[test]
fn problems_of_a_document_name_their_place() {
    let server = Server::fixed(200, "{}");
    let world = World::with_token(&server.url);
    world.file("bad.yaml", "usr: x\nlabels: {a: 1}\nruntimeConfig: {version: 3.0}\njupyterSession: []\nenvironmentConfig: {executionConfig: {ttl: soon}}\n");
    let ran = world.run(&[&CREATE[..], &["-r", "@bad.yaml", "@missing.json"]].concat());
    assert_eq!((ran.code, server.seen().len()), (1, 0));
    for part in [
        "'usr' does not exist. Did you mean 'user'",
        "'labels.a' is a number, not text; put it in quotes",
        "'runtime-config.version' is a number",
        "'jupyter-session' is a list, not a structure",
        "'environment-config.execution-config.ttl' is no duration",
        "'missing.json' could not be read",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
}

#[test]
fn secrets_come_from_files_and_variables_and_are_never_shown() {
    let mut world = World::new();
    world.file("creds", "hunter2\n");
    world.file("raw", "AB");
    world.var("SECRET", "hunter3");
    let method = ["projects", "regions-clusters-inject-credentials", "projects/p", "regions/r", "clusters/c"];
    let sent =
        body_in(&mut world, &method, &["credentials-ciphertext:file=creds", "cluster-uuid:env=SECRET"]);
    assert_eq!(sent, json!({"credentialsCiphertext": "hunter2", "clusterUuid": "hunter3"}));
    let method = ["projects", "regions-clusters-set-iam-policy", "projects/p/regions/r/clusters/c"];
    assert_eq!(body_in(&mut world, &method, &["policy.etag:file=raw"]), json!({"policy": {"etag": "QUI="}}));
    let mut words: Vec<&str> = vec!["--dry-run"];
    words.extend([
        "projects",
        "regions-clusters-inject-credentials",
        "projects/p",
        "regions/r",
        "clusters/c",
    ]);
    words.extend([
        "-r",
        "credentials-ciphertext:file=creds",
        "-p",
        "access-token:file=creds",
        "key=topsecret",
    ]);
    let ran = world.run(&words);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!(ran.stdout.clone() + &ran.stderr).contains("hunter"), "{ran:?}");
    assert!(!ran.stdout.contains("topsecret"), "{ran:?}");
}

#[test]
fn an_update_mask_is_made_from_what_is_set_and_cleared() {
    let server = Server::fixed(200, "{}");
    let world = World::with_token(&server.url);
    let ran = world.run(&[
        "--quiet",
        "projects",
        "regions-clusters-patch",
        "p",
        "r",
        "c",
        "-r",
        "labels=a=b",
        "config.worker-config.num-instances=3",
        "config.autoscaling-config.policy-uri:=null",
        "-p",
        "update-mask=auto",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let seen = server.seen();
    let mask = seen[0].query.iter().find(|(name, _)| name == "updateMask").map(|(_, value)| value.as_str());
    assert_eq!(mask, Some("config.autoscalingConfig.policyUri,config.workerConfig.numInstances,labels"));
    assert_eq!(
        seen[0].json(),
        json!({"labels": {"a": "b"}, "config": {"workerConfig": {"numInstances": 3}}})
    );
}

#[test]
fn wrong_words_are_told_all_at_once_with_their_place_and_a_suggestion_from_their_level() {
    let said = refused(
        &CREATE,
        &[
            "environment-config.execution-config",
            "tll=1h",
            "ttl=soon",
            "..",
            "kernel=PYTHON",
            ".nowhere",
            "x=1",
            "y=2",
            "user:=5",
        ],
    );
    let parts = [
        "Field 'environment-config.execution-config.tll' does not exist. Did you mean 'ttl=1h' ?\n    tll\n    ^^^\n",
        "Failed to parse argument 'ttl' with value 'soon' as duration",
        "Field 'environment-config.kernel' does not exist. Did you mean '.jupyter-session.kernel=PYTHON' ?",
        "Field 'nowhere' does not exist.\n    .nowhere\n     ^^^^^^^\n",
    ];
    for part in parts {
        assert!(said.contains(part), "{part}: {said}");
    }
    // What comes after a cursor word that leads nowhere is not blamed again.
    assert!(!said.contains("'nowhere.x'"), "{said}");
}

#[test]
fn values_of_secret_fields_are_kept_out_of_error_texts() {
    let said = refused(&CREATE, &["runtime-config.propertes=spark.password=hunter2", "secret-token=hunter2"]);
    assert!(!said.contains("'secret-token=hunter2"), "{said}");
    let server = Server::fixed(200, "{}");
    let world = World::with_token(&server.url);
    let ran = world.run(&[&CREATE[..], &["-r", ".", "-p", "acces-token=hunter2"]].concat());
    assert!(
        ran.stderr.contains("Did you mean 'access-token'") && !ran.stderr.contains("hunter2"),
        "{}",
        ran.stderr
    );
}

#[test]
fn strict_makes_errors_of_notes_and_without_it_they_are_only_told() {
    let words = [
        "environment-config.execution-config.ttl=5s",
        "jupyter-session.kernel=RUBY",
        "state=X",
        "spark-connect-session",
    ];
    let server = Server::fixed(200, "{}");
    let world = World::with_token(&server.url);
    let ran = world.run(&[&CREATE[..], &["-r"], &words].concat());
    assert_eq!(ran.code, 0);
    let parts = [
        "ttl' must be between 600s and 1209600s",
        "'jupyter-session.kernel' is none of the values known here",
        "ignores what is sent: state",
        "only one of these may be set: jupyter-session, spark-connect-session",
        "requires the parameter session-id",
    ];
    for part in parts {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    let ran = world.run(&[&["--strict"], &CREATE[..], &["-r"], &words].concat());
    assert_eq!((ran.code, server.seen().len()), (1, 1));
    assert!(ran.stderr.contains(parts[0]), "{}", ran.stderr);
}

#[test]
fn names_that_are_not_known_can_be_sent_on_demand() {
    let mut world = World::new();
    let method: Vec<&str> = ["--no-check"].iter().chain(&CREATE).copied().collect();
    assert_eq!(
        body_in(&mut world, &method, &["brand-new.inner-thing=x", "user=a"]),
        json!({"brandNew": {"innerThing": "x"}, "user": "a"})
    );
}

#[test]
fn an_action_without_needed_fields_works_without_a_body_word() {
    let server = Server::fixed(200, "{}");
    let world = World::with_token(&server.url);
    let ran = world.run(&["projects", "locations-sessions-terminate", "projects/p/locations/l/sessions/s"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(server.seen()[0].json(), json!({}));
}
