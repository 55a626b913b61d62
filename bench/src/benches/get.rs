//! GetSession over gRPC and over REST: how many a second, and the latency at 5,000 a second.
//!
//! Google's client asks for its session before every Spark call, so this is the busiest method. The load comes from
//! this process on the same two cores, so the rate is what both can do together; the processor time that the server
//! alone used for a call says what it could do with the machine to itself. Compared with `/healthz` over the same
//! connections, an answer that costs no more than HTTP does. Gets go over sessions in turn, so no row is special.

use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use futures::future::{BoxFuture, try_join_all};
use hearth_wire::dataproc::{GetSessionRequest, Session};
use hyper::Method;
use prost::Message as _;

use crate::bench::Bench;
use crate::grpc::Grpc;
use crate::load::{self, Outcome};
use crate::process::cpu_time;
use crate::report::{Quantity, Row};
use crate::rest::Rest;
use crate::server::{Engines, PARENT, Server};

/// Sessions that are asked for.
const SESSIONS: usize = 1_000;
const CALLS: usize = 100_000;
/// Connections, and calls under way at once.
const CONNECTIONS: usize = 4;
const CALLERS: usize = 32;
const RATE: usize = 5_000;
const CALLS_AT_RATE: usize = 50_000;

const GET: &str = "/google.cloud.dataproc.v1.SessionController/GetSession";

type Call = BoxFuture<'static, anyhow::Result<()>>;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let state_dir = bench.directory()?;
    let server = Server::start(bench, state_dir.path(), Engines::Fake, &[]).await?;
    let rest = server.rest();
    let creating = rest.clone();
    load::closed(CALLERS, SESSIONS, move |number, _| {
        let rest = creating.clone();
        async move { rest.create_active(&format!("get-{number}")).await.map(drop) }
    })
    .await?;

    let token = Some(server.token.as_str());
    let connections = try_join_all((0..CONNECTIONS).map(|_| Grpc::connect(server.address, token))).await?;
    let grpc = move |number: usize| get_by_grpc(&connections[number % CONNECTIONS], number);
    let by_rest = {
        let rest = rest.clone();
        move |number: usize| get_by_rest(&rest, number)
    };
    let healthz = move |_: usize| healthz(&rest);

    let floor = closed(bench, &server, healthz.clone()).await?;
    let paths = [
        (
            "gRPC",
            format!("{CALLERS} callers on {CONNECTIONS} connections"),
            closed(bench, &server, grpc.clone()).await?,
        ),
        ("REST", format!("{CALLERS} connections"), closed(bench, &server, by_rest.clone()).await?),
    ];
    for (path, how, (outcome, cpu)) in paths {
        let row = Row::new(format!("GetSession, {path}"), Quantity::PerSecond(outcome.rate()), &how);
        let row = row.against("/healthz over REST", Quantity::PerSecond(floor.0.rate()));
        bench.report.add(if path == "gRPC" { row.target("20000/s, server alone") } else { row });
        let row = Row::new(format!("processor time of the server a get, {path}"), cpu, how);
        bench.report.add(row.against("/healthz over REST", floor.1));
    }

    let calls = bench.scaled(CALLS_AT_RATE);
    let floor = load::open(RATE, calls, healthz).await?;
    let outcomes =
        [("gRPC", load::open(RATE, calls, grpc).await?), ("REST", load::open(RATE, calls, by_rest).await?)];
    for (path, outcome) in outcomes {
        for (quantile, time, floor, target) in [
            ("p50", outcome.latencies.p50(), floor.latencies.p50(), None),
            ("p99", outcome.latencies.p99(), floor.latencies.p99(), Some("1 ms")),
        ] {
            let how = format!("{calls} calls, open loop");
            let row = Row::new(format!("GetSession at {RATE}/s, {path}, {quantile}"), time, how);
            let row = row.against(format!("/healthz, {quantile}"), floor);
            bench.report.add(target.into_iter().fold(row, Row::target));
        }
    }
    Ok(())
}

/// As many as can be, and the processor time of the server for each.
async fn closed(
    bench: &Bench,
    server: &Server,
    call: impl Fn(usize) -> Call + Clone + Send + 'static,
) -> anyhow::Result<(Outcome, Duration)> {
    let calls = bench.scaled(CALLS);
    let warm_up = call.clone();
    load::closed(CALLERS, calls / 20, move |number, _| warm_up(number)).await?;
    let cpu = cpu_time(server.pid())?;
    let outcome = load::closed(CALLERS, calls, move |number, _| call(number)).await?;
    let cpu = (cpu_time(server.pid())? - cpu) / u32::try_from(calls)?;
    Ok((outcome, cpu))
}

fn get_by_grpc(grpc: &Grpc, number: usize) -> Call {
    let grpc = grpc.clone();
    Box::pin(async move {
        let request = GetSessionRequest { name: format!("{PARENT}/sessions/get-{}", number % SESSIONS) };
        let mut answer = grpc.call(GET, &request).await?;
        let message = answer.message().await?.unwrap_or_default();
        ensure!(answer.message().await?.is_none(), "two messages");
        // Looked at now and then, so that the load is the server's and not the client's.
        ensure!(
            !number.is_multiple_of(100) || Session::decode(message)?.name == request.name,
            "not the session asked for"
        );
        Ok(())
    })
}

fn get_by_rest(rest: &Rest, number: usize) -> Call {
    let rest = rest.clone();
    Box::pin(async move {
        let path = format!("/v1/{PARENT}/sessions/get-{}", number % SESSIONS);
        rest.call(Method::GET, &path, Bytes::new()).await.map(drop)
    })
}

fn healthz(rest: &Rest) -> Call {
    let rest = rest.clone();
    Box::pin(async move { rest.call(Method::GET, "/healthz", Bytes::new()).await.map(drop) })
}
