//! The tool `uv`: found on this machine or installed, and run.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::disk;
use crate::error::InstallError;
use crate::lock::Lock;
use crate::progress::Progress;

/// The version installed when the machine has none: the one the tests ran with.
const PINNED: &str = "0.13.9";

/// The oldest version whose options are the ones used here; older ones on the PATH are passed over.
const OLDEST: (u32, u32) = (0, 5);

/// Lines of a tool's output that an error keeps.
const KEPT_LINES: usize = 20;

/// Variables of this process that would make `uv` or Python look at something other than the environment being made.
/// `PYTHONDONTWRITEBYTECODE` would leave packages uncompiled, and every engine would compile them at its start.
const NOT_INHERITED: [&str; 11] = [
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONPYCACHEPREFIX",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_NO_BUILD",
    "UV_REQUIRE_HASHES",
];

/// Where programs are looked for, and what the tools get as their `PATH`.
#[derive(Debug, Clone)]
pub(crate) struct SearchPath(pub(crate) OsString);

impl SearchPath {
    /// The first executable file of this name.
    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        use std::os::unix::fs::PermissionsExt;
        std::env::split_paths(&self.0)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|path| {
                fs::metadata(path)
                    .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
            })
    }

    /// A command that runs `program` in `folder` with a clean Python environment.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env("PATH", &self.0).stdin(Stdio::null()).stdout(Stdio::null());
        for name in NOT_INHERITED {
            command.env_remove(name);
        }
        command
    }
}

/// How a tool ended, and the last lines it wrote to standard error.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) tail: Vec<String>,
}

/// Runs a tool to its end, passing on each line of its standard error.
pub(crate) fn run(mut command: Command, on_line: &mut dyn FnMut(&str)) -> io::Result<Finished> {
    let mut child = Running(command.stderr(Stdio::piped()).spawn()?);
    let mut tail = VecDeque::with_capacity(KEPT_LINES);
    if let Some(stderr) = child.0.stderr.take() {
        let mut lines = BufReader::new(stderr).split(b'\n');
        while let Some(Ok(line)) = lines.next() {
            let line = without_credentials(String::from_utf8_lossy(&line).trim_end());
            if line.is_empty() {
                continue;
            }
            on_line(&line);
            if tail.len() == KEPT_LINES {
                tail.pop_front();
            }
            tail.push_back(line);
        }
    }
    Ok(Finished { status: child.0.wait()?, tail: tail.into() })
}

/// A tool that does not outlive its caller's interest, should `on_line` panic.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both do nothing to a process that has been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An installed `uv`.
#[derive(Debug)]
pub(crate) struct Uv {
    program: PathBuf,
    search: SearchPath,
}

impl Uv {
    /// The `uv` of this machine, or our own below `tools`, installed there if need be.
    pub(crate) fn ensure(
        search: &SearchPath,
        tools: &Path,
        lock: &Path,
        runtime: &str,
        progress: &dyn Progress,
    ) -> Result<Self, InstallError> {
        let uv = |program| Self { program, search: search.clone() };
        if let Some(program) = search.find("uv").filter(|program| new_enough(search, program)) {
            return Ok(uv(program));
        }
        let folder = tools.join(format!("uv-{PINNED}"));
        let program = folder.join("bin/uv");
        if program.exists() {
            return Ok(uv(program));
        }
        let lock = Lock::take(lock, || progress.step("waiting for another process that is installing uv"))
            .map_err(InstallError::io("lock", lock))?;
        if !program.exists() {
            install(search, tools, &folder, &lock, runtime, progress)?;
        }
        Ok(uv(program))
    }

    /// The `uv` that [`ensure`](Self::ensure) has found or installed before; looks without running anything.
    pub(crate) fn there(search: &SearchPath, tools: &Path) -> Option<PathBuf> {
        let own = tools.join(format!("uv-{PINNED}")).join("bin/uv");
        if own.exists() { Some(own) } else { search.find("uv") }
    }

    /// A command that runs `uv` in `folder`, holding `lock` as long as it runs.
    pub(crate) fn command(&self, folder: &Path, lock: &Lock) -> io::Result<Command> {
        let mut command = self.search.command(&self.program, folder);
        // Interpreters come from the machine: a download of one is not in any lock.
        command.env("UV_PYTHON_DOWNLOADS", "never").stdin(lock.as_stdin()?).args(["--color", "never"]);
        Ok(command)
    }
}

/// Installs the pinned `uv` from its wheel into `folder`, with `pip` of this machine or of a new virtual environment.
fn install(
    search: &SearchPath,
    tools: &Path,
    folder: &Path,
    lock: &Lock,
    runtime: &str,
    progress: &dyn Progress,
) -> Result<(), InstallError> {
    let no_uv = |reason: String, detail| InstallError::NoUv { runtime: runtime.to_owned(), reason, detail };
    let Some(python) = search.find("python3").or_else(|| search.find("python")) else {
        return Err(no_uv("there is no `python3` to install it with".into(), Vec::new()));
    };
    progress.step(&format!("installing uv {PINNED}"));
    fs::create_dir_all(tools).map_err(InstallError::io("create the folder", tools))?;
    // What an earlier process left when it was killed; the lock says that it is gone.
    let unfinished = tools.join(format!("uv-{PINNED}.unfinished"));
    let venv = tools.join("pip.unfinished");
    let clean = || disk::remove_folder(&unfinished).and_then(|()| disk::remove_folder(&venv));
    clean().map_err(InstallError::io("remove the unfinished folder", &unfinished))?;

    let run_python = |python: &Path, args: &[&OsStr]| -> Result<Finished, InstallError> {
        let mut command = search.command(python, tools);
        command.env("PIP_ROOT_USER_ACTION", "ignore").env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        command.args(args).stdin(lock.as_stdin().map_err(InstallError::io("use the lock of", folder))?);
        run(command, &mut |line| progress.detail(line)).map_err(InstallError::io("run", python))
    };
    let requirement = format!("uv=={PINNED}");
    let pip = |python: &Path| {
        let mut args = ["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target"]
            .map(OsStr::new)
            .to_vec();
        args.extend([unfinished.as_os_str(), OsStr::new(&requirement)]);
        run_python(python, &args)
    };
    let attempt = || -> Result<(), InstallError> {
        let mut finished = pip(&python)?;
        if !finished.status.success() && finished.tail.iter().any(|line| line.contains("No module named pip"))
        {
            let made = run_python(&python, &[OsStr::new("-m"), OsStr::new("venv"), venv.as_os_str()])?;
            if !made.status.success() {
                let reason = "this Python has neither `pip` nor a working `venv` to install it with";
                return Err(no_uv(reason.into(), made.tail));
            }
            finished = pip(&venv.join("bin/python"))?;
        }
        if !finished.status.success() {
            return Err(no_uv("`pip` could not install it".into(), finished.tail));
        }
        if !unfinished.join("bin/uv").exists() {
            return Err(no_uv("its package holds no program for this machine".into(), finished.tail));
        }
        fs::rename(&unfinished, folder).map_err(InstallError::io("create the folder", folder))
    };
    let outcome = attempt();
    if let Err(error) = clean() {
        tracing::warn!(%error, folder = %unfinished.display(), "could not remove what an installation left");
    }
    outcome
}

fn new_enough(search: &SearchPath, program: &Path) -> bool {
    let Ok(output) = search.command(program, Path::new("/")).arg("--version").stdout(Stdio::piped()).output()
    else {
        return false;
    };
    version_of(&String::from_utf8_lossy(&output.stdout)).is_some_and(|version| version >= OLDEST)
}

/// Major and minor version in what `uv --version` prints: `uv 0.13.9 (...)`.
fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split_whitespace().nth(1)?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// A line without the user names and passwords of addresses in it (`https://user:secret@host`).
pub(crate) fn without_credentials(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/\"'`<>)".contains(c)).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(sign) => &after[sign + 1..],
            None => after,
        };
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_keeps_the_credentials_of_an_address() {
        for (line, clean) in [
            (
                "Failed to fetch: `https://me:secret@host/simple/six/`",
                "Failed to fetch: `https://host/simple/six/`",
            ),
            ("a https://x/y b http://token@z", "a https://x/y b http://z"),
            ("https://me:p@ss@host/", "https://host/"),
            ("mail me@host, see https://host/a@b", "mail me@host, see https://host/a@b"),
            ("no address", "no address"),
        ] {
            assert_eq!(without_credentials(line), clean);
        }
    }

    #[test]
    fn an_error_keeps_the_last_lines_only() {
        let search = SearchPath("/usr/bin:/bin".into());
        let mut command = search.command("/bin/sh", Path::new("/"));
        command.args(["-c", "i=0; while [ $i -lt 30 ]; do echo line $i >&2; i=$((i+1)); done; exit 3"]);
        let mut seen = 0;
        let finished = run(command, &mut |_| seen += 1).unwrap();
        assert_eq!((seen, finished.status.code()), (30, Some(3)));
        assert_eq!((finished.tail.len(), finished.tail[0].as_str()), (KEPT_LINES, "line 10"));
    }

    #[test]
    fn tools_compile_what_they_install_whatever_the_environment_says() {
        let command = SearchPath("/bin".into()).command("/bin/true", Path::new("/"));
        let removed = |name: &str| command.get_envs().any(|(key, value)| key == name && value.is_none());
        assert!(removed("PYTHONDONTWRITEBYTECODE") && removed("VIRTUAL_ENV"));
    }

    #[test]
    fn versions_are_read_from_what_uv_prints() {
        assert_eq!(version_of("uv 0.13.9 (abc 2026-01-01)"), Some((0, 13)));
        assert_eq!(version_of("uv"), None);
    }
}
