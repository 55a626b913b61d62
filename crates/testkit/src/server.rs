//! The service as a process.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::cache::runtimes_dir;
use crate::eventually::{eventually, eventually_within};
use crate::processes::{self, Process};
use crate::program::{Finished, run};
use crate::rest::Rest;

/// How long all processes may take to go once they are killed.
const KILL_LIMIT: Duration = Duration::from_secs(20);

/// Lines of the log that a failed test shows.
const SHOWN: usize = 60;

/// How a server is started.
#[derive(Debug)]
pub struct Options {
    program: PathBuf,
    runtimes: Option<PathBuf>,
    arguments: Vec<OsString>,
    may_say: Vec<String>,
    environment: Vec<(String, String)>,
}

/// A running server, and everything it owns.
#[derive(Debug)]
pub struct TestServer {
    options: Options,
    dir: TempDir,
    child: Option<Child>,
    address: String,
    token: String,
    rest: Rest,
}

impl Options {
    /// The server that `program` is: in tests of the server, `env!("CARGO_BIN_EXE_hearth")`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            runtimes: None,
            arguments: Vec::new(),
            may_say: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Another directory of runtimes than that of the cache.
    #[must_use]
    pub fn runtimes(mut self, dir: impl Into<PathBuf>) -> Self {
        self.runtimes = Some(dir.into());
        self
    }

    /// Sessions without engines: every start succeeds at once. For tests of the API alone, which then need nothing.
    #[must_use]
    pub fn without_engines(self) -> Self {
        self.runtimes("runtimes").set("driver=fake")
    }

    /// One more argument of `hearth serve`.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// A setting, as `session.stop-grace=1s`.
    #[must_use]
    pub fn set(self, setting: &str) -> Self {
        self.arg("--set").arg(setting)
    }

    /// An ERROR line of the log with this text does not fail the test.
    #[must_use]
    pub fn may_say(mut self, text: &str) -> Self {
        self.may_say.push(text.to_owned());
        self
    }

    /// Adds variables to its environment and to that of commands.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment.extend(variables);
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn start(self) -> TestServer {
        let dir = tempfile::Builder::new().prefix("hearth-test-").tempdir().unwrap();
        let address = "127.0.0.1:0".to_owned();
        let rest = Rest::new("", None);
        let mut server = TestServer { options: self, dir, child: None, address, token: String::new(), rest };
        server.spawn();
        server
    }
}

impl TestServer {
    /// Starts `program` with what every test wants.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn start(program: &str) -> Self {
        Options::new(program).start()
    }

    /// Where it answers: `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("an address has a port")
    }

    /// Its token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A caller that has the token.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    /// Its state directory.
    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// A directory that is gone after the test, and that the server does not know.
    pub fn scratch(&self) -> &Path {
        self.dir.path()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The number of its own process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    /// Runs a command of the same program with the same state and runtimes.
    pub fn command(&self, words: &[&str]) -> Finished {
        let mut command = self.program();
        run(command.args(words).arg("--state-dir").arg(self.state_dir()))
    }

    /// Ends it as a power cut would end it, as far as a process can tell.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill9(&mut self) {
        let mut child = self.child.take().expect("the server runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn sigterm(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the server runs");
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process has a number");
        kill_process(pid, Signal::TERM).unwrap();
        eventually("the server ends", || child.try_wait().unwrap().ok_or("it runs"))
    }

    /// Starts it again after its end, on the same port, so that clients find it.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn restart(&mut self) {
        assert!(self.child.is_none(), "the server still runs");
        self.spawn();
    }

    /// Whether the server's process has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().unwrap())
    }

    /// The supervisors that live.
    pub fn shims(&self) -> Vec<Process> {
        processes::shims(&self.engines_dir())
    }

    /// The processes of engines that live, whole trees.
    pub fn engines(&self) -> Vec<Process> {
        processes::engines(&self.engines_dir())
    }

    /// The processes that are kept for engines to come.
    pub fn spares(&self) -> Vec<Process> {
        processes::spares(&self.engines_dir())
    }

    /// The directory of engines.
    pub fn engines_dir(&self) -> PathBuf {
        self.state_dir().join("engines")
    }

    /// The directory of what runs for several sessions, such as metastores.
    pub fn services_dir(&self) -> PathBuf {
        self.state_dir().join("services")
    }

    /// The processes of what runs for several sessions.
    pub fn services(&self) -> Vec<Process> {
        processes::engines(&self.services_dir())
    }

    /// The supervisors of what runs for several sessions.
    pub fn shims_of_services(&self) -> Vec<Process> {
        processes::shims(&self.services_dir())
    }

    /// The most memory that the server's process has held so far, in bytes.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn peak_memory(&self) -> u64 {
        processes::peak_memory(self.pid())
    }

    /// Waits until no supervisor and no process of an engine is left.
    ///
    /// # Panics
    /// When one stays.
    #[track_caller]
    pub fn nothing_left(&self) {
        eventually("no process of an engine is left", || {
            let left = (self.shims(), self.engines());
            if left.0.is_empty() && left.1.is_empty() { Ok(()) } else { Err(left) }
        });
    }

    fn program(&self) -> Command {
        let mut command = Command::new(&self.options.program);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"HEARTH_") {
                command.env_remove(name);
            }
        }
        command.envs(self.options.environment.iter().cloned());
        // The user's own configuration file is not for tests.
        command.env("XDG_CONFIG_HOME", self.dir.path().join("config"));
        command.env("XDG_STATE_HOME", self.dir.path()).env("XDG_DATA_HOME", self.dir.path());
        command
    }

    #[track_caller]
    fn spawn(&mut self) {
        let endpoint_file = self.state_dir().join("endpoint");
        // One that a killed server left would be read at once.
        let _ = fs::remove_file(&endpoint_file);
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = self.serve(log);
        self.child = Some(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let endpoint = eventually("the server says where it answers", || {
            if let Some(status) = self.ended() {
                panic!("the server ended, {status}:\n{}", self.log());
            }
            let text = fs::read_to_string(&endpoint_file).unwrap_or_default();
            if text.ends_with('\n') { Ok(text.trim().to_owned()) } else { Err(self.log()) }
        });
        self.address = endpoint.strip_prefix("http://").expect("the endpoint is plain HTTP").to_owned();
        self.token = fs::read_to_string(self.state_dir().join("token")).unwrap_or_default().trim().to_owned();
        let token = Some(self.token.as_str()).filter(|token| !token.is_empty());
        self.rest = Rest::new(&endpoint, token);
        eventually("the server is ready", || match self.rest.try_call("GET", "/readyz", "") {
            Ok(answer) if answer.status == 200 => Ok(()),
            other => Err(format!("{other:?}\n{}", self.log())),
        });
    }

    fn serve(&self, log: File) -> Command {
        let mut command = self.program();
        command.arg("serve").arg("--listen").arg(&self.address).arg("--state-dir").arg(self.state_dir());
        let runtimes = self.options.runtimes.clone().unwrap_or_else(runtimes_dir);
        command.arg("--runtimes-dir").arg(self.dir.path().join(runtimes));
        // Supervisors end their engines by themselves then, should a test be killed. Arguments come before these.
        command.env("HEARTH_SESSION_DEFAULT_TTL", "30m").env("HEARTH_SESSION_STOP_GRACE", "2s");
        let of_pools = |argument: &OsString| argument.to_string_lossy().starts_with("pools.engines");
        if !self.options.arguments.iter().any(of_pools) {
            // Engines are counted; tests of pools say which they want.
            command.args(["--set", "pools.engines="]);
        }
        command.args(&self.options.arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("server.log")
    }

    fn kill_everything(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        eventually_within(KILL_LIMIT, "everything that the server started is gone", || {
            // What runs for several sessions goes on without any, until it is ended here.
            let dirs = [self.engines_dir(), self.services_dir()];
            let of = |dir: &PathBuf| processes::shims(dir).into_iter().chain(processes::engines(dir));
            let left: Vec<Process> = dirs.iter().flat_map(of).collect();
            left.iter().for_each(Process::kill);
            if left.is_empty() { Ok(()) } else { Err(left) }
        });
        processes::remove_groups(&self.engines_dir());
    }

    fn unexpected_errors(&self) -> Vec<String> {
        let log = self.log();
        let lines = log.lines().filter(|line| {
            let level = line.split_whitespace().nth(1);
            level == Some("ERROR") || line.contains("panicked at")
        });
        let expected = |line: &str| self.options.may_say.iter().any(|text| line.contains(text));
        lines.filter(|line| !expected(line)).map(str::to_owned).collect()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the server's log:\n{}", lines[lines.len().saturating_sub(SHOWN)..].join("\n"));
            // A second panic would hide the first.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.kill_everything()));
            return;
        }
        self.kill_everything();
        let errors = self.unexpected_errors();
        assert!(errors.is_empty(), "the server logged errors:\n{}", errors.join("\n"));
    }
}
