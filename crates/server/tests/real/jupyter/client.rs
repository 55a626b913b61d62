//! A notebook, as little of it as shows everything.

use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use hearth_jupyter::framing::{Frame, Framing};
use hearth_jupyter::{Channel, Message};
use hearth_testkit::TestServer;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::{IntoClientRequest, client};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Error, Message as WsMessage, WebSocket};
use uuid::Uuid;

/// Longer than anything takes here. A notebook that hears nothing for so long fails its test.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open notebook.
pub(super) struct Notebook {
    socket: WebSocket<TcpStream>,
    framing: Framing,
    session: String,
    /// How often it was asked how far it has come.
    asked: u32,
}

/// Something that a kernel said.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) channel: Channel,
    pub(super) msg_type: String,
    /// The mark of who said it.
    pub(super) session: String,
    /// The id of the request it belongs to.
    pub(super) parent: String,
    pub(super) content: Value,
    pub(super) metadata: Value,
}

/// How the connection ended: the code and the reason that it was closed with, or nothing.
pub(super) type Ended = Option<(u16, String)>;

impl Notebook {
    /// Opens one on a kernel; `session` is the same when it comes back.
    pub(super) fn open(server: &TestServer, kernel: &str, session: &str) -> Self {
        Self::open_as(server, kernel, session, Framing::Json)
    }

    /// The same with either form of messages.
    pub(super) fn open_as(server: &TestServer, kernel: &str, session: &str, framing: Framing) -> Self {
        let path = format!("/api/kernels/{kernel}/channels");
        let token = format!("token {}", server.token());
        Self::try_open(server, &path, session, framing, Some(&token)).unwrap()
    }

    /// The same, with whatever credential, and the status where it is refused.
    pub(super) fn try_open(
        server: &TestServer,
        path: &str,
        session: &str,
        framing: Framing,
        credential: Option<&str>,
    ) -> Result<Self, u16> {
        let url = format!("ws://{}{path}?session_id={session}", server.address());
        let mut request = url.into_client_request().unwrap();
        if let Some(credential) = credential {
            request.headers_mut().insert("authorization", credential.parse().unwrap());
        }
        if framing == Framing::V1 {
            let chosen = Framing::V1_SUBPROTOCOL.parse().unwrap();
            request.headers_mut().insert("sec-websocket-protocol", chosen);
        }
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        match client(request, stream) {
            Ok((mut socket, answer)) => {
                let chosen = answer.headers().get("sec-websocket-protocol");
                assert_eq!(chosen.is_some(), framing == Framing::V1, "only what was asked for is chosen");
                socket.set_config(|config: &mut WebSocketConfig| {
                    (config.max_message_size, config.max_frame_size) = (None, None);
                });
                Ok(Self { socket, framing, session: session.to_owned(), asked: 0 })
            }
            Err(tungstenite::HandshakeError::Failure(Error::Http(answer))) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Asks for a cell to run; the id of the request.
    pub(super) fn execute(&mut self, code: &str) -> String {
        let content = json!({
            "code": code, "silent": false, "store_history": true, "user_expressions": {},
            "allow_stdin": true, "stop_on_error": false,
        });
        self.say(Channel::Shell, "execute_request", &content)
    }

    /// Says something to the kernel; the id of the message.
    pub(super) fn say(&mut self, channel: Channel, msg_type: &str, content: &Value) -> String {
        let id = Uuid::new_v4().to_string();
        let header = json!({
            "msg_id": id, "msg_type": msg_type, "session": self.session, "username": "", "version": "5.3",
            "date": "2026-01-01T00:00:00.000000Z",
        });
        let empty = Bytes::from_static(b"{}");
        let message = Message {
            header: header.to_string().into(),
            parent_header: empty.clone(),
            metadata: empty,
            content: content.to_string().into(),
            buffers: Vec::new(),
        };
        self.send(match self.framing.encode(channel, &message) {
            Frame::Text(text) => WsMessage::Text(text.into()),
            Frame::Binary(bytes) => WsMessage::Binary(bytes),
        });
        id
    }

    /// Sends a frame as it is. Whether it was taken shows in what comes back.
    pub(super) fn send(&mut self, frame: WsMessage) {
        let _ = self.socket.send(frame);
    }

    /// The next thing that the kernel says, or how the connection ended.
    pub(super) fn next(&mut self) -> Result<Said, Ended> {
        loop {
            let frame = match self.socket.read() {
                Ok(WsMessage::Text(text)) => Frame::Text(text.to_string()),
                Ok(WsMessage::Binary(bytes)) => Frame::Binary(bytes),
                Ok(WsMessage::Ping(_)) => {
                    self.asked += 1;
                    // Its answer leaves now, and not with the next thing that is said.
                    let _ = self.socket.flush();
                    continue;
                }
                Ok(WsMessage::Close(frame)) => {
                    return Err(frame.map(|frame| (frame.code.into(), frame.reason.to_string())));
                }
                Ok(_) => continue,
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("nothing was said for {PATIENCE:?}")
                }
                Err(_) => return Err(None),
            };
            let (channel, message) = self.framing.decode(frame).unwrap();
            return Ok(Said {
                channel,
                msg_type: message.head().msg_type,
                session: message.head().session,
                parent: message.parent().msg_id,
                content: serde_json::from_slice(&message.content).unwrap(),
                metadata: serde_json::from_slice(&message.metadata).unwrap(),
            });
        }
    }

    /// What is said until something fits, that included.
    #[track_caller]
    pub(super) fn until(&mut self, mut fits: impl FnMut(&Said) -> bool) -> Vec<Said> {
        let mut all = Vec::new();
        loop {
            match self.next() {
                Ok(said) => {
                    let found = fits(&said);
                    all.push(said);
                    if found {
                        return all;
                    }
                }
                Err(ended) => panic!("the connection ended, {ended:?}, after {all:#?}"),
            }
        }
    }

    /// What is said until it is known that everything before has arrived: it was asked how far it has come, and hears the answer to
    /// something that it has said after its own.
    pub(super) fn acknowledge(&mut self) -> Vec<Said> {
        let (before, mut all) = (self.asked, Vec::new());
        loop {
            let answered = self.asked > before;
            let asked = self.say(Channel::Control, "kernel_info_request", &json!({}));
            all.extend(self.until(|said| said.channel == Channel::Control && said.parent == asked));
            if answered {
                return all;
            }
        }
    }

    /// Everything about a request until its cell has ended and was answered.
    #[track_caller]
    pub(super) fn finish(&mut self, id: &str) -> Vec<Said> {
        let (mut idle, mut replied) = (false, false);
        let mut all = self.until(|said| {
            if said.parent == id {
                idle |= said.content["execution_state"] == "idle";
                replied |= said.channel == Channel::Shell;
            }
            idle && replied
        });
        all.retain(|said| said.parent == id);
        all
    }

    /// Runs a cell and returns what it shows: the text of its streams, results and errors.
    #[track_caller]
    pub(super) fn run(&mut self, code: &str) -> String {
        let id = self.execute(code);
        shown(&self.finish(&id))
    }

    /// Leaves without a word, as a browser that is closed.
    pub(super) fn leave(self) {
        self.socket.get_ref().shutdown(std::net::Shutdown::Both).unwrap();
    }

    /// What is said until the connection ends, and how it does.
    pub(super) fn rest(&mut self) -> (Vec<Said>, Ended) {
        let mut all = Vec::new();
        loop {
            match self.next() {
                Ok(said) => all.push(said),
                Err(ended) => return (all, ended),
            }
        }
    }
}

/// What a notebook would show of this.
pub(super) fn shown(all: &[Said]) -> String {
    let text = |said: &Said| match said.msg_type.as_str() {
        "stream" => said.content["text"].as_str().map(str::to_owned),
        "execute_result" => said.content["data"]["text/plain"].as_str().map(str::to_owned),
        "error" => Some(format!("{}: {}", said.content["ename"], said.content["evalue"])),
        _ => None,
    };
    all.iter().filter_map(text).collect()
}
