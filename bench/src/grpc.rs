//! A gRPC client that costs little and decodes no more than it must: HTTP/2 and the five-byte frame of messages.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// How much may be under way on a stream and on a connection, in bytes: enough that a loopback never waits for it.
const WINDOW: u32 = 8 << 20;

/// One connection. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Grpc {
    sender: SendRequest<Full<Bytes>>,
    authorization: Option<String>,
    /// The session that calls are for, where the gateway is told so by a header.
    session: Option<String>,
}

/// The answer to a call, as it comes.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Incoming,
    received: BytesMut,
}

impl Grpc {
    /// Connects; every call shows the token, if there is one.
    pub(crate) async fn connect(address: SocketAddr, token: Option<&str>) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Self::over(stream, token).await
    }

    /// Speaks over anything that carries bytes.
    pub(crate) async fn over<I>(io: I, token: Option<&str>) -> anyhow::Result<Self>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(TokioIo::new(io))
            .await?;
        tokio::spawn(connection);
        let authorization = token.map(|token| format!("Bearer {token}"));
        Ok(Self { sender, authorization, session: None })
    }

    /// The same, whose calls name their session by a header.
    pub(crate) fn for_session(mut self, name: &str) -> Self {
        self.session = Some(name.to_owned());
        self
    }

    /// Sends one message to a method (`/package.Service/Method`).
    pub(crate) async fn call(&self, method: &str, message: &impl Message) -> anyhow::Result<Answer> {
        let length = message.encoded_len();
        let mut body = BytesMut::with_capacity(5 + length);
        body.put_u8(0);
        body.put_u32(u32::try_from(length)?);
        message.encode(&mut body)?;
        let mut request = Request::post(format!("http://bench{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        if let Some(session) = &self.session {
            request = request.header("x-dataproc-session", session);
        }
        let mut sender = self.sender.clone();
        sender.ready().await?;
        let response = sender.send_request(request.body(Full::new(body.freeze()))?).await?;
        check(method, response.headers().get("grpc-status"), response.headers())?;
        Ok(Answer { body: response.into_body(), received: BytesMut::new() })
    }
}

impl Answer {
    /// The next message, or `None` when the call has ended well.
    pub(crate) async fn message(&mut self) -> anyhow::Result<Option<Bytes>> {
        loop {
            if let Some(mut head) = self.received.get(..5) {
                head.advance(1);
                let length = usize::try_from(head.get_u32())?;
                if self.received.len() >= 5 + length {
                    self.received.advance(5);
                    return Ok(Some(self.received.split_to(length).freeze()));
                }
            }
            match self.data().await? {
                Some(data) => self.received.extend_from_slice(&data),
                None => return Ok(None),
            }
        }
    }

    /// Reads to the end and gives the number of bytes, without looking at them.
    pub(crate) async fn drain(mut self) -> anyhow::Result<usize> {
        let mut length = self.received.len();
        while let Some(data) = self.data().await? {
            length += data.len();
        }
        Ok(length)
    }

    async fn data(&mut self) -> anyhow::Result<Option<Bytes>> {
        let Some(frame) = self.body.frame().await else { return Ok(None) };
        match frame?.into_data() {
            Ok(data) => Ok(Some(data)),
            Err(frame) => {
                let trailers =
                    frame.into_trailers().ok().context("a frame that is neither data nor trailers")?;
                check("the call", trailers.get("grpc-status"), &trailers)?;
                Ok(None)
            }
        }
    }
}

fn check(
    what: &str,
    status: Option<&hyper::header::HeaderValue>,
    headers: &hyper::HeaderMap,
) -> anyhow::Result<()> {
    match status {
        Some(status) if status != "0" => bail!("{what} failed: {headers:?}"),
        _ => Ok(()),
    }
}
