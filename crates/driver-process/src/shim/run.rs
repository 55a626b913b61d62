//! From the start of the shim to its end, around the watching.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::Mode;
use rustix::process::{setsid, umask};
use rustix::stdio::dup2_stderr;

use super::signals::Signals;
use super::spare::Spare;
use super::supervise::supervise;
use super::tree;
use crate::layout::{EngineDir, ShimRecord};
use crate::lock::Lock;
use crate::notify;
use crate::process::ProcessIdentity;

/// How long a shim tries to get the lock. Drivers hold it for moments; another shim holds it for as long as it lives.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Watches over the engine of `engine_dir` until it has ended, and returns the exit code of this process.
///
/// Must be the first thing that a process of its own does: it closes every file that the process was given beyond
/// the standard three, becomes the leader of a session, and changes how signals are received.
pub fn main(engine_dir: &Path) -> i32 {
    exit_code(engine_dir, begin().and_then(|signals| go_on(engine_dir, signals, None)))
}

/// The exit code; what went wrong is said.
fn exit_code(engine_dir: &Path, result: io::Result<()>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(error) => {
            // The driver keeps this, and tells it if the engine never started.
            eprintln!("could not watch over the engine in \"{}\": {error}", engine_dir.display());
            1
        }
    }
}

/// Starts a process that gets ready for an engine, as the first line of standard input says; waits until the second one says
/// which engine that is, by the path of its directory, and goes on as [`main`]. Ends, and the process with it, when nothing is
/// said.
///
/// Must be the first thing that a process of its own does, as that.
pub fn main_of_spare() -> i32 {
    let wait = || {
        let mut signals = begin()?;
        let mut spare = Spare::start()?;
        Ok((spare.wait_for_engine(&mut signals)?, spare, signals))
    };
    match wait() {
        Ok((Some(engine_dir), spare, signals)) => {
            exit_code(&engine_dir, go_on(&engine_dir, signals, Some(spare)))
        }
        Ok((None, ..)) => 0,
        // Nobody reads why: an engine is started without it then.
        Err::<_, io::Error>(_) => 1,
    }
}

/// What is done before everything else.
fn begin() -> io::Result<Signals> {
    close_inherited()?;
    // Refused only to who leads a group already, as when started from a shell.
    let _ = setsid();
    umask(Mode::from_raw_mode(0o077));
    // Before the shim can be found, so that no signal meant for it kills it.
    Signals::register()
}

fn go_on(engine_dir: &Path, signals: Signals, spare: Option<Spare>) -> io::Result<()> {
    let dir = EngineDir::at(engine_dir)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the directory of an engine"))?;
    let Some(_lock) = Lock::take(&dir, LOCK_PATIENCE)? else { return Ok(()) };
    // One engine per directory, ever: where a shim has been before, only its end is still to be written down.
    if dir.has_exit()? || !matches!(dir.shim()?, ShimRecord::None) {
        return Ok(());
    }
    let Some(record) = dir.spec()? else { return Ok(()) };
    if spare.is_some() {
        // The driver knew the directory only now.
        dup2_stderr(dir.create_complaints()?)?;
    }
    tree::adopt_orphans()?;
    dir.write_shim(&ProcessIdentity::own()?)?;

    let exit = supervise(&dir, &record, signals, spare);
    if dir.write_exit(&exit).is_err() {
        // A full disk, most likely. The scratch directory is not needed any more.
        dir.remove_work()?;
        dir.write_exit(&exit)?;
    }
    // Nobody listening is fine.
    let _ = notify::tell(dir.engines_dir(), dir.id());
    dir.remove_work()
}

/// Closes what the server had open when it started this process, so that no engine holds it.
fn close_inherited() -> io::Result<()> {
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        open.extend(entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    // The one that the listing itself was read from is closed already.
    open.retain(|number| *number > 2 && fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok());
    for number in open {
        #[expect(unsafe_code, reason = "nothing in this process owns these files: it has only just started")]
        // SAFETY: `main` is documented to come first in its process, and these are open.
        unsafe {
            rustix::io::close(number);
        }
    }
    Ok(())
}
