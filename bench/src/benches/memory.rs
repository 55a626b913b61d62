//! Memory of the service: with 1,000 live sessions that nobody uses, and for each further one up to 10,000.
//!
//! Engines are fake, so the figures are the server's alone, with its records of them; what a real session adds in
//! supervisors is measured by `shims`. The figure is the proportional set size, once it has stayed the same for some
//! seconds after the last create. Compared with the same server before its first session.

use std::time::Duration;

use crate::bench::Bench;
use crate::load;
use crate::process::Memory;
use crate::report::{Quantity, Row};
use crate::server::{Engines, Server};

const LIVE: usize = 1_000;
const MANY: usize = 10_000;
const CALLERS: usize = 8;
/// Settled means that two looks this far apart show about the same.
const LOOK: Duration = Duration::from_secs(3);
/// Less than this between two looks is about the same, in bytes.
const SAME: u64 = 64 << 10;
const LOOKS: usize = 10;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let state_dir = bench.directory()?;
    let server = Server::start(bench, state_dir.path(), Engines::Fake, &[]).await?;
    let empty = settled(&server).await?;
    let (live, many) = (bench.scaled(LIVE), bench.scaled(MANY));
    create(&server, 0, live).await?;
    let with_live = settled(&server).await?;
    create(&server, live, many).await?;
    let with_many = settled(&server).await?;

    let size = |bytes: u64| Quantity::Bytes(bytes as f64);
    let how = format!("PSS; {} resident", size(with_live.resident));
    let row = Row::new(format!("memory with {live} live sessions"), size(with_live.proportional), how);
    bench.report.add(row.against("without sessions", size(empty.proportional)).target("40 MB"));
    let grown = with_many.proportional.saturating_sub(with_live.proportional) as f64;
    let further = Quantity::Bytes(grown / (many - live) as f64);
    let how = format!("PSS; {} with {many}", size(with_many.proportional));
    bench.report.add(Row::new("memory for each further live session", further, how).target("4 kB"));
    Ok(())
}

async fn create(server: &Server, from: usize, to: usize) -> anyhow::Result<()> {
    let rest = server.rest();
    load::closed(CALLERS, to - from, move |number, _| {
        let rest = rest.clone();
        async move { rest.create_active(&format!("live-{}", from + number)).await.map(drop) }
    })
    .await?;
    Ok(())
}

async fn settled(server: &Server) -> anyhow::Result<Memory> {
    let mut last = Memory::of(server.pid())?;
    for _ in 0..LOOKS {
        tokio::time::sleep(LOOK).await;
        let now = Memory::of(server.pid())?;
        if now.proportional.abs_diff(last.proportional) < SAME {
            return Ok(now);
        }
        last = now;
    }
    Ok(last)
}
