//! A session on Sail: from the create request to the first row of `SELECT 1`, against the bare engine.
//!
//! Both sides start the same program of the same environment and are asked the same by the same client, over a new
//! connection each time. The bare engine's clock starts with its process, Hearth's with the POST; Hearth's ends with
//! a row that came through the port. The two take turns, so that what else the machine does meets both. Clients hold
//! no Python: its start would hide the difference. Then the same session is handed over from a pool of one.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::time::sleep;
use uuid::Uuid;

use super::session::{QUERY, to_row, warm_to_row};
use crate::bench::Bench;
use crate::grpc::Grpc;
use crate::report::{Quantity, Row};
use crate::sail::Sail;
use crate::server::{Engines, Server};
use crate::spark::Spark;
use crate::stats::median;

const RUNS: usize = 20;
/// The runtime of Sail, whose engines are kept ready for the last row.
const RUNTIME: &str = "sail";
/// How often a bare engine is tried that does not listen yet.
const POLL: Duration = Duration::from_millis(1);
const START_LIMIT: Duration = Duration::from_secs(60);

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let environment = bench.environment()?;
    let state_dir = bench.directory()?;
    let server = Server::start(bench, state_dir.path(), Engines::Real, &[]).await?;
    // The first start of the day reads the engine from the disk: not part of either side.
    bare(&environment).await?;
    let runs = bench.scaled(RUNS);
    let (mut through, mut alone) = (Vec::new(), Vec::new());
    for number in 0..runs {
        through.push(to_row(&server, &format!("row-{number}"), RUNTIME).await?);
        alone.push(bare(&environment).await?);
    }
    let (through, alone) = (median(through)?, median(alone)?);
    let how = format!("medians of {runs}, taking turns");
    let row = Row::new("Sail session, create to first row", through, how.clone());
    bench.report.add(row.against("bare sail, start to first row", alone).target("0.4 s"));
    let added = Quantity::Seconds(through.as_secs_f64() - alone.as_secs_f64());
    bench.report.add(Row::new("added to the bare engine", added, how).target("0.2 s"));
    drop(server);

    let warm = warm_to_row(bench, RUNTIME, runs).await?;
    let row = Row::new("Sail session, create to first row, warm", warm, format!("median of {runs}"));
    bench.report.add(row.against("cold", through).target("0.1 s"));
    Ok(())
}

/// From starting the program to a row.
async fn bare(environment: &Path) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let environment = environment.to_owned();
    let sail = tokio::task::spawn_blocking(move || Sail::start(&environment)).await??;
    let grpc = loop {
        match Grpc::connect(sail.address, None).await {
            Ok(grpc) => break grpc,
            Err(error) if start.elapsed() > START_LIMIT => return Err(error).context("sail does not answer"),
            Err(_) => sleep(POLL).await,
        }
    };
    Spark::new(grpc, &Uuid::new_v4().to_string()).first_row(QUERY).await?;
    Ok(start.elapsed())
}
