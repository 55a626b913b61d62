//! One runtime: an engine's version and the packages of its environment.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::java::{JavaNeed, JavaSource};
use crate::lookup::version_starts_with;

/// Changes whenever environments are laid out differently, so that older ones are made anew.
const LAYOUT: &str = "hearth environment 1";

/// What kind of program runs behind a session of a runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// Sail, a Spark Connect server without a JVM.
    Sail,
    /// Apache Spark with its Connect server.
    Spark,
    /// Apache Spark without a Connect server: for Jupyter kernels with a driver of their own.
    Kernel,
}

impl EngineKind {
    /// Its name in the catalogue.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sail => "sail",
            Self::Spark => "spark",
            Self::Kernel => "kernel",
        }
    }
}

/// The packages of an environment, as text in the form of a requirements file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packages {
    /// Complete and pinned: installed as it stands.
    Locked(String),
    /// Installed with what they depend on, resolved at each installation.
    Resolved(String),
}

impl Packages {
    /// The text, one requirement a line.
    pub fn text(&self) -> &str {
        match self {
            Self::Locked(text) | Self::Resolved(text) => text,
        }
    }
}

/// A data set that one of a runtime's packages carries.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Dataset {
    /// What it is asked for by.
    pub name: String,
    /// Its file, relative to the environment's site-packages. A `.zip` is unpacked; it must hold one file.
    pub path: String,
    /// Lines after the header; checked at installation where given.
    pub rows: Option<u64>,
    /// Text of a field without a value, such as `NA`: written as an empty field, which every reader takes for null.
    /// (Sail infers a number for a column in spite of such texts and then fails to parse them.)
    pub missing: Option<String>,
}

/// A named, versioned set of engine and libraries: an entry of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// What people call it, such as `sail`.
    pub name: String,
    /// Version of the engine, such as `0.7.2`.
    pub version: String,
    /// Kind of engine.
    pub engine: EngineKind,
    /// One line for listings.
    pub description: String,
    /// Which Python makes the environment: a version requirement, a version, or an interpreter's path.
    pub python: String,
    /// What is installed.
    pub packages: Packages,
    /// Other names that mean this runtime.
    pub aliases: Vec<String>,
    /// Data sets unpacked at installation.
    pub datasets: Vec<Dataset>,
    /// Names of packages that come as source only and take long to build: built once into a wheel, which is kept.
    pub sources: Vec<String>,
    /// The Java its engine needs, if any.
    pub java: Option<JavaNeed>,
    /// Environment variables of every engine of this runtime.
    pub environment: BTreeMap<String, String>,
    /// Properties of every engine of this runtime, whatever its session says.
    pub properties: BTreeMap<String, String>,
    /// Bytes the environment takes on disk, estimated; 0 when not known.
    pub disk_bytes: u64,
    pub(crate) lock_hash: String,
}

impl Runtime {
    /// Name and version, such as `sail-0.7.2`; `spark-4.0.5` where the name is `spark-4.0`.
    pub fn full_name(&self) -> String {
        match self.name.rsplit_once('-') {
            Some((stem, start)) if version_starts_with(&self.version, start) => {
                format!("{stem}-{}", self.version)
            }
            _ => format!("{}-{}", self.name, self.version),
        }
    }

    /// 16 hexadecimal digits of everything that decides what is in the environment: packages, which Python, data
    /// sets, and the machine's architecture.
    pub fn lock_hash(&self) -> &str {
        &self.lock_hash
    }

    /// Name of its environment's folder, such as `sail-0.7.2-0123456789abcdef`.
    pub fn environment_name(&self) -> String {
        format!("{}-{}", self.full_name(), self.lock_hash)
    }

    /// Computes the hash once, when the catalogue is parsed.
    pub(crate) fn with_lock_hash(mut self) -> Self {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        add(LAYOUT);
        add(std::env::consts::OS);
        add(std::env::consts::ARCH);
        add(&self.python);
        add(match self.packages {
            Packages::Locked(_) => "locked",
            Packages::Resolved(_) => "resolved",
        });
        // Comments and blank lines change nothing that is installed.
        for line in self.packages.text().lines().map(str::trim) {
            if !line.is_empty() && !line.starts_with('#') {
                add(line);
            }
        }
        if let Some(JavaNeed { from: JavaSource::Package, package: Some(package), .. }) = &self.java {
            add(package);
        }
        for dataset in &self.datasets {
            add(&dataset.name);
            add(&dataset.path);
            add(dataset.missing.as_deref().unwrap_or_default());
        }
        self.lock_hash = hex::encode(&hash.finalize()[..8]);
        self
    }
}
