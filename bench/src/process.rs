//! Processes: what they use, and ending them without leaving any.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

/// How long a process has between SIGTERM and SIGKILL. No figure depends on it.
const GRACE: Duration = Duration::from_secs(8);
/// How often it is looked whether a process has ended.
const POLL: Duration = Duration::from_millis(10);
/// Clock ticks a second in `/proc/PID/stat`: the same on every Linux that this builds for (`USER_HZ`).
const TICKS: u64 = 100;

/// What a process has in memory, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Its share: pages of its own, and of shared ones (the program text) an equal part for each that shares them.
    pub(crate) proportional: u64,
    /// All its pages, however many share them.
    pub(crate) resident: u64,
    /// The pages that would be free without it.
    pub(crate) private: u64,
}

impl Memory {
    /// Of a process now.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = std::fs::read_to_string(&path).with_context(|| format!("could not read {path}"))?;
        let sum = |names: &[&str]| -> u64 {
            text.lines()
                .filter_map(|line| line.split_once(':'))
                .filter(|(name, _)| names.contains(name))
                .filter_map(|(_, value)| value.trim().strip_suffix(" kB")?.parse::<u64>().ok())
                .sum::<u64>()
                * 1024
        };
        Ok(Self {
            proportional: sum(&["Pss"]),
            resident: sum(&["Rss"]),
            private: sum(&["Private_Clean", "Private_Dirty"]),
        })
    }
}

/// The most memory that a process has had at once since [`forget_peak`], in bytes resident.
pub(crate) fn peak(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("could not read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let size = line.and_then(|line| line.trim().strip_suffix(" kB")).context("a process has a peak")?;
    Ok(size.trim().parse::<u64>()? * 1024)
}

/// Lets the system look anew for the most memory that a process has.
pub(crate) fn forget_peak(pid: u32) -> anyhow::Result<()> {
    // 5 resets the peak, and nothing else (proc(5)).
    let path = format!("/proc/{pid}/clear_refs");
    std::fs::write(&path, "5").with_context(|| format!("could not write {path}"))
}

/// The processor time that a process and its threads have used so far.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("could not read {path}"))?;
    // The name, in parentheses, may have spaces; utime and stime are the 12th and 13th fields after it (proc(5)).
    let fields = text.rsplit_once(')').context("no process name")?.1;
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}

/// The processes that have to do with a directory: it is in their command line, or they work in it.
pub(crate) fn of_directory(directory: &Path) -> Vec<u32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let wanted = directory.as_os_str().as_encoded_bytes();
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let root = format!("/proc/{pid}");
            let named = std::fs::read(format!("{root}/cmdline"))
                .is_ok_and(|line| line.windows(wanted.len()).any(|part| part == wanted));
            named || std::fs::read_link(format!("{root}/cwd")).is_ok_and(|cwd| cwd.starts_with(directory))
        })
        .filter(|pid| *pid != std::process::id())
        .collect()
}

/// Whether a process is kept for engines of a state directory, as it shows in its environment (`core::engine::Spare`).
pub(crate) fn has_spare(state_dir: &Path) -> bool {
    let directory = [b"HEARTH_ENGINES_DIR=", state_dir.as_os_str().as_encoded_bytes()].concat();
    let has = |environment: &[u8], variable: &[u8]| {
        environment.split(|byte| *byte == 0).any(|entry| entry.starts_with(variable))
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut environments = processes.filter_map(|entry| std::fs::read(entry.path().join("environ")).ok());
    environments.any(|environment| has(&environment, &directory) && has(&environment, b"HEARTH_FUTURE="))
}

/// Asks every process of a directory to end, then makes it, and waits until none is left.
pub(crate) fn end_all(directory: &Path) {
    let deadline = Instant::now() + GRACE;
    let signal_all = |signal| of_directory(directory).into_iter().for_each(|pid| send(pid, signal));
    signal_all(Signal::TERM);
    while !of_directory(directory).is_empty() {
        if Instant::now() > deadline {
            signal_all(Signal::KILL);
        }
        if Instant::now() > deadline + GRACE {
            eprintln!("warning: processes of {} are left", directory.display());
            return;
        }
        std::thread::sleep(POLL);
    }
}

/// Asks a child to end, then makes it, and reaps it.
pub(crate) fn end(child: &mut Child) {
    let deadline = Instant::now() + GRACE;
    send(child.id(), Signal::TERM);
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() > deadline {
            // Fails only when it has just ended.
            let _ = child.kill();
        }
        std::thread::sleep(POLL);
    }
}

fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // One that is gone needs no signal.
        let _ = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_found_by_where_it_works_and_ended() {
        let scratch = tempfile::tempdir().unwrap();
        let mut child = Command::new("sleep").arg("600").current_dir(scratch.path()).spawn().unwrap();
        assert_eq!(of_directory(scratch.path()), [child.id()]);
        end(&mut child);
        assert!(of_directory(scratch.path()).is_empty());
    }

    #[test]
    fn this_process_has_memory_and_has_used_time() {
        let memory = Memory::of(std::process::id()).unwrap();
        assert!(memory.private > 0 && memory.private <= memory.proportional);
        assert!(memory.proportional <= memory.resident);
        assert!(cpu_time(std::process::id()).is_ok());
        forget_peak(std::process::id()).unwrap();
        assert!(peak(std::process::id()).unwrap() > 0);
    }
}
