//! Spares: at most one shim that waits, with a process that is ready to become an engine of the kind that was started last.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hearth_core::engine::{EngineSpec, Spare};
use serde::{Deserialize, Serialize};

use crate::config::ShimCommand;
use crate::layout::{EngineDir, passed_on};

/// How long after an engine's start the next spare is started, so that the engine has the processors to itself.
const AFTER: Duration = Duration::from_secs(2);

/// The flag that makes a shim one of a spare, which it is told of on its standard input.
const FLAG: &str = "--spare";

/// The spare there is, and the one that is wanted.
#[derive(Debug)]
pub(crate) struct Spares {
    /// How long after the last engine of its kind a spare is kept.
    kept: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    wanted: Option<Wanted>,
    ready: Option<Ready>,
}

#[derive(Debug)]
struct Wanted {
    kind: Kind,
    since: Instant,
}

#[derive(Debug)]
struct Ready {
    kind: Kind,
    shim: Child,
}

/// What a spare is of: it can become engines with this program that ask for this spare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kind {
    pub(crate) program: PathBuf,
    pub(crate) spare: Spare,
    pub(crate) engines_dir: String,
}

impl Spares {
    /// None yet. They are kept for so long after the last engine of their kind.
    pub(crate) fn new(kept: Duration) -> Self {
        Self { kept, state: Mutex::default() }
    }

    /// The shim of a spare for this engine, which it was told of. One more is wanted from now on.
    pub(crate) fn take(&self, spec: &EngineSpec, dir: &EngineDir) -> Option<Child> {
        let spare = spec.spare.clone()?;
        let engines_dir = dir.engines_dir().to_str()?.to_owned();
        let kind = Kind { program: spec.program.clone(), spare, engines_dir };
        let ready = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let ready = state.ready.take_if(|ready| ready.kind == kind);
            state.wanted = Some(Wanted { kind, since: Instant::now() });
            ready
        };
        let mut shim = ready?.shim;
        if let Ok(None) = shim.try_wait()
            && tell(shim.stdin.take(), dir.path().to_str()).is_ok()
        {
            return Some(shim);
        }
        end(shim);
        None
    }

    /// Starts the spare that is wanted, and ends one that is not. To be called now and then.
    pub(crate) fn tend(&self, command: &ShimCommand) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { wanted, ready } = &mut *state;
        if let Some(ended) = ready.take_if(|ready| !matches!(ready.shim.try_wait(), Ok(None))) {
            // It did not work. Another one is tried with the next engine.
            wanted.take_if(|wanted| wanted.kind == ended.kind);
        }
        wanted.take_if(|wanted| wanted.since.elapsed() >= self.kept);
        let kind = wanted.as_ref().map(|wanted| &wanted.kind);
        if let Some(other) = ready.take_if(|ready| Some(&ready.kind) != kind) {
            end(other.shim);
        }
        if let (None, Some(Wanted { kind, since })) = (&ready, &wanted)
            && since.elapsed() > AFTER
        {
            match start(command, kind) {
                Ok(shim) => *ready = Some(Ready { kind: kind.clone(), shim }),
                Err(error) => {
                    tracing::debug!(%error, program = %kind.program.display(), "could not start a spare process");
                    *wanted = None;
                }
            }
        }
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = state.ready.take() {
            end(ready.shim);
        }
    }
}

fn start(command: &ShimCommand, kind: &Kind) -> io::Result<Child> {
    let mut shim = Command::new(&command.program);
    shim.args(&command.args).arg(FLAG).current_dir("/").env_clear().envs(passed_on());
    let mut shim = shim.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let asked = serde_json::to_string(kind)?;
    if let Err(error) = tell(shim.stdin.as_mut(), Some(&asked)) {
        end(shim);
        return Err(error);
    }
    Ok(shim)
}

/// Says a line to a shim.
fn tell(shim: Option<impl io::Write>, line: Option<&str>) -> io::Result<()> {
    let line = line.filter(|line| !line.contains('\n')).ok_or(io::ErrorKind::InvalidInput)?;
    shim.ok_or(io::ErrorKind::BrokenPipe)?.write_all(format!("{line}\n").as_bytes())
}

/// Ends a spare that nobody needs: nothing more will be said to it.
fn end(mut shim: Child) {
    drop(shim.stdin.take());
    // It ends at once, and its process with it.
    let _ = shim.wait();
}
