//! Sail as a cluster of its own, with a driver and workers that speak with each other.

use hearth_testkit::{Options, Python};

use crate::{HEARTH, remote, script, uuid};

/// What an operator writes for it.
const CATALOGUE: &str = r#"
[[runtime]]
name = "sail"

[runtime.properties]
"sail.mode" = "local-cluster"
"#;

#[test]
fn sail_answers_as_a_cluster_where_its_runtime_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let catalogue = dir.path().join("runtimes.toml");
    std::fs::write(&catalogue, CATALOGUE).unwrap();
    let server = Options::new(HEARTH).set(&format!("runtimes.catalogue={}", catalogue.display())).start();
    let uuid = uuid(&server.active("spread"));
    let engine = server.engines();
    let modes: Vec<bool> = engine
        .iter()
        .map(|process| {
            let environment = std::fs::read_to_string(format!("/proc/{}/environ", process.pid)).unwrap();
            environment.split('\0').any(|line| line == "SAIL_MODE=local-cluster")
        })
        .collect();
    assert!(modes.contains(&true), "{engine:#?}");
    let said = Python::client("pyspark-4.2").run(&script("works.py"), &[&remote(&server, &uuid)]).succeeded();
    assert_eq!(said, "AnalysisException True\npassed\n");
    server.terminate("spread");
    server.nothing_left();
}
