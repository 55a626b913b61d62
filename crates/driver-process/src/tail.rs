//! The last lines of a log, for people who ask why an engine ended.

use std::collections::VecDeque;

/// How many lines are kept: enough for the stack trace of a JVM, and those of what it does at its end (130 lines of
/// Spark 4.0).
const LINES: usize = 200;

/// How many characters of a line are kept.
const CHARACTERS: usize = 2_000;

/// How many bytes of a line are looked at: as many as that many characters can have.
const BYTES: usize = CHARACTERS * 4;

/// Collects lines from pieces of output.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    lines: VecDeque<String>,
    unfinished: Vec<u8>,
}

impl Tail {
    /// Takes in a piece of output and shows each line that it completes.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..end]);
            each(self.complete());
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
    }

    /// The last lines, oldest first; one without an end is a line too.
    pub(crate) fn finish(mut self) -> Vec<String> {
        if !self.unfinished.is_empty() {
            self.complete();
        }
        self.lines.into()
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = BYTES.saturating_sub(self.unfinished.len());
        self.unfinished.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn complete(&mut self) -> &str {
        let line = self.unfinished.strip_suffix(b"\r").unwrap_or(&self.unfinished);
        let line = String::from_utf8_lossy(line).chars().take(CHARACTERS).collect();
        self.unfinished.clear();
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
        self.lines.back().map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_arrive_whole_however_they_are_cut() {
        let mut tail = Tail::default();
        let mut seen = Vec::new();
        for piece in ["on", "e\r\ntw", "", "o\n\nthr", "ee"] {
            tail.feed(piece.as_bytes(), |line| seen.push(line.to_owned()));
        }
        assert_eq!(seen, ["one", "two", ""]);
        assert_eq!(tail.finish(), ["one", "two", "", "three"]);
    }

    #[test]
    fn only_the_last_lines_and_their_beginnings_are_kept() {
        let mut tail = Tail::default();
        for number in 0..300 {
            tail.feed(format!("{number} {}\n", "ä".repeat(9_000)).as_bytes(), |_| {});
        }
        tail.feed(b"\xff bytes", |_| {});
        let lines = tail.finish();
        assert_eq!(lines.len(), 200);
        assert!(lines[0].starts_with("101 ä") && lines[0].chars().count() == 2_000);
        assert_eq!(lines[199], "\u{fffd} bytes");
    }
}
