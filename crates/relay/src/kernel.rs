//! The relay's connection to one kernel.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hearth_jupyter::wire::{self, Key};
use hearth_jupyter::{Channel, Message, notice};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zeromq::{
    DealerRecvHalf, DealerSendHalf, DealerSocket, Socket as _, SocketOptions, SocketRecv as _,
    SocketSend as _, SubSocket, ZmqMessage,
};

use crate::hub::{Hub, now};

/// How many requests may wait on their way to the kernel. More make the client wait.
const WAITING: usize = 64;

/// How soon a kernel that has not answered is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// A kernel's connection file, as far as it matters.
#[derive(Deserialize)]
struct ConnectionFile {
    /// What the names of its sockets begin with, as a path from the folder that relay and kernel were started in.
    ip: String,
    key: String,
    shell_port: u16,
    control_port: u16,
    stdin_port: u16,
    iopub_port: u16,
}

/// A kernel that can be talked to. The connection ends when the last handle is dropped.
#[derive(Clone)]
pub(crate) struct Kernel(Arc<Inner>);

struct Inner {
    shell: mpsc::Sender<Message>,
    control: mpsc::Sender<Message>,
    stdin: mpsc::Sender<Message>,
    /// Ends the tasks of this connection.
    over: CancellationToken,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

/// Why a kernel cannot be talked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("could not read its connection file: {0}")]
    File(#[from] std::io::Error),
    #[error("its connection file makes no sense: {0}")]
    Json(#[from] serde_json::Error),
    #[error("could not connect to it: {0}")]
    Socket(#[from] zeromq::ZmqError),
}

impl Kernel {
    /// Connects to the kernel of a connection file. What it says goes to `hub`, under this number of the kernel.
    pub(crate) async fn connect(file: &Path, hub: &Arc<Hub>, number: u64) -> Result<Self, ConnectError> {
        let file: ConnectionFile = serde_json::from_slice(&std::fs::read(file)?)?;
        let address = |port: u16| format!("ipc://{}-{port}", file.ip);
        let key = Key::new(file.key.as_bytes());
        let over = CancellationToken::new();
        // A question of a cell goes to who has the name of who asked for the cell: one name on all sockets.
        let identity = Uuid::new_v4().simple().to_string();
        let mut senders = Vec::with_capacity(3);
        let mut iopub = SubSocket::new();
        iopub.connect(&address(file.iopub_port)).await?;
        iopub.subscribe("").await?;
        tokio::spawn(listen(iopub, key.clone(), hub.clone(), number, over.clone()));
        for (channel, port) in [
            (Channel::Shell, file.shell_port),
            (Channel::Control, file.control_port),
            (Channel::Stdin, file.stdin_port),
        ] {
            let mut options = SocketOptions::default();
            options.peer_identity(identity.parse()?);
            let mut socket = DealerSocket::with_options(options);
            socket.connect(&address(port)).await?;
            let (to_kernel, from_kernel) = socket.split();
            let (sender, receiver) = mpsc::channel(WAITING);
            tokio::spawn(send(to_kernel, key.clone(), receiver, over.clone()));
            tokio::spawn(receive(from_kernel, channel, key.clone(), hub.clone(), number, over.clone()));
            senders.push(sender);
        }
        let [shell, control, stdin] = senders.try_into().expect("three sockets were made");
        Ok(Self(Arc::new(Inner { shell, control, stdin, over })))
    }

    /// Says something to the kernel; waits while too much waits already.
    pub(crate) async fn say(&self, channel: Channel, message: Message) {
        let sender = match channel {
            Channel::Shell => &self.0.shell,
            Channel::Control => &self.0.control,
            Channel::Stdin => &self.0.stdin,
            Channel::Iopub => return,
        };
        // A kernel that has ended hears nothing; its end is told elsewhere.
        let _ = sender.send(message).await;
    }

    /// Asks the kernel who it is until `answered` is cancelled, or the kernel is gone.
    pub(crate) async fn ask_until(&self, answered: &CancellationToken) {
        loop {
            let request = notice::kernel_info_request(&Uuid::new_v4().to_string(), &now());
            self.say(Channel::Shell, request).await;
            tokio::select! {
                () = answered.cancelled() => return,
                () = self.0.over.cancelled() => return,
                () = tokio::time::sleep(ASK_AGAIN) => {}
            }
        }
    }
}

async fn send(
    mut socket: DealerSendHalf,
    key: Key,
    mut messages: mpsc::Receiver<Message>,
    over: CancellationToken,
) {
    loop {
        let message = tokio::select! {
            () = over.cancelled() => return,
            message = messages.recv() => message,
        };
        let Some(message) = message else { return };
        let Ok(parts) = ZmqMessage::try_from(wire::encode(&message, &key)) else { continue };
        if let Err(error) = socket.send(parts).await {
            eprintln!("kernel relay: could not reach the kernel: {error}");
        }
    }
}

async fn receive(
    mut socket: DealerRecvHalf,
    channel: Channel,
    key: Key,
    hub: Arc<Hub>,
    number: u64,
    over: CancellationToken,
) {
    loop {
        let received = tokio::select! {
            () = over.cancelled() => return,
            received = socket.recv() => received,
        };
        match received {
            Ok(parts) => take(parts, channel, &key, &hub, number),
            // The kernel is gone; its host says so.
            Err(_) => return over.cancelled().await,
        }
    }
}

async fn listen(mut socket: SubSocket, key: Key, hub: Arc<Hub>, number: u64, over: CancellationToken) {
    loop {
        let received = tokio::select! {
            () = over.cancelled() => return,
            received = socket.recv() => received,
        };
        match received {
            Ok(parts) => take(parts, Channel::Iopub, &key, &hub, number),
            Err(_) => return over.cancelled().await,
        }
        tokio::select! {
            () = over.cancelled() => return,
            () = hub.room() => {}
        }
    }
}

fn take(parts: ZmqMessage, channel: Channel, key: &Key, hub: &Hub, number: u64) {
    match wire::decode(parts.into_vec(), key) {
        Ok(message) => hub.heard(number, channel, message),
        Err(error) => eprintln!("kernel relay: {channel}: {error}"),
    }
}
