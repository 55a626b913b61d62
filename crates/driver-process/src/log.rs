//! An engine's log: pieces named after the offset of their first byte, so that offsets stay true when the oldest
//! piece is dropped, across any crash, and with no count kept anywhere else.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use hearth_driver::LogChunk;

use crate::layout::{create_private_file, gone_is_fine};

/// The smallest piece. A limit below twice this is taken as twice this.
const SMALLEST_PIECE: u64 = 512;

/// What the names of pieces begin with.
const PREFIX: &str = "log.";

/// Appends to a log. Only the shim does.
#[derive(Debug)]
pub(crate) struct LogWriter {
    dir: PathBuf,
    /// How large a piece may become; two are kept.
    piece: u64,
    /// How many bytes were ever written, those lost included.
    total: u64,
    open: Option<Open>,
    before: Option<u64>,
}

#[derive(Debug)]
struct Open {
    file: File,
    start: u64,
}

impl LogWriter {
    /// A log in `dir` that takes at most `limit` bytes.
    pub(crate) fn new(dir: &Path, limit: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            piece: (limit / 2).max(SMALLEST_PIECE),
            total: 0,
            open: None,
            before: None,
        }
    }

    /// Appends `bytes`. What cannot be written (a full disk) is lost, and leaves a gap in the offsets: an engine must
    /// not stand still because of its log.
    pub(crate) fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let end = match self.room() {
                Ok((file, room)) => {
                    let now = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
                    if file.write_all(&bytes[..now]).is_err() {
                        self.abandon();
                    }
                    now
                }
                Err(_) => bytes.len(),
            };
            self.total += end as u64;
            bytes = &bytes[end..];
        }
    }

    /// A piece to write to, and for how many bytes it has room: at least one.
    fn room(&mut self) -> io::Result<(&mut File, u64)> {
        if self.open.as_ref().is_some_and(|open| self.total - open.start >= self.piece) {
            self.retire();
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let file = create_private_file(&piece_path(&self.dir, self.total))?;
                Open { file, start: self.total }
            }
        };
        let open = self.open.insert(open);
        Ok((&mut open.file, self.piece - (self.total - open.start)))
    }

    /// Closes the current piece after it could not be written to. How much arrived is not known; the next piece begins
    /// at the right offset again.
    fn abandon(&mut self) {
        match self.open.take() {
            // Nothing is in it. The piece before it must not be dropped for its sake: on a full disk all would go.
            Some(open) if open.file.metadata().is_ok_and(|metadata| metadata.len() == 0) => {
                let _ = gone_is_fine(fs::remove_file(piece_path(&self.dir, open.start)));
            }
            open => {
                self.open = open;
                self.retire();
            }
        }
    }

    /// Closes the current piece and drops the one before it.
    fn retire(&mut self) {
        if let Some(open) = self.open.take()
            && let Some(before) = self.before.replace(open.start)
        {
            // If it cannot be removed now it goes with the directory.
            let _ = gone_is_fine(fs::remove_file(piece_path(&self.dir, before)));
        }
    }
}

/// Up to `limit` bytes of the log in `dir` from `offset` on, or from the first byte after it that is still there.
pub(crate) fn read(dir: &Path, offset: u64, limit: usize) -> io::Result<LogChunk> {
    loop {
        match read_once(dir, offset, limit) {
            // A piece was dropped between the listing and the reading.
            Err(error) if error.kind() == ErrorKind::NotFound && !pieces(dir)?.is_empty() => {}
            other => return other,
        }
    }
}

/// The last lines of the log in `dir`, from its last `bytes` bytes.
pub(crate) fn last(dir: &Path, bytes: u64) -> io::Result<Vec<u8>> {
    let end = match pieces(dir)?.last() {
        Some(start) => start + fs::metadata(piece_path(dir, *start))?.len(),
        None => return Ok(Vec::new()),
    };
    let (mut content, mut offset) = (Vec::new(), end.saturating_sub(bytes));
    loop {
        let chunk = read(dir, offset, usize::try_from(bytes).unwrap_or(usize::MAX))?;
        if chunk.content.is_empty() {
            return Ok(content);
        }
        offset = chunk.next_offset;
        content.extend(chunk.content);
    }
}

fn read_once(dir: &Path, offset: u64, limit: usize) -> io::Result<LogChunk> {
    let mut end = 0;
    for start in pieces(dir)? {
        let mut file = File::open(piece_path(dir, start))?;
        end = start + file.metadata()?.len();
        if end <= offset {
            continue;
        }
        let from = offset.max(start);
        file.seek(SeekFrom::Start(from - start))?;
        let mut content = Vec::new();
        file.take(limit.min(usize::try_from(end - from).unwrap_or(usize::MAX)) as u64)
            .read_to_end(&mut content)?;
        return Ok(LogChunk { next_offset: from + content.len() as u64, offset: from, content });
    }
    let offset = offset.min(end);
    Ok(LogChunk { content: Vec::new(), offset, next_offset: offset })
}

/// The offsets at which pieces begin, lowest first.
fn pieces(dir: &Path) -> io::Result<Vec<u64>> {
    let mut starts = Vec::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(starts),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry?.file_name();
        starts.extend(name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<u64>().ok()));
    }
    starts.sort_unstable();
    Ok(starts)
}

fn piece_path(dir: &Path, start: u64) -> PathBuf {
    // As many digits as a u64 can have, so that they list in order.
    dir.join(format!("{PREFIX}{start:020}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(dir: &Path) -> u64 {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    }

    #[test]
    fn a_log_never_takes_more_than_its_limit_and_keeps_its_offsets() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogWriter::new(dir.path(), 2048);
        let text: Vec<u8> = (0..20_000_u32).map(|number| (number % 251) as u8).collect();
        for part in text.chunks(333) {
            log.append(part);
            assert!(size(dir.path()) <= 2048);
        }
        let kept = last(dir.path(), 4096).unwrap();
        assert!(kept.len() >= 1024);
        assert!(text.ends_with(&kept));
        let chunk = read(dir.path(), 0, 10).unwrap();
        let from = usize::try_from(chunk.offset).unwrap();
        assert_eq!(from, text.len() - kept.len());
        assert_eq!(chunk.content, text[from..from + 10]);
        let past = read(dir.path(), u64::MAX, 10).unwrap();
        assert_eq!((past.offset, past.next_offset), (20_000, 20_000));
    }

    #[test]
    fn a_full_disk_does_not_cost_what_was_written_before() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogWriter::new(dir.path(), 2048);
        log.append(b"kept");
        log.retire();
        for _ in 0..3 {
            create_private_file(&piece_path(dir.path(), log.total)).unwrap();
            // A file that always says that the disk is full.
            let file = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            log.open = Some(Open { file, start: log.total });
            log.append(b"lost");
        }
        log.append(b"again");
        let first = read(dir.path(), 0, 100).unwrap();
        assert_eq!((first.content.as_slice(), first.next_offset), (b"kept".as_slice(), 4));
        let next = read(dir.path(), 4, 100).unwrap();
        assert_eq!((next.content.as_slice(), next.offset), (b"again".as_slice(), 16));
    }

    #[test]
    fn what_could_not_be_written_is_a_gap_in_the_offsets() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("later");
        let mut log = LogWriter::new(&place, 2048);
        log.append(b"lost");
        fs::create_dir(&place).unwrap();
        log.append(b"kept");
        let chunk = read(&place, 0, 100).unwrap();
        assert_eq!(chunk, LogChunk { content: b"kept".to_vec(), offset: 4, next_offset: 8 });
    }
}
