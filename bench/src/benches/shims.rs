//! Memory of the supervisor that stands over each engine.
//!
//! A supervisor is the same program as the service, so most of its pages are shared with it and with its siblings: the
//! proportional set size counts those by parts, the private set size not at all. Compared with the engine under it.

use anyhow::ensure;

use crate::bench::Bench;
use crate::process::{Memory, of_directory};
use crate::report::{Quantity, Row};
use crate::server::{Engines, Server};

const SESSIONS: usize = 4;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    bench.environment()?;
    let state_dir = bench.directory()?;
    let server = Server::start(bench, state_dir.path(), Engines::Real, &[]).await?;
    for number in 0..SESSIONS {
        server.rest().create_active(&format!("shim-{number}")).await?;
    }
    let (mut shims, mut engines) = (Vec::new(), Vec::new());
    for pid in of_directory(server.state_dir()).into_iter().filter(|pid| *pid != server.pid()) {
        let program = std::fs::read_link(format!("/proc/{pid}/exe"))?;
        let group = if program == bench.hearth.canonicalize()? { &mut shims } else { &mut engines };
        group.push(Memory::of(pid)?);
    }
    ensure!(shims.len() == SESSIONS, "{} supervisors of {SESSIONS} sessions", shims.len());
    let each = |group: &[Memory], part: fn(&Memory) -> u64| {
        Quantity::Bytes(group.iter().map(part).sum::<u64>() as f64 / SESSIONS as f64)
    };
    let engine = each(&engines, |memory| memory.proportional);
    let how = format!("mean of {SESSIONS}; {} private", each(&shims, |memory| memory.private));
    let row = Row::new("supervisor of an engine (PSS)", each(&shims, |memory| memory.proportional), how);
    bench.report.add(row.against("the idle engine under it", engine));
    Ok(())
}
