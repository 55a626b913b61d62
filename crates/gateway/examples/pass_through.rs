//! What the gateway costs: latency and throughput of an engine that does nothing, directly, through the gateway, and
//! through the tunnel.
//!
//! `cargo run --release -p hearth-gateway --example pass_through` runs all of it and prints a table; each part runs in
//! a process of its own. `... gateway HOST:PORT` puts a gateway before a real engine, for measuring with real clients.

use std::convert::Infallible;
use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use hearth_core::engine::Endpoint;
use hearth_core::id::SessionUuid;
use hearth_gateway::{Caller, Directory, Gateway, GatewayConfig, InUse, Refusal, Scope, SessionKey, Target};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

type AnyError = Box<dyn Error + Send + Sync>;

/// The Spark session id of every call here.
const SESSION: &str = "c0ffee00-0000-4000-8000-000000000000";
/// How much the engine sends for a large result, in bytes.
const LARGE: usize = 1 << 30;
/// In messages of this size: about what engines send.
const CHUNK: usize = 1 << 20;
/// Calls timed for the latency, after as many that are not.
const CALLS: usize = 5_000;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(),
        ["engine"] => engine().await,
        ["gateway", engine] => gateway(engine).await,
        ["client", kind, address] => client(kind, address).await,
        _ => Err("usage: pass_through [engine | gateway HOST:PORT | client KIND HOST:PORT]".into()),
    }
}

/// Runs every part and prints what the clients say.
fn compare() -> Result<(), AnyError> {
    let (mut engine, direct) = part(&["engine"])?;
    let (mut gateway, through) = part(&["gateway", &direct])?;
    println!("{:<8} {:>10} {:>10} {:>12}", "way", "p50", "p99", "throughput");
    for _ in 0..3 {
        for (kind, address) in [("direct", &direct), ("gateway", &through), ("tunnel", &through)] {
            let (mut client, line) = part(&["client", kind, address])?;
            println!("{line}");
            client.wait()?;
        }
    }
    engine.kill()?;
    gateway.kill()?;
    engine.wait()?;
    gateway.wait()?;
    Ok(())
}

/// Starts a part and waits for the one line it prints.
fn part(arguments: &[&str]) -> Result<(Child, String), AnyError> {
    let mut child = Command::new(std::env::current_exe()?).args(arguments).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    Ok((child, line.trim_end().to_owned()))
}

async fn engine() -> Result<(), AnyError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await;
            drop(served);
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let large = request.uri().path().ends_with("Large");
    drop(request.into_body().collect().await);
    let trailers = [("grpc-status", "0")]
        .into_iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
    let chunk = Bytes::from(vec![7; if large { CHUNK } else { 100 }]);
    let chunks = futures::stream::iter(0..if large { LARGE / CHUNK } else { 1 })
        .map(move |_| Frame::data(chunk.clone()))
        .chain(futures::stream::iter([Frame::trailers(trailers.collect())]))
        .map(Ok::<_, Infallible>);
    let mut response = Response::new(Body::new(StreamBody::new(chunks)));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/grpc"));
    Ok(response)
}

struct One(Target);

#[async_trait]
impl Directory for One {
    async fn find(&self, _caller: &Caller, _key: &SessionKey) -> Result<Target, Refusal> {
        Ok(self.0.clone())
    }

    fn enter(&self, _uuid: SessionUuid) -> InUse {
        InUse::new(|| {})
    }

    fn answered(&self, _uuid: SessionUuid, _method: &str) {}
}

async fn gateway(engine: &str) -> Result<(), AnyError> {
    let (host, port) = engine.split_once(':').ok_or("no port")?;
    let endpoint = Endpoint { host: host.to_owned(), port: port.parse()? };
    let target = Target {
        uuid: SESSION.parse()?,
        endpoint,
        authorization: None,
        label: "bench".to_owned(),
        settings: Vec::new(),
    };
    let gateway = Gateway::new(Arc::new(One(target)), GatewayConfig::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let gateway = gateway.clone();
        tokio::spawn(async move {
            let service = service_fn(move |mut request: Request<Incoming>| {
                let gateway = gateway.clone();
                request.extensions_mut().insert(Caller { name: "bench".to_owned(), scope: Scope::Full });
                async move { Ok::<_, Infallible>(gateway.call(request.map(Body::new)).await) }
            });
            let mut builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            hearth_gateway::tune_http2(&mut builder);
            drop(builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await);
        });
    }
}

async fn client(kind: &str, address: &str) -> Result<(), AnyError> {
    let mut sender = if kind == "tunnel" {
        let (near, far) = tokio::io::duplex(1 << 20);
        tokio::spawn(carry(address.to_owned(), far));
        connect(near).await?
    } else {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        connect(stream).await?
    };
    let mut times = Vec::with_capacity(2 * CALLS);
    for _ in 0..2 * CALLS {
        let start = Instant::now();
        call(&mut sender, "Small").await?;
        times.push(start.elapsed());
    }
    let timed = &mut times[CALLS..];
    timed.sort_unstable();
    let (p50, p99) = (timed[CALLS / 2], timed[CALLS * 99 / 100]);

    let start = Instant::now();
    let length = call(&mut sender, "Large").await?;
    let rate = length as f64 / 1e6 / start.elapsed().as_secs_f64();
    println!("{kind:<8} {:>7.3} ms {:>7.3} ms {rate:>7.0} MB/s", milliseconds(p50), milliseconds(p99));
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

async fn connect<I>(io: I) -> Result<SendRequest<Body>, AnyError>
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(4 << 20)
        .handshake(TokioIo::new(io))
        .await?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

/// One call; gives the length of the answer.
async fn call(sender: &mut SendRequest<Body>, method: &str) -> Result<usize, AnyError> {
    let mut body = vec![0, 0, 0, 0, 38, 0x0a, 36];
    body.extend_from_slice(SESSION.as_bytes());
    let request = Request::post(format!("http://bench/spark.connect.SparkConnectService/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::from(body))?;
    let mut answer = sender.send_request(request).await?.into_body();
    let mut length = 0;
    while let Some(frame) = answer.frame().await {
        match frame?.into_data() {
            Ok(data) => length += data.len(),
            Err(end) => match end.into_trailers() {
                Ok(trailers) if trailers.get("grpc-status").is_some_and(|status| status == "0") => {}
                other => return Err(format!("call failed: {other:?}").into()),
            },
        }
    }
    Ok(length)
}

/// Carries bytes as Google's client does.
async fn carry(address: String, pipe: tokio::io::DuplexStream) -> Result<(), AnyError> {
    let config = WebSocketConfig::default().read_buffer_size(1 << 20);
    let url = format!("ws://{address}/tcp-over-websocket-bridge/bench");
    let (socket, _) = tokio_tungstenite::connect_async_with_config(url, Some(config), true).await?;
    let (mut sink, mut stream) = socket.split();
    let (mut from_pipe, mut to_pipe) = tokio::io::split(pipe);
    let up = tokio::spawn(async move {
        let mut raw = [0; 1024];
        while let Ok(length @ 1..) = from_pipe.read(&mut raw).await {
            if sink.send(Message::text(const_hex::encode(&raw[..length]))).await.is_err() {
                break;
            }
        }
    });
    while let Some(message) = stream.next().await {
        if let Message::Text(text) = message? {
            to_pipe.write_all(&const_hex::decode(text.as_bytes())?).await?;
        }
    }
    up.await?;
    Ok(())
}
