//! A runtime whose engine is a script of the test's: one that fails, hangs, or is slow, as often as it is started.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::cache::runtimes_dir;
use crate::program::run;
use crate::server::Options;

/// A catalogue with the runtime `scripted`, installed in a directory of its own.
#[derive(Debug)]
pub struct ScriptedRuntime {
    dir: TempDir,
}

impl ScriptedRuntime {
    /// Installs the runtime with the program `hearth`; its engine is this shell script.
    ///
    /// # Panics
    /// When it cannot be installed.
    pub fn install(hearth: &str, script: &str) -> Self {
        let made = Self { dir: tempfile::Builder::new().prefix("hearth-runtime-").tempdir().unwrap() };
        let entry = "[[runtime]]\nname = \"scripted\"\nversion = \"1\"\nengine = \"sail\"\npython = \">=3.10\"\n\
                     requirements = []\n";
        fs::write(made.catalogue(), entry).unwrap();
        fs::create_dir(made.runtimes()).unwrap();
        // What makes environments need not be fetched again.
        let tools = runtimes_dir().join("tools");
        if tools.is_dir() {
            symlink(tools, made.runtimes().join("tools")).unwrap();
        }
        let mut install = Command::new(hearth);
        install.args(["runtimes", "install", "scripted", "--runtimes-dir"]).arg(made.runtimes());
        install.args(["--set", &made.setting()]).env("XDG_CONFIG_HOME", made.dir.path());
        let environment = PathBuf::from(run(&mut install).succeeded().trim());
        let engine = environment.join("bin/sail");
        fs::write(&engine, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&engine, Permissions::from_mode(0o755)).unwrap();
        made
    }

    /// The server that `program` is, with this runtime as its default.
    pub fn options(&self, program: &str) -> Options {
        Options::new(program).runtimes(self.runtimes()).set(&self.setting()).set("runtimes.default=scripted")
    }

    /// A directory that is gone after the test; the script may look into it.
    pub fn scratch(&self) -> &Path {
        self.dir.path()
    }

    fn runtimes(&self) -> PathBuf {
        self.dir.path().join("runtimes")
    }

    fn catalogue(&self) -> PathBuf {
        self.dir.path().join("catalogue.toml")
    }

    fn setting(&self) -> String {
        format!("runtimes.catalogue={}", self.catalogue().display())
    }
}
