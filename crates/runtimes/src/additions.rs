//! Packages that are added while an engine runs: a folder on its Python's path that grows.
//!
//! What the engine has cannot change under its feet, so every package of its environment, its layer and the folder itself
//! counts as installed in its version, and whatever does not go with that is refused. New packages are made beside the
//! folder and moved into it once they are whole, each with one rename, its metadata last: what is not listed is not there.
//!
//! ```text
//! FOLDER                 what Python sees
//! FOLDER.unfinished      an installation
//! FOLDER.lock            held by whoever installs
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::environment::Environment;
use crate::error::{InstallError, LayerError};
use crate::installer::Installer;
use crate::layers::LayerSpec;
use crate::lock::Lock;
use crate::requirements::{any_version, normal_name};
use crate::runtime::Runtime;
use crate::{Progress, disk, distributions, uv, uv_failure};

/// Folders that many packages carry by mistake and nobody imports: no reason to refuse one.
const NOT_MODULES: [&str; 4] = ["test", "tests", "docs", "examples"];

/// Prints the names of the modules that come with Python.
const STANDARD: &str = "import sys; print('\\n'.join(sys.stdlib_module_names))";

/// By how much a folder's time of change goes forward at least when something was put into it. Python looks into a
/// folder again when that time is another one, and the kernel's own steps are some milliseconds.
const TICK: Duration = Duration::from_millis(1);

/// What an engine runs from, and where packages are added for it.
#[derive(Debug, Clone, Copy)]
pub struct Addition<'a> {
    /// Its runtime.
    pub runtime: &'a Runtime,
    /// The runtime's environment.
    pub base: &'a Environment,
    /// The session's layer over it.
    pub layer: Option<&'a Environment>,
    /// The folder, which its Python looks into.
    pub folder: &'a Path,
}

impl Installer {
    /// Installs what `spec` asks for and is not there yet, and returns what that was, each with its version.
    ///
    /// Blocks while tools run and while packages are being added to the same folder. May be killed at any time.
    ///
    /// # Errors
    /// When they cannot be installed, or would change what is there; then none is.
    pub fn add_packages(
        &self,
        to: &Addition<'_>,
        spec: &LayerSpec,
        progress: &dyn Progress,
    ) -> Result<Vec<String>, LayerError> {
        self.add(to, spec, progress).map_err(|error| LayerError::new(error, spec.index.as_deref()))
    }

    fn add(
        &self,
        to: &Addition<'_>,
        spec: &LayerSpec,
        progress: &dyn Progress,
    ) -> Result<Vec<String>, InstallError> {
        let lock_path = to.folder.with_extension("lock");
        let lock = Lock::take(&lock_path, || progress.step("waiting for another installation"))
            .map_err(InstallError::io("lock", &lock_path))?;
        let there = to.there().map_err(InstallError::io("list the packages beside", to.folder))?;
        let met = |wanted: &&str| any_version(wanted) && there.contains_key(&normal_name(wanted));
        let wanted: Vec<&str> = spec.requirements.iter().filter(|wanted| !met(wanted)).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let unfinished = Unfinished::new(to.folder.with_extension("unfinished"))
            .map_err(InstallError::io("make a folder beside", to.folder))?;
        let stage = unfinished.0.join("packages");
        let noted = to.note_all(&stage).map_err(InstallError::io("write into", &stage))?;

        let (list, pins) = (unfinished.0.join("wanted.txt"), unfinished.0.join("there.txt"));
        let pinned = |(name, version): (&String, &String)| format!("{name}=={version}\n");
        fs::write(&list, wanted.join("\n") + "\n").map_err(InstallError::io("write", &list))?;
        fs::write(&pins, there.iter().map(pinned).collect::<String>())
            .map_err(InstallError::io("write", &pins))?;
        progress.step("adding packages to a session");
        let uv = self.uv(&to.runtime.full_name(), progress)?;
        let mut command =
            uv.command(self.folder(), &lock).map_err(InstallError::io("use the lock of", to.folder))?;
        command.args(["pip", "install", "--compile-bytecode", "--link-mode", "hardlink"]);
        spec.restrict(&mut command);
        command.arg("--python").arg(&to.base.python).arg("--target").arg(&stage);
        command.arg("--constraints").arg(&pins).arg("-r").arg(&list);
        let finished = uv::run(command, &mut |line| progress.detail(line))
            .map_err(InstallError::io("run uv in", self.folder()))?;
        if !finished.status.success() {
            let error = uv_failure::classify(to.runtime, &stage, "installing packages", finished);
            return Err(in_the_way(error, &there));
        }

        for note in noted {
            disk::remove_folder(&note).map_err(InstallError::io("remove", &note))?;
        }
        // Programs for the command line, which nobody runs here.
        disk::remove_folder(&stage.join("bin")).map_err(InstallError::io("clean up", &stage))?;
        to.check_modules(&stage)?;
        let added =
            distributions::distributions(&stage).map_err(InstallError::io("list the packages in", &stage))?;
        merge(&stage, to.folder).map_err(InstallError::io("put packages into", to.folder))?;
        Ok(added.into_iter().map(|(name, version, _)| format!("{name} {version}")).collect())
    }
}

impl Addition<'_> {
    /// Folders of packages, in the order in which the later one replaces what the earlier one has.
    fn folders(&self) -> impl Iterator<Item = &Path> {
        let environments = [Some(self.base), self.layer];
        environments
            .into_iter()
            .flatten()
            .map(|environment| environment.site_packages.as_path())
            .chain([self.folder])
    }

    fn there(&self) -> io::Result<BTreeMap<String, String>> {
        let mut all = BTreeMap::new();
        for folder in self.folders() {
            all.extend(distributions::names_and_versions(folder)?);
        }
        Ok(all)
    }

    /// Writes into `stage` what is there already, and returns the folders that say so.
    fn note_all(&self, stage: &Path) -> io::Result<Vec<PathBuf>> {
        fs::create_dir(stage)?;
        for folder in self.folders() {
            distributions::note(folder, stage)?;
        }
        Ok(distributions::distributions(stage)?.into_iter().map(|(_, _, folder)| folder).collect())
    }

    /// Refuses modules that would come before Python's own or the runtime's of the same name.
    fn check_modules(&self, stage: &Path) -> Result<(), InstallError> {
        let listing = || InstallError::io("list the modules in", stage);
        let taken = |module: &str, by: &str| InstallError::Conflict {
            runtime: self.runtime.full_name(),
            with: vec![format!("the module \"{module}\" of {by}")],
            detail: Vec::new(),
        };
        let standard =
            standard_modules(&self.base.python).map_err(InstallError::io("run", &self.base.python))?;
        for entry in fs::read_dir(stage).map_err(listing())? {
            let entry = entry.map_err(listing())?;
            let file_name = entry.file_name();
            let Some((module, whole)) = module_of(&entry.path(), &file_name.to_string_lossy()) else {
                continue;
            };
            if standard.contains(&module) {
                return Err(taken(&module, "Python"));
            }
            for folder in [Some(self.base), self.layer].into_iter().flatten().map(|base| &base.site_packages)
            {
                let there = folder.join(&file_name);
                if there.exists() && (whole || there.join("__init__.py").exists()) {
                    return Err(taken(&module, "the runtime"));
                }
            }
        }
        Ok(())
    }
}

/// The module that a file or folder is, and whether it is all of that module: a folder without code of its own is only a
/// part of it. `None` for what is no module.
fn module_of(path: &Path, name: &str) -> Option<(String, bool)> {
    if path.is_dir() {
        let module = !name.contains('.') && name != "__pycache__" && !NOT_MODULES.contains(&name);
        return module.then(|| (name.to_owned(), path.join("__init__.py").exists()));
    }
    let code = [".py", ".pyc", ".so"].iter().any(|end| name.ends_with(end));
    let (module, _) = name.split_once('.').filter(|_| code)?;
    (!NOT_MODULES.contains(&module)).then(|| (module.to_owned(), true))
}

fn standard_modules(python: &Path) -> io::Result<BTreeSet<String>> {
    let output = Command::new(python)
        .args(["-I", "-S", "-c", STANDARD])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("it ended with {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// Names what stands in the way of a conflict.
fn in_the_way(error: InstallError, there: &BTreeMap<String, String>) -> InstallError {
    match error {
        InstallError::Conflict { runtime, detail, .. } => {
            let named = |(name, version): &(&String, &String)| {
                let pin = format!("{name}=={version}");
                detail.iter().any(|line| {
                    line.match_indices(&pin).any(|(at, _)| {
                        let goes_on = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
                        let rest = line[at + pin.len()..].trim_start_matches('.');
                        !line[..at].ends_with(goes_on)
                            && !rest.starts_with(|c: char| c.is_ascii_alphanumeric())
                    })
                })
            };
            let with =
                there.iter().filter(named).map(|(name, version)| format!("{name} {version}")).collect();
            InstallError::Conflict { runtime, with, detail }
        }
        other => other,
    }
}

/// Moves everything in `from` into `to`, metadata of packages last. Folders that both have become one.
fn merge(from: &Path, to: &Path) -> io::Result<()> {
    let mut entries = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
    entries
        .sort_by_key(|entry| (entry.path().extension().is_some_and(|end| end == "dist-info"), entry.path()));
    for entry in entries {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let both = entry.file_type()?.is_dir() && target.is_dir();
        if both {
            merge(&source, &target)?;
        } else {
            if target.is_dir() {
                fs::remove_dir_all(&target)?;
            }
            fs::rename(&source, &target)?;
        }
    }
    touch(to)
}

/// Lets everyone see that a folder has changed, however short ago it changed last.
fn touch(folder: &Path) -> io::Result<()> {
    let file = File::open(folder)?;
    let changed_at = file.metadata()?.modified()?.max(SystemTime::now());
    file.set_modified(changed_at + TICK)
}

/// The folder of an installation, which is removed with whatever an earlier one left there.
struct Unfinished(PathBuf);

impl Unfinished {
    fn new(path: PathBuf) -> io::Result<Self> {
        disk::remove_folder(&path)?;
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Err(error) = disk::remove_folder(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "could not remove an unfinished installation");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_way_is_named() {
        let there = [("pandas", "2.3.3"), ("numpy", "2.4"), ("pytz", "2026.6"), ("das", "2.3.3")];
        let there = there.map(|(name, version)| (name.to_owned(), version.to_owned())).into();
        let detail =
            vec!["Because bad depends on numpy==2.4.6 and pandas==2.3.3, we can conclude".to_owned()];
        let error = InstallError::Conflict { runtime: "r".to_owned(), with: Vec::new(), detail };
        let InstallError::Conflict { with, .. } = in_the_way(error, &there) else { panic!("no conflict") };
        assert_eq!(with, ["pandas 2.3.3"]);
    }

    #[test]
    fn folders_are_joined_and_python_can_tell_that_they_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        for folder in [from.join("shared/new"), from.join("x-1.dist-info"), to.join("shared/old")] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(from.join("x.py"), "new").unwrap();
        fs::write(to.join("x.py"), "left by one that was killed").unwrap();
        let before = fs::metadata(to.join("shared")).unwrap().modified().unwrap();
        merge(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("x.py")).unwrap(), "new");
        assert!(["shared/new", "shared/old", "x-1.dist-info"].iter().all(|name| to.join(name).is_dir()));
        assert!(fs::metadata(to.join("shared")).unwrap().modified().unwrap() >= before + TICK);
    }

    #[test]
    fn modules_are_told_from_what_else_packages_bring() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("part/inner")).unwrap();
        fs::create_dir_all(dir.path().join("whole")).unwrap();
        fs::write(dir.path().join("whole/__init__.py"), "").unwrap();
        for (name, module) in [
            ("part", Some(("part", false))),
            ("whole", Some(("whole", true))),
            ("json.py", Some(("json", true))),
            ("_x.cpython-311-x86_64-linux-gnu.so", Some(("_x", true))),
            ("tests.py", None),
            ("x.pth", None),
        ] {
            let found = module_of(&dir.path().join(name), name);
            assert_eq!(found, module.map(|(module, whole)| (module.to_owned(), whole)), "{name}");
        }
    }
}
