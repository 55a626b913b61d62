//! A scratch folder and the program run in it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A home of its own for one test.
pub(crate) struct World {
    dir: tempfile::TempDir,
    vars: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The token that the original's file holds by default.
pub(crate) const TOKENS: &str = r#"[{"scopes":["https://www.googleapis.com/auth/cloud-platform"],"token":{"access_token":"seeded-tok","refresh_token":null,"expires_at":null,"id_token":null}}]"#;

impl World {
    /// An empty home.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a scratch folder");
        std::fs::create_dir(dir.path().join("home")).expect("made");
        Self { dir, vars: Vec::new() }
    }

    /// A home with a token of the original's, and the endpoint at `url`.
    pub(crate) fn with_token(url: &str) -> Self {
        let mut world = Self::new();
        world.file("home/.google-service-cli/dataproc1", TOKENS);
        world.var("DATAPROC1_ENDPOINT", url);
        world
    }

    /// A path in the scratch folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The scratch folder as text.
    pub(crate) fn root(&self) -> String {
        self.dir.path().display().to_string()
    }

    /// Writes a file.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("made");
        std::fs::write(&path, content).expect("written");
        path.display().to_string()
    }

    /// Sets a variable for later runs.
    pub(crate) fn var(&mut self, name: &str, value: &str) -> &mut Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The program with these words and nothing of our own environment.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dataproc1"));
        command.args(words).env_clear().env("HOME", self.path("home")).current_dir(self.dir.path());
        command.envs(self.vars.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        wait(self.command(words))
    }
}

/// Runs a command, which has to end within a limit.
pub(crate) fn wait(mut command: Command) -> Ran {
    let mut child = command.spawn().expect("the program starts");
    // Pipes are read meanwhile: a program that fills one would never end.
    let stdout = drain(child.stdout.take().expect("piped"));
    let stderr = drain(child.stderr.take().expect("piped"));
    let deadline = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().expect("killed");
            child.wait().expect("ended");
            panic!("the program does not end: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let text = |reader: JoinHandle<String>| reader.join().expect("read to its end");
    Ran { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
}

fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).expect("UTF-8");
        text
    })
}
