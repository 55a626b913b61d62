//! A page of 100 sessions out of 100,000, over REST.
//!
//! One caller asks for the newest hundred and for the hundred after them in turn, so that both ways into the list are
//! measured: from its start and from a page token. Compared with the same of a server that has 1,000 sessions: a page
//! should cost what is on it, not what is behind it. Then the same with a filter on label and state that one session in
//! 250 passes. Pages are the API's own, in full; the client does not parse them.

use anyhow::Context as _;
use bytes::Bytes;
use hyper::Method;

use crate::bench::Bench;
use crate::load::{self, Outcome};
use crate::report::Row;
use crate::seed;
use crate::server::{Engines, PARENT, Server};

const CALLS: usize = 2_000;
const PAGE: usize = 100;
/// What the server has that it is compared with.
const FEW: usize = 1_000;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let small = bench.directory()?;
    seed::write(small.path(), FEW).await?;
    let few = {
        let server = Server::start(bench, small.path(), Engines::Fake, &[]).await?;
        pages(bench, &server, "").await?
    };
    let (many, filtered) = {
        let state_dir = seed::with_a_past(bench).await?.to_owned();
        let server = Server::start(bench, &state_dir, Engines::Fake, &[]).await?;
        (pages(bench, &server, "").await?, pages(bench, &server, seed::FILTER).await?)
    };
    let records = bench.scaled(seed::RECORDS);
    let how = format!("{} pages, 1 connection", many.latencies.count());
    for (quantile, time, floor, target) in [
        ("p50", many.latencies.p50(), few.latencies.p50(), None),
        ("p99", many.latencies.p99(), few.latencies.p99(), Some("20 ms")),
    ] {
        let row = Row::new(format!("list {PAGE} of {records}, {quantile}"), time, &how);
        let row = row.against(format!("{PAGE} of {FEW}, {quantile}"), floor);
        bench.report.add(target.into_iter().fold(row, Row::target));
    }
    for (quantile, time, all, target) in [
        ("p50", filtered.latencies.p50(), many.latencies.p50(), None),
        ("p99", filtered.latencies.p99(), many.latencies.p99(), Some("20 ms")),
    ] {
        let row = Row::new(format!("the same with a filter on label and state, {quantile}"), time, &how);
        let row = row.against(format!("without a filter, {quantile}"), all);
        bench.report.add(target.into_iter().fold(row, Row::target));
    }
    Ok(())
}

async fn pages(bench: &Bench, server: &Server, filter: &str) -> anyhow::Result<Outcome> {
    let rest = server.rest();
    let first = format!("/v1/{PARENT}/sessions?pageSize={PAGE}{filter}");
    let page = rest.get(&first).await?;
    let sessions = page["sessions"].as_array().map_or(0, Vec::len);
    anyhow::ensure!(sessions == PAGE, "a page of {sessions} sessions");
    let token = page["nextPageToken"].as_str().context("there is no next page")?;
    let paths = [first.clone(), format!("{first}&pageToken={token}")];
    let call = move |number: usize, _| {
        let (rest, path) = (rest.clone(), paths[number % paths.len()].clone());
        async move { rest.call(Method::GET, &path, Bytes::new()).await.map(drop) }
    };
    let calls = bench.scaled(CALLS);
    load::closed(1, calls / 10, call.clone()).await?;
    load::closed(1, calls, call).await
}
