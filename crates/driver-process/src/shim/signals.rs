//! Signals as things to poll for.

use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::signal::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2,
};
use signal_hook::{flag, low_level::pipe};

/// Signals that mean nothing to the shim and must not end it. Having a handler, unlike being ignored, is also not
/// inherited by the engine.
const IGNORED: [i32; 8] = [SIGALRM, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2];

/// The signals that mean something.
pub(super) struct Signals {
    /// End the engine: `stop.json` says how.
    pub(super) stop: Signal,
    /// Read `deadline.json` again.
    pub(super) deadline: Signal,
    /// A child ended.
    pub(super) child: Signal,
}

/// One signal, readable once it came.
pub(super) struct Signal(UnixStream);

impl Signals {
    pub(super) fn register() -> io::Result<Self> {
        for signal in IGNORED {
            flag::register(signal, Arc::new(AtomicBool::new(false)))?;
        }
        Ok(Self {
            stop: Signal::register(SIGTERM)?,
            deadline: Signal::register(SIGHUP)?,
            child: Signal::register(SIGCHLD)?,
        })
    }
}

impl Signal {
    fn register(signal: i32) -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        pipe::register(signal, writer)?;
        Ok(Self(reader))
    }

    /// Whether it came since it was last asked.
    pub(super) fn came(&mut self) -> bool {
        let (mut came, mut buffer) = (false, [0; 64]);
        loop {
            match self.0.read(&mut buffer) {
                Ok(1..) => came = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return came,
            }
        }
    }
}

impl AsFd for Signal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
