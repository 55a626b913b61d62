//! What a person can do about a failure of the machine.

use std::io::{Error, ErrorKind};
use std::path::Path;

/// `error`, met at `path`, with the next step where there is one that can be named.
pub(crate) fn explain(error: Error, path: &Path) -> Error {
    let path = path.display();
    let advice = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some space on that disk",
        ErrorKind::ReadOnlyFilesystem => "mount that disk writable",
        ErrorKind::PermissionDenied => {
            "let the user that the server runs as read and write there, or choose another place"
        }
        // What fork answers when the limit of processes is reached.
        ErrorKind::WouldBlock | ErrorKind::OutOfMemory => {
            "raise the limit of processes (`ulimit -u`, `TasksMax=`) or of memory, or end other sessions"
        }
        _ if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            "raise the limit of open files (`ulimit -n`, `LimitNOFILE=`)"
        }
        _ => return Error::new(error.kind(), format!("\"{path}\": {error}")),
    };
    Error::new(error.kind(), format!("\"{path}\": {error}; {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_the_path_and_the_next_step() {
        let told = explain(ErrorKind::StorageFull.into(), Path::new("/state/engines")).to_string();
        assert!(told.contains("\"/state/engines\"") && told.contains("free some space"), "{told}");
    }
}
