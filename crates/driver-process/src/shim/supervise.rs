//! Watching over a running engine.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use hearth_core::Timestamp;
use hearth_core::engine::{Exit, ExitCause, ExitStatus, StopSignal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, getpid};

use super::launch::{Engine, launch};
use super::output::Output;
use super::signals::Signals;
use super::spare::Spare;
use super::tree::{self, Reaped};
use crate::cgroup::Group;
use crate::layout::{EngineDir, ListeningRecord, SpecRecord, StatusRecord};
use crate::log::LogWriter;
use crate::notify;
use crate::usage;

/// How long an engine has to end at its deadline before it is killed. Nobody is there to say; short, since the
/// deadline is the last resort.
const DEADLINE_GRACE: Duration = Duration::from_secs(5);

/// How long an engine has if the shim was asked to end it without a word on that: by a person or a machine that is
/// shut down, which itself waits 90 s at most as a rule.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// How long to sleep at most. The deadline is on the wall clock, which may be set.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// How soon to try again to write a status that could not be written.
const STATUS_RETRY: Duration = Duration::from_secs(1);

/// How much output to read before looking at signals again.
const READS: usize = 16;

/// How much to read once nobody of the engine can write any more: all that the largest pipe holds.
const READS_AT_THE_END: usize = 16;

/// How much to read at once: what a pipe holds as a rule.
const BUFFER: usize = 64 << 10;

/// Starts the engine and watches over it until all of it has ended.
pub(super) fn supervise(
    dir: &EngineDir,
    record: &SpecRecord,
    signals: Signals,
    spare: Option<Spare>,
) -> Exit {
    let never = |cause, line: &str| {
        let tail = vec![line.to_owned()];
        Exit { status: ExitStatus::NotStarted, cause, at: Timestamp::now(), tail }
    };
    let deadline = deadline(dir, record.spec.deadline);
    if let Ok(true) = dir.has_stop() {
        return never(ExitCause::Stopped, "asked to end before it was started");
    }
    if Timestamp::now() >= deadline {
        return never(ExitCause::Deadline, "its deadline passed before it was started");
    }
    let mut log = LogWriter::new(dir.path(), record.spec.log_limit);
    log.append(record.spec.log_head.as_bytes());
    let engine = match launch(dir, &record.spec, record.cgroup.as_ref(), spare) {
        Ok(engine) => engine,
        Err(reason) => {
            log.append(format!("{reason}\n").as_bytes());
            return never(ExitCause::Itself, &reason);
        }
    };
    let Engine { pid, group, output } = engine;
    let mut supervisor = Supervisor {
        dir,
        pid,
        group,
        stop_signal: match record.spec.stop_signal {
            StopSignal::Interrupt => Signal::INT,
            StopSignal::Terminate => Signal::TERM,
        },
        log,
        output: Output::new(&record.spec.port, record.spec.ui.as_ref()),
        pipe: Some(File::from(output)),
        buffer: vec![0; BUFFER],
        status: StatusRecord {
            placed_at: record.placed_at,
            engine_pid: pid.as_raw_nonzero().get(),
            process_up_at: Timestamp::now(),
            listening: None,
            stopping: false,
        },
        status_unwritten: true,
        deadline,
        stop: None,
        introduced: false,
    };
    supervisor.write_status();
    let status = supervisor.watch(signals);
    supervisor.finish(status)
}

struct Supervisor<'a> {
    dir: &'a EngineDir,
    pid: Pid,
    group: Option<Group>,
    stop_signal: Signal,
    log: LogWriter,
    output: Output,
    /// `None` once the engine has closed its end.
    pipe: Option<File>,
    buffer: Vec<u8>,
    status: StatusRecord,
    status_unwritten: bool,
    deadline: Timestamp,
    stop: Option<Stop>,
    introduced: bool,
}

/// A stop under way.
struct Stop {
    at_deadline: bool,
    kill_at: Instant,
    killed: bool,
}

impl Supervisor<'_> {
    /// Until the engine's own process has ended.
    fn watch(&mut self, mut signals: Signals) -> ExitStatus {
        loop {
            self.sleep(&signals);
            if signals.stop.came() {
                let grace = self.dir.stop().ok().flatten().map_or(DEFAULT_GRACE, |stop| stop.grace);
                self.begin_stop(grace, false);
            }
            if signals.deadline.came() {
                self.deadline = deadline(self.dir, self.deadline);
                self.be_introduced();
            }
            if Timestamp::now() >= self.deadline && self.stop.as_ref().is_none_or(|stop| !stop.at_deadline) {
                self.begin_stop(DEADLINE_GRACE, true);
            }
            if let Some(stop) = &mut self.stop
                && Instant::now() >= stop.kill_at
                && !stop.killed
            {
                stop.killed = true;
                if let Some(group) = &self.group {
                    group.kill();
                }
                // Whoever has left the group, too.
                tree::signal_group(self.pid, Signal::KILL);
                tree::kill_children();
            }
            self.read_output(READS);
            self.say_where_it_listens();
            if self.status_unwritten {
                self.write_status();
            }
            signals.child.came();
            let (engine, mut ended) = (self.pid, None);
            tree::reap(|pid, status| {
                if pid == engine {
                    ended = Some(status);
                }
            });
            if let Some(status) = ended {
                return status;
            }
        }
    }

    /// Takes down what the engine left running, and tells how it all ended.
    fn finish(mut self, status: ExitStatus) -> Exit {
        if let Reaped::SomeLive = tree::reap(|_, _| {}) {
            // This may take a while, and the engine is of no use any more.
            self.status.stopping = true;
            self.write_status();
            if let Some(group) = &self.group {
                group.kill();
            }
            tree::end_all();
        }
        self.say_what_was_used();
        self.read_output(READS_AT_THE_END);
        let cause = match self.stop {
            None => ExitCause::Itself,
            Some(Stop { at_deadline: true, .. }) => ExitCause::Deadline,
            Some(Stop { killed: true, .. }) => ExitCause::Killed,
            Some(Stop { killed: false, .. }) => ExitCause::Stopped,
        };
        Exit { status, cause, at: Timestamp::now(), tail: self.output.finish() }
    }

    /// Asks the engine to end, or, if it was asked already, sees to it that it gets no more than `grace` from now.
    fn begin_stop(&mut self, grace: Duration, at_deadline: bool) {
        let now = Instant::now();
        // A grace beyond what can be counted is as good as one of a hundred years.
        let kill_at = now.checked_add(grace).unwrap_or(now + Duration::from_secs(100 * 365 * 86_400));
        match &mut self.stop {
            Some(stop) => stop.kill_at = stop.kill_at.min(kill_at),
            None => {
                self.stop = Some(Stop { at_deadline, kill_at, killed: false });
                self.status.stopping = true;
                self.status_unwritten = true;
                tree::signal_group(self.pid, self.stop_signal);
            }
        }
    }

    fn read_output(&mut self, times: usize) {
        for _ in 0..times {
            let Some(pipe) = &mut self.pipe else { return };
            match pipe.read(&mut self.buffer) {
                Ok(0) => self.pipe = None,
                Ok(count) => {
                    self.log.append(&self.buffer[..count]);
                    self.output.feed(&self.buffer[..count]);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Says in the log whose the engine is from now on. Once: it never becomes another's.
    fn be_introduced(&mut self) {
        if !self.introduced
            && let Ok(Some(introduction)) = self.dir.introduction()
        {
            self.introduced = true;
            // What it wrote until now comes first.
            self.read_output(READS);
            self.log.append(format!("{}\n", introduction.log_line).as_bytes());
        }
    }

    fn say_where_it_listens(&mut self) {
        let ui = self.output.ui();
        match (&mut self.status.listening, self.output.endpoint()) {
            (None, Some(endpoint)) => {
                let (endpoint, ui) = (endpoint.clone(), ui.cloned());
                self.status.listening = Some(ListeningRecord { endpoint, ui, at: Timestamp::now() });
            }
            // A kernel's relay is there before the Spark that has the pages.
            (Some(listening), _) if listening.ui.is_none() && ui.is_some() => listening.ui = ui.cloned(),
            _ => return,
        }
        self.status_unwritten = true;
    }

    /// Once nothing of the engine is left. Best effort: the server has looked now and then.
    fn say_what_was_used(&self) {
        let own = getpid().as_raw_nonzero().get();
        if let Ok(Some(used)) = usage::ended(self.group.as_ref(), Some(own)) {
            let _ = self.dir.write_used(&used);
        }
        if let Some(group) = &self.group {
            let _ = group.remove();
        }
    }

    fn write_status(&mut self) {
        // It is tried again if it fails: the engine goes on.
        if self.dir.write_status(&self.status).is_ok() {
            self.status_unwritten = false;
            // Nobody listening is fine.
            let _ = notify::tell(self.dir.engines_dir(), self.dir.id());
        }
    }

    /// Until there is output, a signal, or something to do by the clock.
    fn sleep(&self, signals: &Signals) {
        let mut longest = LONGEST_SLEEP;
        if self.status_unwritten {
            longest = STATUS_RETRY;
        }
        match &self.stop {
            Some(stop) if !stop.killed => {
                longest = longest.min(stop.kill_at.saturating_duration_since(Instant::now()));
            }
            Some(_) => {}
            None => {
                let left = Duration::try_from(self.deadline.duration_since(Timestamp::now()));
                longest = longest.min(left.unwrap_or_default());
            }
        }
        // Rounded up to whole milliseconds, so that it is not just too early and then again and again.
        let longest = Duration::from_millis(u64::try_from(longest.as_millis()).unwrap_or(u64::MAX) + 1);
        let timeout = Timespec { tv_sec: longest.as_secs() as i64, tv_nsec: longest.subsec_nanos().into() };
        let mut waited_for = vec![
            PollFd::new(&signals.stop, PollFlags::IN),
            PollFd::new(&signals.deadline, PollFlags::IN),
            PollFd::new(&signals.child, PollFlags::IN),
        ];
        waited_for.extend(self.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        // Waking for no reason, or being interrupted, does no harm.
        let _ = poll(&mut waited_for, Some(&timeout));
    }
}

/// The deadline that was set last, or the one before if there is none or it cannot be read.
fn deadline(dir: &EngineDir, before: Timestamp) -> Timestamp {
    dir.deadline().ok().flatten().map_or(before, |record| record.deadline)
}
