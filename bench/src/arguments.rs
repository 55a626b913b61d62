//! The command line.

use std::path::PathBuf;

use crate::benches::Name;

/// Measure Hearth against bare engines and bare disks, and print a table
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "hearth-bench")]
pub(crate) struct Arguments {
    /// Which benchmarks; all if left out.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<Name>,
    /// Also writes the rows to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// The program to measure; by default it is built first, in release mode.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) hearth: Option<PathBuf>,
    /// The command-line client to measure; by default it is built first, in release mode.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) dataproc1: Option<PathBuf>,
    /// The directory of installed runtimes; by default that of `hearth`.
    #[arg(long, value_name = "DIR", env = "HEARTH_RUNTIMES_DIR")]
    pub(crate) runtimes_dir: Option<PathBuf>,
    /// Where state directories are made, so that the right disk is measured; by default beside this program.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// A Python with DuckDB, which makes the tables of TPC-H; `cargo xtask bench` brings one.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) tpch_python: Option<PathBuf>,
    /// A Python with Jupyter's own servers, which kernels are compared with; `cargo xtask bench` brings one.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) jupyter_python: Option<PathBuf>,
    /// A tenth of the runs, calls and records: to see that it works, not for figures.
    #[arg(long)]
    pub(crate) quick: bool,
}
