//! What the driver does to one engine, as blocking calls. All that is known is read from the engine's directory each
//! time; memory only adds which shims this process has started and which engines to keep an eye on.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::engine::{EngineSpec, Exit, ExitCause, ExitStatus, Introduction, Listening, Observed};
use hearth_core::id::EngineId;
use hearth_driver::{EngineUsage, LogChunk};
use rustix::process::Signal;

use crate::cgroup::{Cgroups, Group};
use crate::config::{ProcessDriverConfig, ShimCommand};
use crate::explain::explain;
use crate::layout::{
    DeadlineRecord, EngineDir, IntroductionRecord, ShimRecord, SpecRecord, StopRecord, UsedRecord,
    create_private_dir, gone_is_fine, passed_on,
};
use crate::lock::Lock;
use crate::log;
use crate::spares::Spares;
use crate::strays;
use crate::tail::Tail;
use crate::usage;
use crate::work;

/// How long to wait for a lock that is held for moments only: by a shim that comes up, or by another look.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);

/// How long to wait for a shim that has written down its engine's end to clear the scratch directory and go.
const CLEARING_PATIENCE: Duration = Duration::from_secs(5);

/// How much of a log is read for its last lines if the shim is not there to know them.
const TAIL_BYTES: u64 = 256 << 10;

/// What directories that are being removed are called, so that no half-removed one is taken for an engine's.
const REMOVED: &str = ".removed-";

/// The directory of all engines, and what this process knows beyond it.
#[derive(Debug)]
pub(crate) struct Place {
    engines_dir: PathBuf,
    shim: ShimCommand,
    /// Where engines get control groups, if they do.
    cgroups: Option<Cgroups>,
    spares: Spares,
    /// Shims that this process started and must reap.
    children: Mutex<HashMap<EngineId, Child>>,
    /// Engines that were alive when last looked at.
    watched: Mutex<HashSet<EngineId>>,
}

/// What there is of an engine.
enum Found {
    /// Nothing that was ever meant to run.
    Nothing,
    /// A spec, and nobody who would start it.
    Unstarted,
    /// A shim that was started and has not come so far as to say so.
    Coming,
    /// A shim that lives.
    Lives,
    /// What is left is being cleared away by someone else.
    Ending,
    /// Its end.
    Ended(Exit),
}

impl Place {
    /// The place at the directory of engines, which is made if missing.
    pub(crate) fn open(config: &ProcessDriverConfig) -> io::Result<Self> {
        let ProcessDriverConfig { engines_dir, shim, cgroups, spares_for, .. } = config;
        create_private_dir(engines_dir)?;
        // Absolute and without links, so that what engines carry in their environment stays comparable.
        let engines_dir = engines_dir.canonicalize()?;
        for entry in fs::read_dir(&engines_dir)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(REMOVED.as_bytes()) {
                gone_is_fine(fs::remove_dir_all(entry.path()))?;
            }
        }
        Ok(Self {
            engines_dir,
            shim: shim.clone(),
            cgroups: cgroups.clone(),
            spares: Spares::new(*spares_for),
            children: Mutex::default(),
            watched: Mutex::default(),
        })
    }

    pub(crate) fn engines_dir(&self) -> &Path {
        &self.engines_dir
    }

    pub(crate) fn ensure(&self, spec: &EngineSpec) -> io::Result<()> {
        let dir = self.dir(spec.id);
        match self.look(&dir)? {
            Found::Coming | Found::Lives | Found::Ending | Found::Ended(_) => Ok(()),
            Found::Nothing | Found::Unstarted => {
                let place = || {
                    dir.create()?;
                    let cgroup = self.cgroups.as_ref().map(|cgroups| cgroups.group(spec.id));
                    dir.write_spec_once(&SpecRecord {
                        placed_at: Timestamp::now(),
                        spec: spec.clone(),
                        cgroup,
                    })
                };
                place().map_err(|error| explain(error, dir.path()))?;
                self.start_shim(&dir, spec)?;
                lock(&self.watched).insert(spec.id);
                Ok(())
            }
        }
    }

    pub(crate) fn observe(&self, id: EngineId) -> io::Result<Observed> {
        let dir = self.dir(id);
        let found = self.look(&dir)?;
        if let Found::Coming | Found::Lives | Found::Ending = found {
            lock(&self.watched).insert(id);
        }
        Ok(match found {
            Found::Nothing | Found::Unstarted => Observed::Absent,
            Found::Ended(exit) => Observed::Exited(exit),
            Found::Ending => Observed::Stopping,
            Found::Coming if dir.has_stop()? => Observed::Stopping,
            Found::Coming => Observed::Starting,
            Found::Lives if dir.has_stop()? => Observed::Stopping,
            Found::Lives => match dir.status()? {
                Some(status) if status.stopping => Observed::Stopping,
                Some(status) => match status.listening {
                    Some(listening) => Observed::Listening(Listening {
                        endpoint: listening.endpoint,
                        ui: listening.ui,
                        placed_at: status.placed_at,
                        process_up_at: status.process_up_at,
                        listening_at: listening.at,
                    }),
                    None => Observed::Starting,
                },
                None => Observed::Starting,
            },
        })
    }

    pub(crate) fn stop(&self, id: EngineId, grace: Duration) -> io::Result<()> {
        let dir = self.dir(id);
        match self.look(&dir)? {
            Found::Ended(_) | Found::Ending => Ok(()),
            // Its directory was lost, by whatever means: there is no shim that could be asked.
            Found::Nothing => strays::end(&self.engines_dir, id),
            Found::Unstarted => {
                // For a shim that is about to come after all, started by a server that has died since.
                self.write_stop(&dir, grace)?;
                self.settle_unstarted(&dir, ExitCause::Stopped, "asked to end before it was started")
            }
            Found::Coming | Found::Lives => {
                let written = self.write_stop(&dir, grace);
                // Written or not, it is asked to end; without a word on the grace it has one of its own.
                self.wake_shim(&dir, Signal::TERM)?;
                written
            }
        }
    }

    pub(crate) fn set_deadline(&self, id: EngineId, deadline: Timestamp) -> io::Result<()> {
        let dir = self.dir(id);
        match self.look(&dir)? {
            Found::Nothing | Found::Ended(_) | Found::Ending => Ok(()),
            Found::Unstarted | Found::Coming | Found::Lives => {
                dir.write_deadline(&DeadlineRecord { deadline })
                    .map_err(|error| explain(error, dir.path()))?;
                self.wake_shim(&dir, Signal::HUP)
            }
        }
    }

    pub(crate) fn introduce(&self, id: EngineId, introduction: &Introduction) -> io::Result<()> {
        let dir = self.dir(id);
        match self.look(&dir)? {
            Found::Nothing | Found::Ended(_) | Found::Ending | Found::Unstarted => Ok(()),
            Found::Coming | Found::Lives => {
                let write = || {
                    for (name, content) in &introduction.files {
                        work::write_file(&dir.work(), name, content)?;
                    }
                    dir.write_introduction(&IntroductionRecord { log_line: introduction.log_line.clone() })
                };
                write().map_err(|error| explain(error, dir.path()))?;
                // The same signal as for a deadline: look at what is written down.
                self.wake_shim(&dir, Signal::HUP)
            }
        }
    }

    /// `false` if it still runs.
    pub(crate) fn remove(&self, id: EngineId) -> io::Result<bool> {
        let dir = self.dir(id);
        match self.look(&dir)? {
            Found::Coming | Found::Lives | Found::Ending => return Ok(false),
            Found::Nothing if !dir.exists()? => return Ok(!strays::any(&self.engines_dir, id)?),
            Found::Nothing | Found::Unstarted | Found::Ended(_) => {}
        }
        let held = match Lock::take(&dir, CLEARING_PATIENCE) {
            Ok(held) => held,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(explain(error, dir.path())),
        };
        if held.is_none() {
            let why = "its supervisor is still clearing its scratch directory";
            return Err(io::Error::new(ErrorKind::TimedOut, why));
        }
        // In one step, so that whoever looks finds all of it or nothing.
        let removed = self.engines_dir.join(format!("{REMOVED}{id}"));
        let remove = || {
            gone_is_fine(fs::remove_dir_all(&removed))?;
            fs::rename(dir.path(), &removed)?;
            fs::remove_dir_all(&removed)
        };
        remove().map_err(|error| explain(error, dir.path()))?;
        lock(&self.watched).remove(&id);
        Ok(true)
    }

    /// Every engine that has a directory or a process.
    pub(crate) fn engines(&self) -> io::Result<Vec<EngineId>> {
        let mut ids = strays::engines(&self.engines_dir)?;
        for entry in fs::read_dir(&self.engines_dir)? {
            ids.extend(EngineDir::at(&entry?.path()).map(|dir| dir.id()));
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    pub(crate) fn log(&self, id: EngineId, offset: u64, limit: usize) -> io::Result<LogChunk> {
        log::read(self.dir(id).path(), offset, limit)
    }

    pub(crate) fn usage(&self, id: EngineId) -> io::Result<Option<EngineUsage>> {
        let dir = self.dir(id);
        let live = match dir.shim()? {
            ShimRecord::Known(shim) if shim.lives()? => {
                usage::of(dir.spec()?.and_then(|record| record.cgroup).as_ref(), shim.pid())?
            }
            _ => None,
        };
        // Looked for last: it is written before the group goes, and `/proc` counts less finely than the group did.
        let ended =
            |used: UsedRecord| EngineUsage { cpu: used.cpu, memory: 0, peak_memory: used.peak_memory };
        Ok(dir.used()?.map(ended).or(live))
    }

    /// Reaps shims of this process that have ended, and says whose they were.
    pub(crate) fn reap(&self) -> Vec<EngineId> {
        let mut ended = Vec::new();
        // A child remembers its status, so what is reaped here is still there for `look`.
        lock(&self.children).retain(|id, child| match child.try_wait() {
            Ok(None) => true,
            Ok(Some(_)) | Err(_) => {
                ended.push(*id);
                let dir = self.dir(*id);
                // One that said how its engine ended, or whose directory is gone, has nothing more to tell.
                !matches!((dir.exists(), dir.has_exit()), (Ok(false), _) | (_, Ok(true)))
            }
        });
        ended
    }

    /// The watched engines that are worth looking at again.
    pub(crate) fn scan(&self) -> Vec<EngineId> {
        let watched: Vec<EngineId> = lock(&self.watched).iter().copied().collect();
        let mut worth = Vec::new();
        for id in watched {
            let dir = self.dir(id);
            if let (Ok(false), _) | (_, Ok(true)) = (dir.exists(), dir.has_exit()) {
                lock(&self.watched).remove(&id);
                worth.push(id);
            } else if let Ok(ShimRecord::Known(shim)) = dir.shim()
                && !matches!(shim.lives(), Ok(true))
            {
                // Watched on until its end is written down.
                worth.push(id);
            }
        }
        worth
    }

    /// Looks after what is ready for engines to come.
    pub(crate) fn tend_spares(&self) {
        self.spares.tend(&self.shim);
    }

    fn dir(&self, id: EngineId) -> EngineDir {
        EngineDir::new(&self.engines_dir, id)
    }

    fn look(&self, dir: &EngineDir) -> io::Result<Found> {
        if let Some(exit) = dir.exit()? {
            return Ok(Found::Ended(exit));
        }
        match dir.shim()? {
            ShimRecord::Known(shim) if shim.lives()? => return Ok(Found::Lives),
            ShimRecord::Known(_) | ShimRecord::Lost => return self.settle_dead(dir),
            ShimRecord::None if !dir.has_spec()? => return Ok(Found::Nothing),
            ShimRecord::None => {}
        }
        let ended = {
            let mut children = lock(&self.children);
            match children.get_mut(&dir.id()) {
                None => return Ok(Found::Unstarted),
                Some(child) => match child.try_wait()? {
                    None => return Ok(Found::Coming),
                    Some(status) => {
                        children.remove(&dir.id());
                        status
                    }
                },
            }
        };
        // It may have said something between the look at its directory and its end, or left the engine to another.
        let reason = format!(
            "the supervisor \"{}\" ended with {ended} before it had started the engine\n{}",
            self.shim.program.display(),
            dir.complaints()?
        );
        self.settle_unstarted(dir, ExitCause::Itself, &reason)?;
        match dir.exit()? {
            Some(exit) => Ok(Found::Ended(exit)),
            None => Ok(Found::Coming),
        }
    }

    /// Clears up after a shim that ended without a word, and says so in its place.
    fn settle_dead(&self, dir: &EngineDir) -> io::Result<Found> {
        // Held so that a shim that comes late finds the exit, and not something to start.
        let Some(_lock) = Lock::take(dir, LOCK_PATIENCE)? else { return Ok(Found::Ending) };
        // It may have ended as it should, after the look at its directory.
        if let Some(exit) = dir.exit()? {
            return Ok(Found::Ended(exit));
        }
        let group = dir.spec().ok().flatten().and_then(|record| record.cgroup);
        if let Some(group) = &group {
            group.kill();
        }
        strays::end(&self.engines_dir, dir.id())?;
        if let Some(group) = &group {
            // As the shim would have done.
            if let Ok(Some(usage)) = usage::ended(Some(group), None) {
                dir.write_used(&usage)?;
            }
            leave(dir, group);
        }
        let mut tail = Tail::default();
        tail.feed(&log::last(dir.path(), TAIL_BYTES)?, |_| {});
        let exit = Exit {
            status: ExitStatus::Unknown,
            cause: if dir.has_stop()? { ExitCause::Killed } else { ExitCause::Itself },
            at: Timestamp::now(),
            tail: tail.finish(),
        };
        dir.write_exit(&exit).map_err(|error| explain(error, dir.path()))?;
        dir.remove_work()?;
        tracing::warn!(engine = %dir.id(), "the supervisor of an engine was killed; what was left is cleared away");
        Ok(Found::Ended(exit))
    }

    /// Writes down that nothing will be started, unless something was or is about to be.
    fn settle_unstarted(&self, dir: &EngineDir, cause: ExitCause, reason: &str) -> io::Result<()> {
        let Some(_lock) = Lock::take(dir, LOCK_PATIENCE)? else {
            // A shim of another server has just taken it. What it is to do is asked again by the next pass.
            return Ok(());
        };
        if dir.has_exit()? || !matches!(dir.shim()?, ShimRecord::None) {
            return Ok(());
        }
        let mut tail = Tail::default();
        tail.feed(reason.as_bytes(), |_| {});
        let (at, tail) = (Timestamp::now(), tail.finish());
        let exit = Exit { status: ExitStatus::NotStarted, cause, at, tail };
        dir.write_exit(&exit).map_err(|error| explain(error, dir.path()))
    }

    fn write_stop(&self, dir: &EngineDir, grace: Duration) -> io::Result<()> {
        dir.write_stop(&StopRecord { requested_at: Timestamp::now(), grace })
            .map_err(|error| explain(error, dir.path()))
    }

    /// Tells the shim, if there is one yet, to read its files again. One that comes later reads them anyway.
    fn wake_shim(&self, dir: &EngineDir, signal: Signal) -> io::Result<()> {
        if let ShimRecord::Known(shim) = dir.shim()? {
            shim.signal(signal)?;
        }
        Ok(())
    }

    fn start_shim(&self, dir: &EngineDir, spec: &EngineSpec) -> io::Result<()> {
        let mut command = Command::new(&self.shim.program);
        command.args(&self.shim.args).arg(dir.path()).current_dir("/");
        command.env_clear().envs(passed_on());
        let complaints = dir.create_complaints().map_err(|error| explain(error, dir.path()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(complaints);
        // Under the lock, so that of two calls at once only one starts a shim and no child is forgotten.
        let mut children = lock(&self.children);
        if let Some(child) = children.get_mut(&dir.id())
            && child.try_wait()?.is_none()
        {
            return Ok(());
        }
        let child = match self.spares.take(spec, dir) {
            Some(spare) => spare,
            None => command.spawn().map_err(|error| explain(error, &self.shim.program))?,
        };
        children.insert(dir.id(), child);
        Ok(())
    }
}

/// Removes the group of an engine that has ended. One that stays costs nothing but its name.
fn leave(dir: &EngineDir, group: &Group) {
    if let Err(error) = group.remove() {
        tracing::warn!(engine = %dir.id(), %error, "could not remove a control group");
    }
}

/// A panic elsewhere leaves these collections whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
