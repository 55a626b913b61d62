//! Labels and properties reach the engine.

use hearth_testkit::{PARENT, TestServer, connect_session};
use serde_json::json;

use crate::{HEARTH, create, says};

#[test]
fn an_engine_knows_its_labels_and_what_properties_say_and_its_log_begins_with_whose_it_is() {
    let server = TestServer::start(HEARTH);
    let runtime = json!({"properties": {
        "spark.dataproc.driverEnv.GREETING": "hello there",
        "spark:spark.executorEnv.PLACE": "here",
        "spark.dataproc.driverEnv.HEARTH_LABEL_TEAM": "red",
        "spark.default.parallelism": "3",
    }});
    create(&server, "told", &runtime, &json!({"team": "blue"}));
    let session = server.session_in("told", "ACTIVE");
    let names =
        ["GREETING", "PLACE", "HEARTH_LABEL_TEAM", "HEARTH_LABELS", "SAIL_EXECUTION__DEFAULT_PARALLELISM"];
    let said = says(&server, &session, "environment.py", &names);
    assert_eq!(said, "hello there\nhere\nblue\n{\"team\":\"blue\"}\n3\n");
    let log = server.command(&["sessions", "logs", &format!("{PARENT}/sessions/told")]).succeeded();
    let first = log.lines().next().unwrap();
    assert!(first.contains("/sessions/told ") && first.ends_with(r#"labels {"team":"blue"}"#), "{first}");
    server.terminate("told");
}

#[test]
fn python_files_of_the_session_are_imported_by_its_functions_and_lost_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("single_module.py");
    std::fs::write(&module, "def whence():\n    return 'a file'\n").unwrap();
    let modules = folder.path().join("modules");
    std::fs::create_dir(&modules).unwrap();
    std::fs::write(modules.join("module_in_folder.py"), "def whence():\n    return 'a folder'\n").unwrap();
    let server = TestServer::start(HEARTH);
    let files = format!("{}, file://{}", module.display(), modules.display());
    create(&server, "files", &json!({"properties": {"spark.dataproc.python.files": files}}), &json!({}));
    let session = server.session_in("files", "ACTIVE");
    assert_eq!(says(&server, &session, "imports.py", &["single_module"]), "a file pandas 2\n");
    assert_eq!(says(&server, &session, "imports.py", &["module_in_folder"]), "a folder pandas 2\n");
    server.terminate("files");

    let mut body = connect_session("lost");
    body["runtimeConfig"] = json!({"properties": {"spark.dataproc.python.files": "/nowhere/lost.zip"}});
    let answer = server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=lost"), &body);
    assert_eq!(
        answer.error(400, "INVALID_ARGUMENT"),
        "Invalid properties: spark:spark.dataproc.python.files names '/nowhere/lost.zip', which is no file on the service's machine"
    );
}
