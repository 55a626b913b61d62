//! What a kernel has said, kept for clients that are away: numbered, bounded, the oldest dropped first.
//!
//! A client reads at its own pace and says how far it has come; one that comes back goes on from there. One that was never
//! here begins with what nobody has seen, and with the whole of the cell that it belongs to. What was dropped before a
//! client could read it is told as a gap.

use std::collections::{HashMap, VecDeque};

use crate::{Channel, Message};

/// How many clients that are away are remembered; the one that left first is forgotten first.
const AWAY: usize = 64;

/// Something a kernel has said.
#[derive(Debug, Clone)]
pub struct Entry {
    /// On which channel.
    pub channel: Channel,
    /// What.
    pub message: Message,
    /// To which client; `None` for all of them.
    pub to: Option<String>,
    /// The mark of the client whose request it belongs to; empty where it belongs to none.
    pub asked_by: String,
}

/// The latest entries, and how far each client has come.
#[derive(Debug)]
pub struct Journal {
    /// Each with the bytes that were added up to it, itself included.
    entries: VecDeque<(u64, Entry)>,
    /// The number of the first entry that is kept. The first ever has number 1.
    first: u64,
    bytes: usize,
    /// The bytes that were ever added.
    added: u64,
    limit: usize,
    readers: HashMap<String, Reader>,
    /// How far anyone has come.
    seen: u64,
    /// Cells that run or whose end nobody has seen, oldest first.
    cells: VecDeque<Cell>,
    /// Counts departures, to know who left first.
    departures: u64,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    /// The number before its first entry.
    begun_after: u64,
    /// The number of its last entry, once it has ended.
    ended_at: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Reader {
    /// The last number that is known to have arrived.
    acknowledged: u64,
    /// The last number that it was given.
    taken: u64,
    /// Nobody waits for it: it takes nothing.
    stalled: bool,
    connections: usize,
    left: u64,
}

/// What a client reads next.
#[derive(Debug, Clone)]
pub enum Read<'a> {
    /// This entry, with its number.
    Entry(u64, &'a Entry),
    /// So many entries were dropped; the number is that of the last one of them.
    Gap {
        /// How many.
        dropped: u64,
        /// Where to go on after.
        last: u64,
        /// The header of the request that the first entry after them belongs to.
        parent: Option<bytes::Bytes>,
    },
}

impl Journal {
    /// An empty journal that keeps entries of `limit` bytes in all.
    pub fn new(limit: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            first: 1,
            bytes: 0,
            added: 0,
            limit,
            readers: HashMap::new(),
            seen: 0,
            cells: VecDeque::new(),
            departures: 0,
        }
    }

    /// Adds an entry and returns its number.
    pub fn push(&mut self, entry: Entry) -> u64 {
        let size = entry.message.size();
        self.bytes += size;
        self.added += size as u64;
        self.entries.push_back((self.added, entry));
        // The latest stays even if it alone is too large: someone may be waiting for it.
        while self.bytes > self.limit && self.entries.len() > 1 {
            if let Some((_, dropped)) = self.entries.pop_front() {
                self.bytes -= dropped.message.size();
                self.first += 1;
            }
        }
        self.last()
    }

    /// The number of the latest entry; 0 if there was none.
    pub fn last(&self) -> u64 {
        self.first + self.entries.len() as u64 - 1
    }

    /// What the client `reader` is to read after number `after`. `None` if there is nothing yet.
    pub fn read(&mut self, after: u64, reader: &str) -> Option<Read<'_>> {
        if let Some(known) = self.readers.get_mut(reader) {
            known.stalled &= known.taken == after;
            known.taken = after;
        }
        let skip = usize::try_from((after + 1).saturating_sub(self.first)).unwrap_or(usize::MAX);
        let skip = skip.min(self.entries.len());
        let mut numbered = (self.first + skip as u64..).zip(self.entries.range(skip..));
        let next = numbered.find(|(_, (_, entry))| entry.to.as_deref().is_none_or(|to| to == reader));
        if after + 1 < self.first {
            let parent = next.map(|(_, (_, entry))| entry.message.parent_header.clone());
            return Some(Read::Gap { dropped: self.first - 1 - after, last: self.first - 1, parent });
        }
        next.map(|(number, (_, entry))| Read::Entry(number, entry))
    }

    /// The next entry is the first of a cell's.
    pub fn begin_cell(&mut self) {
        self.cells.push_back(Cell { begun_after: self.last(), ended_at: None });
    }

    /// The latest entry is the last of the cell that runs.
    pub fn end_cell(&mut self) {
        let last = self.last();
        for cell in &mut self.cells {
            cell.ended_at.get_or_insert(last);
        }
        self.forget_cells();
    }

    /// A client connects: the number after which it reads. One that was here before goes on where it was. A new one
    /// begins with the cell that runs, or with the first that nobody has seen the end of.
    pub fn connect(&mut self, reader: &str) -> u64 {
        let from = self.cells.front().map_or(self.seen, |cell| cell.begun_after.min(self.seen));
        let known = self.readers.entry(reader.to_owned());
        let known =
            known.or_insert(Reader { acknowledged: from, taken: 0, stalled: false, connections: 0, left: 0 });
        known.connections += 1;
        (known.taken, known.stalled) = (known.acknowledged, false);
        known.acknowledged
    }

    /// A client has got everything up to this number.
    pub fn acknowledge(&mut self, reader: &str, number: u64) {
        let number = number.min(self.last());
        if let Some(known) = self.readers.get_mut(reader) {
            known.acknowledged = known.acknowledged.max(number);
            self.seen = self.seen.max(number);
            self.forget_cells();
        }
    }

    fn forget_cells(&mut self) {
        let gone = self.seen.max(self.first - 1);
        while self.cells.front().is_some_and(|cell| cell.ended_at.is_some_and(|at| at <= gone)) {
            self.cells.pop_front();
        }
    }

    /// The most bytes that a connected client is behind, of those that take what they are given.
    pub fn behind(&self) -> u64 {
        let waited_for = self.readers.values().filter(|reader| reader.connections > 0 && !reader.stalled);
        waited_for.map(|reader| self.unread(reader)).max().unwrap_or(0)
    }

    /// Waits no more for clients that are further behind than this: they have taken nothing for too long. One that takes
    /// something is waited for again.
    pub fn stall(&mut self, limit: u64) {
        let behind: Vec<String> = self
            .readers
            .iter()
            .filter(|(_, reader)| self.unread(reader) > limit)
            .map(|(name, _)| name.clone())
            .collect();
        for name in behind {
            if let Some(reader) = self.readers.get_mut(&name) {
                reader.stalled = true;
            }
        }
    }

    fn unread(&self, reader: &Reader) -> u64 {
        let Some(index) = (reader.taken + 1).checked_sub(self.first) else { return self.bytes as u64 };
        let before = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
        match before {
            None => self.bytes as u64,
            Some(index) => self.entries.get(index).map_or(0, |(added, _)| self.added - added),
        }
    }

    /// A connection of a client has ended.
    pub fn disconnect(&mut self, reader: &str) {
        self.departures += 1;
        if let Some(known) = self.readers.get_mut(reader) {
            known.connections = known.connections.saturating_sub(1);
            known.left = self.departures;
        }
        let away = || self.readers.iter().filter(|(_, reader)| reader.connections == 0);
        if away().count() > AWAY
            && let Some(first) = away().min_by_key(|(_, reader)| reader.left).map(|(name, _)| name.clone())
        {
            self.readers.remove(&first);
        }
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.readers.values().map(|reader| reader.connections).sum()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn entry(text: String, to: Option<&str>) -> Entry {
        let empty = Bytes::from_static(b"{}");
        let message = Message {
            header: empty.clone(),
            parent_header: empty.clone(),
            metadata: empty,
            content: text.into(),
            buffers: Vec::new(),
        };
        Entry { channel: Channel::Iopub, message, to: to.map(str::to_owned), asked_by: String::new() }
    }

    /// What a client reads until there is nothing more, as `content` or `-N` for a gap; and where it is then.
    fn rest(journal: &mut Journal, mut after: u64, reader: &str) -> (Vec<String>, u64) {
        let mut read = Vec::new();
        while let Some(next) = journal.read(after, reader) {
            match next {
                Read::Entry(number, entry) => {
                    read.push(String::from_utf8(entry.message.content.to_vec()).unwrap());
                    after = number;
                }
                Read::Gap { dropped, last, .. } => {
                    read.push(format!("-{dropped}"));
                    after = last;
                }
            }
        }
        (read, after)
    }

    #[test]
    fn a_client_that_comes_back_goes_on_where_it_was() {
        let mut journal = Journal::new(1 << 20);
        let from = journal.connect("a");
        journal.push(entry("1".into(), None));
        journal.push(entry("2".into(), None));
        assert_eq!(rest(&mut journal, from, "a").0, ["1", "2"]);
        journal.acknowledge("a", 1);
        journal.disconnect("a");
        journal.push(entry("3".into(), None));
        let from = journal.connect("a");
        assert_eq!(rest(&mut journal, from, "a").0, ["2", "3"], "the second was not known to have arrived");
    }

    #[test]
    fn a_new_client_gets_what_nobody_has_seen_and_else_what_comes_next() {
        let mut journal = Journal::new(1 << 20);
        journal.push(entry("1".into(), None));
        let a = journal.connect("a");
        assert_eq!(rest(&mut journal, a, "a").0, ["1"]);
        journal.acknowledge("a", 1);
        let b = journal.connect("b");
        assert_eq!(rest(&mut journal, b, "b").0, [""; 0], "it was seen");
        journal.push(entry("2".into(), None));
        assert_eq!(rest(&mut journal, b, "b").0, ["2"]);
        journal.acknowledge("b", 2);
        journal.disconnect("a");
        journal.disconnect("b");
        journal.push(entry("3".into(), None));
        let c = journal.connect("c");
        assert_eq!(rest(&mut journal, c, "c").0, ["3"]);
    }

    #[test]
    fn a_new_client_gets_the_whole_cell_that_runs_or_whose_end_nobody_saw() {
        let mut journal = Journal::new(1 << 20);
        let from = |journal: &mut Journal, name: &str| {
            let from = journal.connect(name);
            rest(journal, from, name).0
        };
        journal.connect("a");
        for text in ["before", "1", "2"] {
            if text == "1" {
                journal.begin_cell();
            }
            journal.push(entry(text.into(), None));
        }
        journal.acknowledge("a", 3);
        assert_eq!(from(&mut journal, "b"), ["1", "2"], "it runs");
        journal.disconnect("a");
        journal.push(entry("3".into(), None));
        journal.end_cell();
        assert_eq!(from(&mut journal, "c"), ["1", "2", "3"], "it has ended, and nobody knows");
        journal.acknowledge("c", 4);
        assert_eq!(from(&mut journal, "d"), [""; 0], "somebody knows");
        assert_eq!(from(&mut journal, "a"), ["3"], "one that was there goes on where it was");
    }

    #[test]
    fn answers_are_for_who_asked() {
        let mut journal = Journal::new(1 << 20);
        let (a, b) = (journal.connect("a"), journal.connect("b"));
        journal.push(entry("for a".into(), Some("a")));
        journal.push(entry("for all".into(), None));
        assert_eq!(rest(&mut journal, a, "a").0, ["for a", "for all"]);
        assert_eq!(rest(&mut journal, b, "b").0, ["for all"]);
    }

    #[test]
    fn a_client_that_takes_nothing_is_waited_for_once() {
        let mut journal = Journal::new(1 << 20);
        assert_eq!(journal.behind(), 0, "nobody is there");
        let (quick, slow) = (journal.connect("quick"), journal.connect("slow"));
        for text in ["1", "2", "3"] {
            journal.push(entry(text.into(), None));
        }
        let all = journal.behind();
        let (_, after) = rest(&mut journal, quick, "quick");
        assert_eq!((after, journal.behind()), (3, all), "the slow one has not begun");
        journal.read(slow + 1, "slow");
        assert_eq!(journal.behind(), all / 3 * 2);
        journal.stall(all);
        assert_eq!(journal.behind(), all / 3 * 2, "it is not that far behind");
        journal.stall(1);
        assert_eq!(journal.behind(), 0);
        journal.read(slow + 1, "slow");
        assert_eq!(journal.behind(), 0, "it was given the same again");
        journal.read(slow + 2, "slow");
        assert_eq!(journal.behind(), all / 3);
        journal.disconnect("slow");
        assert_eq!(journal.behind(), 0);
    }

    #[test]
    fn clients_that_are_away_are_forgotten_in_the_end() {
        let mut journal = Journal::new(1 << 20);
        for number in 0..AWAY + 10 {
            let name = format!("client-{number}");
            journal.connect(&name);
            journal.disconnect(&name);
        }
        assert_eq!(journal.readers.len(), AWAY);
        assert!(!journal.readers.contains_key("client-0"));
    }

    proptest! {
        /// Whatever is pushed, and however often a client leaves: it reads every number once and in order, or is told
        /// how many it missed, and the journal stays within its limit.
        #[test]
        fn everything_arrives_once_and_in_order_or_is_told(
            steps in proptest::collection::vec((any::<bool>(), 0usize..300), 1..200),
        ) {
            let mut journal = Journal::new(2000);
            let (mut pushed, mut got) = (0_u64, 0_u64);
            journal.connect("a");
            for (push, size) in steps {
                if push {
                    pushed += 1;
                    journal.push(entry(format!("{pushed} {}", "x".repeat(size)), None));
                } else {
                    let (read, after) = rest(&mut journal, got, "a");
                    for text in read {
                        let number = |text: &str| text.split(' ').next().unwrap().parse::<u64>().unwrap();
                        match text.strip_prefix('-') {
                            Some(dropped) => got += number(dropped),
                            None => { prop_assert_eq!(number(&text), got + 1); got += 1; }
                        }
                    }
                    prop_assert_eq!((got, after), (pushed, pushed));
                    journal.acknowledge("a", after);
                    journal.disconnect("a");
                    prop_assert_eq!(journal.connect("a"), after);
                }
                prop_assert!(journal.entries.len() <= 1 || journal.bytes <= 2000);
                prop_assert!(journal.behind() <= journal.bytes as u64);
                prop_assert_eq!(journal.last(), pushed);
            }
        }
    }
}
