//! Makes, finds, lists and removes environments.
//!
//! Layout of the runtimes folder:
//!
//! ```text
//! envs/sail-0.7.2-0123456789abcdef/      an environment; complete when its marker is there
//! envs/.removing-sail-0.7.2-…            one being removed
//! layers/…                               sessions' own packages, see `layers.rs`
//! wheels/pyspark-4.0.5/                   packages built from source once, see `wheels.rs`
//! locks/sail-0.7.2-0123456789abcdef      held by whoever makes or removes it
//! tools/uv-0.13.9/bin/uv                 our own uv, where the machine has none
//! ```

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::catalogue::Catalogue;
use crate::environment::{self, Environment, Marker};
use crate::error::{InstallError, RemoveError, VerifyError};
use crate::java::{Java, JavaError, JavaNeed, JavaPlaces, JavaSource};
use crate::listing::{Listed, ListedState};
use crate::lock::Lock;
use crate::progress::Progress;
use crate::runtime::{Packages, Runtime};
use crate::uv::{Finished, SearchPath, Uv};
use crate::{dataset, disk, uv, uv_failure, verify};

/// How the folder of an environment begins while it is removed.
const REMOVING: &str = ".removing-";

/// Prints, as JSON, what only the new interpreter knows.
const PROBE: &str = "import json, platform, sysconfig; \
    print(json.dumps({'version': platform.python_version(), 'packages': sysconfig.get_path('purelib')}))";

/// The environments below one folder. Cheap to make and to clone; keeps nothing in memory.
#[derive(Debug, Clone)]
pub struct Installer {
    folder: PathBuf,
    search: SearchPath,
    javas: JavaPlaces,
}

impl Installer {
    /// An installer whose files are all in `folder`, which need not exist yet and should be absolute. Tools are
    /// looked for on this process's `PATH`, Java also in its `JAVA_HOME`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let search = SearchPath(std::env::var_os("PATH").unwrap_or_default());
        Self { folder: folder.into(), search, javas: JavaPlaces::own() }
    }

    /// The same installer with another `PATH` for finding and running `uv` and Python.
    #[must_use]
    pub fn with_search_path(mut self, path: impl Into<OsString>) -> Self {
        self.search = SearchPath(path.into());
        self
    }

    /// The environment of `runtime`, if it is installed. Reads one small file: fit for every start of a session.
    pub fn installed(&self, runtime: &Runtime) -> Option<Environment> {
        Environment::open(&self.root_of(runtime), runtime.lock_hash())
    }

    /// The Java that engines of `runtime` are started with: the one chosen at installation while it is there, else
    /// another that fits. `None` for a runtime that needs none. Reads two small files: fit for every start.
    ///
    /// # Errors
    /// When there is none any more that fits.
    pub fn java(&self, runtime: &Runtime, environment: &Environment) -> Result<Option<Java>, JavaError> {
        let Some(need) = &runtime.java else { return Ok(None) };
        let chosen = environment.java_home.as_deref().and_then(Java::at).filter(|java| need.fits(java));
        if chosen.is_some() {
            return Ok(chosen);
        }
        self.find_java(runtime, need, Some(&environment.site_packages)).map(Some)
    }

    /// The environment of `runtime`, made now if it is not there.
    ///
    /// Blocks while tools run and while another process installs the same environment, for minutes on a slow
    /// network.
    ///
    /// # Errors
    /// When it cannot be made; then nothing of it is left behind.
    pub fn ensure(&self, runtime: &Runtime, progress: &dyn Progress) -> Result<Environment, InstallError> {
        let whole = |environment: &Environment| self.java(runtime, environment).is_ok();
        if let Some(environment) = self.installed(runtime).filter(whole) {
            return Ok(environment);
        }
        let path = self.lock_of(&runtime.environment_name());
        let lock = Lock::take(&path, || {
            let name = runtime.full_name();
            progress.step(&format!("waiting for another process that is installing {name}"));
        })
        .map_err(InstallError::io("lock", &path))?;
        if let Some(environment) = self.installed(runtime) {
            if !whole(&environment) {
                let uv = self.uv(&runtime.full_name(), progress)?;
                self.renew_java(runtime, &environment, &uv, &lock, progress)?;
            }
            return self.installed(runtime).ok_or_else(|| {
                InstallError::io("read the marker of", &environment.root)(io::ErrorKind::NotFound.into())
            });
        }
        let root = self.root_of(runtime);
        remove_environment(&root).map_err(InstallError::io("remove the unfinished folder", &root))?;
        self.check_space(runtime, &root)?;
        if let Some(need) = &runtime.java
            && need.package.is_none()
        {
            // Before anything is downloaded for it.
            self.find_java(runtime, need, None)?;
        }
        let uv = self.uv(&runtime.full_name(), progress)?;
        let unfinished = Unfinished(&root);
        let environment = self.make(runtime, &root, &uv, &lock, progress)?;
        std::mem::forget(unfinished);
        Ok(environment)
    }

    /// Removes the environment of `runtime`.
    ///
    /// Engines hold no lock: `in_use` says of an environment's folder whether one runs from it, and is asked when
    /// nobody can install or remove the environment any more.
    ///
    /// # Errors
    /// When it is in use, not installed, or cannot be removed.
    pub fn remove(&self, runtime: &Runtime, in_use: &dyn Fn(&Path) -> bool) -> Result<(), RemoveError> {
        self.remove_named(&runtime.environment_name(), &runtime.full_name(), in_use)?;
        self.remove_wheels(runtime).map_err(|source| RemoveError::Io { name: runtime.full_name(), source })
    }

    /// Removes an environment by the name of its folder, such as an orphan of a listing.
    ///
    /// # Errors
    /// As [`Installer::remove`].
    pub fn remove_folder(
        &self,
        folder_name: &str,
        in_use: &dyn Fn(&Path) -> bool,
    ) -> Result<(), RemoveError> {
        let plain = Path::new(folder_name).file_name().is_some_and(|name| name == folder_name);
        if !plain || folder_name.starts_with('.') {
            return Err(RemoveError::NotInstalled { name: folder_name.to_owned() });
        }
        self.remove_named(folder_name, folder_name, in_use)
    }

    /// Every runtime of the catalogue, then every folder that belongs to none.
    ///
    /// # Errors
    /// When the folder of environments cannot be read.
    pub fn list(&self, catalogue: &Catalogue) -> io::Result<Vec<Listed>> {
        let mut listed = Vec::new();
        let mut known = HashSet::new();
        for runtime in catalogue.runtimes() {
            let name = runtime.environment_name();
            let mut line = self.look_at(&name, ListedState::Installed);
            line.name.clone_from(&runtime.name);
            line.version.clone_from(&runtime.version);
            if line.state != ListedState::Installed {
                line.size = runtime.disk_bytes;
            }
            listed.push(line);
            known.insert(name);
        }
        for name in self.folder_names()? {
            if !known.contains(&name) && !name.starts_with(REMOVING) {
                listed.push(self.look_at(&name, ListedState::Orphaned));
            }
        }
        Ok(listed)
    }

    /// Looks at every file of the environment of `runtime`; takes about a second.
    ///
    /// # Errors
    /// When it is not installed or damaged.
    pub fn verify(&self, runtime: &Runtime) -> Result<Environment, VerifyError> {
        let missing = || VerifyError::NotInstalled { runtime: runtime.full_name() };
        let environment = self.installed(runtime).ok_or_else(missing)?;
        verify::verify(runtime, &environment, &self.search)?;
        Ok(environment)
    }

    /// Removes what installations and removals left that were killed; returns the folders. What another process is
    /// at work on is left alone. Meant for the start of a server.
    ///
    /// # Errors
    /// When the folder of environments cannot be read or something cannot be removed.
    pub fn sweep(&self) -> io::Result<Vec<PathBuf>> {
        let mut removed = Vec::new();
        for name in self.folder_names()? {
            let root = self.environments().join(&name);
            let of = name.strip_prefix(REMOVING).unwrap_or(&name);
            let half = |root: &Path| of != name || Marker::read(root).is_none();
            if !half(&root) {
                continue;
            }
            let Some(_lock) = Lock::try_take(&self.lock_of(of))? else { continue };
            // It may have become complete before the lock was ours.
            if half(&root) && root.exists() {
                disk::remove_folder(&root)?;
                removed.push(root);
            }
        }
        Ok(removed)
    }

    /// The folder of everything.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The tool that installs, itself installed if need be.
    pub(crate) fn uv(&self, runtime: &str, progress: &dyn Progress) -> Result<Uv, InstallError> {
        Uv::ensure(&self.search, &self.folder.join("tools"), &self.lock_of("uv"), runtime, progress)
    }

    /// The program that installs packages, if it is there. Costs next to nothing: fit for every start of a session.
    pub fn tool(&self) -> Option<PathBuf> {
        Uv::there(&self.search, &self.folder.join("tools"))
    }

    fn environments(&self) -> PathBuf {
        self.folder.join("envs")
    }

    fn root_of(&self, runtime: &Runtime) -> PathBuf {
        self.environments().join(runtime.environment_name())
    }

    pub(crate) fn lock_of(&self, name: &str) -> PathBuf {
        self.folder.join("locks").join(name)
    }

    /// Names of all folders of environments; none when nothing was ever installed.
    fn folder_names(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.environments()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// What is in one folder; a complete one is called `complete`.
    fn look_at(&self, name: &str, complete: ListedState) -> Listed {
        let path = self.environments().join(name);
        let marker = Marker::read(&path);
        let state = match &marker {
            Some(_) if environment::python_of(&path).exists() => complete,
            Some(_) => ListedState::Incomplete,
            None if !path.exists() => ListedState::NotInstalled,
            None => match Lock::try_take(&self.lock_of(name)) {
                Ok(None) => ListedState::Installing,
                Ok(Some(_)) | Err(_) => ListedState::Incomplete,
            },
        };
        let installed_at =
            fs::metadata(path.join(environment::MARKER)).and_then(|about| about.modified()).ok();
        match marker {
            Some(marker) => Listed {
                name: marker.runtime,
                version: marker.version,
                state,
                path,
                size: marker.size,
                python_version: Some(marker.python_version),
                installed_at,
            },
            None => Listed {
                name: name.to_owned(),
                version: String::new(),
                state,
                size: disk::used_bytes(&path),
                path,
                python_version: None,
                installed_at,
            },
        }
    }

    fn check_space(&self, runtime: &Runtime, root: &Path) -> Result<(), InstallError> {
        let folder = self.environments();
        fs::create_dir_all(&folder).map_err(InstallError::io("create the folder", &folder))?;
        let free = disk::free_bytes(&folder).map_err(InstallError::io("look at the disk of", root))?;
        if free >= runtime.disk_bytes {
            return Ok(());
        }
        let (runtime, needed) = (runtime.full_name(), runtime.disk_bytes);
        Err(InstallError::DiskFull { runtime, folder, needed, free, detail: Vec::new() })
    }

    /// Makes the environment in `root`, its marker last.
    fn make(
        &self,
        runtime: &Runtime,
        root: &Path,
        uv: &Uv,
        lock: &Lock,
        progress: &dyn Progress,
    ) -> Result<Environment, InstallError> {
        let run = |doing, arguments: &dyn Fn(&mut Command)| {
            self.run_uv(runtime, root, uv, lock, progress, doing, arguments)
        };

        progress.step(&format!("creating an environment for {}", runtime.full_name()));
        run("creating the environment", &|command| {
            command.args(["venv", "--no-project", "--python", &runtime.python]).arg(root);
        })?;
        let list = root.join("packages.txt");
        fs::write(&list, runtime.packages.text()).map_err(InstallError::io("write", &list))?;
        let wheels = self.built_wheels(runtime, &environment::python_of(root), uv, progress)?;
        progress.step(&format!("installing the packages of {}", runtime.full_name()));
        run("installing packages", &|command| {
            command.args(["pip", "install", "--compile-bytecode", "--link-mode", "hardlink"]);
            if matches!(runtime.packages, Packages::Locked(_)) {
                command.arg("--no-deps");
            }
            for folder in &wheels {
                command.arg("--find-links").arg(folder);
            }
            command.arg("--python").arg(environment::python_of(root)).arg("-r").arg(&list);
        })?;

        let (python_version, site_packages) = self.probe(runtime, root)?;
        let mut environment = Environment {
            root: root.to_owned(),
            python: environment::python_of(root),
            site_packages: root.join(&site_packages),
            lock_hash: runtime.lock_hash().to_owned(),
            java_home: None,
        };
        environment.java_home = self.choose_java(runtime, &environment, uv, lock, progress)?;
        if !runtime.datasets.is_empty() {
            progress.step("unpacking data sets");
            dataset::unpack_all(runtime, &environment, &self.search)?;
        }
        progress.step("writing everything to disk");
        let marker = Marker {
            runtime: runtime.name.clone(),
            version: runtime.version.clone(),
            python_version,
            site_packages,
            size: disk::used_bytes(root),
            java_home: environment.java_home.clone(),
        };
        marker.write(root).map_err(InstallError::io("write the marker of", root))?;
        Ok(environment)
    }

    /// Runs `uv` for the environment in `root`.
    #[expect(clippy::too_many_arguments, reason = "the parts of one installation, and what is to be run")]
    fn run_uv(
        &self,
        runtime: &Runtime,
        root: &Path,
        uv: &Uv,
        lock: &Lock,
        progress: &dyn Progress,
        doing: &'static str,
        arguments: &dyn Fn(&mut Command),
    ) -> Result<(), InstallError> {
        let mut command =
            uv.command(&self.folder, lock).map_err(InstallError::io("use the lock of", root))?;
        arguments(&mut command);
        let finished: Finished = uv::run(command, &mut |line| tell(line, progress))
            .map_err(InstallError::io("run uv in", &self.folder))?;
        if finished.status.success() {
            Ok(())
        } else {
            Err(uv_failure::classify(runtime, root, doing, finished))
        }
    }

    /// A Java that fits: of this machine, or of the packages of an environment that has one.
    fn find_java(
        &self,
        runtime: &Runtime,
        need: &JavaNeed,
        site_packages: Option<&Path>,
    ) -> Result<Java, JavaError> {
        let packaged = || site_packages.and_then(Java::in_packages).filter(|java| need.fits(java));
        if need.from == JavaSource::Package
            && let Some(java) = packaged()
        {
            return Ok(java);
        }
        let machine = match need.from {
            JavaSource::Machine => self.javas.all(&self.search),
            JavaSource::Package => Vec::new(),
        };
        let fitting = machine.iter().find(|java| need.fits(java)).cloned();
        fitting.or_else(packaged).ok_or_else(|| JavaError {
            runtime: runtime.full_name(),
            need: need.to_string(),
            found: machine,
        })
    }

    /// The home of the Java for an environment whose packages are installed; its package is added where need be.
    fn choose_java(
        &self,
        runtime: &Runtime,
        environment: &Environment,
        uv: &Uv,
        lock: &Lock,
        progress: &dyn Progress,
    ) -> Result<Option<PathBuf>, InstallError> {
        let Some(need) = &runtime.java else { return Ok(None) };
        let find = || self.find_java(runtime, need, Some(&environment.site_packages));
        let java = match (find(), &need.package) {
            (Err(_), Some(package)) => {
                progress.step(&format!("installing a Java of its own ({package})"));
                self.run_uv(runtime, &environment.root, uv, lock, progress, "installing Java", &|command| {
                    command.args(["pip", "install", "--no-deps", "--link-mode", "hardlink", "--python"]);
                    command.arg(&environment.python).arg(package);
                })?;
                find()?
            }
            (found, _) => found?,
        };
        progress.step(&format!("using Java {} in {}", java.version, java.home.display()));
        Ok(Some(java.home))
    }

    /// Gives a complete environment another Java: the one it was installed with is gone, and no other fits.
    fn renew_java(
        &self,
        runtime: &Runtime,
        environment: &Environment,
        uv: &Uv,
        lock: &Lock,
        progress: &dyn Progress,
    ) -> Result<(), InstallError> {
        let root = &environment.root;
        let java_home = self.choose_java(runtime, environment, uv, lock, progress)?;
        let Some(marker) = Marker::read(root) else { return Ok(()) };
        let marker = Marker { java_home, size: disk::used_bytes(root), ..marker };
        marker.write(root).map_err(InstallError::io("write the marker of", root))
    }

    /// Version of the new interpreter, and where its packages are below `root`.
    fn probe(&self, runtime: &Runtime, root: &Path) -> Result<(String, PathBuf), InstallError> {
        #[derive(Deserialize)]
        struct Answer {
            version: String,
            packages: PathBuf,
        }
        let python = environment::python_of(root);
        let output = self
            .search
            .command(&python, root)
            .args(["-I", "-c", PROBE])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .map_err(InstallError::io("run", &python))?;
        let failed = || InstallError::Tool {
            runtime: runtime.full_name(),
            doing: "running the new interpreter",
            status: output.status.to_string(),
            detail: String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect(),
        };
        let answer: Answer = serde_json::from_slice(&output.stdout).map_err(|_| failed())?;
        let packages = answer.packages.strip_prefix(root).map_err(|_| failed())?.to_owned();
        Ok((answer.version, packages))
    }

    fn remove_named(
        &self,
        folder_name: &str,
        name: &str,
        in_use: &dyn Fn(&Path) -> bool,
    ) -> Result<(), RemoveError> {
        let name = || name.to_owned();
        let io = |source| RemoveError::Io { name: name(), source };
        let root = self.environments().join(folder_name);
        if !root.exists() {
            return Err(RemoveError::NotInstalled { name: name() });
        }
        let Some(_lock) = Lock::try_take(&self.lock_of(folder_name)).map_err(io)? else {
            return Err(RemoveError::Busy { name: name() });
        };
        if in_use(&root) {
            return Err(RemoveError::InUse { name: name() });
        }
        // Gone under its name at once; a kill from here on leaves only what `sweep` removes.
        let aside = self.environments().join(format!("{REMOVING}{folder_name}"));
        disk::remove_folder(&aside).map_err(io)?;
        fs::rename(&root, &aside).map_err(io)?;
        disk::remove_folder(&aside).map_err(io)?;
        // Nothing runs from the environment, so nothing runs from a layer over it.
        self.remove_layers_over(folder_name).map_err(io)
    }
}

/// Removes an environment so that a kill in the middle leaves one that counts as not installed.
pub(crate) fn remove_environment(root: &Path) -> io::Result<()> {
    Marker::remove(root)?;
    disk::remove_folder(root)
}

/// A folder that is removed again unless the installation succeeds.
pub(crate) struct Unfinished<'a>(pub(crate) &'a Path);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Err(error) = remove_environment(self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "could not remove an unfinished environment");
        }
    }
}

/// Passes on the lines of `uv` that say how far it is.
fn tell(line: &str, progress: &dyn Progress) {
    const TELLING: [&str; 7] = [
        "Downloading ",
        "Downloaded ",
        "Building ",
        "Built ",
        "Prepared ",
        "Installed ",
        "Bytecode compiled ",
    ];
    let line = line.trim();
    if TELLING.iter().any(|start| line.starts_with(start)) {
        progress.detail(line);
    }
}
