//! Processes by number and start time, since numbers are used again.

use std::fs;
use std::io::{self, ErrorKind};
use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, waitpid};
use serde::{Deserialize, Serialize};

/// Tells a process from every other that has or had its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessIdentity {
    pid: i32,
    /// When it was started, in clock ticks since the machine was.
    started: u64,
    /// Which start of the machine that is.
    boot: String,
}

/// What `/proc/<pid>/stat` says of a process.
struct Stat {
    ended: bool,
    parent: i32,
    started: u64,
}

impl ProcessIdentity {
    /// The process that asks.
    pub(crate) fn own() -> io::Result<Self> {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        let stat = stat(pid)?.ok_or_else(|| io::Error::other("\"/proc\" does not show this process"))?;
        Ok(Self { pid, started: stat.started, boot: boot()?.to_owned() })
    }

    /// Its number, which is another's once it does not run.
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether it still runs. One that has ended is also reaped if it was a child of this process.
    pub(crate) fn lives(&self) -> io::Result<bool> {
        let Some(stat) = stat(self.pid)?.filter(|stat| stat.started == self.started) else {
            return Ok(false);
        };
        if *boot()? != self.boot {
            return Ok(false);
        }
        if stat.ended && stat.parent == rustix::process::getpid().as_raw_nonzero().get() {
            // It may be reaped elsewhere at the same time, which is as good.
            let _ = waitpid(Pid::from_raw(self.pid), WaitOptions::NOHANG);
        }
        Ok(!stat.ended)
    }

    /// Sends it a signal; `false` if it does not run any more. Never hits another process of the same number.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<bool> {
        signal_if(self.pid, signal, || self.lives())
    }
}

/// Sends a signal to process `pid` if, once it can no longer be mistaken for another, `check` holds.
pub(crate) fn signal_if(
    pid: i32,
    signal: Signal,
    check: impl FnOnce() -> io::Result<bool>,
) -> io::Result<bool> {
    let Some(number) = Pid::from_raw(pid) else { return Ok(false) };
    let handle = match pidfd_open(number, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(Errno::SRCH | Errno::INVAL) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    if !check()? {
        return Ok(false);
    }
    match pidfd_send_signal(&handle, signal) {
        Ok(()) => Ok(true),
        Err(Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The numbers of all processes that can be seen.
pub(crate) fn all() -> io::Result<Vec<i32>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc")? {
        // Entries that vanish while they are listed are processes that ended.
        let Ok(entry) = entry else { continue };
        if let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            pids.push(pid);
        }
    }
    Ok(pids)
}

/// The children of process `parent`, which must have one thread only.
pub(crate) fn children_of(parent: i32) -> io::Result<Vec<i32>> {
    match fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")) {
        Ok(list) => Ok(list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()),
        // A kernel without that list.
        Err(_) => {
            let mut children = Vec::new();
            for pid in all()? {
                if stat(pid)?.is_some_and(|stat| stat.parent == parent) {
                    children.push(pid);
                }
            }
            Ok(children)
        }
    }
}

/// A line of `/proc`; `None` if there is no such process.
fn stat(pid: i32) -> io::Result<Option<Stat>> {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(line) => parse_stat(&line).map(Some).ok_or_else(|| {
            io::Error::new(ErrorKind::InvalidData, format!("cannot read process {pid}: {line}"))
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Fields are numbered as in proc(5), where the state is the 3rd. A program's name, the 2nd, may hold anything, so
/// counting begins after its closing parenthesis.
fn parse_stat(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let started = fields.nth(22 - 5)?.parse().ok()?;
    Some(Stat { ended: matches!(state, "Z" | "X" | "x"), parent, started })
}

/// Which start of the machine this is. It cannot change while a process lives.
fn boot() -> io::Result<&'static str> {
    static BOOT: OnceLock<String> = OnceLock::new();
    if let Some(boot) = BOOT.get() {
        return Ok(boot);
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(BOOT.get_or_init(|| boot.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_of_its_number_from_another_time_does_not() {
        let own = ProcessIdentity::own().unwrap();
        assert!(own.lives().unwrap());
        let before = ProcessIdentity { started: own.started - 1, ..own.clone() };
        assert!(!before.lives().unwrap());
        assert!(!before.signal(Signal::KILL).unwrap(), "or this test would have ended");
        let last_boot = ProcessIdentity { boot: "another".to_owned(), ..own };
        assert!(!last_boot.lives().unwrap());
    }

    #[test]
    fn a_program_may_have_parentheses_and_spaces_in_its_name() {
        let line = "12 (a) R 1 (b) Z 7 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.ended, stat.parent, stat.started), (true, 7, 98765));
    }

    #[test]
    fn a_child_is_listed_and_seen_to_have_ended() {
        let mut child =
            std::process::Command::new("/bin/cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        // Tests have several threads, so the list of the main thread's children may be empty.
        assert!(all().unwrap().contains(&pid));
        let identity = ProcessIdentity {
            pid,
            started: stat(pid).unwrap().unwrap().started,
            boot: boot().unwrap().to_owned(),
        };
        assert!(identity.lives().unwrap());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!identity.lives().unwrap());
    }
}
