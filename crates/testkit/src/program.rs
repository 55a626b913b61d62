//! Programs that run to their end.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::eventually::eventually_within;

/// How long a program may take. A large result takes longest, on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(900);

/// How a program ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it said beside.
    pub stderr: String,
}

impl Finished {
    /// What it printed.
    ///
    /// # Panics
    /// When it failed.
    pub fn succeeded(self) -> String {
        assert!(self.status.success(), "failed: {self:#?}");
        self.stdout
    }

    /// What it said.
    ///
    /// # Panics
    /// When it did not fail, or by a signal.
    pub fn failed(self) -> String {
        assert!(self.status.code().is_some_and(|code| code != 0), "did not fail: {self:#?}");
        self.stderr
    }
}

/// Runs a program to its end.
///
/// # Panics
/// When it cannot be started or does not end.
pub fn run(command: &mut Command) -> Finished {
    // Files, not pipes: nobody has to read while the program runs.
    let (stdout, stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    command.stdin(Stdio::null());
    command.stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
    let mut child = Ended(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
    let status = eventually_within(LIMIT, &format!("the end of {command:?}"), || {
        child.0.try_wait().unwrap().ok_or("it runs")
    });
    Finished { status, stdout: content(stdout), stderr: content(stderr) }
}

fn content(mut file: File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A program that does not outlive its test.
#[derive(Debug)]
pub(crate) struct Ended(pub(crate) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Both do nothing to one that has been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The files in a gzipped tar archive by their names in its one folder, as text. Read with `tar`, as users do.
///
/// # Panics
/// When it is no such archive, or has more than one folder.
pub fn unpacked(archive: &[u8]) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let (packed, folder) = (dir.path().join("packed.tar.gz"), dir.path().join("unpacked"));
    fs::write(&packed, archive).unwrap();
    fs::create_dir(&folder).unwrap();
    run(Command::new("tar").arg("-xzf").arg(&packed).arg("-C").arg(&folder)).succeeded();
    let entries = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap()).collect::<Vec<_>>();
    let folders = entries(&folder);
    assert_eq!(folders.len(), 1, "{folders:?}");
    let named = |entry: fs::DirEntry| {
        let content = fs::read_to_string(entry.path()).unwrap();
        (entry.file_name().into_string().unwrap(), content)
    };
    entries(&folders[0].path()).into_iter().map(named).collect()
}
