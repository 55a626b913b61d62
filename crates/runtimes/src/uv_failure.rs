//! What `uv` means when it fails: its last lines as one of our errors.

use std::path::{Path, PathBuf};

use crate::disk;
use crate::error::InstallError;
use crate::runtime::Runtime;
use crate::uv::Finished;

/// Texts of a full disk or quota (`ENOSPC`, `EDQUOT`).
const DISK_FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// Texts of a package index that cannot be reached, answers nonsense or refuses.
const OFFLINE: [&str; 14] = [
    "error sending request",
    "dns error",
    "tcp connect error",
    "Network is unreachable",
    "network was disabled",
    "Network connectivity is disabled",
    "Connection refused",
    "Connection reset",
    "operation timed out",
    "Failed to fetch",
    "error decoding response body",
    "HTTP status client error",
    "HTTP status server error",
    "invalid peer certificate",
];

/// Texts of a version or package that the index does not have for this machine, each after the package's name.
const NOT_FOUND: [&str; 5] = [
    " was not found in the package registry",
    " was not found in the provided package locations",
    " has no wheels with a matching",
    " has no usable wheels",
    " has no wheels",
];

/// Texts of a list of packages that is not valid.
const BAD_LOCK: [&str; 4] =
    ["Couldn't parse requirement", "Unexpected '", "Invalid hash", "Unsupported requirement in"];

/// The error that a failed `uv` stands for. `doing` is what it was asked for.
pub(crate) fn classify(
    runtime: &Runtime,
    root: &Path,
    doing: &'static str,
    finished: Finished,
) -> InstallError {
    let Finished { status, tail: detail } = finished;
    let name = runtime.full_name();
    let has = |texts: &[&str]| detail.iter().any(|line| texts.iter().any(|text| line.contains(text)));

    if let Some(line) = detail.iter().find(|line| DISK_FULL.iter().any(|text| line.contains(text))) {
        // The package cache may be on another disk than the environment, whose own folder is about to go.
        let above = existing(root.parent().unwrap_or(root));
        let folder = full_folder(line).filter(|folder| !folder.starts_with(above));
        let folder = folder.unwrap_or_else(|| above.to_owned());
        let free = disk::free_bytes(&folder).unwrap_or(0);
        return InstallError::DiskFull { runtime: name, folder, needed: runtime.disk_bytes, free, detail };
    }
    if has(&["No interpreter found", "Invalid version request", "No virtual environment found"]) {
        return InstallError::NoPython { runtime: name, requirement: runtime.python.clone(), detail };
    }
    if has(&OFFLINE) {
        return InstallError::Offline { runtime: name, detail };
    }
    if has(&BAD_LOCK) {
        return InstallError::Lock { runtime: name, detail };
    }
    if let Some(package) = detail.iter().find_map(|line| missing_package(line)) {
        return InstallError::PackageNotFound { runtime: name, package, detail };
    }
    if has(&["No solution found"]) {
        return InstallError::Conflict { runtime: name, with: Vec::new(), detail };
    }
    if let Some(package) = detail.iter().find_map(|line| between(line, "Failed to build `", "`")) {
        return InstallError::Build { runtime: name, package, detail };
    }
    InstallError::Tool { runtime: name, doing, status: status.to_string(), detail }
}

/// The package that a line says cannot be had.
fn missing_package(line: &str) -> Option<String> {
    if let Some(package) = between(line, "there is no version of ", " ") {
        return Some(package);
    }
    let at = NOT_FOUND.iter().find_map(|text| line.find(text))?;
    line[..at].rsplit(' ').next().filter(|package| !package.is_empty()).map(str::to_owned)
}

/// The folder of the file that a line about a full disk names.
fn full_folder(line: &str) -> Option<PathBuf> {
    let at = DISK_FULL.iter().find_map(|text| line.find(text))?;
    let words = line[..at].trim_end_matches([' ', ':']).rsplit([' ', '`']);
    let file = words.into_iter().find(|word| word.starts_with('/'))?;
    Some(existing(Path::new(file)).to_owned())
}

/// The nearest folder above `path` that exists.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"))
}

fn between(line: &str, before: &str, after: &str) -> Option<String> {
    let start = line.find(before)? + before.len();
    let end = line[start..].find(after).map_or(line.len(), |end| start + end);
    Some(line[start..end].to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;
    use crate::catalogue::Catalogue;

    fn error(lines: &str) -> InstallError {
        let tail = lines.lines().map(str::to_owned).collect();
        let finished = Finished { status: ExitStatus::from_raw(2 << 8), tail };
        classify(
            Catalogue::built_in().default_runtime(),
            Path::new("/usr/hearth-none/envs/toy"),
            "installing packages",
            finished,
        )
    }

    #[test]
    fn an_index_that_cannot_be_reached_is_offline() {
        let text = "error: Request failed after 3 retries in 7.9s\n  cause: Failed to fetch: https://x/simple/six/\n  \
                    cause: client error (Connect)\n  cause: dns error";
        assert!(matches!(error(text), InstallError::Offline { .. }));
        let text = "error: No solution found when resolving dependencies\n  cause: Because six was not found in the \
                    cache\nhint: Packages were unavailable because the network was disabled.";
        assert!(matches!(error(text), InstallError::Offline { .. }));
    }

    #[test]
    fn a_full_disk_is_told_with_the_folder_that_is_full() {
        let full = |file: &str| {
            let text = format!(
                "error: Failed to install: x.whl (x==1)\n  cause: failed to copy file from /a/b.py to {file}: \
                 No space left on device (os error 28)"
            );
            let InstallError::DiskFull { folder, detail, .. } = error(&text) else {
                panic!("not a full disk")
            };
            assert_eq!(detail.len(), 2);
            folder
        };
        assert_eq!(full("/tmp/hearth-no-cache/c.py"), Path::new("/tmp"));
        assert_eq!(
            full("/usr/hearth-none/envs/toy/lib/c.py"),
            Path::new("/usr"),
            "not a folder that is about to go"
        );
    }

    #[test]
    fn a_package_that_is_not_there_is_named() {
        for (text, package) in [
            ("  cause: Because nope was not found in the package registry and you require nope==1.0", "nope"),
            ("  cause: Because there is no version of six==99.0 and you require six==99.0, we", "six==99.0"),
            ("  cause: Because onnx==1.0.0 has no wheels with a matching Python ABI tag", "onnx==1.0.0"),
        ] {
            let InstallError::PackageNotFound { package: found, .. } = error(text) else { panic!("{text}") };
            assert_eq!(found, package);
        }
    }

    #[test]
    fn packages_that_do_not_go_with_each_other_are_a_conflict() {
        let text = "error: No solution found when resolving dependencies\n  cause: Because you require pandas==1.0 and \
                    pandas==2.3.3, we can conclude that your requirements are unsatisfiable.";
        assert!(matches!(error(text), InstallError::Conflict { .. }));
    }

    #[test]
    fn other_failures_of_uv_are_told_apart() {
        assert!(matches!(
            error("error: No interpreter found for Python >=3.20 in managed installations or search path"),
            InstallError::NoPython { .. }
        ));
        assert!(matches!(
            error("error: Couldn't parse requirement in `lock.txt` at position 0"),
            InstallError::Lock { .. }
        ));
        assert!(matches!(
            error("error: Failed to build `pyspark-client==4.2.0`\n  cause: The build backend returned an error"),
            InstallError::Build { package, .. } if package == "pyspark-client==4.2.0"
        ));
        assert!(
            error("error: something new")
                .to_string()
                .ends_with("installing packages failed (exit status: 2)")
        );
    }
}
