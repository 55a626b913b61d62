//! Which packages a folder of packages holds, as their metadata says.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::requirements::normal_name;

/// How the folder of a package's metadata ends (PEP 376): `NAME-VERSION.dist-info`.
const METADATA_FOLDER: &str = ".dist-info";

/// The client of Spark, which is [`PYSPARK`] under another name: without this a package that needs PySpark would bring
/// a second one.
const CLIENT: &str = "pyspark-client";
const PYSPARK: &str = "pyspark";

/// Names of the packages, as indexes compare them, and their versions. A folder that is not there holds none.
pub(crate) fn names_and_versions(folder: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (name, version, _) in distributions(folder)? {
        found.insert(name, version);
    }
    if let Some(version) = found.get(CLIENT).cloned() {
        found.insert(PYSPARK.to_owned(), version);
    }
    Ok(found)
}

/// Writes into `to` that the packages of `from` are there, and nothing else of them. What they depend on is left out:
/// they count as they are. What their extras depend on stays.
///
/// Packages that `to` has metadata of already in another version are replaced.
pub(crate) fn note(from: &Path, to: &Path) -> io::Result<()> {
    let there = distributions(to)?;
    for (name, version, folder) in distributions(from)? {
        for (_, _, other) in there.iter().filter(|(other, _, _)| *other == name) {
            fs::remove_dir_all(other)?;
        }
        let metadata = fs::read_to_string(folder.join("METADATA")).unwrap_or_default();
        write(to, &name, &version, &extras(&metadata))?;
        if name == CLIENT {
            write(to, PYSPARK, &version, "")?;
        }
    }
    Ok(())
}

/// Name, version and metadata folder of each package.
pub(crate) fn distributions(folder: &Path) -> io::Result<Vec<(String, String, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        // No dash in NAME.
        let name = path.file_name().and_then(|name| name.to_str()?.strip_suffix(METADATA_FOLDER));
        if let Some((name, version)) = name.and_then(|name| name.split_once('-')) {
            found.push((normal_name(name), version.to_owned(), path));
        }
    }
    found.sort();
    Ok(found)
}

fn write(to: &Path, name: &str, version: &str, extras: &str) -> io::Result<()> {
    let folder = to.join(format!("{}-{version}{METADATA_FOLDER}", name.replace('-', "_")));
    fs::create_dir(&folder)?;
    let head = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    fs::write(folder.join("METADATA"), head + extras)?;
    fs::write(folder.join("INSTALLER"), "hearth\n")?;
    fs::write(folder.join("RECORD"), "")
}

/// The lines of metadata that are about extras.
fn extras(metadata: &str) -> String {
    let lines = metadata.lines().take_while(|line| !line.is_empty());
    let about = |line: &&str| {
        line.starts_with("Provides-Extra:") || line.starts_with("Requires-Dist:") && line.contains("extra")
    };
    lines.filter(about).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, name: &str, metadata: &str) {
        let folder = folder.join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("METADATA"), metadata).unwrap();
    }

    #[test]
    fn what_is_there_is_noted_without_what_it_depends_on_and_the_later_folder_wins() {
        let dir = tempfile::tempdir().unwrap();
        let [one, two, to] = ["one", "two", "to"].map(|name| dir.path().join(name));
        for folder in [&one, &two, &to] {
            fs::create_dir(folder).unwrap();
        }
        let metadata = "Name: x\nRequires-Dist: numpy>=1\nProvides-Extra: sql\nRequires-Dist: six; extra == 'sql'\n\n\
                        Requires-Dist: text; extra";
        put(&one, "Some_Package-1.0.dist-info", metadata);
        put(&one, "pyspark_client-4.2.0.dist-info", "");
        put(&two, "some_package-2.0.dist-info", metadata);
        note(&one, &to).unwrap();
        note(&two, &to).unwrap();
        let found = names_and_versions(&to).unwrap();
        let expected = [("pyspark", "4.2.0"), ("pyspark-client", "4.2.0"), ("some-package", "2.0")];
        assert_eq!(found, expected.map(|(name, version)| (name.to_owned(), version.to_owned())).into());
        let written = fs::read_to_string(to.join("some_package-2.0.dist-info/METADATA")).unwrap();
        let head = "Metadata-Version: 2.1\nName: some-package\nVersion: 2.0\n";
        assert_eq!(written, format!("{head}Provides-Extra: sql\nRequires-Dist: six; extra == 'sql'\n"));
        assert_eq!(names_and_versions(&dir.path().join("none")).unwrap(), BTreeMap::new());
    }
}
