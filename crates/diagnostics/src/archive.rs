//! A gzipped tar archive in memory.

use std::io;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

/// Who may read the files once they are unpacked: their owner.
const MODE: u32 = 0o600;

/// An archive that is being put together. All files are in one folder.
pub struct Archive {
    folder: String,
    /// Of every file, in seconds since 1970.
    time: u64,
    builder: Builder<GzEncoder<Vec<u8>>>,
}

impl Archive {
    /// One whose files are in `folder` and were written at `time`, in seconds since 1970.
    pub fn new(folder: &str, time: u64) -> Self {
        let folder = folder.to_owned();
        Self { folder, time, builder: Builder::new(GzEncoder::new(Vec::new(), Compression::default())) }
    }

    /// Adds a file.
    ///
    /// # Errors
    /// When the name is none that an archive can hold.
    pub fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(content.len() as u64);
        header.set_mode(MODE);
        header.set_mtime(self.time);
        self.builder.append_data(&mut header, format!("{}/{name}", self.folder), content)
    }

    /// The archive's bytes.
    ///
    /// # Errors
    /// When it cannot be put together.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        self.builder.into_inner()?.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_goes_in_comes_out_for_its_owner_only() {
        let mut archive = Archive::new("etl-diagnostics", 1_800_000_000);
        archive.add("a.json", b"{}").unwrap();
        archive.add("engine.log", &vec![b'x'; 100_000]).unwrap();
        let bytes = archive.finish().unwrap();
        assert!(bytes.len() < 10_000);
        let mut read = tar::Archive::new(GzDecoder::new(bytes.as_slice()));
        let mut found = Vec::new();
        for entry in read.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            assert_eq!(
                (entry.header().mode().unwrap(), entry.header().mtime().unwrap()),
                (MODE, 1_800_000_000)
            );
            found.push((entry.path().unwrap().display().to_string(), content.len()));
        }
        let expected = [("etl-diagnostics/a.json", 2), ("etl-diagnostics/engine.log", 100_000)];
        assert_eq!(found, expected.map(|(name, size)| (name.to_owned(), size)));
    }
}
