//! A notebook: asks a kernel to run cells, over the WebSocket that every Jupyter server has, in its JSON form, or straight
//! over the kernel's own sockets. It decodes no more than it must, so that what is measured is not the client.

use std::borrow::Cow;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use hearth_jupyter::Message;
use hearth_jupyter::wire::{self, Key};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message as WsMessage, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use uuid::Uuid;
use zeromq::{
    DealerRecvHalf, DealerSendHalf, DealerSocket, Socket as _, SocketRecv as _, SocketSend as _, SubSocket,
    ZmqMessage,
};

/// What is read at once, in bytes. The library fills so much with zeros before each look for something to read, so its own
/// 128 KiB would be most of what a client does.
const READ: usize = 16 * 1024;

/// One open notebook.
pub(crate) struct Notebook {
    way: Way,
    session: String,
}

enum Way {
    Socket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    Direct(Box<Direct>),
}

/// A kernel's own sockets.
struct Direct {
    key: Key,
    ask: DealerSendHalf,
    answers: DealerRecvHalf,
    told: SubSocket,
    /// A short way to the kernel's folder: the names of sockets have room for 107 bytes.
    _short: TempDir,
}

/// What is read of a message of a WebSocket.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    header: Head<'a>,
    #[serde(borrow, default)]
    parent_header: Head<'a>,
    #[serde(borrow)]
    content: Content<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Head<'a> {
    #[serde(borrow)]
    msg_id: Cow<'a, str>,
    #[serde(borrow)]
    msg_type: Cow<'a, str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Content<'a> {
    #[serde(borrow)]
    execution_state: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
}

/// How far a request has come.
#[derive(Default)]
struct Progress {
    replied: bool,
    idle: bool,
    /// Bytes of text that were shown.
    shown: usize,
}

impl Progress {
    fn over(&self) -> bool {
        self.replied && self.idle
    }

    fn take(&mut self, request: &str, said: &Said<'_>) -> anyhow::Result<()> {
        if said.parent_header.msg_id != request {
            return Ok(());
        }
        match &*said.header.msg_type {
            "status" => self.idle |= said.content.execution_state.as_deref() == Some("idle"),
            "stream" => self.shown += said.content.text.as_ref().map_or(0, |text| text.len()),
            "execute_reply" | "kernel_info_reply" => {
                ensure!(said.content.status.as_deref() != Some("error"), "the cell failed");
                self.replied = true;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Notebook {
    /// Opens a notebook on a kernel of whatever serves Jupyter's REST API there.
    pub(crate) async fn open(address: SocketAddr, token: &str, kernel: &str) -> anyhow::Result<Self> {
        let session = Uuid::new_v4().to_string();
        let url = format!("ws://{address}/api/kernels/{kernel}/channels?session_id={session}");
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("authorization", format!("token {token}").parse()?);
        let config = WebSocketConfig::default().read_buffer_size(READ);
        let (socket, _) =
            connect_async_with_config(request, Some(config), true).await.context("no channels")?;
        Ok(Self { way: Way::Socket(Box::new(socket)), session })
    }

    /// Opens a notebook on the kernel of this connection file, whose sockets are in files.
    pub(crate) async fn direct(connection_file: &Path) -> anyhow::Result<Self> {
        let file: Value = serde_json::from_slice(&fs::read(connection_file)?)?;
        let text =
            |name: &str| file[name].as_str().with_context(|| format!("no {name} in the connection file"));
        let folder = connection_file.parent().and_then(Path::parent).context("the kernel works nowhere")?;
        let short = tempfile::tempdir()?;
        symlink(folder, short.path().join("k"))?;
        let ip = text("ip")?;
        let address = |port: &str| format!("ipc://{}/k/{ip}-{}", short.path().display(), file[port]);
        let mut told = SubSocket::new();
        told.connect(&address("iopub_port")).await?;
        told.subscribe("").await?;
        let mut shell = DealerSocket::new();
        shell.connect(&address("shell_port")).await?;
        let (ask, answers) = shell.split();
        let key = Key::new(text("key")?.as_bytes());
        let direct = Direct { key, ask, answers, told, _short: short };
        Ok(Self { way: Way::Direct(Box::new(direct)), session: Uuid::new_v4().to_string() })
    }

    /// Runs a cell to its end: its reply and the word that the kernel is idle again. How many bytes it has shown.
    pub(crate) async fn run(&mut self, code: &str) -> anyhow::Result<usize> {
        let content = json!({
            "code": code, "silent": false, "store_history": true, "user_expressions": {},
            "allow_stdin": false, "stop_on_error": true,
        });
        self.ask("execute_request", &content).await
    }

    /// Asks who the kernel is, which is what every client does first.
    pub(crate) async fn info(&mut self) -> anyhow::Result<()> {
        self.ask("kernel_info_request", &json!({})).await.map(drop)
    }

    async fn ask(&mut self, kind: &str, content: &Value) -> anyhow::Result<usize> {
        let id = Uuid::new_v4().to_string();
        let header = json!({
            "msg_id": id, "msg_type": kind, "session": self.session, "username": "bench", "version": "5.3",
            "date": "2026-01-01T00:00:00.000000Z",
        });
        let progress = match &mut self.way {
            Way::Socket(socket) => {
                let message = json!({
                    "header": header, "parent_header": {}, "metadata": {}, "content": content, "buffers": [],
                    "channel": "shell",
                });
                socket.send(WsMessage::text(message.to_string())).await?;
                over_socket(socket, &id).await?
            }
            Way::Direct(direct) => direct.exchange(&id, &header, content).await?,
        };
        Ok(progress.shown)
    }
}

async fn over_socket(
    socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>,
    id: &str,
) -> anyhow::Result<Progress> {
    let mut progress = Progress::default();
    while !progress.over() {
        let text: Utf8Bytes = match socket.next().await.context("the notebook was closed")?? {
            WsMessage::Text(text) => text,
            WsMessage::Close(why) => bail!("the notebook was closed: {why:?}"),
            WsMessage::Ping(_) => {
                // Its answer leaves now, and not with the next cell.
                socket.flush().await?;
                continue;
            }
            _ => continue,
        };
        progress.take(id, &serde_json::from_str(&text)?)?;
    }
    Ok(progress)
}

impl Direct {
    async fn exchange(&mut self, id: &str, header: &Value, content: &Value) -> anyhow::Result<Progress> {
        let empty = Bytes::from_static(b"{}");
        let message = Message {
            header: header.to_string().into(),
            parent_header: empty.clone(),
            metadata: empty,
            content: content.to_string().into(),
            buffers: Vec::new(),
        };
        let parts = wire::encode(&message, &self.key);
        let parts = ZmqMessage::try_from(parts).ok().context("a message has parts")?;
        self.ask.send(parts).await?;
        let mut progress = Progress::default();
        while !progress.over() {
            let parts = tokio::select! {
                parts = self.answers.recv() => parts?,
                parts = self.told.recv() => parts?,
            };
            let message = wire::decode(parts.into_vec(), &self.key)?;
            let said = Said {
                header: serde_json::from_slice(&message.header)?,
                parent_header: serde_json::from_slice(&message.parent_header)?,
                content: serde_json::from_slice(&message.content)?,
            };
            progress.take(id, &said)?;
        }
        Ok(progress)
    }
}
