//! What the relay and its host tell each other: lines of JSON.

use std::io::{self, Write as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The host's first line.
#[derive(Deserialize)]
pub(crate) struct Hello {
    /// What callers of the relay must show.
    pub(crate) secret: String,
}

/// What the host tells.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum FromHost {
    /// The session's Spark listens.
    Spark,
    /// A kernel was started, and has its ports.
    Kernel {
        /// Where they are, and the key.
        #[serde(rename = "connection-file")]
        connection_file: PathBuf,
    },
    /// The kernel ended, and nobody had asked for it.
    Died {
        /// How, in one sentence.
        text: String,
    },
    /// The session ends.
    Ending,
}

/// What the host is told.
#[derive(Debug, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum ToHost {
    /// The kernel can be used.
    Ready,
    /// Interrupt the kernel.
    Interrupt,
    /// End the kernel and start another one.
    Restart,
}

/// Tells the host. If it is gone there is nobody to tell, and the end of its lines follows.
pub(crate) fn tell(what: &ToHost) {
    let mut line = serde_json::to_string(what).expect("a word can be written as JSON");
    line.push('\n');
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
        eprintln!("kernel relay: could not tell the host: {error}");
    }
}

/// Takes the signals that would end this process, for as long as the result lives.
pub(crate) fn ignore_signals() -> io::Result<[Signal; 2]> {
    Ok([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?])
}
