//! Files in an engine's scratch directory.

use std::io::{self, Write};
use std::path::{Component, Path};

use crate::layout::{create_private_dir, create_private_file, gone_is_fine};

/// Makes or replaces a file, in one step, so that an engine that runs already never reads half of it.
pub(crate) fn write_file(work: &Path, name: &str, content: &str) -> io::Result<()> {
    let name = Path::new(name);
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("\"{}\" does not name a file inside it", name.display()),
        ));
    }
    let path = work.join(name);
    if let Some(parent) = path.parent() {
        create_private_dir(parent)?;
    }
    let mut temporary = path.clone().into_os_string();
    temporary.push(format!(".{}", std::process::id()));
    // Left by a process of the same number that died.
    gone_is_fine(std::fs::remove_file(&temporary))?;
    create_private_file(Path::new(&temporary))?.write_all(content.as_bytes())?;
    std::fs::rename(&temporary, &path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_are_written_inside_the_scratch_directory_only() {
        let work = tempfile::tempdir().unwrap();
        for content in ["x", "y"] {
            write_file(work.path(), "conf/spark.conf", content).unwrap();
            assert_eq!(fs::read_to_string(work.path().join("conf/spark.conf")).unwrap(), content);
        }
        assert_eq!(fs::read_dir(work.path().join("conf")).unwrap().count(), 1);
        for name in ["../out", "/etc/out", "a/../../out", "."] {
            assert!(write_file(work.path(), name, "x").is_err(), "{name}");
        }
    }
}
