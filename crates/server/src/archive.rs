//! The archive of a JVM engine's classes: made once for a runtime and a Java, so that sessions start in half the time.
//!
//! ```text
//! ENVIRONMENT/share/java/0123456789abcdef.jsa      named after the Java it was made with
//! ENVIRONMENT/share/java/lock                      held while one is made
//! ENVIRONMENT/share/java/rehearsal/                scratch directory of that
//! ```
//!
//! It goes with its environment. Without one, or with one that a JVM does not take, sessions start more slowly and are
//! the same otherwise.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use hearth_core::engine::{EngineSpec, PortSource, WORK_DIR};
use hearth_engines::jvm::{Archive, Jvm};
use hearth_engines::{Launch, Secret, spark};
use hearth_runtimes::{EngineKind, Environment, Java, Progress, Runtime};
use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest, Sha256};

/// Where archives are, below the environment.
const FOLDER: &str = "share/java";
/// How the file of an archive ends.
const EXTENSION: &str = "jsa";
/// How long a step may take: more than any has taken on a machine with twenty other things to do.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long to wait between looks.
const PAUSE: Duration = Duration::from_millis(50);
/// Lines of a program's output that an error tells.
const TOLD: usize = 15;
/// What the server and the client of a rehearsal get of this process's environment.
const PASSED_ON: [&str; 3] = ["PATH", "HOME", "TZ"];

/// Why an archive was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// A file or folder could not be read or written, or a program not started.
    #[error("could not {doing} \"{}\"", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A program did not do what it is there for.
    #[error("{what}; it said last:\n{said}")]
    Failed {
        /// What went wrong.
        what: &'static str,
        /// Its last lines.
        said: String,
    },
}

/// The archive for this Java, whether or not it is there.
pub(crate) fn path(environment: &Path, java: &Java) -> PathBuf {
    let name = hex::encode(&Sha256::digest(java.identity())[..8]);
    environment.join(FOLDER).join(name).with_extension(EXTENSION)
}

/// Whether sessions of a runtime start faster with an archive of this Java's. Javas before 13 cannot make one.
pub(crate) fn wanted(runtime: &Runtime, java: &Java) -> bool {
    runtime.engine != EngineKind::Sail && java.major >= 13
}

/// Makes the archive of a Spark runtime if it is not there, in a minute or two. Others, of Javas before, are removed.
pub(crate) fn ensure(
    runtime: &Runtime,
    environment: &Environment,
    java: &Java,
    progress: &dyn Progress,
) -> Result<(), ArchiveError> {
    let archive = path(&environment.root, java);
    if archive.exists() {
        return Ok(());
    }
    let folder = environment.root.join(FOLDER);
    fs::create_dir_all(&folder).map_err(io_error("create", &folder))?;
    let lock = folder.join("lock");
    let held = File::create(&lock).map_err(io_error("open", &lock))?;
    held.lock().map_err(io_error("lock", &lock))?;
    if archive.exists() {
        return Ok(());
    }
    let work = Work::new(folder.join("rehearsal"))?;
    let made = work.0.join("archive");
    rehearse(runtime, environment, java, &work.0, &made, progress)?;
    let keep = || {
        // The JVM trusts what it finds under the name.
        File::open(&made)?.sync_all()?;
        for entry in fs::read_dir(&folder)?.flatten() {
            if entry.path().extension().is_some_and(|extension| extension == EXTENSION) {
                fs::remove_file(entry.path())?;
            }
        }
        fs::rename(&made, &archive)
    };
    keep().map_err(io_error("write", &archive))
}

/// Starts Spark, lets a client ask it what most sessions ask first, and ends it: then it writes the archive.
fn rehearse(
    runtime: &Runtime,
    environment: &Environment,
    java: &Java,
    work: &Path,
    made: &Path,
    progress: &dyn Progress,
) -> Result<(), ArchiveError> {
    let name = runtime.full_name();
    progress.step(&format!("starting {name} once to archive its classes, which takes a minute or two"));
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other).map_err(io_error("make a secret for", work))?;
    let launch = Launch {
        runtime: name,
        environment: environment.root.clone(),
        layer: None,
        site_packages: environment.site_packages.clone(),
        secret: Secret::new(hex::encode(bytes)),
        events: None,
        variables: runtime.environment.clone(),
        properties: BTreeMap::new(),
        cores: 2,
        log_limit: u64::MAX,
        deadline: hearth_core::Timestamp::MAX,
    };
    let secret = launch.secret.clone();
    let archive = Some(Archive::Make(made.to_owned()));
    let jvm = Jvm { program: java.program(), major: java.major, archive };
    let classic = runtime.engine == EngineKind::Kernel;
    let spec =
        if classic { spark::rehearsal_of_driver(launch, &jvm) } else { spark::rehearsal(launch, &jvm) };

    let log = work.join("log");
    let mut server = start_server(&spec, work, &log)?;
    let told = if classic {
        work.join(spark::REHEARSAL_GATEWAY).display().to_string()
    } else {
        // To the name `localhost` PySpark sends a token without TLS.
        format!("sc://localhost:{}/;token={}", server.port(&spec, &log)?, secret.reveal())
    };
    progress.step("asking it some queries");
    ask(environment, work, &told)?;
    progress.step("writing the archive");
    server.end(&log)?;
    if made.exists() { Ok(()) } else { Err(failed("Spark ended without writing an archive", &log)) }
}

fn start_server(spec: &EngineSpec, work: &Path, log: &Path) -> Result<Running, ArchiveError> {
    let fill = |text: &str| text.replace(WORK_DIR, &work.to_string_lossy());
    for (name, content) in &spec.files {
        let path = work.join(name);
        let write = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(fill(content).as_bytes())
        };
        write().map_err(io_error("write", &path))?;
    }
    let output = File::create(log).map_err(io_error("create", log))?;
    let errors = output.try_clone().map_err(io_error("open", log))?;
    let mut command = clean(&spec.program, work);
    command.args(spec.args.iter().map(|arg| fill(arg)));
    // A driver ends with its input, which is open until this is dropped.
    command.envs(spec.env.iter().map(|(name, value)| (name, fill(value)))).stdin(Stdio::piped());
    let child = command.stdout(output).stderr(errors).spawn();
    Ok(Running(child.map_err(io_error("start", &spec.program))?))
}

/// Lets a client ask, which is told where to. Its packages are those of the environment, so it fits the server.
fn ask(environment: &Environment, work: &Path, told: &str) -> Result<(), ArchiveError> {
    let (script, log) = (work.join("rehearsal.py"), work.join("client.log"));
    fs::write(&script, spark::REHEARSAL_QUERIES).map_err(io_error("write", &script))?;
    let output = File::create(&log).map_err(io_error("create", &log))?;
    let errors = output.try_clone().map_err(io_error("open", &log))?;
    let mut command = clean(&environment.python, work);
    command.arg(&script).stdin(Stdio::piped()).stdout(output).stderr(errors);
    let child = command.spawn().map_err(io_error("start", &environment.python))?;
    let mut client = Running(child);
    if let Some(mut stdin) = client.0.stdin.take() {
        // One that is gone is told of below.
        drop(writeln!(stdin, "{told}"));
    }
    match client.wait(&environment.python)? {
        Some(status) if status.success() => Ok(()),
        Some(_) => Err(failed("the client of the rehearsal failed", &log)),
        None => Err(failed("the client of the rehearsal did not end", &log)),
    }
}

/// A command with little of this process's environment: what is archived must not depend on it.
fn clean(program: &Path, work: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(work);
    command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
}

/// A program that does not outlive the rehearsal.
struct Running(Child);

impl Running {
    /// The port that it says it has.
    fn port(&mut self, spec: &EngineSpec, log: &Path) -> Result<u16, ArchiveError> {
        let PortSource::LogLine(marker) = &spec.port;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let text = fs::read(log).map_err(io_error("read", log))?;
            if let Some(port) = port_in(&String::from_utf8_lossy(&text), marker) {
                return Ok(port);
            }
            if let Ok(Some(_)) = self.0.try_wait() {
                return Err(failed("Spark ended before it was ready", log));
            }
            std::thread::sleep(PAUSE);
        }
        Err(failed("Spark was not ready in time", log))
    }

    /// Asks it to end, and waits for that.
    fn end(&mut self, log: &Path) -> Result<(), ArchiveError> {
        // One that has ended by itself is noticed by what it did not write.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        match self.wait(log)? {
            Some(_) => Ok(()),
            None => Err(failed("Spark did not end in time", log)),
        }
    }

    /// How it ended; `None` if it has not for so long that it never will.
    fn wait(&mut self, program: &Path) -> Result<Option<ExitStatus>, ArchiveError> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.0.try_wait().map_err(io_error("wait for", program))? {
                return Ok(Some(status));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(None)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both do nothing to a process that has been waited for.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A scratch directory that only its owner may enter, removed at the end.
struct Work(PathBuf);

impl Work {
    fn new(path: PathBuf) -> Result<Self, ArchiveError> {
        let fresh = || {
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            DirBuilder::new().mode(0o700).create(&path)
        };
        fresh().map_err(io_error("create", &path))?;
        Ok(Self(path))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What cannot be removed now is removed before the next one.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// The port in the line with the marker, once all of that line is there.
fn port_in(text: &str, marker: &str) -> Option<u16> {
    let (_, rest) = text.split_once(marker)?;
    let (line, _) = rest.split_once('\n')?;
    line.trim().rsplit(':').next()?.parse().ok()
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = path.to_owned();
    move |source| ArchiveError::Io { doing, path, source }
}

fn failed(what: &'static str, log: &Path) -> ArchiveError {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    ArchiveError::Failed { what, said: lines[lines.len().saturating_sub(TOLD)..].join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_named_after_the_java_it_was_made_with() {
        let (root, home) = (Path::new("/env"), tempfile::tempdir().unwrap());
        let java = Java { home: home.path().to_owned(), version: "17.0.15".to_owned(), major: 17 };
        let first = path(root, &java);
        assert!(first.starts_with("/env/share/java") && first.extension().is_some_and(|ext| ext == "jsa"));
        assert_eq!(path(root, &java), first);
        fs::write(home.path().join("release"), "JAVA_RUNTIME_VERSION=\"17.0.15+6-x\"\n").unwrap();
        let rebuilt = path(root, &java);
        assert_ne!(rebuilt, first, "another build of the same version");
        assert_ne!(path(root, &Java { version: "17.0.16".to_owned(), ..java }), rebuilt);
    }

    #[test]
    fn the_port_is_read_from_a_whole_line() {
        assert_eq!(port_in("a\nat: 127.0.0.1:15", "at: "), None);
        assert_eq!(port_in("a\nat: 127.0.0.1:15002\nb", "at: "), Some(15002));
    }
}
