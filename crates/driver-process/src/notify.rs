//! How a shim tells the driver to look again: a datagram with the engine's id. It may be lost.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use hearth_core::id::EngineId;
use rustix::fs::OFlags;

use crate::layout::gone_is_fine;

const NAME: &str = "notify.sock";

/// The longest message: the text of an id.
pub(crate) const MESSAGE: usize = 36;

/// The socket that shims under `engines_dir` write to. The latest driver gets it.
pub(crate) fn bind(engines_dir: &Path) -> io::Result<UnixDatagram> {
    let (_dir, short) = shorten(engines_dir)?;
    // Bound under another name first, so that there is no moment without a socket.
    let new = format!("{NAME}.{}", std::process::id());
    gone_is_fine(fs::remove_file(short.join(&new)))?;
    let socket = UnixDatagram::bind(short.join(&new))?;
    fs::rename(short.join(&new), short.join(NAME))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Tells whoever listens that the engine `id` is worth looking at.
pub(crate) fn tell(engines_dir: &Path, id: EngineId) -> io::Result<()> {
    let (_dir, short) = shorten(engines_dir)?;
    let socket = UnixDatagram::unbound()?;
    // Never wait for a server that does not read.
    socket.set_nonblocking(true)?;
    socket.send_to(id.to_string().as_bytes(), short.join(NAME)).map(drop)
}

/// Another path to `dir` that is short enough for a socket's address (108 bytes), as long as the file is open.
fn shorten(dir: &Path) -> io::Result<(File, PathBuf)> {
    let flags = (OFlags::PATH | OFlags::DIRECTORY).bits();
    // The flags of open(2) fit an i32 on every system.
    let dir = OpenOptions::new().read(true).custom_flags(flags as i32).open(dir)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd()));
    Ok((dir, short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_arrives_through_a_path_longer_than_an_address() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a".repeat(200));
        fs::create_dir(&dir).unwrap();
        let id = EngineId("11111111-2222-3333-4444-555555555555".parse().unwrap());
        assert!(tell(&dir, id).is_err(), "nobody listens");
        let first = bind(&dir).unwrap();
        let second = bind(&dir).unwrap();
        tell(&dir, id).unwrap();
        let mut buffer = [0; MESSAGE];
        assert!(first.recv(&mut buffer).is_err());
        assert_eq!(second.recv(&mut buffer).unwrap(), MESSAGE);
        assert_eq!(buffer, id.to_string().as_bytes());
    }
}
