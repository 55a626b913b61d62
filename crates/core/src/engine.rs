//! Engines: what runs behind a session, as a description and as it is seen from outside.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::EngineId;

/// Stands, in arguments, environment values and file contents of an [`EngineSpec`], for the engine's own scratch
/// directory. Only the driver knows where that is.
pub const WORK_DIR: &str = "{work}";

/// Everything a driver needs to run an engine. Made from a session and a runtime by a pure function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineSpec {
    /// What the engine is named after.
    pub id: EngineId,
    /// The program, as an absolute path.
    pub program: PathBuf,
    /// Its arguments. They can be seen by every user of the machine, so no secret is among them.
    pub args: Vec<String>,
    /// Its environment, on top of the few variables a driver passes on (`PATH`, `HOME`, `LANG`, `TZ`).
    pub env: BTreeMap<String, String>,
    /// Files to write into the scratch directory before the start, by their path in it.
    pub files: BTreeMap<String, String>,
    /// How the engine's port becomes known.
    pub port: PortSource,
    /// How the port of its web pages becomes known, if it has any. Said before [`port`](Self::port), or never.
    #[serde(default)]
    pub ui: Option<PortSource>,
    /// What the engine speaks on that port.
    pub protocol: Protocol,
    /// How it is asked to end.
    pub stop_signal: StopSignal,
    /// What its log begins with, whole lines or nothing; not taken for the engine's own words.
    #[serde(default)]
    pub log_head: String,
    /// The most its log may take on disk, in bytes; the oldest part is dropped.
    pub log_limit: u64,
    /// When the engine is ended even if no server is there to ask for it.
    pub deadline: Timestamp,
    /// How its process can be started before it is known which engine it will be, if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare: Option<Spare>,
}

/// A process that gets ready for an engine without knowing which: [`EngineSpec::program`] with other arguments, in the root
/// directory, with little more than the few variables that a driver passes on. Once it is needed it reads a [`Becoming`] from
/// its standard input, as a line of JSON, and goes on as the engine.
///
/// Others see in `/proc` the environment that a process was started with. A spare has one variable, `HEARTH_FUTURE`, that is as
/// long as the one that says which engine it is of, and can write that over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spare {
    /// Its arguments.
    pub args: Vec<String>,
    /// The first line of its standard input, without the line's end: what would be too long for an argument.
    pub input: String,
}

/// What a [`Spare`] becomes. All of it is as the engine's own process would have been started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Becoming {
    /// The engine's arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// The directory that it works in.
    pub dir: PathBuf,
}

/// How an engine's port becomes known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortSource {
    /// The engine picks a free one and writes a line with this text, directly followed by `HOST:PORT`, or by the port
    /// alone where it is one of the loopback interface.
    LogLine(String),
}

/// What an engine speaks, which is also how it proves that it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Spark Connect: gRPC over cleartext HTTP/2.
    SparkConnect,
    /// A Hive metastore: Thrift. Of no session.
    HiveMetastore,
    /// A Jupyter kernel, through the relay beside it.
    Jupyter,
}

/// How an engine is asked to end before it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopSignal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// Where an engine answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// An address, not a name.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// What an engine that ran already is told of whom it is for from now on. Its environment cannot be changed any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// Files in its scratch directory, by their path in it, to be made or replaced.
    pub files: BTreeMap<String, String>,
    /// What is added to its log: a whole line, or nothing.
    pub log_line: String,
}

/// An engine as its driver sees it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// Never made, or removed.
    Absent,
    /// Made, with no port yet.
    Starting,
    /// The process is up and has a port; whether it answers there is for a probe to find out.
    Listening(Listening),
    /// Listening, and it has answered a request of its protocol.
    Ready(Listening),
    /// Asked to end, not gone yet.
    Stopping,
    /// Gone, its traces (log, exit) still there.
    Exited(Exit),
}

/// A running engine's address, and when it got that far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Where its web pages are, if it has any.
    pub ui: Option<Endpoint>,
    /// When the driver was given the engine.
    pub placed_at: Timestamp,
    /// When its process was started.
    pub process_up_at: Timestamp,
    /// When it said which port it has.
    pub listening_at: Timestamp,
}

/// How an engine ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// What its process left as status.
    pub status: ExitStatus,
    /// What made it end.
    pub cause: ExitCause,
    /// When it was found to have ended.
    pub at: Timestamp,
    /// The last lines of its log.
    pub tail: Vec<String>,
}

/// What a process left as its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitStatus {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It could not be started at all.
    NotStarted,
    /// It went away together with what watched over it.
    Unknown,
}

/// What made an engine end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitCause {
    /// It ended by itself.
    Itself,
    /// It was asked to, and did within its grace.
    Stopped,
    /// It was asked to, and was killed when its grace was over.
    Killed,
    /// Its deadline passed.
    Deadline,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl std::fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::NotStarted => f.write_str("not started"),
            Self::Unknown => f.write_str("unknown status"),
        }
    }
}
