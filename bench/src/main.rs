//! Benchmarks of Hearth: each runs the real program, as a process of its own, beside what it is compared with.
//!
//! `cargo run --release -p hearth-bench [-- NAME…]` prints a table; docs/benchmarks.md says what each row means. Nothing
//! here asserts on time: a benchmark fails only when what it measures does not work.
//!
//! Start reading at [`benches`], one module a group of rows. The rest is shared: [`server`] and [`sail`] start what is
//! measured, [`jupyter`] and [`forwarder`] what it is compared with, [`rest`], [`grpc`], [`spark`], [`notebook`] and
//! [`tunnel`] are cheap clients, [`load`] makes load, [`report`] prints.

mod arguments;
mod bench;
mod benches;
mod forwarder;
mod grpc;
mod jupyter;
mod load;
mod notebook;
mod process;
mod report;
mod rest;
mod sail;
mod seed;
mod server;
mod spark;
mod stats;
mod tunnel;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what was asked for. False when a benchmark failed; the others have run all the same.
fn run(arguments: Arguments) -> anyhow::Result<bool> {
    if cfg!(debug_assertions) {
        eprintln!("warning: the load generator is a debug build; use `cargo run --release -p hearth-bench`");
    }
    let json = arguments.json.clone();
    let names = arguments.names.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (report, failed) = runtime.block_on(async {
        let mut bench = bench::Bench::prepare(arguments)?;
        tokio::select! {
            failed = benches::run(&mut bench, &names) => Ok((bench.report.clone(), failed)),
            // Leaving by the end of the block takes every process and directory down.
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        }
    })?;
    println!("{report}");
    if let Some(path) = json {
        std::fs::write(&path, report.to_json()?)?;
        eprintln!("written to {}", path.display());
    }
    for (name, error) in &failed {
        eprintln!("error: benchmark \"{name}\": {error:#}");
    }
    Ok(failed.is_empty())
}
