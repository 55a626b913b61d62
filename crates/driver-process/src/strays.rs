//! Processes of engines found by what they carry in their environment: those that a killed shim left behind, and
//! those whose directory was lost.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use hearth_core::id::EngineId;
use rustix::process::Signal;

use crate::layout::{ENGINE_VARIABLE, ENGINES_DIR_VARIABLE};
use crate::process;

/// How long killed processes may take to go. One that takes longer hangs in the kernel.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// The engines under `engines_dir` of which a process lives, each once.
pub(crate) fn engines(engines_dir: &Path) -> io::Result<Vec<EngineId>> {
    let mut found: Vec<EngineId> =
        process::all()?.into_iter().filter_map(|pid| engine_of(pid, engines_dir)).collect();
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Whether a process of the engine lives.
pub(crate) fn any(engines_dir: &Path, id: EngineId) -> io::Result<bool> {
    Ok(process::all()?.into_iter().any(|pid| engine_of(pid, engines_dir) == Some(id)))
}

/// Kills every process of the engine and returns when none is left.
///
/// # Errors
/// Timed out if some will not go.
pub(crate) fn end(engines_dir: &Path, id: EngineId) -> io::Result<()> {
    let give_up_at = Instant::now() + PATIENCE;
    loop {
        let mut left = false;
        for pid in process::all()? {
            if engine_of(pid, engines_dir) == Some(id) {
                left = true;
                process::signal_if(pid, Signal::KILL, || Ok(engine_of(pid, engines_dir) == Some(id)))?;
            }
        }
        if !left {
            return Ok(());
        }
        if Instant::now() >= give_up_at {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!(
                    "processes that carry {ENGINE_VARIABLE}={id} in their environment do not end when killed"
                ),
            ));
        }
        std::thread::sleep(PAUSE);
    }
}

/// The engine under `engines_dir` that process `pid` belongs to. Processes that ended, or are another user's, belong
/// to none.
fn engine_of(pid: i32, engines_dir: &Path) -> Option<EngineId> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let value = |name: &str| {
        environment
            .split(|byte| *byte == 0)
            .find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    };
    let dir = value(ENGINES_DIR_VARIABLE)?;
    if dir != engines_dir.as_os_str().as_encoded_bytes() {
        return None;
    }
    std::str::from_utf8(value(ENGINE_VARIABLE)?).ok()?.parse().ok()
}
