//! Data sets that packages carry, unpacked so that an engine can read them by path.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::environment::{DATASETS, Environment};
use crate::error::InstallError;
use crate::runtime::{Dataset, Runtime};
use crate::uv::SearchPath;

/// Copies or unpacks one file, empties its fields without a value, and counts its lines after the header. Arguments:
/// the source, the folder, the data set's name, the text of a missing value or nothing. Prints the count. The
/// environment's own interpreter runs it, which can read every archive the packages can.
const UNPACK: &str = r#"
import os, re, sys, zipfile

source, folder, name, missing = sys.argv[1:]
if not os.path.isfile(source):
    sys.exit("there is no file " + source)
if source.endswith(".zip"):
    archive = zipfile.ZipFile(source)
    members = [member for member in archive.namelist() if not member.endswith("/")]
    if len(members) != 1:
        sys.exit("the archive holds %d files, not one" % len(members))
    content, suffix = archive.read(members[0]), os.path.splitext(members[0])[1]
else:
    content, suffix = open(source, "rb").read(), os.path.splitext(source)[1]
if missing:
    content = re.sub(rb"(?<=[,\n])" + re.escape(missing.encode()) + rb"(?=[,\r\n])", b"", content)
with open(os.path.join(folder, name + suffix), "wb") as out:
    out.write(content)
print(content.count(b"\n") - 1 + (not content.endswith(b"\n")))
"#;

/// Unpacks every data set of `runtime` into `environment`, which is being made.
pub(crate) fn unpack_all(
    runtime: &Runtime,
    environment: &Environment,
    search: &SearchPath,
) -> Result<(), InstallError> {
    if runtime.datasets.is_empty() {
        return Ok(());
    }
    let folder = environment.root.join(DATASETS);
    fs::create_dir_all(&folder).map_err(InstallError::io("create the folder", &folder))?;
    runtime.datasets.iter().try_for_each(|dataset| unpack(runtime, dataset, environment, &folder, search))
}

fn unpack(
    runtime: &Runtime,
    dataset: &Dataset,
    environment: &Environment,
    folder: &Path,
    search: &SearchPath,
) -> Result<(), InstallError> {
    let wrong = |detail: Vec<String>| InstallError::Dataset {
        runtime: runtime.full_name(),
        dataset: dataset.name.clone(),
        detail,
    };
    let output = search
        .command(&environment.python, &environment.root)
        .args(["-I", "-c", UNPACK])
        .args([&environment.site_packages.join(&dataset.path), folder])
        .args([&dataset.name, dataset.missing.as_deref().unwrap_or_default()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .map_err(InstallError::io("run", &environment.python))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("No space left on device") {
            let free = crate::disk::free_bytes(folder).unwrap_or(0);
            return Err(InstallError::DiskFull {
                runtime: runtime.full_name(),
                folder: folder.to_owned(),
                needed: runtime.disk_bytes,
                free,
                detail: Vec::new(),
            });
        }
        return Err(wrong(said.lines().map(str::to_owned).collect()));
    }
    let found: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0);
    match dataset.rows {
        Some(rows) if rows != found => Err(wrong(vec![format!("it has {found} rows, not {rows}")])),
        _ => Ok(()),
    }
}
