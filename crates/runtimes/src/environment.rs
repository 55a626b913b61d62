//! An installed environment, and the marker that says it is complete.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::disk;

/// Name of the marker in an environment's folder. Written last.
pub(crate) const MARKER: &str = "hearth-environment.json";

/// Where data sets are unpacked, relative to the environment.
pub(crate) const DATASETS: &str = "share/datasets";

/// The Python environment of a runtime, complete and on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its folder.
    pub root: PathBuf,
    /// Its interpreter.
    pub python: PathBuf,
    /// Where its packages are.
    pub site_packages: PathBuf,
    /// Hash of what decides its content; also the end of the folder's name.
    pub lock_hash: String,
    /// The Java that was chosen for it, if it needs one: its home. It need not be there any more.
    pub java_home: Option<PathBuf>,
}

impl Environment {
    /// The file of a data set of the runtime, by the name it has in the catalogue.
    pub fn dataset(&self, name: &str) -> Option<PathBuf> {
        let entries = std::fs::read_dir(self.root.join(DATASETS)).ok()?;
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.file_stem().is_some_and(|stem| stem == name))
    }

    /// The environment in `root`, if it is complete. Reads one small file.
    pub fn at(root: &Path) -> Option<Self> {
        let name = root.file_name()?.to_str()?;
        Self::open(root, name.rsplit('-').next().unwrap_or_default())
    }

    /// The version of its Python; `None` if its marker cannot be read.
    pub fn python_version(&self) -> Option<String> {
        Marker::read(&self.root).map(|marker| marker.python_version)
    }

    /// What is installed in it, as `name-version` in the spelling of the packages themselves, in order.
    pub fn packages(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.site_packages).into_iter().flatten().filter_map(Result::ok);
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut packages: Vec<String> =
            names.filter_map(|name| name.strip_suffix(".dist-info").map(str::to_owned)).collect();
        packages.sort();
        packages
    }

    /// The environment in `root`, if its marker is there and its interpreter still is.
    ///
    /// A folder whose interpreter was removed from the machine counts as not installed.
    pub(crate) fn open(root: &Path, lock_hash: &str) -> Option<Self> {
        let marker = Marker::read(root)?;
        let python = python_of(root);
        python.exists().then(|| Self {
            site_packages: root.join(&marker.site_packages),
            python,
            root: root.to_owned(),
            lock_hash: lock_hash.to_owned(),
            java_home: marker.java_home,
        })
    }
}

/// The interpreter of the environment in `root`, whether or not it exists.
pub(crate) fn python_of(root: &Path) -> PathBuf {
    root.join("bin/python")
}

/// What the marker holds: facts that are slow to find out again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Marker {
    /// Name of the runtime.
    pub(crate) runtime: String,
    /// Version of the runtime.
    pub(crate) version: String,
    /// Version of the interpreter.
    pub(crate) python_version: String,
    /// Where packages are, relative to the environment.
    pub(crate) site_packages: PathBuf,
    /// Bytes the environment takes on disk.
    pub(crate) size: u64,
    /// Home of the Java that was chosen, of a runtime that needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) java_home: Option<PathBuf>,
}

impl Marker {
    /// The marker of the environment in `root`; `None` when there is none or it is not readable.
    pub(crate) fn read(root: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(root.join(MARKER)).ok()?).ok()
    }

    /// Declares the environment in `root` complete. All its files are on disk before the marker is.
    pub(crate) fn write(&self, root: &Path) -> io::Result<()> {
        disk::sync_all_below(root)?;
        disk::write_whole(&root.join(MARKER), &serde_json::to_vec_pretty(self)?)
    }

    /// Declares the environment in `root` not complete, before it is removed.
    pub(crate) fn remove(root: &Path) -> io::Result<()> {
        match std::fs::remove_file(root.join(MARKER)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
