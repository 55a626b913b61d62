//! A machine whose Java does not fit.

use std::process::Command;

use hearth_testkit::{Options, runtimes_dir};
use serde_json::json;

use crate::HEARTH;
use crate::spark_jvm::{PATIENCE, create};

/// As if Spark needed a Java that no machine has yet.
const CATALOGUE: &str = r#"
[[runtime]]
name = "spark-4.0"
java = { least = 97, most = 99 }
"#;

#[test]
fn a_java_that_does_not_fit_is_told_by_the_doctor_and_by_a_session() {
    let dir = tempfile::tempdir().unwrap();
    let catalogue = dir.path().join("runtimes.toml");
    std::fs::write(&catalogue, CATALOGUE).unwrap();
    let catalogue = format!("runtimes.catalogue={}", catalogue.display());
    let server = Options::new(HEARTH).set(&catalogue).start();
    create(&server, "no-java", &json!({}));
    let failed = hearth_testkit::eventually_within(PATIENCE, "the session has failed", || {
        let session = server.session("no-java").json;
        if session["state"] == "FAILED" { Ok(session) } else { Err(session) }
    });
    let message = failed["stateMessage"].as_str().unwrap();
    assert!(message.contains("Java 97 to 99") && message.contains("this machine has"), "{message}");
    server.nothing_left();

    let mut doctor = Command::new(HEARTH);
    doctor.args(["doctor", "--set", &catalogue, "--runtimes-dir"]).arg(runtimes_dir());
    let output = doctor.arg("--state-dir").arg(server.state_dir()).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.lines().any(|line| line.starts_with("BAD") && line.contains("Java 97 to 99")), "{told}");
    assert_eq!(output.status.code(), Some(1), "{told}");
}
