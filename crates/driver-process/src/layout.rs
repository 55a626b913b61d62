//! An engine's directory: its files and how they are read and written.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::engine::{Endpoint, EngineSpec, Exit};
use hearth_core::id::EngineId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::cgroup::Group;
use crate::process::ProcessIdentity;

/// The environment variable that every process of an engine carries: the engine's id.
pub(crate) const ENGINE_VARIABLE: &str = "HEARTH_ENGINE";

/// The environment variable that says which directory the id belongs to.
pub(crate) const ENGINES_DIR_VARIABLE: &str = "HEARTH_ENGINES_DIR";

/// The variable that keeps room for [`ENGINE_VARIABLE`] in the environment of a spare, and its value: as long as that is.
pub(crate) const FUTURE: (&str, &str) = ("HEARTH_FUTURE", "00000000-0000-0000-0000-000000000000");

/// What a shim, and through it its engine, gets of the server's environment: what almost every program needs to run.
const PASSED_ON: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// Those of this process, as text.
pub(crate) fn passed_on() -> impl Iterator<Item = (String, String)> {
    let value = |name| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
    PASSED_ON.into_iter().filter_map(move |name| Some((name.to_owned(), value(name)?)))
}

/// `spec.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SpecRecord {
    pub(crate) placed_at: Timestamp,
    pub(crate) spec: EngineSpec,
    /// The control group that the engine is to be in, if it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cgroup: Option<Group>,
}

/// `used.json`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct UsedRecord {
    pub(crate) cpu: Duration,
    pub(crate) peak_memory: u64,
}

/// `status.json`. Means something only while the shim lives.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StatusRecord {
    pub(crate) placed_at: Timestamp,
    pub(crate) engine_pid: i32,
    pub(crate) process_up_at: Timestamp,
    pub(crate) listening: Option<ListeningRecord>,
    pub(crate) stopping: bool,
}

/// Where the engine said that it listens, and when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ListeningRecord {
    pub(crate) endpoint: Endpoint,
    pub(crate) ui: Option<Endpoint>,
    pub(crate) at: Timestamp,
}

/// `stop.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StopRecord {
    pub(crate) requested_at: Timestamp,
    pub(crate) grace: Duration,
}

/// `deadline.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DeadlineRecord {
    pub(crate) deadline: Timestamp,
}

/// `introduction.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IntroductionRecord {
    pub(crate) log_line: String,
}

/// Which process is the shim, as far as its directory tells.
#[derive(Debug)]
pub(crate) enum ShimRecord {
    /// No shim has come so far as to start an engine.
    None,
    /// This one has.
    Known(ProcessIdentity),
    /// One has, and what it wrote was lost with a power failure, so it is dead.
    Lost,
}

/// An engine's directory, which need not exist.
#[derive(Debug, Clone)]
pub(crate) struct EngineDir {
    id: EngineId,
    path: PathBuf,
}

impl EngineDir {
    pub(crate) fn new(engines_dir: &Path, id: EngineId) -> Self {
        Self { id, path: engines_dir.join(id.to_string()) }
    }

    /// The directory at `path`, if it is named as an engine's.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let id: EngineId = name.parse().ok()?;
        // Other spellings of the same id would be other directories.
        (id.to_string() == name).then(|| Self { id, path: path.to_owned() })
    }

    pub(crate) fn id(&self) -> EngineId {
        self.id
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory that holds all engines' directories.
    pub(crate) fn engines_dir(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    pub(crate) fn exists(&self) -> io::Result<bool> {
        self.path.try_exists()
    }

    /// Makes the directory if it is missing.
    pub(crate) fn create(&self) -> io::Result<()> {
        create_private_dir(&self.path)
    }

    pub(crate) fn spec(&self) -> io::Result<Option<SpecRecord>> {
        read(&self.path.join("spec.json"))
    }

    pub(crate) fn has_spec(&self) -> io::Result<bool> {
        self.path.join("spec.json").try_exists()
    }

    /// Writes the spec unless there is one already.
    pub(crate) fn write_spec_once(&self, record: &SpecRecord) -> io::Result<()> {
        let temporary = write_temporary(&self.path, "spec.json", record, true)?;
        // A link, not a rename: two drivers that place the same engine at once must agree on one record.
        let linked = fs::hard_link(&temporary, self.path.join("spec.json"));
        fs::remove_file(&temporary)?;
        match linked {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn exit(&self) -> io::Result<Option<Exit>> {
        read(&self.path.join("exit.json"))
    }

    pub(crate) fn has_exit(&self) -> io::Result<bool> {
        self.path.join("exit.json").try_exists()
    }

    /// Writes down how the engine ended. Only who holds the lock may.
    pub(crate) fn write_exit(&self, exit: &Exit) -> io::Result<()> {
        write(&self.path, "exit.json", exit, true)?;
        sync_dir(&self.path)
    }

    pub(crate) fn used(&self) -> io::Result<Option<UsedRecord>> {
        read(&self.path.join("used.json"))
    }

    /// Writes down what the engine has used in all.
    pub(crate) fn write_used(&self, used: &UsedRecord) -> io::Result<()> {
        write(&self.path, "used.json", used, false)
    }

    pub(crate) fn shim(&self) -> io::Result<ShimRecord> {
        match read(&self.path.join("shim.json")) {
            Ok(None) => Ok(ShimRecord::None),
            Ok(Some(identity)) => Ok(ShimRecord::Known(identity)),
            Err(error) if error.kind() == ErrorKind::InvalidData => Ok(ShimRecord::Lost),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn write_shim(&self, identity: &ProcessIdentity) -> io::Result<()> {
        write(&self.path, "shim.json", identity, false)
    }

    pub(crate) fn status(&self) -> io::Result<Option<StatusRecord>> {
        read(&self.path.join("status.json"))
    }

    pub(crate) fn write_status(&self, status: &StatusRecord) -> io::Result<()> {
        write(&self.path, "status.json", status, false)
    }

    pub(crate) fn stop(&self) -> io::Result<Option<StopRecord>> {
        read(&self.path.join("stop.json"))
    }

    pub(crate) fn has_stop(&self) -> io::Result<bool> {
        self.path.join("stop.json").try_exists()
    }

    pub(crate) fn write_stop(&self, stop: &StopRecord) -> io::Result<()> {
        write(&self.path, "stop.json", stop, false)
    }

    pub(crate) fn deadline(&self) -> io::Result<Option<DeadlineRecord>> {
        read(&self.path.join("deadline.json"))
    }

    pub(crate) fn write_deadline(&self, deadline: &DeadlineRecord) -> io::Result<()> {
        write(&self.path, "deadline.json", deadline, false)
    }

    pub(crate) fn introduction(&self) -> io::Result<Option<IntroductionRecord>> {
        read(&self.path.join("introduction.json"))
    }

    pub(crate) fn write_introduction(&self, introduction: &IntroductionRecord) -> io::Result<()> {
        write(&self.path, "introduction.json", introduction, false)
    }

    /// Where a shim says why it cannot do its work.
    pub(crate) fn create_complaints(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(self.path.join("shim.err"))
    }

    /// What shims have said there.
    pub(crate) fn complaints(&self) -> io::Result<String> {
        match fs::read(self.path.join("shim.err")) {
            Ok(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error),
        }
    }

    /// Removes the scratch directory, which may be gone already.
    pub(crate) fn remove_work(&self) -> io::Result<()> {
        gone_is_fine(fs::remove_dir_all(self.work()))
    }
}

/// A missing file or directory is as good as a removed one.
pub(crate) fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes a directory, and those above it, that only its owner may enter.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A new file that only its owner may read.
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        io::Error::new(ErrorKind::InvalidData, format!("\"{}\" is damaged: {error}", path.display()))
    })
}

/// Replaces `name` in one step. Records that mean something only as long as the machine stays up are not `durable`:
/// waiting for the disk would make every start slower and nothing safer.
fn write<T: Serialize>(dir: &Path, name: &str, record: &T, durable: bool) -> io::Result<()> {
    let temporary = write_temporary(dir, name, record, durable)?;
    fs::rename(&temporary, dir.join(name)).inspect_err(|_| drop(fs::remove_file(&temporary)))
}

fn write_temporary<T: Serialize>(dir: &Path, name: &str, record: &T, durable: bool) -> io::Result<PathBuf> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let path = dir.join(format!(".{name}.{}-{number}", std::process::id()));
    let fill = || {
        // A name left by a process of the same number that died; nobody else uses it.
        gone_is_fine(fs::remove_file(&path))?;
        let mut file = create_private_file(&path)?;
        file.write_all(&serde_json::to_vec(record)?)?;
        if durable { file.sync_data() } else { Ok(()) }
    };
    fill().inspect_err(|_| drop(fs::remove_file(&path)))?;
    Ok(path)
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
