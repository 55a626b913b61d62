//! Layers: a session's own packages over its runtime's environment.
//!
//! A layer is a small virtual environment whose import path goes on in the runtime's, so that only what the runtime
//! does not have is installed. It is named after the environment, the requirements and the index, made once, and
//! shared by all sessions that need the same:
//!
//! ```text
//! layers/sail-0.7.2-0123456789abcdef-fedcba9876543210/      complete when its marker is there
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::environment::{self, Environment, Marker};
use crate::error::{InstallError, LayerError};
use crate::installer::{Installer, Unfinished, remove_environment};
use crate::lock::Lock;
use crate::requirements::{Requirements, any_version, normal_name};
use crate::runtime::Runtime;
use crate::uv::Uv;
use crate::{Progress, disk, distributions, uv, uv_failure};

/// Changes whenever layers are laid out differently, so that older ones are made anew.
const LAYOUT: &str = "hearth layer 1";

/// The file in a layer that leads Python on to the runtime's packages. What the layer has comes first.
const BASE_PATH: &str = "hearth-base.pth";

/// What the environment could say about where packages come from. A session's own index is the only one it has.
const INDEX_VARIABLES: [&str; 8] = [
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
    "UV_CONFIG_FILE",
    "UV_INDEX_STRATEGY",
];

/// What is to be in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSpec {
    /// The packages.
    pub requirements: Requirements,
    /// The index they come from; `None` for the one that runtimes are installed from.
    pub index: Option<String>,
}

impl LayerSpec {
    /// Makes a command of `uv` take packages from the index of this layer alone.
    pub(crate) fn restrict(&self, command: &mut Command) {
        if let Some(index) = &self.index {
            for name in INDEX_VARIABLES {
                command.env_remove(name);
            }
            command.args(["--no-config", "--default-index", index]);
        }
    }

    /// Name of the layer's folder over an environment.
    fn name(&self, base: &Environment) -> String {
        let base_name = base.root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        add(LAYOUT);
        add(&base.root.to_string_lossy());
        add(self.index.as_deref().unwrap_or_default());
        self.requirements.iter().for_each(&mut add);
        format!("{base_name}-{}", hex::encode(&hash.finalize()[..8]))
    }
}

impl Installer {
    /// The layer over `base`, if it is there. Reads one small file: fit for every start of a session.
    pub fn layer(&self, base: &Environment, spec: &LayerSpec) -> Option<Environment> {
        Environment::open(&self.layers().join(spec.name(base)), &base.lock_hash)
    }

    /// The layer over `base`, made now if it is not there.
    ///
    /// Blocks while tools run and while another process makes the same layer. May be killed at any time.
    ///
    /// # Errors
    /// When it cannot be made; then nothing of it is left behind.
    pub fn ensure_layer(
        &self,
        runtime: &Runtime,
        base: &Environment,
        spec: &LayerSpec,
        progress: &dyn Progress,
    ) -> Result<Environment, LayerError> {
        if let Some(layer) = self.layer(base, spec) {
            return Ok(layer);
        }
        let make = || {
            let name = spec.name(base);
            let path = self.lock_of(&format!("layer-{name}"));
            let lock =
                Lock::take(&path, || progress.step("waiting for another process that installs the same"))
                    .map_err(InstallError::io("lock", &path))?;
            if let Some(layer) = self.layer(base, spec) {
                return Ok(layer);
            }
            let root = self.layers().join(name);
            remove_environment(&root).map_err(InstallError::io("remove the unfinished folder", &root))?;
            let layers = self.layers();
            fs::create_dir_all(&layers).map_err(InstallError::io("create the folder", &layers))?;
            let uv = self.uv(&runtime.full_name(), progress)?;
            let unfinished = Unfinished(&root);
            self.make_layer(runtime, base, spec, &root, &uv, &lock, progress)?;
            std::mem::forget(unfinished);
            self.layer(base, spec).ok_or_else(|| {
                InstallError::io("find the marker of", &root)(io::Error::from(io::ErrorKind::NotFound))
            })
        };
        make().map_err(|error| LayerError::new(error, spec.index.as_deref()))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one installation, each used once")]
    fn make_layer(
        &self,
        runtime: &Runtime,
        base: &Environment,
        spec: &LayerSpec,
        root: &Path,
        uv: &Uv,
        lock: &Lock,
        progress: &dyn Progress,
    ) -> Result<(), InstallError> {
        let run = |doing: &'static str, arguments: &dyn Fn(&mut Command)| {
            let mut command =
                uv.command(self.folder(), lock).map_err(InstallError::io("use the lock of", root))?;
            arguments(&mut command);
            let finished = uv::run(command, &mut |line| progress.detail(line))
                .map_err(InstallError::io("run uv in", self.folder()))?;
            if finished.status.success() {
                Ok(())
            } else {
                Err(uv_failure::classify(runtime, root, doing, finished))
            }
        };
        progress.step("creating the session's environment");
        run("creating the environment", &|command| {
            command.args(["venv", "--no-project", "--no-config", "--python"]).arg(&base.python).arg(root);
        })?;
        let inside = base.site_packages.strip_prefix(&base.root).unwrap_or(&base.site_packages);
        let packages = root.join(inside);
        let path_file = packages.join(BASE_PATH);
        let text = format!("{}\n", base.site_packages.display());
        fs::write(&path_file, text).map_err(InstallError::io("write", &path_file))?;

        let there = distributions::names_and_versions(&base.site_packages)
            .map_err(InstallError::io("list the packages in", &base.site_packages))?;
        let there = there.into_keys().collect();
        let (wanted, overrides) = plan(spec, &there);
        let (list, override_list) = (root.join("packages.txt"), root.join("overrides.txt"));
        fs::write(&list, wanted.join("\n") + "\n").map_err(InstallError::io("write", &list))?;
        fs::write(&override_list, overrides).map_err(InstallError::io("write", &override_list))?;
        if !wanted.is_empty() {
            progress.step("installing the session's packages");
            run("installing packages", &|command| {
                command.args(["pip", "install", "--compile-bytecode", "--link-mode", "hardlink"]);
                spec.restrict(command);
                command.arg("--overrides").arg(&override_list);
                command.arg("--python").arg(environment::python_of(root)).arg("-r").arg(&list);
            })?;
        }
        let python_version = Marker::read(&base.root).map(|marker| marker.python_version).unwrap_or_default();
        let marker = Marker {
            runtime: runtime.name.clone(),
            version: runtime.version.clone(),
            python_version,
            site_packages: inside.to_owned(),
            size: disk::used_bytes(root),
            java_home: base.java_home.clone(),
        };
        marker.write(root).map_err(InstallError::io("write the marker of", root))
    }

    /// Removes every layer over an environment, given by the name of its folder.
    pub(crate) fn remove_layers_over(&self, base_name: &str) -> io::Result<()> {
        let entries = match fs::read_dir(self.layers()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let over = entry.file_name().to_str().is_some_and(|name| {
                name.strip_prefix(base_name).is_some_and(|rest| rest.starts_with('-') && rest.len() == 17)
            });
            if over {
                remove_environment(&entry.path())?;
            }
        }
        Ok(())
    }

    fn layers(&self) -> PathBuf {
        self.folder().join("layers")
    }
}

/// What to install, and the overrides that keep out what the runtime has.
///
/// The runtime's own packages are the ones its engine was tested with: a dependency on one is met, whatever its version.
/// Only a version that the session itself names is installed over it.
fn plan(spec: &LayerSpec, there: &BTreeSet<String>) -> (Vec<String>, String) {
    let wanted: Vec<String> = spec
        .requirements
        .iter()
        .filter(|requirement| !(any_version(requirement) && there.contains(&normal_name(requirement))))
        .map(str::to_owned)
        .collect();
    let named: BTreeSet<String> = wanted.iter().map(|requirement| normal_name(requirement)).collect();
    // A condition that never holds: older versions of uv have no other way to leave a package out.
    let overrides = there.difference(&named).map(|name| format!("{name} ; python_version < \"0\"\n"));
    (wanted, overrides.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str, index: Option<&str>) -> LayerSpec {
        let requirements = Requirements::parse(text).unwrap();
        LayerSpec { requirements, index: index.map(str::to_owned) }
    }

    #[test]
    fn what_the_runtime_has_is_left_out_unless_a_version_is_named() {
        let there = BTreeSet::from(["numpy", "pandas", "pyarrow"].map(str::to_owned));
        let (wanted, overrides) = plan(&spec("polars, pandas, NumPy==1.26", None), &there);
        assert_eq!(wanted, ["NumPy==1.26", "polars"]);
        assert_eq!(overrides, "pandas ; python_version < \"0\"\npyarrow ; python_version < \"0\"\n");
    }

    #[test]
    fn a_layer_is_named_after_all_that_decides_its_content() {
        let base = |root: &str| Environment {
            root: root.into(),
            python: PathBuf::new(),
            site_packages: PathBuf::new(),
            lock_hash: String::new(),
            java_home: None,
        };
        let one = spec("a,b", None).name(&base("/envs/sail-1-0"));
        assert!(one.starts_with("sail-1-0-"));
        assert_eq!(one, spec("b, a", None).name(&base("/envs/sail-1-0")));
        for other in [
            spec("a", None).name(&base("/envs/sail-1-0")),
            spec("a,b", Some("http://i/")).name(&base("/envs/sail-1-0")),
            spec("a,b", None).name(&base("/other/sail-1-0")),
        ] {
            assert_ne!(one, other);
        }
    }
}
