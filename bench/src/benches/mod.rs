//! The benchmarks. Each measures one thing that a user notices, and says in its doc comment why that is fair.

mod command_line;
mod create;
mod create_to_row;
mod get;
mod kernels;
mod lateness;
mod list;
mod memory;
mod pass_through;
mod pools;
mod session;
mod shims;
mod spark_results;
mod spark_start;
mod start;
mod tpch;

use clap::ValueEnum;

use crate::bench::Bench;

/// A benchmark by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// Start of the service to the first good answer.
    Start,
    /// A session on Sail, from its create to the first row.
    CreateToRow,
    /// A session on Apache Spark, from its create to the first row.
    SparkStart,
    /// Durable creates.
    Create,
    /// Gets over gRPC and REST.
    Get,
    /// A page of a long list.
    List,
    /// Memory of the service.
    Memory,
    /// Calls and results through the gateway and the tunnel.
    PassThrough,
    /// Memory of the supervisors of engines.
    Shims,
    /// How late sessions end; takes a quarter of an hour, and runs only when named.
    Lateness,
    /// A large result of Apache Spark.
    SparkResults,
    /// What engines cost that are kept ready.
    Pools,
    /// Notebooks' kernels, against Jupyter's own servers.
    Kernels,
    /// The queries of TPC-H through the gateway.
    Tpch,
    /// The command line of the API.
    CommandLine,
}

/// Runs benchmarks one after the other, all but those that take long if none is named. Gives those that failed.
pub(crate) async fn run(bench: &mut Bench, names: &[Name]) -> Vec<(String, anyhow::Error)> {
    let mut failed = Vec::new();
    let wanted = |name: &&Name| match names {
        [] => **name != Name::Lateness,
        names => names.contains(name),
    };
    for name in Name::value_variants().iter().filter(wanted) {
        let label = name.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        eprintln!("{label}");
        let outcome = match name {
            Name::Start => start::run(bench).await,
            Name::CreateToRow => create_to_row::run(bench).await,
            Name::SparkStart => spark_start::run(bench).await,
            Name::Create => create::run(bench).await,
            Name::Get => get::run(bench).await,
            Name::List => list::run(bench).await,
            Name::Memory => memory::run(bench).await,
            Name::PassThrough => pass_through::run(bench).await,
            Name::Shims => shims::run(bench).await,
            Name::Lateness => lateness::run(bench).await,
            Name::SparkResults => spark_results::run(bench).await,
            Name::Pools => pools::run(bench).await,
            Name::Kernels => kernels::run(bench).await,
            Name::Tpch => tpch::run(bench).await,
            Name::CommandLine => command_line::run(bench).await,
        };
        if let Err(error) = outcome {
            failed.push((label, error));
        }
    }
    failed
}
