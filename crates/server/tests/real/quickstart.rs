//! `hearth quickstart` on Apache Spark.

use std::process::Command;

use hearth_testkit::{run, runtimes_dir};

use crate::HEARTH;

#[test]
fn the_quickstart_answers_on_spark_and_shows_a_cold_and_a_warm_start_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let told = run(Command::new(HEARTH)
        .args(["quickstart", "--runtime", "3.0", "--runtimes-dir"])
        .arg(runtimes_dir())
        .arg("--state-dir")
        .arg(&state))
    .succeeded();
    assert!(told.contains("Flights that left New York in 2013: 336,776"), "{told}");
    let (cold, warm) = told.split_once("which got an engine that was ready:").expect(&told);
    assert!(cold.contains("process up") && !cold.contains("handed over"), "{cold}");
    assert!(warm.contains("handed over") && warm.contains("first query"), "{warm}");
    let left = std::fs::read_dir(state.join("engines")).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(left.filter(|path| path.is_dir()).count(), 0, "no engine is left");
}
