//! One client's WebSocket.
//!
//! How far a client has come is known from its pongs: each ping carries the number of the last entry sent before it,
//! and a pong gives it back. So what was on its way when a connection broke is sent again to a client that comes back.
//!
//! A pong counts once its connection is known to be used. Behind a Jupyter server a page connects twice: its first WebSocket
//! ends at once, since that server chooses none of the subprotocols that the page offers, and meanwhile the server takes,
//! answers and throws away what the kernel says.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as WsMessage, WebSocket, close_code};
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use hearth_jupyter::Channel;
use hearth_jupyter::framing::{Frame, Framing};
use tokio::time::Instant;

use crate::hub::Hub;

/// The longest message of a client, in bytes. Cells are shorter; files go other ways.
pub(crate) const MAX_MESSAGE: usize = 64 << 20;

/// What is read of a client at once, in bytes: most messages whole. The library fills as much with zeros each time it looks
/// whether there is something to read, which is each time that there is something to send.
pub(crate) const READ: usize = 4 << 10;

/// How long what another client has asked for may wait for more of it. Who has asked is served at once; for the others a
/// cell, or several, become one write, here and in the service. Shorter than a picture of a screen is noticed.
const GATHER: Duration = Duration::from_millis(20);

/// After so many entries at a stretch a client is asked how far it has come.
const ASK_EVERY: u32 = 64;

/// After so long without another entry it is asked so, too. A cell that answers at once is not held up by the asking.
const ASK_AFTER: Duration = Duration::from_millis(20);

/// How often a silent client is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long a client that says nothing must have been there before it counts what it has got. A page asks what kernel it has as
/// soon as it can, and one that is gone is noticed sooner.
const SETTLED: Duration = Duration::from_secs(10);

/// How long a client may take to take the last words.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// The longest reason that fits the frame that closes a WebSocket (RFC 6455, 5.5: 125 bytes, two of them the code).
const REASON: usize = 123;

/// A client that is connected. Dropped when it is not any more.
struct Client {
    hub: Arc<Hub>,
    name: String,
}

impl Client {
    /// It has got everything up to this number, if its connection is used.
    fn acknowledge(&self, used: bool, got: &mut Option<u64>) {
        if let Some(number) = got.take_if(|_| used) {
            self.hub.acknowledge(&self.name, number);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.hub.leave(&self.name);
    }
}

/// Serves one client until it leaves or there is nothing more to say. `name` is the same when it comes back.
pub(crate) async fn serve(hub: Arc<Hub>, socket: WebSocket, framing: Framing, name: String) {
    let from = hub.enter(&name);
    let client = Client { hub, name };
    let (mut sink, mut stream) = socket.split();
    let why = tokio::select! {
        why = receive(&client, &mut stream, framing) => why,
        why = send(&client, &mut sink, framing, from) => why,
    };
    if let Some((code, reason)) = why {
        let reason = reason.chars().scan(0, |length, c| {
            *length += c.len_utf8();
            (*length <= REASON).then_some(c)
        });
        let close = WsMessage::Close(Some(CloseFrame { code, reason: reason.collect::<String>().into() }));
        let closing = async {
            // A client that does not read is not waited for.
            let _ = sink.send(close).await;
            while let Some(Ok(_)) = stream.next().await {}
        };
        let _ = tokio::time::timeout(CLOSE_LIMIT, closing).await;
    }
}

/// Takes what the client says. Why the connection is to be closed, if anybody is there to hear it.
async fn receive(
    client: &Client,
    stream: &mut SplitStream<WebSocket>,
    framing: Framing,
) -> Option<(u16, String)> {
    let since = Instant::now();
    // Whether the connection is used, and what was got before that was known.
    let (mut used, mut got) = (false, None);
    while let Some(received) = stream.next().await {
        let frame = match received {
            Ok(WsMessage::Text(text)) => Frame::Text(text.to_string()),
            Ok(WsMessage::Binary(bytes)) => Frame::Binary(bytes),
            Ok(WsMessage::Pong(number)) => {
                got = <[u8; 8]>::try_from(&number[..]).ok().map(u64::from_be_bytes).or(got);
                used |= since.elapsed() >= SETTLED;
                client.acknowledge(used, &mut got);
                continue;
            }
            Ok(WsMessage::Ping(_)) => continue,
            Ok(WsMessage::Close(_)) => return None,
            // Most often the client is just gone; one that sent too much is there to be told.
            Err(error) => return Some((close_code::SIZE, error.to_string())),
        };
        used = true;
        client.acknowledge(used, &mut got);
        match framing.decode(frame) {
            Ok((Channel::Iopub, _)) => {}
            Ok((channel, message)) => client.hub.say(&client.name, channel, message).await,
            Err(error) => return Some((close_code::INVALID, error.to_string())),
        }
    }
    None
}

/// Says everything to the client as it comes. Why there is nothing more.
async fn send(
    client: &Client,
    sink: &mut SplitSink<WebSocket, WsMessage>,
    framing: Framing,
    mut after: u64,
) -> Option<(u16, String)> {
    let (mut news, mut over) = (client.hub.news(), client.hub.over());
    let mut unasked = 0;
    // When what waits to be sent is sent.
    let mut due = None;
    loop {
        news.mark_unchanged();
        while let Some(next) = client.hub.next(after, &client.name, framing) {
            sink.feed(next.message).await.ok()?;
            after = next.number;
            unasked += 1;
            if unasked >= ASK_EVERY {
                sink.feed(ping(after)).await.ok()?;
                unasked = 0;
            }
            let wait = if next.pressing { Duration::ZERO } else { GATHER };
            let at = Instant::now() + wait;
            due = Some(due.map_or(at, |due: Instant| due.min(at)));
        }
        let why = over.borrow_and_update().clone();
        if why.is_some() || due.is_some_and(|due| due <= Instant::now()) {
            sink.flush().await.ok()?;
            due = None;
        }
        if let Some(why) = why {
            return Some((close_code::AWAY, why));
        }
        let ask_after = if unasked > 0 { ASK_AFTER } else { KEEP_ALIVE };
        let due_or_ask = due.unwrap_or_else(|| Instant::now() + ask_after);
        tokio::select! {
            changed = news.changed() => changed.ok()?,
            changed = over.changed() => changed.ok()?,
            () = tokio::time::sleep_until(due_or_ask) => if due.is_none() {
                sink.send(ping(after)).await.ok()?;
                unasked = 0;
            }
        }
    }
}

fn ping(number: u64) -> WsMessage {
    WsMessage::Ping(Bytes::copy_from_slice(&number.to_be_bytes()))
}
