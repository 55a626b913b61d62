//! Every process that the engine started. The kernel hands those whose parent ended to the shim, so in the end all of
//! them are its children, wherever they moved themselves.

use std::io;
use std::time::Duration;

use hearth_core::engine::ExitStatus;
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, kill_process_group, set_child_subreaper, wait,
};

use crate::process::children_of;

/// How long to wait at first, and at most, for killed processes to go. Those that take long hang in the kernel.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));

/// Makes this process the parent of every orphan below it.
pub(super) fn adopt_orphans() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// What came of looking after ended children.
pub(super) enum Reaped {
    /// Some children still live.
    SomeLive,
    /// There are no children.
    NoneLeft,
}

/// Takes note of every child that has ended; `each` gets those that did.
pub(super) fn reap(mut each: impl FnMut(Pid, ExitStatus)) -> Reaped {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => each(pid, exit_status(status)),
            Err(Errno::INTR) => {}
            Ok(None) => return Reaped::SomeLive,
            // There is no other error than that there is no child.
            Err(_) => return Reaped::NoneLeft,
        }
    }
}

/// Sends a signal to the engine's own group.
pub(super) fn signal_group(engine: Pid, signal: Signal) {
    // It has not been reaped yet, so the number is still its own; an empty group needs no signal.
    let _ = kill_process_group(engine, signal);
}

/// Kills the children of this process as they are now.
pub(super) fn kill_children() {
    for pid in children_of(getpid().as_raw_nonzero().get()).unwrap_or_default() {
        if let Some(pid) = Pid::from_raw(pid) {
            // A child that is not reaped keeps its number, so no other process can be hit.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Kills until there are no children, each time those that became children by the deaths before.
pub(super) fn end_all() {
    let (mut pause, longest) = PAUSE;
    while let Reaped::SomeLive = reap(|_, _| {}) {
        kill_children();
        std::thread::sleep(pause);
        pause = (pause * 2).min(longest);
    }
}

fn exit_status(status: WaitStatus) -> ExitStatus {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, Some(signal)) => ExitStatus::Signal(signal),
        (None, None) => ExitStatus::Unknown,
    }
}
