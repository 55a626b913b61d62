//! Where calls to sessions go, remembered: reading a session's record for each of its calls took a fifth or more of what
//! the service adds to a short one.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use hearth_core::id::SessionUuid;
use hearth_gateway::Target;

/// So many sessions, and names, are remembered at most; at more all are found anew. Each takes half a kilobyte.
const REMEMBERED: usize = 4096;

/// What is remembered, each with the version that it was found in.
#[derive(Default)]
pub(crate) struct Routes {
    targets: Mutex<HashMap<SessionUuid, (u64, Target)>>,
    names: Mutex<HashMap<String, (u64, SessionUuid)>>,
}

impl Routes {
    /// Where its calls go, if it was looked at in this version.
    pub(crate) fn of(&self, uuid: SessionUuid, version: u64) -> Option<Target> {
        get(&self.targets, &uuid, version)
    }

    /// Remembers what was found of a session after it was asked for its version.
    pub(crate) fn remember(&self, version: u64, target: &Target) {
        put(&self.targets, target.uuid, version, target.clone());
    }

    /// Which session is called so, if it was found by that in this version of the names.
    pub(crate) fn named(&self, name: &str, version: u64) -> Option<SessionUuid> {
        get(&self.names, name, version)
    }

    /// Remembers which session was found by a name after the version of the names was asked for.
    pub(crate) fn remember_name(&self, name: &str, version: u64, uuid: SessionUuid) {
        put(&self.names, name.to_owned(), version, uuid);
    }
}

/// What is remembered under a key, if it was found in this version.
fn get<K, Q, V>(remembered: &Mutex<HashMap<K, (u64, V)>>, key: &Q, version: u64) -> Option<V>
where
    K: Eq + Hash + Borrow<Q>,
    Q: Eq + Hash + ?Sized,
    V: Clone,
{
    let remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
    remembered.get(key).filter(|(seen, _)| *seen == version).map(|(_, found)| found.clone())
}

fn put<K: Eq + Hash, V>(remembered: &Mutex<HashMap<K, (u64, V)>>, key: K, version: u64, found: V) {
    let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
    if remembered.len() >= REMEMBERED {
        remembered.clear();
    }
    remembered.insert(key, (version, found));
}

#[cfg(test)]
mod tests {
    use hearth_core::engine::Endpoint;
    use uuid::Uuid;

    use super::*;

    fn target(number: u128, port: u16) -> Target {
        Target {
            uuid: SessionUuid(Uuid::from_u128(number)),
            endpoint: Endpoint { host: "127.0.0.1".to_owned(), port },
            authorization: None,
            label: "projects/p/locations/l/sessions/s".to_owned(),
            settings: Vec::new(),
        }
    }

    #[test]
    fn a_route_holds_until_its_session_is_written() {
        let (routes, one) = (Routes::default(), target(1, 80));
        assert_eq!(routes.of(one.uuid, 0), None);
        routes.remember(0, &one);
        assert_eq!(routes.of(one.uuid, 0), Some(one.clone()));
        assert_eq!(routes.of(one.uuid, 1), None);
        routes.remember(1, &target(1, 81));
        assert_eq!(routes.of(one.uuid, 1), Some(target(1, 81)));
    }

    #[test]
    fn a_name_holds_until_names_are_taken_or_freed() {
        let (routes, one) = (Routes::default(), SessionUuid(Uuid::from_u128(1)));
        assert_eq!(routes.named("demo", 0), None);
        routes.remember_name("demo", 0, one);
        assert_eq!((routes.named("demo", 0), routes.named("other", 0)), (Some(one), None));
        assert_eq!(routes.named("demo", 1), None);
    }

    #[test]
    fn those_of_many_sessions_do_not_pile_up() {
        let routes = Routes::default();
        for number in 0..3 * REMEMBERED as u128 {
            routes.remember(0, &target(number, 80));
            assert!(routes.of(SessionUuid(Uuid::from_u128(number)), 0).is_some());
        }
        assert!(routes.targets.lock().unwrap().len() <= REMEMBERED);
    }
}
