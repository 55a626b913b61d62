//! Tells lists of packages from everything else in the stream of an `AddArtifacts` call, while it passes.

use bytes::{Bytes, BytesMut};

use crate::message::{Subject, framed, put_field};
use crate::peek::{self, FRAME_HEADER, Field, frame_length};
use crate::status::{Code, Refusal};

/// How the name of a list begins: `files/` for the kind of artifact, the rest is Google's client's own
/// (dataproc-spark-connect 1.1.0). What follows differs from list to list.
const PREFIX: &[u8] = b"files/add-artifacts-1729-";
/// How it ends.
const SUFFIX: &[u8] = b".json";

/// The longest message that is looked into, in bytes. Clients send 32 KiB at most, since longer artifacts come in pieces.
pub const MESSAGE_LIMIT: usize = 1024 * 1024;
/// The most bytes that the lists of one call may have together: thousands of packages.
pub const CONTENT_LIMIT: usize = 64 * 1024;

/// A list of packages as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// The artifact's name.
    pub name: String,
    /// The artifact.
    pub content: Vec<u8>,
}

/// Reads a call's body, cut anywhere, and takes the lists of packages out of it. Holds one message at a time.
#[derive(Debug, Default)]
pub struct Splitter {
    /// What has come of the message being read, from its header on.
    held: BytesMut,
    /// What is still to come of a message too long to be held.
    passing: usize,
    /// A list of which pieces are still to come.
    open: Option<Pieces>,
    lists: Vec<List>,
    subject: Option<Subject>,
}

#[derive(Debug)]
struct Pieces {
    list: List,
    missing: u64,
    total: u64,
}

/// What a message brings.
enum Payload<'a> {
    Batch(&'a [u8]),
    Begin(&'a [u8]),
    Piece(&'a [u8]),
    Other,
}

impl Splitter {
    /// Reads the next part of the body, and adds to `passed` what is for the engine.
    ///
    /// # Errors
    /// When a list of packages cannot be read. The call is over then.
    pub fn push(&mut self, mut chunk: Bytes, passed: &mut impl Extend<Bytes>) -> Result<(), Refusal> {
        while !chunk.is_empty() {
            if self.passing > 0 {
                let part = chunk.split_to(self.passing.min(chunk.len()));
                self.passing -= part.len();
                passed.extend([part]);
                continue;
            }
            let wanted = match self.held.get(..FRAME_HEADER) {
                Some(header) => FRAME_HEADER + frame_length(header),
                None => FRAME_HEADER,
            };
            let part = chunk.split_to((wanted - self.held.len()).min(chunk.len()));
            self.held.extend_from_slice(&part);
            let Some(header) = self.held.get(..FRAME_HEADER) else { continue };
            let length = frame_length(header);
            if length > MESSAGE_LIMIT {
                self.nothing_open("is followed by a message that is too long")?;
                self.passing = length;
                passed.extend([self.held.split().freeze()]);
            } else if self.held.len() == FRAME_HEADER + length {
                let frame = self.held.split().freeze();
                passed.extend(self.sort(frame)?);
            }
        }
        Ok(())
    }

    /// The body is over. What it ended in the middle of is added to `passed`: that is for the engine to judge.
    ///
    /// # Errors
    /// When a list of packages is not whole.
    pub fn end(&mut self, passed: &mut impl Extend<Bytes>) -> Result<(), Refusal> {
        self.nothing_open("is not whole")?;
        if !self.held.is_empty() {
            passed.extend([self.held.split().freeze()]);
        }
        Ok(())
    }

    /// The lists found so far, whole ones, in the order of their ends.
    pub fn lists(&self) -> &[List] {
        &self.lists
    }

    /// Whose Spark session the first message with a list was about.
    pub(crate) fn subject(&self) -> Option<&Subject> {
        self.subject.as_ref()
    }

    /// What of a message is for the engine.
    fn sort(&mut self, frame: Bytes) -> Result<Option<Bytes>, Refusal> {
        let message = &frame[FRAME_HEADER..];
        if frame[0] != 0 {
            self.nothing_open("is followed by a compressed message, which cannot be read")?;
            return Ok(Some(frame));
        }
        let Some(fields) = peek::all_fields(message) else {
            self.nothing_open("is followed by something else")?;
            return Ok(Some(frame));
        };
        let rest = match payload(&fields) {
            Payload::Piece(piece) if self.open.is_some() => {
                self.add_piece(piece)?;
                return Ok(None);
            }
            _ if self.open.is_some() => return self.nothing_open("is not whole").map(|()| None),
            Payload::Begin(begin) => self.begin(begin)?,
            Payload::Batch(batch) => self.take_from(batch)?,
            Payload::Piece(_) | Payload::Other => Rest::All,
        };
        if !matches!(rest, Rest::All) && self.subject.is_none() {
            self.subject = Some(Subject::parse(message));
        }
        Ok(match rest {
            Rest::All => Some(frame),
            Rest::Nothing => None,
            Rest::Batch(batch) => {
                let mut message = BytesMut::with_capacity(message.len());
                for field in &fields {
                    if field.number == BATCH {
                        put_field(&mut message, 3, &batch);
                    } else {
                        message.extend_from_slice(field.raw);
                    }
                }
                Some(framed(&message))
            }
        })
    }

    /// Takes the lists out of a batch.
    fn take_from(&mut self, batch: &[u8]) -> Result<Rest, Refusal> {
        let Some(entries) = peek::all_fields(batch) else { return Ok(Rest::All) };
        let (mut rest, mut taken, mut left) = (BytesMut::new(), false, false);
        for entry in entries {
            let artifact = entry.content.filter(|_| entry.number == 1).and_then(peek::all_fields);
            let name = artifact.as_ref().and_then(|artifact| last(artifact, 1)).unwrap_or_default();
            match artifact {
                Some(artifact) if is_list(name) => {
                    let mut list = List { name: text(name), content: Vec::new() };
                    self.append(&mut list, last(&artifact, 2).unwrap_or_default())?;
                    self.lists.push(list);
                    taken = true;
                }
                _ => {
                    rest.extend_from_slice(entry.raw);
                    left = true;
                }
            }
        }
        Ok(match (taken, left) {
            (false, _) => Rest::All,
            (true, false) => Rest::Nothing,
            (true, true) => Rest::Batch(rest),
        })
    }

    /// Begins a list that comes in pieces, if it is one.
    fn begin(&mut self, begin: &[u8]) -> Result<Rest, Refusal> {
        let Some(fields) = peek::all_fields(begin) else { return Ok(Rest::All) };
        let name = last(&fields, 1).unwrap_or_default();
        if !is_list(name) {
            return Ok(Rest::All);
        }
        let number =
            |number| fields.iter().rfind(|field| field.number == number).map_or(0, |field| field.value);
        let mut pieces = Pieces {
            list: List { name: text(name), content: Vec::new() },
            missing: number(3).max(1),
            total: number(2),
        };
        if pieces.total > CONTENT_LIMIT as u64 {
            return Err(too_long(&pieces.list));
        }
        let first = last(&fields, 4).unwrap_or_default();
        self.append(&mut pieces.list, first)?;
        pieces.missing -= 1;
        self.open = Some(pieces);
        self.close_if_whole()?;
        Ok(Rest::Nothing)
    }

    fn add_piece(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        self.append(&mut open.list, piece)?;
        open.missing -= 1;
        self.open = Some(open);
        self.close_if_whole()
    }

    fn close_if_whole(&mut self) -> Result<(), Refusal> {
        let Some(open) = self.open.take_if(|open| open.missing == 0) else { return Ok(()) };
        if open.total != open.list.content.len() as u64 {
            let (sent, said) = (open.list.content.len(), open.total);
            let text = format!("has {sent} bytes, and {said} were announced");
            return Err(refusal(&open.list.name, Code::InvalidArgument, &text));
        }
        self.lists.push(open.list);
        Ok(())
    }

    /// Adds an `ArtifactChunk` to a list.
    fn append(&self, list: &mut List, chunk: &[u8]) -> Result<(), Refusal> {
        let Some(fields) = peek::all_fields(chunk) else {
            return Err(refusal(&list.name, Code::InvalidArgument, "is not in Spark Connect's form"));
        };
        let data = last(&fields, 1).unwrap_or_default();
        let sum = fields.iter().rfind(|field| field.number == 2).map_or(0, |field| field.value);
        if u64::from(crc32fast::hash(data)) != sum {
            // Spark answers with a mark on the artifact that no client looks at.
            return Err(refusal(&list.name, Code::DataLoss, "arrived damaged. Send it again"));
        }
        let held: usize = self.lists.iter().map(|list| list.content.len()).sum();
        if held + list.content.len() + data.len() > CONTENT_LIMIT {
            return Err(too_long(list));
        }
        list.content.extend_from_slice(data);
        Ok(())
    }

    fn nothing_open(&self, otherwise: &str) -> Result<(), Refusal> {
        match &self.open {
            None => Ok(()),
            Some(open) => Err(refusal(&open.list.name, Code::InvalidArgument, otherwise)),
        }
    }
}

/// What of a message is left once its lists were taken.
enum Rest {
    All,
    Nothing,
    /// A batch with fewer artifacts.
    Batch(BytesMut),
}

/// The number of a batch among the fields of an `AddArtifactsRequest`.
const BATCH: u64 = 3;

/// The payload of a message. One with several, which no encoder writes, counts as one without.
fn payload<'a>(fields: &[Field<'a>]) -> Payload<'a> {
    let mut payloads = fields.iter().filter(|field| (BATCH..=5).contains(&field.number));
    match (payloads.next(), payloads.next()) {
        (Some(Field { number, content: Some(content), .. }), None) => match *number {
            BATCH => Payload::Batch(content),
            4 => Payload::Begin(content),
            _ => Payload::Piece(content),
        },
        _ => Payload::Other,
    }
}

/// The content of the last of equal fields, which counts.
fn last<'a>(fields: &[Field<'a>], number: u64) -> Option<&'a [u8]> {
    fields.iter().rfind(|field| field.number == number)?.content
}

fn is_list(name: &[u8]) -> bool {
    name.len() >= PREFIX.len() + SUFFIX.len() && name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn too_long(list: &List) -> Refusal {
    let text = format!("is longer than {} KiB. Send fewer packages at once", CONTENT_LIMIT / 1024);
    refusal(&list.name, Code::InvalidArgument, &text)
}

fn refusal(name: &str, code: Code, what: &str) -> Refusal {
    Refusal::new(code, format!("The list of packages \"{name}\" {what}"))
}

#[cfg(test)]
mod tests;
