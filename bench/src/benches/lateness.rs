//! How late sessions end, with 100,000 of them: each is given the shortest ttl there is, and all are made at the rate at
//! which they are to end later.
//!
//! The shortest ttl is ten minutes (contract, section 6), so this runs only when it is named. What is compared are the
//! times that the sessions themselves show: when they were active, and when their end began. Engines are fake.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use hearth_core::Timestamp;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::load;
use crate::report::Row;
use crate::server::{Engines, PARENT, Server};
use crate::stats::Latencies;

const SESSIONS: usize = 100_000;
/// Sessions made, and later ended, each second.
const RATE: usize = 1_000;
const TTL: Duration = Duration::from_secs(600);
const PAGE: usize = 1_000;
/// How often it is looked whether the last session has ended.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long after its time the last may end before this fails.
const LIMIT: Duration = Duration::from_secs(300);

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let state_dir = bench.directory()?;
    let server = Server::start(bench, state_dir.path(), Engines::Fake, &["create-hold=0s"]).await?;
    let sessions = bench.scaled(SESSIONS);
    let rest = server.rest();
    load::open(RATE, sessions, move |number| {
        let rest = rest.clone();
        async move {
            let more =
                json!({"environmentConfig": {"executionConfig": {"ttl": format!("{}s", TTL.as_secs())}}});
            rest.create_with(&format!("late-{number}"), more).await.map(drop)
        }
    })
    .await?;
    tokio::time::sleep(TTL).await;
    let live =
        format!("/v1/{PARENT}/sessions?pageSize=1&filter=state!%3DTERMINATED&fields=sessions(name,state)");
    let deadline = Timestamp::now().checked_add(LIMIT)?;
    loop {
        let left = server.rest().get(&live).await?;
        if left.get("sessions").is_none() {
            break;
        }
        ensure!(Timestamp::now() < deadline, "sessions are still there {LIMIT:?} after their time: {left}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let late = lateness(&server, sessions).await?;
    let how = format!("{sessions} sessions with a ttl of {TTL:?}, {RATE} ends a second");
    bench.report.add(Row::new("lateness of ends, p50", late.p50(), &how));
    bench.report.add(Row::new("lateness of ends, latest", late.max(), how).target("1 s"));
    Ok(())
}

/// How late each session ended, by its own history. None may be early.
async fn lateness(server: &Server, sessions: usize) -> anyhow::Result<Latencies> {
    let mut late = Latencies::new();
    let path = format!("/v1/{PARENT}/sessions?pageSize={PAGE}&fields=sessions(stateHistory),nextPageToken");
    let mut token = String::new();
    loop {
        let page = server.rest().get(&format!("{path}&pageToken={token}")).await?;
        for session in page["sessions"].as_array().into_iter().flatten() {
            let due = began(session, "ACTIVE")?.checked_add(TTL)?;
            let ended = began(session, "TERMINATING")?;
            late.add(Duration::try_from(ended.duration_since(due)).context("a session ended early")?);
        }
        match page["nextPageToken"].as_str() {
            Some(next) if !next.is_empty() => token = next.to_owned(),
            _ => break,
        }
    }
    ensure!(late.count() == sessions as u64, "only {} of {sessions} sessions are there", late.count());
    Ok(late)
}

/// When a session entered a state that it has left since.
fn began(session: &Value, state: &str) -> anyhow::Result<Timestamp> {
    let mut history = session["stateHistory"].as_array().into_iter().flatten();
    let past =
        history.find(|past| past["state"] == state).with_context(|| format!("it never was {state}"))?;
    Ok(past["stateStartTime"].as_str().context("a state has no time")?.parse()?)
}
