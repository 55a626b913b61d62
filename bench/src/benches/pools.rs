//! What a pool costs: two Spark engines that are ready and that nobody uses.
//!
//! Memory is the proportional set size of both engines and what stands over them; time is that of all their threads. The
//! server itself is not counted.

use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::process::{Memory, cpu_time, of_directory};
use crate::report::{Quantity, Row};
use crate::server::{Engines, Server};

const RUNTIME: &str = "spark-4.0";
const ENGINES: i64 = 2;
/// How long nothing happens before it is looked: what a start leaves to do is done by then.
const SETTLE: Duration = Duration::from_secs(20);
/// How long it is looked.
const LOOK: Duration = Duration::from_secs(30);

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    bench.environment_of(RUNTIME)?;
    let state_dir = bench.directory()?;
    let pool = format!("pools.engines={RUNTIME}={ENGINES}..{ENGINES}");
    let server = Server::start(bench, state_dir.path(), Engines::Real, &[&pool]).await?;
    server.rest().warm(ENGINES).await?;
    tokio::time::sleep(SETTLE).await;
    let processes: Vec<u32> =
        of_directory(server.state_dir()).into_iter().filter(|pid| *pid != server.pid()).collect();
    let used = || processes.iter().map(|pid| cpu_time(*pid)).sum::<anyhow::Result<Duration>>();
    let (before, begun) = (used()?, Instant::now());
    tokio::time::sleep(LOOK).await;
    let busy = (used()?.saturating_sub(before)).as_secs_f64() / begun.elapsed().as_secs_f64();
    let memory =
        processes.iter().map(|pid| Ok(Memory::of(*pid)?.proportional)).sum::<anyhow::Result<u64>>()?;
    let name = format!("pool of {ENGINES} idle Spark engines");
    let how = format!("PSS of {} processes", processes.len());
    bench.report.add(Row::new(format!("{name}, memory"), Quantity::Bytes(memory as f64), how));
    let how = format!("over {LOOK:?}");
    bench.report.add(Row::new(format!("{name}, processor time each second"), Quantity::Seconds(busy), how));
    Ok(())
}
