//! A process that is started before it is known which engine it will be.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;

use hearth_core::engine::{Becoming, EngineSpec};
use rustix::event::{PollFd, PollFlags, poll};

use super::launch::{Started, start};
use super::signals::Signals;
use crate::layout::{ENGINES_DIR_VARIABLE, FUTURE, passed_on};
use crate::spares::Kind;

/// The process, and what it is of.
pub(super) struct Spare {
    kind: Kind,
    process: Started,
    /// Where the driver says more.
    stdin: File,
}

impl Spare {
    /// Starts the one that the first line of standard input asks for.
    pub(super) fn start() -> io::Result<Self> {
        let mut stdin = File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
        let asked = line(&mut stdin)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let kind: Kind = serde_json::from_str(&asked)?;
        let mut env: BTreeMap<_, _> = passed_on().collect();
        env.insert(FUTURE.0.to_owned(), FUTURE.1.to_owned());
        env.insert(ENGINES_DIR_VARIABLE.to_owned(), kind.engines_dir.clone());
        let nothing = Becoming { args: kind.spare.args.clone(), env, dir: "/".into() };
        let mut process = start(&kind.program, &nothing, Stdio::piped(), None)?;
        let mut tell =
            || process.child.stdin.as_mut()?.write_all(format!("{}\n", kind.spare.input).as_bytes()).ok();
        tell().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { kind, process, stdin })
    }

    /// Waits for the directory of an engine. `None` once nobody will say one, or it is of no use.
    pub(super) fn wait_for_engine(&mut self, signals: &mut Signals) -> io::Result<Option<PathBuf>> {
        loop {
            let mut waited_for = [
                PollFd::new(&self.stdin, PollFlags::IN),
                PollFd::new(&signals.stop, PollFlags::IN),
                PollFd::new(&signals.child, PollFlags::IN),
            ];
            // Being interrupted does no harm.
            let _ = poll(&mut waited_for, None);
            if !waited_for[0].revents().is_empty() {
                return Ok(line(&mut self.stdin)?.map(PathBuf::from));
            }
            if signals.stop.came() || signals.child.came() {
                return Ok(None);
            }
        }
    }

    /// Whether it can become this engine.
    pub(super) fn fits(&self, spec: &EngineSpec) -> bool {
        spec.program == self.kind.program && spec.spare.as_ref() == Some(&self.kind.spare)
    }

    /// Makes it the engine, in the group that this is the entrance of. `None` if it has ended meanwhile.
    pub(super) fn become_engine(
        mut self,
        becoming: &Becoming,
        entrance: Option<&OwnedFd>,
    ) -> Option<Started> {
        if let Some(entrance) = entrance {
            // Refused where groups cannot be used; it runs all the same.
            let _ = rustix::io::write(entrance, self.process.child.id().to_string().as_bytes());
        }
        let line = format!("{}\n", serde_json::to_string(becoming).ok()?);
        self.process.child.stdin.take()?.write_all(line.as_bytes()).ok()?;
        Some(self.process)
    }
}

/// A line, without its end, and nothing of what follows it. `None` at the end.
fn line(from: &mut File) -> io::Result<Option<String>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while from.read(&mut byte)? > 0 {
        if byte == *b"\n" {
            return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
        }
        line.extend(byte);
    }
    Ok(None)
}
