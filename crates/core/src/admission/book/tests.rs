//! What the order of admission promises, over whatever is asked for.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const GIB: u64 = 1 << 30;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn id(number: u128) -> SessionUuid {
    SessionUuid(Uuid::from_u128(number))
}

fn need(memory: u64, cores: u32) -> Need {
    Need { memory: memory * GIB, cores }
}

fn book(memory: u64, cores: u32) -> Book {
    Book::new(Budget { memory: Some(memory * GIB), cores: Some(cores) })
}

fn holds(user: &str, need: Need) -> Option<Entry> {
    Some(Entry { need, place: Place::Holds { user: user.to_owned() } })
}

fn waits(user: &str, since: i64, need: Need) -> Option<Entry> {
    Some(Entry { need, place: Place::Waits { user: user.to_owned(), since: at(since) } })
}

fn pooled(retiring: bool, need: Need) -> Option<Entry> {
    Some(Entry { need, place: Place::Pool { retiring } })
}

/// Gives the session its room.
fn admit(book: &mut Book, id: SessionUuid) {
    let entry = book.entry(id).unwrap().clone();
    let Place::Waits { user, .. } = entry.place else { panic!("{id} does not wait") };
    book.set(id, Some(Entry { place: Place::Holds { user }, ..entry }));
}

#[test]
fn users_take_turns_by_what_they_hold_and_their_own_sessions_by_when_they_came() {
    let mut book = book(20, 20);
    for (number, user, since) in [(1, "ada", 1), (2, "ada", 2), (3, "ada", 3), (4, "bob", 4), (5, "cy", 5)] {
        book.set(id(number), waits(user, since, need(2, 2)));
    }
    assert_eq!(book.outlook(id(3), at(6)).before, 4);
    assert_eq!(book.outlook(id(5), at(6)).before, 2);
    let mut order = Vec::new();
    while let Some(next) = book.next(at(6)) {
        admit(&mut book, next);
        order.push(next);
    }
    assert_eq!(order, [1, 4, 5, 2, 3].map(id));
}

#[test]
fn a_large_session_lets_smaller_ones_pass_for_a_while_and_then_none() {
    let mut book = book(10, 10);
    book.set(id(1), holds("ada", need(6, 1)));
    book.set(id(2), waits("bob", 0, need(8, 1)));
    book.set(id(3), waits("cy", 1, need(2, 1)));
    assert_eq!(book.next(at(29)), Some(id(3)));
    assert_eq!(book.next(at(30)), None, "the room is kept for the one that waits");
    book.set(id(1), None);
    assert_eq!(book.next(at(30)), Some(id(2)));
    // The order within a user holds at any time.
    book.set(id(4), waits("bob", 2, need(1, 1)));
    book.set(id(1), holds("ada", need(6, 1)));
    book.set(id(3), None);
    assert_eq!(book.next(at(3)), None);
}

#[test]
fn engines_made_ahead_take_room_give_way_and_hand_it_over() {
    let mut book = book(10, 10);
    book.set(id(1), pooled(false, need(4, 2)));
    book.set(id(2), pooled(false, need(4, 2)));
    book.set(id(3), waits("ada", 0, need(6, 2)));
    assert!(book.next(at(1)).is_none() && book.pools_give_way(at(1)));
    book.set(id(1), pooled(true, need(4, 2)));
    assert!(!book.pools_give_way(at(1)), "its room is coming");
    assert_eq!(book.next(at(1)), None, "and is not there yet");
    book.set(id(1), None);
    assert_eq!(book.next(at(1)), Some(id(3)));
    admit(&mut book, id(3));
    let used = book.used();
    book.set(id(2), holds("bob", need(4, 2)));
    assert_eq!(book.used(), used, "the room went to the session");
    // What not even all of them could give is not taken from them.
    book.set(id(4), pooled(false, need(0, 1)));
    book.set(id(5), waits("ada", 0, need(6, 2)));
    assert!(!book.pools_give_way(at(1)));
}

#[test]
fn what_there_is_to_tell_is_told_in_words() {
    let mut book = book(20, 11);
    book.set(id(1), holds("ada", need(12, 1)));
    book.set(id(2), holds("bob", need(7, 1)));
    book.set(id(3), waits("cy", 0, need(4, 1)));
    let outlook = book.outlook(id(3), at(1));
    assert_eq!(outlook.held_by(), "2 sessions of 2 users hold it");
    assert_eq!(outlook.words(need(4, 1)), "waits for memory: asks for 4.0 GiB, 1.0 GiB of 20.0 GiB are free");
    book.set(id(4), waits("dan", 1, need(4, 1)));
    assert!(book.outlook(id(4), at(1)).words(need(4, 1)).ends_with("; 1 session is before it"));
}

/// Something that happens in a service.
#[derive(Debug, Clone)]
enum Happens {
    /// A user asks for a session.
    Asks { user: u8, need: Need },
    /// One of the sessions that have room ends, by its place among them.
    Ends(usize),
    /// One of those that wait is called off, by its place.
    CalledOff(usize),
    /// Time passes, in seconds.
    Passes(u16),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (0_u8..4, 0_u64..=10, 0_u32..=6)
            .prop_map(|(user, memory, cores)| Happens::Asks { user, need: need(memory, cores) }),
        2 => any::<usize>().prop_map(Happens::Ends),
        1 => any::<usize>().prop_map(Happens::CalledOff),
        2 => (0_u16..60).prop_map(Happens::Passes),
    ]
}

/// A service that does what the book says, and checks at each step what must hold.
struct Service {
    book: Book,
    /// Those that have room, and those that wait in the order in which they asked.
    having: Vec<(SessionUuid, u8)>,
    waiting: Vec<(SessionUuid, u8, Need)>,
    now: i64,
    made: u128,
}

impl Service {
    fn new() -> Self {
        Self { book: book(10, 6), having: Vec::new(), waiting: Vec::new(), now: 0, made: 0 }
    }

    fn happen(&mut self, what: &Happens) {
        match what {
            Happens::Asks { user, need } => {
                self.made += 1;
                let id = id(self.made);
                self.waiting.push((id, *user, *need));
                self.book.set(id, waits(&user.to_string(), self.now, *need));
            }
            Happens::Ends(place) if !self.having.is_empty() => {
                let (id, _) = self.having.remove(place % self.having.len());
                self.book.set(id, None);
            }
            Happens::CalledOff(place) if !self.waiting.is_empty() => {
                let (id, ..) = self.waiting.remove(place % self.waiting.len());
                self.book.set(id, None);
            }
            Happens::Ends(_) | Happens::CalledOff(_) => {}
            Happens::Passes(seconds) => self.now += i64::from(*seconds),
        }
    }

    /// Admits all that may be.
    fn admit(&mut self) {
        while let Some(next) = self.book.next(at(self.now)) {
            assert!(self.book.outlook(next, at(self.now)).next);
            let place = self.waiting.iter().position(|(id, ..)| *id == next).unwrap();
            let (id, user, _) = self.waiting.remove(place);
            let earlier = self.waiting[..place].iter().any(|(_, of, _)| *of == user);
            assert!(!earlier, "an earlier session of the same user waits");
            if self.having.iter().any(|(_, of)| *of == user) {
                let empty_handed = self.waiting.iter().enumerate().any(|(place, (_, of, need))| {
                    let first = !self.waiting[..place].iter().any(|(_, other, _)| other == of);
                    let none = *of != user && !self.having.iter().any(|(_, other)| other == of);
                    first && none && self.book.fits(*need)
                });
                assert!(!empty_handed, "a second session came before another's first that fits");
            }
            admit(&mut self.book, id);
            self.having.push((id, user));
            self.check();
        }
    }

    fn check(&self) {
        let (used, budget) = (self.book.used(), *self.book.budget());
        assert!(budget.fits(Need::default(), used), "over the budget: {used:?}");
        assert_eq!(self.book.anybody_waits(), !self.waiting.is_empty());
        for (id, ..) in &self.waiting {
            assert!(self.book.outlook(*id, at(self.now)).before < self.waiting.len());
        }
    }
}

proptest! {
    /// Whatever happens, the budget is kept, users' own sessions come in order, nobody's second comes before another's
    /// first, and once sessions end all that wait are admitted.
    #[test]
    fn the_budget_is_kept_and_everybody_is_admitted_in_the_end(
        story in proptest::collection::vec(happens(), 0..60),
    ) {
        let mut service = Service::new();
        for what in &story {
            service.happen(what);
            service.admit();
            service.check();
        }
        for _ in 0..200 {
            service.happen(&Happens::Ends(0));
            service.happen(&Happens::Passes(1));
            service.admit();
        }
        prop_assert!(service.waiting.is_empty(), "{:?}", service.waiting);
    }

    /// A large first session is admitted although others keep asking for small ones.
    #[test]
    fn a_large_session_is_not_starved_by_a_stream_of_small_ones(
        large in 2_u64..=10,
        lasting in 1_usize..6,
    ) {
        let mut service = Service::new();
        for user in 0..3 {
            service.happen(&Happens::Asks { user, need: need(3, 1) });
        }
        service.admit();
        service.happen(&Happens::Asks { user: 9, need: need(large, 1) });
        let mut seconds = 0;
        while service.waiting.iter().any(|(_, user, _)| *user == 9) {
            seconds += 1;
            prop_assert!(seconds < 120, "it waits for ever");
            service.happen(&Happens::Passes(1));
            service.happen(&Happens::Asks { user: u8::try_from(seconds % 3).unwrap(), need: need(1, 1) });
            if seconds % lasting == 0 {
                service.happen(&Happens::Ends(0));
            }
            service.admit();
        }
    }

    /// What the book has added up is what its entries come to, whatever was written over what.
    #[test]
    fn sums_are_those_of_the_entries(
        writes in proptest::collection::vec((0_u128..6, 0_u8..6, 0_u64..5, 0_u8..3), 0..60),
    ) {
        let mut book = book(100, 100);
        for (number, kind, memory, user) in writes {
            let (need, user) = (need(memory, 1), user.to_string());
            book.set(id(number), match kind {
                0 | 1 => holds(&user, need),
                2 => waits(&user, memory.cast_signed(), need),
                3 => pooled(false, need),
                4 => pooled(true, need),
                _ => None,
            });
            let sum = |chosen: fn(&Place) -> bool| {
                let entries = book.entries.values().filter(|entry| chosen(&entry.place));
                entries.fold(Need::default(), |sum, entry| sum.and(entry.need))
            };
            prop_assert_eq!(book.used, sum(|place| !matches!(place, Place::Waits { .. })));
            prop_assert_eq!(book.pooled, sum(|place| matches!(place, Place::Pool { .. })));
            prop_assert_eq!(book.retiring, sum(|place| matches!(place, Place::Pool { retiring: true })));
        }
        for number in 0..6 {
            book.set(id(number), None);
        }
        prop_assert!(book.users.is_empty() && book.used == Need::default() && book.holders == 0);
    }
}
