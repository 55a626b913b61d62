//! The relay: the process beside a session's kernel that speaks ZeroMQ with it and WebSocket with everybody else.
//!
//! It is started by the kernel's host (`crates/engines/src/kernel/host.py`) as a part of the engine, so it lives as
//! long as the kernel does, whatever becomes of the service: what a kernel says while no service and no client is there
//! is kept here. The host tells it about kernels through its standard input and is told what to do through its standard
//! output ([`host`]); the service asks over HTTP on a port of loopback, with the engine's secret ([`server`]).
//!
//! ```text
//! GET  /ready      waits until the kernel can be used: {"ready": true}; false if it never will be
//! GET  /state      what the kernel does, one line of JSON at each change, without end
//! GET  /channels   a WebSocket with all channels of the kernel; `session_id` says which client it is
//! POST /interrupt  interrupts the cell that runs
//! POST /restart    starts the kernel anew; answers when the new one can be used
//! POST /notice     shows a text in the notebook: {"text": "...", "last": false}
//! ```
//!
//! Never knows of sessions, runtimes or Spark. Start reading at [`hub`].

mod channels;
mod frames;
mod host;
mod hub;
mod kernel;
mod server;
mod state;

pub use server::LISTENING;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::host::{FromHost, Hello};
use crate::hub::Hub;

/// How long the service has to say why the session ends, and clients to hear it.
const FAREWELL: Duration = Duration::from_millis(500);

/// The relay's whole life. Returns when its host is gone or says that the session ends.
pub fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(run()),
        Err(error) => Err(format!("could not start: {error}")),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("kernel relay: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    // A stop is sent to the whole engine; the host says when it is this process's turn.
    let _ignored = host::ignore_signals().map_err(|error| format!("cannot set signals: {error}"))?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let hello = lines.next_line().await.map_err(|error| error.to_string())?.unwrap_or_default();
    let Hello { secret } =
        serde_json::from_str(&hello).map_err(|_| "the first line must hold the secret".to_owned())?;
    let hub = Arc::new(Hub::new());
    let (listener, address) = server::listen().await.map_err(|error| format!("could not listen: {error}"))?;
    tokio::spawn(server::serve(listener, hub.clone(), secret));
    loop {
        let line = match lines.next_line().await {
            Ok(Some(line)) => line,
            // The host is gone, and with it the kernel.
            Ok(None) | Err(_) => break,
        };
        match serde_json::from_str(&line) {
            // By then its own addresses have been said: they are looked for before this one.
            Ok(FromHost::Spark) => server::announce(address),
            Ok(FromHost::Kernel { connection_file }) => hub.connect(&connection_file).await,
            Ok(FromHost::Died { text }) => hub.died(&text),
            Ok(FromHost::Ending) => break,
            Err(error) => eprintln!("kernel relay: a line of the host cannot be read: {error}"),
        }
    }
    hub.end(FAREWELL).await;
    Ok(())
}
