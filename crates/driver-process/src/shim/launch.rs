//! Starting the engine.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use hearth_core::engine::{EngineSpec, WORK_DIR};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};

use crate::cgroup::Group;
use crate::layout::{ENGINE_VARIABLE, ENGINES_DIR_VARIABLE, EngineDir, PASSED_ON, create_private_dir};
use crate::work::write_file;

/// A started engine.
pub(super) struct Engine {
    /// Its process, which leads a group of its own.
    pub(super) pid: Pid,
    /// The control group that it is in.
    pub(super) group: Option<Group>,
    /// Where its output arrives. Reading does not wait.
    pub(super) output: OwnedFd,
}

/// Starts the engine, in this group if that is possible. The error is told to people in place of a log.
pub(super) fn launch(dir: &EngineDir, spec: &EngineSpec, group: Option<&Group>) -> Result<Engine, String> {
    let work = dir.work();
    let in_work = |error: io::Error| format!("could not prepare \"{}\": {error}", work.display());
    let work_text = work.to_str().ok_or("the path of the engines' directory is not valid UTF-8")?;
    let fill = |text: &str| text.replace(WORK_DIR, work_text);
    create_private_dir(&work).map_err(in_work)?;
    for (name, content) in &spec.files {
        write_file(&work, name, &fill(content)).map_err(in_work)?;
    }

    let plumbing = |error: Errno| format!("could not make a pipe for the log: {error}");
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).map_err(plumbing)?;
    // Only the reader: an engine does not expect that writing may fail because it must wait.
    rustix::io::ioctl_fionbio(&reader, true).map_err(plumbing)?;
    let second = writer.try_clone().map_err(|error| format!("could not make a pipe for the log: {error}"))?;

    let mut command = Command::new(&spec.program);
    command.args(spec.args.iter().map(|arg| fill(arg)));
    command.env_clear();
    command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.envs(spec.env.iter().map(|(name, value)| (name, fill(value))));
    command.env(ENGINE_VARIABLE, spec.id.to_string()).env(ENGINES_DIR_VARIABLE, dir.engines_dir());
    command.current_dir(&work).stdin(Stdio::null()).stdout(writer).stderr(second).process_group(0);
    let shim = getpid();
    // Without one, or where it cannot be made, the engine runs all the same.
    let entrance = group.and_then(|group| group.make().ok());
    let die_with_the_shim = move || {
        if let Some(entrance) = &entrance {
            let _ = rustix::io::write(entrance, b"0");
        }
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // If the shim is gone already nobody would send that signal.
        if getppid() == Some(shim) { Ok(()) } else { Err(io::Error::from(Errno::SRCH)) }
    };
    #[expect(unsafe_code, reason = "only the new process itself can ask to be killed with its parent")]
    // SAFETY: between fork and exec only what is safe in a signal handler may be done. These are bare system calls
    // and take no lock and no memory.
    unsafe {
        command.pre_exec(die_with_the_shim);
    }
    let child = command.spawn().map_err(|error| {
        // Nothing came to be in it.
        let _ = group.map(Group::remove);
        format!("could not start \"{}\": {error}", spec.program.display())
    })?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or("the engine has no process id")?;
    let group = group.filter(|group| {
        let inside = group.has(pid.as_raw_nonzero().get());
        if !inside {
            // So that nobody takes it for the engine's.
            let _ = group.remove();
        }
        inside
    });
    Ok(Engine { pid, group: group.cloned(), output: reader })
}
