//! Packages that come as source and take long to build, built once: PySpark is hundreds of megabytes of jars, packed
//! anew whenever a source is installed.
//!
//! ```text
//! wheels/pyspark-4.0.5/pyspark-4.0.5-py2.py3-none-any.whl      kept, for every environment that needs it
//! wheels/.building-pyspark-4.0.5/                              one being built
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::InstallError;
use crate::installer::Installer;
use crate::lock::Lock;
use crate::progress::Progress;
use crate::requirements::normal_name;
use crate::runtime::Runtime;
use crate::uv::Uv;
use crate::{disk, uv, uv_failure};

/// How the folder of a wheel begins while it is built.
const BUILDING: &str = ".building-";

/// How a wheel ends that is the same for every Python and machine. Others are not kept.
const PURE: &str = "-none-any.whl";

impl Installer {
    /// The folders that hold the built wheels of a runtime's source packages, each built now if it is not there.
    ///
    /// `python` is the interpreter of the environment that they are for. A package that the index has a wheel of needs
    /// no building, and so has no folder.
    pub(crate) fn built_wheels(
        &self,
        runtime: &Runtime,
        python: &Path,
        uv: &Uv,
        progress: &dyn Progress,
    ) -> Result<Vec<PathBuf>, InstallError> {
        let mut folders = Vec::new();
        for (name, version) in pinned_sources(runtime) {
            let folder = self.wheels().join(format!("{name}-{version}"));
            if wheel_in(&folder, &name, &version).is_none() {
                self.build(runtime, &folder, (&name, &version), python, uv, progress)?;
            }
            if folder.exists() {
                folders.push(folder);
            }
        }
        Ok(folders)
    }

    /// Removes the wheels that `runtime` was installed from. Others that need them build them anew.
    pub(crate) fn remove_wheels(&self, runtime: &Runtime) -> io::Result<()> {
        for (name, version) in pinned_sources(runtime) {
            disk::remove_folder(&self.wheels().join(format!("{name}-{version}")))?;
        }
        Ok(())
    }

    fn build(
        &self,
        runtime: &Runtime,
        folder: &Path,
        (name, version): (&str, &str),
        python: &Path,
        uv: &Uv,
        progress: &dyn Progress,
    ) -> Result<(), InstallError> {
        let path = self.lock_of(&format!("wheel-{name}-{version}"));
        let lock = Lock::take(&path, || {
            progress.step(&format!("waiting for another process that is building {name} {version}"));
        })
        .map_err(InstallError::io("lock", &path))?;
        if wheel_in(folder, name, version).is_some() {
            return Ok(());
        }
        progress.step(&format!("downloading and building {name} {version}; this is done once"));
        let building = self.wheels().join(format!("{BUILDING}{name}-{version}"));
        let fresh = || {
            disk::remove_folder(&building)?;
            disk::remove_folder(folder)?;
            fs::create_dir_all(&building)
        };
        fresh().map_err(InstallError::io("create the folder", &building))?;
        // `uv` has no command that makes a wheel from an index. Installing makes one on the way, and keeps it in its
        // cache: here one that nothing else is in.
        let mut command =
            uv.command(self.folder(), &lock).map_err(InstallError::io("use the lock of", folder))?;
        command.arg("--cache-dir").arg(building.join("cache"));
        command.args(["pip", "install", "--no-deps", "--link-mode", "hardlink", "--python"]).arg(python);
        command.arg("--target").arg(building.join("installed")).arg(format!("{name}=={version}"));
        let finished = uv::run(command, &mut |line| progress.detail(line.trim()))
            .map_err(InstallError::io("run uv in", self.folder()));
        let kept = finished.and_then(|finished| {
            if !finished.status.success() {
                return Err(uv_failure::classify(runtime, &building, "building a package", finished));
            }
            let Some(wheel) = wheel_below(&building.join("cache"), name, version) else { return Ok(()) };
            let keep = || {
                let complete = building.join("wheel");
                fs::create_dir(&complete)?;
                fs::rename(&wheel, complete.join(wheel.file_name().unwrap_or_default()))?;
                disk::sync_all_below(&complete)?;
                fs::rename(&complete, folder)
            };
            keep().map_err(InstallError::io("keep the wheel in", folder))
        });
        disk::remove_folder(&building).map_err(InstallError::io("remove the folder", &building))?;
        kept
    }

    fn wheels(&self) -> PathBuf {
        self.folder().join("wheels")
    }
}

/// Name and version of each package of the runtime that comes as source.
fn pinned_sources(runtime: &Runtime) -> Vec<(String, String)> {
    let wanted: Vec<String> = runtime.sources.iter().map(|name| normal_name(name)).collect();
    let lines = runtime.packages.text().lines().filter(|line| !line.trim_start().starts_with('#'));
    lines
        .filter_map(|line| {
            let requirement = line.split(';').next().unwrap_or_default();
            let (name, version) = requirement.split_once("==")?;
            let name = normal_name(name.trim());
            // A version is part of a path from here on.
            let plain =
                version.trim().chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-'));
            (wanted.contains(&name) && plain).then(|| (name, version.trim().to_owned()))
        })
        .collect()
}

/// The wheel in a folder of its own.
fn wheel_in(folder: &Path, name: &str, version: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    entries.flatten().map(|entry| entry.path()).find(|path| is_wheel(path, name, version))
}

/// The wheel somewhere below a folder.
fn wheel_below(folder: &Path, name: &str, version: &str) -> Option<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() && is_wheel(&path, name, version) => return Some(path),
                Ok(_) | Err(_) => {}
            }
        }
    }
    None
}

/// Whether the file is a wheel of this package that works everywhere. In file names dashes of the name are underscores.
fn is_wheel(path: &Path, name: &str, version: &str) -> bool {
    let start = format!("{}-{version}-", name.replace('-', "_"));
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|file| file.starts_with(&start) && file.ends_with(PURE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    #[test]
    fn only_pinned_sources_are_built() {
        let entry = "[[runtime]]\nname = \"x\"\nversion = \"1\"\nengine = \"kernel\"\npython = \">=3.10\"\n\
                     sources = [\"PySpark\", \"other\"]\n\
                     requirements = [\"pyspark==4.0.5 ; python_version > '3'\", \"other>=1\", \"numpy==2\", \
                     \"# pyspark==1\", \"pyspark==../1\"]\n";
        let catalogue = Catalogue::merged(entry, "x.toml", &|_| Err("none".into())).unwrap();
        assert_eq!(
            pinned_sources(catalogue.find("x").unwrap()),
            [("pyspark".to_owned(), "4.0.5".to_owned())]
        );
    }

    #[test]
    fn a_wheel_is_known_by_its_name() {
        for (file, is) in [
            ("pyspark-4.0.5-py2.py3-none-any.whl", true),
            ("pyspark-4.0.51-py3-none-any.whl", false),
            ("pyspark-4.0.5-cp311-cp311-linux_x86_64.whl", false),
            ("pyspark-4.0.5.tar.gz", false),
        ] {
            assert_eq!(is_wheel(Path::new(file), "pyspark", "4.0.5"), is, "{file}");
        }
        assert!(is_wheel(Path::new("a_b-1-py3-none-any.whl"), "a-b", "1"));
    }
}
