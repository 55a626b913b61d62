//! The 22 queries of TPC-H at scale 1 (a gigabyte of rows), through the gateway and straight to the same engine.
//!
//! Each query runs twice a round, once each way, in turn; which way goes first changes from query to query, because the
//! second finds warmer caches. The figure is the sum over all queries of each one's median. Tables are Parquet files
//! that the script of the TPC-H test makes, so that what is timed here is what is shown there to be right.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::bench::Bench;
use crate::grpc::Grpc;
use crate::report::{Quantity, Row};
use crate::server::{Engines, Server};
use crate::spark::Spark;
use crate::stats::median;

/// TPC-H's own unit: a gigabyte of rows before compression.
const SCALE: &str = "1";
/// For a run that only shows that it works.
const QUICK_SCALE: &str = "0.01";
/// Each runtime, its name, and how often it is asked each query each way. Spark takes seconds for what Sail does in one.
const ENGINES: [(&str, &str, usize); 2] = [("sail", "Sail", 5), ("spark-4.0", "Spark", 3)];
const QUERIES: usize = 22;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let tables = bench.directory()?;
    make(bench, tables.path())?;
    for (runtime, engine, rounds) in ENGINES {
        bench.environment_of(runtime)?;
        let state_dir = bench.directory()?;
        let server = Server::start(bench, state_dir.path(), Engines::Real, &[]).await?;
        measure(bench, &server, tables.path(), (runtime, engine), bench.scaled(rounds)).await?;
    }
    Ok(())
}

/// Writes tables and queries.
fn make(bench: &Bench, directory: &Path) -> anyhow::Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/server/tests/real/scripts/tpch.py");
    let scale = if bench.is_quick() { QUICK_SCALE } else { SCALE };
    let python = bench.tpch_python()?;
    let made = Command::new(&python).arg(script).arg("make").arg(directory).arg(scale).status();
    let made = made.with_context(|| format!("could not run {}", python.display()))?;
    ensure!(made.success(), "the tables could not be made");
    Ok(())
}

async fn measure(
    bench: &mut Bench,
    server: &Server,
    tables: &Path,
    (runtime, engine): (&str, &str),
    rounds: usize,
) -> anyhow::Result<()> {
    let id = format!("tpch-{}", runtime.replace('.', "-"));
    let uuid = server.rest().create_on(&id, runtime).await?;
    let direct = server.engine(&uuid).await?;
    let through = Spark::new(Grpc::connect(server.address, Some(&server.token)).await?, &uuid);
    for table in files(tables, "parquet")? {
        let name = table.file_stem().and_then(|name| name.to_str()).context("a table has a name")?;
        let view = format!(
            "CREATE OR REPLACE TEMPORARY VIEW {name} USING parquet OPTIONS (path '{}')",
            table.display()
        );
        direct.execute_to_end(&view).await?;
    }
    let (mut alone, mut ported) = (Duration::ZERO, Duration::ZERO);
    let queries = files(tables, "sql")?;
    ensure!(queries.len() == QUERIES, "{} queries", queries.len());
    for (number, file) in queries.iter().enumerate() {
        let query = std::fs::read_to_string(file)?;
        // Not counted: compiling, and reading the files from the disk.
        direct.execute_to_end(&query).await?;
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            for turn in 0..2 {
                let start = Instant::now();
                if (number + round + turn).is_multiple_of(2) {
                    direct.execute_to_end(&query).await?;
                    one.push(start.elapsed());
                } else {
                    through.execute_to_end(&query).await?;
                    other.push(start.elapsed());
                }
            }
        }
        alone += median(one)?;
        ported += median(other)?;
    }
    let how = format!("sum of {QUERIES} medians of {rounds}, taking turns");
    let row = Row::new(format!("TPC-H on {engine} through the port"), Quantity::from(ported), how);
    bench.report.add(row.against("the same engine without it", alone).target("1.03 of direct"));
    server.rest().delete(&id).await
}

/// The files of a directory with this ending, by name.
fn files(directory: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
