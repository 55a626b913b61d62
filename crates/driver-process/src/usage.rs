//! What the processes of an engine use: as its control group tells, else as `/proc` does of all below its shim, wherever
//! they moved themselves.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::time::Duration;

use hearth_driver::EngineUsage;

use crate::cgroup::Group;
use crate::layout::UsedRecord;
use crate::process;

/// Clock ticks in a second, as `/proc` counts them: fixed by the kernel's interface (`USER_HZ`), not by its timer.
const TICKS: u64 = 100;

/// What one process has used.
struct Usage {
    parent: i32,
    /// Its own processor time, in ticks.
    own: u64,
    /// That of its children that have ended and were waited for, with theirs.
    ended: u64,
    /// Resident memory, in bytes.
    memory: u64,
}

/// What an engine under `shim` uses. Its group may not exist, or not count memory.
pub(crate) fn of(group: Option<&Group>, shim: i32) -> io::Result<Option<EngineUsage>> {
    let Some(used) = group.map(Group::usage).transpose()?.flatten() else { return below(shim) };
    let (memory, peak_memory) = match used.memory {
        Some(memory) => memory,
        None => below(shim)?.map_or((0, 0), |seen| (seen.memory, seen.peak_memory)),
    };
    Ok(Some(EngineUsage { cpu: used.cpu, memory, peak_memory }))
}

/// What an engine has used of which no process is left: by its group, else by what its shim, still there, has reaped.
pub(crate) fn ended(group: Option<&Group>, shim: Option<i32>) -> io::Result<Option<UsedRecord>> {
    if let Some(used) = group.map(Group::usage).transpose()?.flatten() {
        let peak_memory = used.memory.map_or(0, |(_, peak)| peak);
        return Ok(Some(UsedRecord { cpu: used.cpu, peak_memory }));
    }
    let seen = shim.map(below).transpose()?.flatten();
    Ok(seen.map(|seen| UsedRecord { cpu: seen.cpu, peak_memory: seen.peak_memory }))
}

/// What all processes below `shim` have used. The shim's own time is not the engine's; that of the children it has
/// outlived is.
pub(crate) fn below(shim: i32) -> io::Result<Option<EngineUsage>> {
    let mut all = HashMap::new();
    for pid in process::all()? {
        // One that ends meanwhile counts among its parent's ended children the next time.
        if let Some(usage) = usage_of(pid) {
            all.insert(pid, usage);
        }
    }
    let Some(top) = all.get(&shim) else { return Ok(None) };
    let (mut ticks, mut memory) = (top.ended, 0_u64);
    for (pid, usage) in &all {
        if *pid != shim && descends(*pid, shim, &all) {
            ticks = ticks.saturating_add(usage.own).saturating_add(usage.ended);
            memory = memory.saturating_add(usage.memory);
        }
    }
    let cpu = Duration::from_millis(ticks.saturating_mul(1000 / TICKS));
    Ok(Some(EngineUsage { cpu, memory, peak_memory: memory }))
}

fn descends(mut pid: i32, from: i32, all: &HashMap<i32, Usage>) -> bool {
    // The list is not of one moment, so it might have a circle: no chain is longer than the list.
    for _ in 0..all.len() {
        match all.get(&pid) {
            Some(usage) if usage.parent == from => return true,
            Some(usage) => pid = usage.parent,
            None => return false,
        }
    }
    false
}

fn usage_of(pid: i32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    parse(&stat, &status)
}

/// Fields are numbered as in proc(5); the state, after the closing parenthesis of the name, is the 3rd.
fn parse(stat: &str, status: &str) -> Option<Usage> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).and_then(|text| text.parse::<u64>().ok());
    // A process that has ended has no memory and no such line.
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes =
        resident.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0);
    Some(Usage {
        parent: fields.get(1)?.parse().ok()?,
        own: field(14)? + field(15)?,
        ended: field(16)? + field(17)?,
        memory: kibibytes * 1024,
    })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn times_and_memory_are_read_from_their_fields() {
        let stat = "12 (a) R 1 (b) S 7 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2";
        let usage = parse(stat, "Name:\ta\nVmRSS:\t    2048 kB\n").unwrap();
        assert_eq!((usage.parent, usage.own, usage.ended, usage.memory), (7, 11, 15, 2 << 20));
        assert_eq!(parse(stat, "Name:\ta\n").unwrap().memory, 0, "one that has ended");
        assert!(parse("no process", "").is_none());
    }

    #[test]
    fn what_descendants_use_counts_and_what_others_use_does_not() {
        let usage = |parent| Usage { parent, own: 0, ended: 0, memory: 0 };
        let all =
            HashMap::from([(1, usage(0)), (10, usage(1)), (11, usage(10)), (12, usage(11)), (20, usage(1))]);
        assert!(descends(11, 10, &all) && descends(12, 10, &all));
        assert!(!descends(20, 10, &all) && !descends(10, 10, &all) && !descends(99, 10, &all));
        let circle = HashMap::from([(1, usage(2)), (2, usage(1))]);
        assert!(!descends(1, 10, &circle));
    }

    #[test]
    fn a_child_of_this_process_is_seen_with_its_memory() {
        let mut child = Command::new("/bin/cat").stdin(Stdio::piped()).spawn().unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(below(own).unwrap().unwrap().memory > 0);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(below(i32::MAX).unwrap().is_none());
    }
}
