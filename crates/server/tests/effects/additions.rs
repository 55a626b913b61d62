//! Packages that clients add to a session while it runs.

use hearth_testkit::{PARENT, PATIENCE, Python, Script, TestServer, eventually_within};
use serde_json::{Value, json};

use crate::index::{Index, add_wheel};
use crate::packages::server;
use crate::{create, script};

/// A client of a session that adds packages and imports modules.
struct Client(Script);

impl Client {
    fn of(server: &TestServer, session: &Value) -> Self {
        Self::with("pyspark-4.2", server, session)
    }

    fn with(client: &str, server: &TestServer, session: &Value) -> Self {
        let uuid = session["uuid"].as_str().unwrap();
        let remote = format!("sc://localhost:{}/;token={};session_id={uuid}", server.port(), server.token());
        Self(Python::client(client).start(&script("adds.py"), &[&remote]))
    }

    fn asked(&mut self, line: &str) -> String {
        self.0.say(line);
        self.told()
    }

    fn told(&mut self) -> String {
        self.0.until("done").pop().expect("an answer")
    }
}

fn with_index(index: &Index) -> Value {
    json!({"repositoryConfig": {"pypiRepositoryConfig": {"pypiRepository": index.url()}}})
}

#[test]
fn functions_import_packages_that_were_not_there_when_the_session_started() {
    let folder = tempfile::tempdir().unwrap();
    let wheels = folder.path().join("index");
    let index = Index::with_package(&wheels, "hearth-first", "1.0", "the first");
    add_wheel(&wheels, "hearth-second", "2.0", "the second", "hearth-third==3.0");
    add_wheel(&wheels, "hearth-third", "3.0", "the third", "numpy");
    let mut server = server(&folder);
    create(&server, "grows", &with_index(&index), &json!({}));
    create(&server, "other", &with_index(&index), &json!({}));
    let session = server.session_in("grows", "ACTIVE");
    let mut client = Client::of(&server, &session);
    assert_eq!(client.asked("import hearth_first"), "no hearth_first");
    assert_eq!(client.asked("add hearth-first==1.0"), "added");
    assert_eq!(client.asked("import hearth_first"), "the first");

    let asked = index.asked();
    assert_eq!(client.asked("add hearth-first==1.0 pandas"), "added");
    assert_eq!(index.asked(), asked, "what is there is not looked for again");

    // Two at a time, one of which brings a third.
    let mut second = Client::of(&server, &session);
    client.0.say("add hearth-second");
    second.0.say("add hearth-third");
    assert_eq!((client.told().as_str(), second.told().as_str()), ("added", "added"));
    assert_eq!(second.asked("import hearth_second"), "the second");
    assert_eq!(client.asked("import hearth_third"), "the third");

    server.sigterm();
    server.restart();
    assert_eq!(client.asked("import hearth_second"), "the second");
    add_wheel(&wheels, "hearth-fourth", "4.0", "the fourth", "hearth-second");
    assert_eq!(client.asked("add hearth-fourth"), "added");
    assert_eq!(client.asked("import hearth_fourth"), "the fourth");

    let session = server.session_in("other", "ACTIVE");
    assert_eq!(
        Client::of(&server, &session).asked("import hearth_first"),
        "no hearth_first",
        "each has its own"
    );
    server.terminate("grows");
    let told = server.command(&["sessions", "watch", &format!("{PARENT}/sessions/grows")]).succeeded();
    for package in ["first 1.0", "second 2.0", "third 3.0", "fourth 4.0"] {
        let of_it = |line: &&str| line.contains("Packages added by") && line.contains(package);
        assert_eq!(told.lines().filter(of_it).count(), 1, "{package}: {told}");
    }
}

#[test]
fn functions_of_apache_spark_import_them_too() {
    let folder = tempfile::tempdir().unwrap();
    let wheels = folder.path().join("index");
    let index = Index::with_package(&wheels, "hearth-first", "1.0", "the first");
    let server = server(&folder);
    let mut runtime = with_index(&index);
    runtime["version"] = json!("spark-4.0");
    runtime["properties"] = json!({"spark.driver.memory": "1g"});
    create(&server, "large", &runtime, &json!({}));
    // A JVM takes its time on a busy machine.
    let session = eventually_within(3 * PATIENCE, "the session is ACTIVE", || {
        let session = server.session("large").json;
        if session["state"] == "CREATING" { Err(session) } else { Ok(session) }
    });
    assert_eq!(session["state"], "ACTIVE", "{session:#}");
    let mut client = Client::with("pyspark-4.0", &server, &session);
    assert_eq!(client.asked("import hearth_first"), "no hearth_first");
    assert_eq!(client.asked("add hearth-first==1.0"), "added");
    assert_eq!(client.asked("import hearth_first"), "the first");
    let told = client.asked("add pandas==1.0");
    assert!(told.starts_with("FAILED_PRECONDITION"), "{told}");
    server.terminate("large");
}

#[test]
fn what_cannot_be_added_is_refused_with_the_reason_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let wheels = folder.path().join("index");
    let index = Index::with_package(&wheels, "hearth-first", "1.0", "the first");
    add_wheel(&wheels, "hearth-old", "1.0", "old", "pandas<2");
    add_wheel(&wheels, "json", "1.0", "not Python's", "pandas");
    let server = server(&folder);
    create(&server, "fixed", &with_index(&index), &json!({}));
    let session = server.session_in("fixed", "ACTIVE");
    let mut client = Client::of(&server, &session);
    for (line, code, words) in [
        ("add hearth-first hearth-nowhere", "NOT_FOUND", "hearth-nowhere"),
        ("add hearth-first==9.9", "NOT_FOUND", "hearth-first==9.9"),
        ("add hearth-old hearth-first", "FAILED_PRECONDITION", "do not go with pandas 2."),
        ("add pandas==1.0", "FAILED_PRECONDITION", "do not go with pandas 2."),
        ("add json", "FAILED_PRECONDITION", "the module \"json\" of Python"),
        ("add --index-url=http://elsewhere", "INVALID_ARGUMENT", "--index-url=http://elsewhere"),
        ("send {", "INVALID_ARGUMENT", "it is no JSON"),
        (r#"send {"version":"1","packageType":"PYPI","packages":[]}"#, "INVALID_ARGUMENT", "version"),
        (r#"send {"version":"0.5","packageType":"CONDA","packages":[]}"#, "INVALID_ARGUMENT", "packageType"),
    ] {
        let told = client.asked(line);
        assert!(told.starts_with(code) && told.contains(words), "{line}: {told}");
    }
    assert_eq!(client.asked("import hearth_first"), "no hearth_first");
    drop(index);
    let told = client.asked("add hearth-first");
    assert!(told.starts_with("FAILED_PRECONDITION") && told.contains("cannot be reached"), "{told}");
}
