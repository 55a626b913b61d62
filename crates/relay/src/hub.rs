//! Where everything meets: the kernel, the clients, the host, and the service.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::Message as WsMessage;
use bytes::Bytes;
use hearth_jupyter::framing::Framing;
use hearth_jupyter::journal::{Entry, Journal, Read};
use hearth_jupyter::{Channel, Execution, Header, Message, State, notice};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::frames::{self, Frames};
use crate::host::{ToHost, tell};
use crate::kernel::Kernel;
use crate::state::is_work;

/// How much output is kept for clients that are away, in bytes. A notebook of text and pictures is smaller. With three times
/// the longest output, which is being received, encoded and sent at its longest, this process stays below 64 MiB.
const KEPT: usize = 24 << 20;

/// How far a client may be behind before the kernel's output waits for it, in bytes.
const AHEAD: u64 = 8 << 20;

/// How long it is waited for a client that takes nothing.
const STALLED: Duration = Duration::from_secs(2);

/// The member of the metadata of what everybody is told: its number, by which a client can tell what it has had.
const SEQUENCE: &str = "hearth_sequence";

/// The member of the metadata of what a cell says: the cell's id in its notebook. A page that has not asked for the cell
/// itself can tell by it where that belongs.
const CELL: &str = "hearth_cell";

/// The longest id of a cell (the format of notebooks, 4.5).
const CELL_ID: usize = 64;

/// How long a kernel may take to start anew.
const RESTART: Duration = Duration::from_secs(60);

/// What is shown when nobody says why a session ends.
const UNTOLD: &str = "The session is ending.";

/// The one place that knows the kernel and its clients.
pub(crate) struct Hub {
    inner: Mutex<Inner>,
    /// The number of the latest entry of the journal.
    news: watch::Sender<u64>,
    /// Changes whenever a client takes something.
    taken: watch::Sender<()>,
    state: watch::Sender<State>,
    /// Why there will be nothing more, once that is so.
    over: watch::Sender<Option<String>>,
}

struct Inner {
    journal: Journal,
    frames: Frames,
    /// The marks of clients on what they ask, by the clients' names.
    marks: HashMap<String, String>,
    kernel: Option<Kernel>,
    /// The kernel's mark on its messages. What is said in its place has the same.
    mark: String,
    /// Counts kernels; what an earlier one still says is not listened to.
    number: u64,
    start: Start,
    /// Requests without an answer, by their ids.
    open: HashMap<String, Open>,
    /// The cells that requests without an end are for, by the ids of the requests.
    cells: HashMap<String, String>,
    /// The request whose cell runs, or ran last.
    current: Option<Bytes>,
    working: bool,
}

/// How far the start of a kernel is.
#[derive(Default)]
struct Start {
    replied: bool,
    status_seen: bool,
    ready: bool,
    answered: CancellationToken,
}

/// What a client is sent next.
pub(crate) struct Next {
    /// How far it has come with it.
    pub(crate) number: u64,
    pub(crate) message: WsMessage,
    /// Whether it is for this client, and not only about what another one has asked for.
    pub(crate) pressing: bool,
}

struct Open {
    client: String,
    header: Bytes,
    channel: Channel,
    kind: Header,
}

impl Hub {
    pub(crate) fn new() -> Self {
        let state = State {
            execution: Execution::Starting,
            working: false,
            worked_at: None,
            last_activity: Timestamp::now(),
            connections: 0,
        };
        Self {
            inner: Mutex::new(Inner {
                journal: Journal::new(KEPT),
                frames: Frames::default(),
                marks: HashMap::new(),
                kernel: None,
                mark: notice::SESSION.to_owned(),
                number: 0,
                start: Start::default(),
                open: HashMap::new(),
                cells: HashMap::new(),
                current: None,
                working: false,
            }),
            news: watch::channel(0).0,
            taken: watch::channel(()).0,
            state: watch::channel(state).0,
            over: watch::channel(None).0,
        }
    }

    /// A kernel was started: talks to it from now on.
    pub(crate) async fn connect(self: &Arc<Self>, connection_file: &Path) {
        let (number, answered) = {
            let mut inner = self.inner();
            inner.number += 1;
            inner.start = Start::default();
            (inner.number, inner.start.answered.clone())
        };
        match Kernel::connect(connection_file, self, number).await {
            Ok(kernel) => {
                self.inner().kernel = Some(kernel.clone());
                tokio::spawn(async move { kernel.ask_until(&answered).await });
            }
            Err(error) => eprintln!("kernel relay: the kernel cannot be used: {error}"),
        }
    }

    /// The kernel ended by itself.
    pub(crate) fn died(&self, text: &str) {
        let mut inner = self.inner();
        inner.kernel = None;
        inner.number += 1;
        let line = notice::line(&id(), &now(), &inner.mark, inner.current.as_ref(), text);
        self.tell_all(&mut inner, line);
        self.give_up_open(&mut inner, text);
        let state = notice::state(&id(), &now(), &inner.mark, "autorestarting");
        self.tell_all(&mut inner, state);
        self.set(&inner, Execution::Restarting);
    }

    /// Ends the kernel and waits for the next one. Whether there is one.
    pub(crate) async fn restart(&self) -> bool {
        {
            let mut inner = self.inner();
            inner.kernel = None;
            inner.number += 1;
            self.give_up_open(&mut inner, "The kernel was restarted.");
            // By "restarting" JupyterLab understands that the kernel has died.
            let state = notice::state(&id(), &now(), &inner.mark, "starting");
            self.tell_all(&mut inner, state);
            self.set(&inner, Execution::Restarting);
        }
        tell(&ToHost::Restart);
        matches!(tokio::time::timeout(RESTART, self.usable()).await, Ok(true))
    }

    /// Shows a text in the notebook, in the cell that runs or ran last. After the `last` one there is nothing more.
    pub(crate) fn notice(&self, text: &str, last: bool) {
        let mut inner = self.inner();
        let line = notice::line(&id(), &now(), &inner.mark, inner.current.as_ref(), text);
        self.tell_all(&mut inner, line);
        if last {
            self.finish(&mut inner, text);
        }
    }

    /// The session ends: waits until it was said why and clients have heard it, but no longer than this.
    pub(crate) async fn end(&self, limit: Duration) {
        let untold = {
            let inner = self.inner();
            inner.journal.connections() > 0
        };
        let mut over = self.over.subscribe();
        if untold {
            let _ = tokio::time::timeout(limit, over.wait_for(Option::is_some)).await;
        }
        if over.borrow().is_none() {
            self.notice(UNTOLD, true);
        }
        let mut state = self.state.subscribe();
        let _ = tokio::time::timeout(limit, state.wait_for(|state| state.connections == 0)).await;
    }

    /// What the kernel has said.
    pub(crate) fn heard(&self, number: u64, channel: Channel, message: Message) {
        let mut inner = self.inner();
        if number != inner.number {
            return;
        }
        let (head, parent) = (message.head(), message.parent());
        if !head.session.is_empty() {
            inner.mark.clone_from(&head.session);
        }
        if notice::answers_us(&parent) {
            match (channel, head.msg_type.as_str()) {
                (Channel::Shell, "kernel_info_reply") => inner.start.replied = true,
                (Channel::Iopub, "status") => inner.start.status_seen = true,
                _ => {}
            }
            self.ready_if_so(&mut inner);
            return;
        }
        let own_start = head.msg_type == "status" && parent.msg_id.is_empty();
        if head.msg_type == "iopub_welcome" || (own_start && !inner.start.ready) {
            return;
        }
        let to = match channel {
            Channel::Iopub => None,
            Channel::Shell | Channel::Control => inner.open.remove(&parent.msg_id).map(|open| open.client),
            Channel::Stdin => inner.open.get(&parent.msg_id).map(|open| open.client.clone()),
        };
        if channel != Channel::Iopub && to.is_none() {
            // An answer to nobody who is known.
            return;
        }
        let mut busy = None;
        if channel == Channel::Iopub && head.msg_type == "status" {
            busy = self.note_status(&mut inner, &message, &parent);
        } else {
            self.note_work(&mut inner);
        }
        let of_cell = parent.msg_type == "execute_request";
        if of_cell && busy == Some(true) {
            inner.journal.begin_cell();
        }
        self.push(&mut inner, &parent, channel, message, to);
        if of_cell && busy == Some(false) {
            inner.journal.end_cell();
            inner.cells.remove(&parent.msg_id);
        }
    }

    /// A client says something to the kernel. Waits while there is no kernel, or one that has much to do.
    pub(crate) async fn say(&self, client: &str, channel: Channel, message: Message) {
        if !self.usable().await {
            return;
        }
        let kernel = {
            let mut inner = self.inner();
            let Some(kernel) = inner.kernel.clone() else { return };
            if matches!(channel, Channel::Shell | Channel::Control) {
                let kind = message.head();
                if let Some(cell) = cell_of(&message) {
                    inner.cells.insert(kind.msg_id.clone(), cell);
                }
                inner.marks.insert(client.to_owned(), kind.session.clone());
                let open = Open { client: client.to_owned(), header: message.header.clone(), channel, kind };
                inner.open.insert(open.kind.msg_id.clone(), open);
                self.note_work(&mut inner);
            }
            kernel
        };
        kernel.say(channel, message).await;
    }

    /// Waits until there is a kernel that can be used; `false` if there never will be.
    pub(crate) async fn usable(&self) -> bool {
        let mut state = self.state.subscribe();
        let known =
            |state: &State| matches!(state.execution, Execution::Idle | Execution::Busy | Execution::Dead);
        match state.wait_for(known).await {
            Ok(state) => state.execution != Execution::Dead,
            Err(_) => false,
        }
    }

    /// What the kernel does, now and at each change.
    pub(crate) fn states(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// The number of the latest entry, now and at each change.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Why there will be nothing more, once that is so.
    pub(crate) fn over(&self) -> watch::Receiver<Option<String>> {
        self.over.subscribe()
    }

    /// A client connects: where it begins to read.
    pub(crate) fn enter(&self, client: &str) -> u64 {
        let mut inner = self.inner();
        let from = inner.journal.connect(client);
        self.count(&inner);
        from
    }

    /// A client's connection has ended.
    pub(crate) fn leave(&self, client: &str) {
        let mut inner = self.inner();
        inner.journal.disconnect(client);
        inner.marks.remove(client);
        self.count(&inner);
    }

    /// What a client is sent after this number.
    pub(crate) fn next(&self, after: u64, client: &str, framing: Framing) -> Option<Next> {
        let mut inner = self.inner();
        let Inner { journal, frames, marks, mark, .. } = &mut *inner;
        let next = journal.read(after, client).map(|read| match read {
            Read::Entry(number, entry) => {
                let message = frames.of(number, framing, entry.channel, &entry.message);
                // Of a client that has asked for nothing it is not known what it waits for.
                let another = marks.get(client).is_some_and(|mark| *mark != entry.asked_by);
                let pressing = !another || entry.asked_by.is_empty() || entry.to.is_some();
                Next { number, message, pressing }
            }
            Read::Gap { dropped, last, parent } => {
                let text = format!("[{dropped} messages were dropped here: nobody read them in time]");
                let line = notice::line(&id(), &now(), mark, parent.as_ref(), &text);
                let message = frames::encode(framing, Channel::Iopub, &line);
                Next { number: last, message, pressing: true }
            }
        });
        drop(inner);
        self.taken.send_replace(());
        next
    }

    /// Waits until clients have taken most of what was said. So the kernel keeps what they have no time for yet, and nothing is
    /// dropped that somebody is reading. Who takes nothing at all is not waited for long.
    pub(crate) async fn room(&self) {
        let mut taken = self.taken.subscribe();
        while self.inner().journal.behind() > AHEAD {
            if tokio::time::timeout(STALLED, taken.changed()).await.is_err() {
                self.inner().journal.stall(AHEAD);
            }
        }
    }

    /// A client has got everything up to this number.
    pub(crate) fn acknowledge(&self, client: &str, number: u64) {
        self.inner().journal.acknowledge(client, number);
    }

    fn ready_if_so(&self, inner: &mut Inner) {
        let start = &mut inner.start;
        if !start.ready && start.replied && start.status_seen {
            start.ready = true;
            start.answered.cancel();
            let again = inner.number > 1;
            self.set(inner, Execution::Idle);
            if again {
                let state = notice::state(&id(), &now(), &inner.mark, "idle");
                self.tell_all(inner, state);
            }
            tell(&ToHost::Ready);
        }
    }

    /// Takes note of a status. Whether the kernel is busy by it, where it says so.
    fn note_status(&self, inner: &mut Inner, message: &Message, parent: &Header) -> Option<bool> {
        let content: serde_json::Value = serde_json::from_slice(&message.content).unwrap_or_default();
        let busy = match content["execution_state"].as_str() {
            Some("busy") => true,
            Some("idle") => false,
            _ => return None,
        };
        if is_work(&parent.msg_type) {
            inner.working = busy;
            if busy {
                inner.current = Some(message.parent_header.clone());
            }
        }
        self.set(inner, if busy { Execution::Busy } else { Execution::Idle });
        Some(busy)
    }

    fn note_work(&self, inner: &mut Inner) {
        let execution = self.state.borrow().execution;
        self.set(inner, execution);
    }

    /// Sets the state, and whether there is work: a cell that runs or that waits for one.
    fn set(&self, inner: &Inner, execution: Execution) {
        let waiting = || inner.open.values().any(|open| is_work(&open.kind.msg_type));
        let working = inner.working || waiting();
        let now = Timestamp::now();
        self.state.send_if_modified(|state| {
            let changed = state.execution != execution || state.working != working;
            if state.working != working {
                state.worked_at = Some(now);
            }
            (state.execution, state.working, state.last_activity) = (execution, working, now);
            changed
        });
    }

    fn count(&self, inner: &Inner) {
        let connections = inner.journal.connections();
        self.state
            .send_if_modified(|state| std::mem::replace(&mut state.connections, connections) != connections);
    }

    /// Answers what no kernel will answer any more, so that no client waits for ever.
    fn give_up_open(&self, inner: &mut Inner, text: &str) {
        inner.working = false;
        for open in std::mem::take(&mut inner.open).into_values() {
            let Some(kind) = open.kind.msg_type.strip_suffix("_request") else { continue };
            let content =
                json!({"status": "error", "ename": "KernelEnded", "evalue": text, "traceback": [text]});
            let reply = notice::message(
                &id(),
                &now(),
                &inner.mark,
                &format!("{kind}_reply"),
                Some(&open.header),
                &content,
            );
            let idle = json!({"execution_state": "idle"});
            let idle = notice::message(&id(), &now(), &inner.mark, "status", Some(&open.header), &idle);
            self.push(inner, &open.kind, open.channel, reply, Some(open.client));
            self.tell_all(inner, idle);
        }
        inner.journal.end_cell();
        inner.cells.clear();
    }

    fn tell_all(&self, inner: &mut Inner, message: Message) {
        let parent = message.parent();
        self.push(inner, &parent, Channel::Iopub, message, None);
    }

    fn push(
        &self,
        inner: &mut Inner,
        parent: &Header,
        channel: Channel,
        mut message: Message,
        to: Option<String>,
    ) {
        if to.is_none() {
            if let Some(cell) = inner.cells.get(&parent.msg_id) {
                message.annotate(CELL, &json!(cell).to_string());
            }
            message.annotate(SEQUENCE, &(inner.journal.last() + 1).to_string());
        }
        let entry = Entry { channel, message, to, asked_by: parent.session.clone() };
        self.news.send_replace(inner.journal.push(entry));
    }

    fn finish(&self, inner: &mut Inner, why: &str) {
        let state = notice::state(&id(), &now(), &inner.mark, "dead");
        self.tell_all(inner, state);
        inner.kernel = None;
        inner.start.ready = false;
        self.set(inner, Execution::Dead);
        self.over.send_replace(Some(why.to_owned()));
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Each change is made whole under the lock, and none of them panics half way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cell that a request runs, as JupyterLab says it.
fn cell_of(request: &Message) -> Option<String> {
    let metadata: serde_json::Value = serde_json::from_slice(&request.metadata).ok()?;
    let cell = metadata["cellId"].as_str()?;
    (!cell.is_empty() && cell.len() <= CELL_ID).then(|| cell.to_owned())
}

/// An id that no other message has.
fn id() -> String {
    Uuid::new_v4().to_string()
}

/// The time as messages have it.
pub(crate) fn now() -> String {
    format!("{:.6}", Timestamp::now())
}

#[cfg(test)]
mod tests;
