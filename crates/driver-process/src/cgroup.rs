//! Control groups (version 2): one for each engine, where this user may make them. A group knows exactly what all that
//! was ever in it has used, and ends all of it in one step, however its processes detached themselves.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hearth_core::id::EngineId;
use rustix::fs::{Access, Mode, OFlags, access, getxattr, open};
use serde::{Deserialize, Serialize};

use crate::layout::gone_is_fine;

/// The marks that systemd puts on the top of a tree that it leaves to someone else (`Delegate=yes`).
const DELEGATED: [&str; 2] = ["user.delegate", "trusted.delegate"];

/// A place in the tree of control groups below which engines can have groups of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroups {
    dir: PathBuf,
    memory: bool,
}

/// Why engines have no control groups, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoCgroups(String);

/// An engine's group, which need not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Group {
    path: PathBuf,
}

/// What all that was in a group has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupUsage {
    pub(crate) cpu: Duration,
    /// Memory now and at its highest, in bytes; `None` where the memory controller does not count for the group.
    pub(crate) memory: Option<(u64, u64)>,
}

impl Cgroups {
    /// The place for engines of this process: the group it is in, or the one above, whichever was left to this user.
    /// Lets memory be counted for groups in it where that is possible.
    ///
    /// # Errors
    /// When there is none; what engines use is then read from `/proc`, which is less exact.
    pub fn find() -> Result<Self, NoCgroups> {
        let read = |path: &str| {
            fs::read_to_string(path).map_err(|error| NoCgroups(format!("could not read \"{path}\": {error}")))
        };
        let (own, top) = own_group(&read("/proc/self/cgroup")?, &read("/proc/self/mountinfo")?)
            .ok_or_else(|| NoCgroups("this machine has no control groups of version 2".to_owned()))?;
        // Above first: where the service is in a group of its own below a delegated one, memory can be counted.
        let above = own.parent().filter(|_| own != top).filter(|above| delegated(above));
        let dir = match above {
            Some(above) => above,
            None if own == top || delegated(&own) => &own,
            None => {
                let text =
                    format!("the control group \"{}\" is not delegated to this process", own.display());
                return Err(NoCgroups(text));
            }
        };
        Self::at(dir)
    }

    /// The place in `dir`.
    ///
    /// # Errors
    /// When this user cannot make groups in it.
    pub fn at(dir: &Path) -> Result<Self, NoCgroups> {
        for path in [dir.to_owned(), dir.join("cgroup.procs")] {
            access(&path, Access::WRITE_OK)
                .map_err(|error| NoCgroups(format!("cannot write to \"{}\": {error}", path.display())))?;
        }
        let control = dir.join("cgroup.subtree_control");
        // Refused where the controller is not there, or processes are in the group itself.
        let _ = fs::write(&control, "+memory");
        let controllers = fs::read_to_string(&control).unwrap_or_default();
        let memory = controllers.split_whitespace().any(|name| name == "memory");
        Ok(Self { dir: dir.to_owned(), memory })
    }

    /// The group of an engine.
    pub(crate) fn group(&self, id: EngineId) -> Group {
        Group { path: self.dir.join(format!("hearth-{id}")) }
    }
}

/// How engines are measured by it.
impl fmt::Display for Cgroups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = if self.memory { "and memory" } else { "alone, and memory by /proc" };
        write!(f, "control groups in {} (processor time {memory})", self.dir.display())
    }
}

impl Group {
    /// Makes the group, and returns where a process writes `0` to move itself into it.
    pub(crate) fn make(&self) -> io::Result<OwnedFd> {
        match fs::create_dir(&self.path) {
            // Left by a shim that died before it had started anything.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
        Ok(open(self.path.join("cgroup.procs"), OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?)
    }

    /// Whether a process, which may have ended but not been reaped, is in the group.
    pub(crate) fn has(&self, pid: i32) -> bool {
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let own = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
        // The paths differ by where the tree is mounted; the name is the engine's alone.
        Path::new(own).file_name() == self.path.file_name() && self.path.file_name().is_some()
    }

    /// What was used in it so far; `None` if it is not there.
    pub(crate) fn usage(&self) -> io::Result<Option<GroupUsage>> {
        let stat = match fs::read_to_string(self.path.join("cpu.stat")) {
            Ok(stat) => stat,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // As it is removed.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NODEV.raw_os_error()) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let number = |name| fs::read_to_string(self.path.join(name)).ok()?.trim().parse::<u64>().ok();
        let memory = number("memory.current").map(|now| (now, number("memory.peak").unwrap_or(now).max(now)));
        Ok(processor_time(&stat).map(|cpu| GroupUsage { cpu, memory }))
    }

    /// Kills all that is in it, now and at once. A kernel that cannot (before 5.14) leaves it to whoever looks for
    /// processes one by one.
    pub(crate) fn kill(&self) {
        let _ = fs::write(self.path.join("cgroup.kill"), "1");
    }

    /// Removes it, once nothing is in it any more. One that is not there is fine.
    pub(crate) fn remove(&self) -> io::Result<()> {
        gone_is_fine(fs::remove_dir(&self.path))
    }
}

/// The line `usage_usec` of a group's `cpu.stat`.
fn processor_time(stat: &str) -> Option<Duration> {
    let micros = stat.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
    Some(Duration::from_micros(micros.trim().parse().ok()?))
}

/// Where the group of a process is, by `/proc/PID/cgroup` and `/proc/PID/mountinfo`, and where the tree begins that can
/// be seen.
fn own_group(groups: &str, mounts: &str) -> Option<(PathBuf, PathBuf)> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        // proc_pid_mountinfo(5): root and mount point are the 4th and 5th field, the type follows a lone hyphen.
        let (fields, rest) = line.split_once(" - ")?;
        let mut fields = fields.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        if rest.split(' ').next() != Some("cgroup2") {
            return None;
        }
        // A group outside of what is mounted here cannot be reached.
        let below = Path::new(path).strip_prefix(root).ok()?;
        let inside = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        let top = PathBuf::from(point);
        inside.then(|| (top.join(below).components().collect(), top))
    })
}

fn delegated(dir: &Path) -> bool {
    DELEGATED.iter().any(|mark| {
        let mut value = [0_u8; 8];
        getxattr(dir, *mark, &mut value).is_ok_and(|length| value[..length] == *b"1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
30 22 0:26 / /sys/fs/cgroup rw,nosuid - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 30 0:28 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw
";
    const BOUND: &str = "32 30 0:28 /docker/abc /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n";

    #[test]
    fn the_own_group_is_found_below_where_the_tree_is_mounted() {
        let found = |groups: &str, mounts| {
            let (own, top) = own_group(groups, mounts)?;
            Some((own.to_str()?.to_owned(), top.to_str()?.to_owned()))
        };
        let both = |own: &str, top: &str| Some((own.to_owned(), top.to_owned()));
        let unified = "/sys/fs/cgroup/unified";
        assert_eq!(found("4:memory:/x\n0::/\n", HYBRID), both(unified, unified));
        let service = format!("{unified}/system.slice/hearth.service");
        assert_eq!(found("0::/system.slice/hearth.service\n", HYBRID), both(&service, unified));
        assert_eq!(found("0::/docker/abc/own\n", BOUND), both("/sys/fs/cgroup/own", "/sys/fs/cgroup"));
        assert_eq!(found("0::/docker/other\n", BOUND), None, "not what is mounted");
        assert_eq!(found("0::/../elsewhere\n", HYBRID), None, "outside of the namespace");
        assert_eq!(found("4:memory:/x\n", HYBRID), None, "no version 2");
        assert_eq!(found("0::/\n", ""), None);
    }

    #[test]
    fn processor_time_is_in_its_line() {
        let stat = "usage_usec 1234567\nuser_usec 1000000\nsystem_usec 234567\n";
        assert_eq!(processor_time(stat), Some(Duration::from_micros(1_234_567)));
        assert_eq!(processor_time("user_usec 5\n"), None);
    }

    #[test]
    fn a_directory_that_is_no_group_is_refused_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let error = Cgroups::at(dir.path()).unwrap_err().to_string();
        assert!(error.contains("cgroup.procs"), "{error}");
        let group = Group { path: dir.path().join("hearth-none") };
        assert_eq!(group.usage().unwrap(), None);
        assert!(!group.has(i32::try_from(std::process::id()).unwrap()));
        group.kill();
        group.remove().unwrap();
    }
}
