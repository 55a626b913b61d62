//! One server's time-limited right to act on sessions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Grows by one whenever a lease changes hands; a write under an older fence is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(pub u64);

/// The right itself, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which server holds it: chosen at random when a server starts.
    pub holder: String,
    /// The fence its holder writes under.
    pub fence: Fence,
    /// When it lapses unless it is renewed.
    pub expires_at: Timestamp,
}

impl Lease {
    /// What the lease becomes when `holder` asks for it: renewed if it holds it, taken over if it has lapsed.
    ///
    /// `None` when another server holds it still. `seize` takes it from a holder known to be dead, as the owner of
    /// a state directory's lock knows of every earlier one.
    pub fn grant(
        current: Option<&Lease>,
        holder: &str,
        now: Timestamp,
        expires_at: Timestamp,
        seize: bool,
    ) -> Option<Lease> {
        let fence = match current {
            None => Fence(1),
            Some(lease) if lease.holder == holder => lease.fence,
            Some(lease) if seize || lease.expires_at <= now => Fence(lease.fence.0 + 1),
            Some(_) => return None,
        };
        Some(Lease { holder: holder.to_owned(), fence, expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_lease_changes_hands_only_when_it_lapsed_or_its_holder_is_known_dead() {
        let first = Lease::grant(None, "a", at(0), at(10), false).unwrap();
        assert_eq!(first.fence, Fence(1));
        assert_eq!(Lease::grant(Some(&first), "a", at(5), at(15), false).unwrap().fence, Fence(1));
        assert_eq!(Lease::grant(Some(&first), "b", at(5), at(15), false), None);
        assert_eq!(Lease::grant(Some(&first), "b", at(10), at(20), false).unwrap().fence, Fence(2));
        assert_eq!(Lease::grant(Some(&first), "b", at(5), at(15), true).unwrap().fence, Fence(2));
    }
}
