//! Starting the engine.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use hearth_core::engine::{Becoming, EngineSpec, WORK_DIR};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};

use super::spare::Spare;
use crate::cgroup::Group;
use crate::layout::{ENGINE_VARIABLE, ENGINES_DIR_VARIABLE, EngineDir, create_private_dir, passed_on};
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

/// Starts the engine, in this group if that is possible: the spare becomes it if there is one of its kind. The error is told
/// to people in place of a log.
pub(super) fn launch(
    dir: &EngineDir,
    spec: &EngineSpec,
    group: Option<&Group>,
    spare: Option<Spare>,
) -> Result<Engine, String> {
    let work = dir.work();
    let in_work = |error: io::Error| format!("could not prepare \"{}\": {error}", work.display());
    let work_text = work.to_str().ok_or("the path of the engines' directory is not valid UTF-8")?;
    let fill = |text: &str| text.replace(WORK_DIR, work_text);
    create_private_dir(&work).map_err(in_work)?;
    for (name, content) in &spec.files {
        write_file(&work, name, &fill(content)).map_err(in_work)?;
    }
    let mut env: BTreeMap<String, String> = passed_on().collect();
    env.extend(spec.env.iter().map(|(name, value)| (name.clone(), fill(value))));
    env.insert(ENGINE_VARIABLE.to_owned(), spec.id.to_string());
    env.insert(ENGINES_DIR_VARIABLE.to_owned(), dir.engines_dir().to_string_lossy().into_owned());
    let becoming = Becoming { args: spec.args.iter().map(|arg| fill(arg)).collect(), env, dir: work };

    // Without one, or where it cannot be made, the engine runs all the same.
    let entrance = group.and_then(|group| group.make().ok());
    let spare = spare.filter(|spare| spare.fits(spec));
    let started = match spare.and_then(|spare| spare.become_engine(&becoming, entrance.as_ref())) {
        Some(started) => Ok(started),
        None => start(&spec.program, &becoming, Stdio::null(), entrance),
    };
    let (pid, output) =
        started.and_then(|started| Ok((started.pid()?, started.output))).map_err(|error| {
            // Nothing came to be in it.
            let _ = group.map(Group::remove);
            format!("could not start \"{}\": {error}", spec.program.display())
        })?;
    let group = group.filter(|group| {
        let inside = group.has(pid.as_raw_nonzero().get());
        if !inside {
            // So that nobody takes it for the engine's.
            let _ = group.remove();
        }
        inside
    });
    Ok(Engine { pid, group: group.cloned(), output })
}

/// A process that dies with the shim.
pub(super) struct Started {
    pub(super) child: Child,
    /// Where its output arrives. Reading does not wait.
    pub(super) output: OwnedFd,
}

impl Started {
    pub(super) fn pid(&self) -> io::Result<Pid> {
        let number = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        number.ok_or_else(|| io::Error::other("it has no process id"))
    }
}

/// Starts a program, in the group that this is the entrance of.
pub(super) fn start(
    program: &Path,
    as_this: &Becoming,
    stdin: Stdio,
    entrance: Option<OwnedFd>,
) -> io::Result<Started> {
    let (output, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    // Only the reader: an engine does not expect that writing may fail because it must wait.
    rustix::io::ioctl_fionbio(&output, true)?;
    let mut command = Command::new(program);
    command.args(&as_this.args).env_clear().envs(&as_this.env).current_dir(&as_this.dir);
    command.stdin(stdin).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let shim = getpid();
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
    Ok(Started { child: command.spawn()?, output })
}
