//! Labels and properties reach the engine.

use hearth_testkit::{PARENT, TestServer};
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
