//! PySpark on a real Sail, through the gateway.
//!
//! Needs an environment with `sail` and a PySpark Connect client, named by `HEARTH_TEST_SAIL_ENV`; without it there is
//! nothing to test and the test says so.

#![expect(clippy::unwrap_used, reason = "a test may")]

#[path = "it/support.rs"]
#[expect(dead_code, reason = "the scripted engine is not used here")]
mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hearth_core::engine::Endpoint;
use hearth_core::id::SessionUuid;
use hearth_gateway::{Directory, Gateway, GatewayConfig, ProbeError, Target, probe_spark_connect};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::support::{DEADLINE, Sessions, listen};

/// What a user does in a session. A file, because PySpark does not work in `python -c`.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real_session.py");

struct Sail {
    endpoint: Endpoint,
    _process: Child,
}

async fn start_sail(environment: &Path) -> Sail {
    let mut process = Command::new(environment.join("bin/sail"))
        .args(["spark", "server", "--ip", "127.0.0.1", "--port", "0"])
        .env_remove("PYTHONDONTWRITEBYTECODE")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let reading = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("sail ended");
            if let Some((_, rest)) = line.split_once("Starting the Spark Connect server on 127.0.0.1:") {
                return rest.trim_end_matches('.').parse().unwrap();
            }
        }
    };
    let port = tokio::time::timeout(DEADLINE, reading).await.expect("sail has no port");
    // Its log goes nowhere, but it must be able to write it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Sail { endpoint: Endpoint { host: "127.0.0.1".to_owned(), port }, _process: process }
}

async fn until_ready(endpoint: &Endpoint) {
    let asking = async {
        loop {
            match probe_spark_connect(endpoint, None, DEADLINE).await {
                Ok(()) => return,
                Err(ProbeError::NotReady(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(DEADLINE, asking).await.expect("sail is not ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn pyspark_works_on_sail_through_the_gateway() {
    let Some(environment) = std::env::var_os("HEARTH_TEST_SAIL_ENV").map(PathBuf::from) else {
        eprintln!("skipped: HEARTH_TEST_SAIL_ENV names no environment with sail");
        return;
    };
    let sail = start_sail(&environment).await;
    until_ready(&sail.endpoint).await;

    let uuid = SessionUuid(Uuid::new_v4());
    let sessions = Arc::new(Sessions::default());
    sessions.set(
        uuid,
        Ok(Target {
            uuid,
            endpoint: sail.endpoint.clone(),
            authorization: None,
            label: "real".to_owned(),
            settings: Vec::new(),
        }),
    );
    let gateway = Gateway::new(Arc::clone(&sessions) as Arc<dyn Directory>, GatewayConfig::default());
    let (address, _listener) = listen(gateway.clone()).await;

    for remote in [
        format!("sc://127.0.0.1:{}/;session_id={uuid}", address.port()),
        format!("sc://127.0.0.1:{}/;session_id={uuid};x-dataproc-session=real", address.port()),
    ] {
        let script = Command::new(environment.join("bin/python"))
            .args([SCRIPT, &remote])
            .env_remove("PYTHONDONTWRITEBYTECODE")
            .kill_on_drop(true)
            .output();
        let output =
            tokio::time::timeout(Duration::from_secs(120), script).await.expect("never ended").unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.ends_with("passed\n"), "{text}");
    }
    let answered = sessions.answered.lock().unwrap().clone();
    for method in ["ExecutePlan", "ReleaseSession", "Config"] {
        assert!(answered.iter().any(|seen| seen == method), "{method}");
    }
    support::eventually("all calls have ended", || sessions.running.load(Ordering::SeqCst) == 0).await;
}
