//! Where calls to sessions go, remembered: reading a session's record for each of its calls took a fifth or more of what
//! the service adds to a short one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hearth_core::id::SessionUuid;
use hearth_gateway::Target;

/// So many sessions are remembered at most; at more all are found anew. Each takes half a kilobyte.
const REMEMBERED: usize = 4096;

/// Where calls of sessions went, with the versions of the sessions that were looked at.
#[derive(Default)]
pub(crate) struct Routes(Mutex<HashMap<SessionUuid, (u64, Target)>>);

impl Routes {
    /// Where its calls go, if it was looked at in this version.
    pub(crate) fn of(&self, uuid: SessionUuid, version: u64) -> Option<Target> {
        let routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        routes.get(&uuid).filter(|(seen, _)| *seen == version).map(|(_, target)| target.clone())
    }

    /// Remembers what was found of a session after it was asked for its version.
    pub(crate) fn remember(&self, version: u64, target: &Target) {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if routes.len() >= REMEMBERED {
            routes.clear();
        }
        routes.insert(target.uuid, (version, target.clone()));
    }
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
    fn those_of_many_sessions_do_not_pile_up() {
        let routes = Routes::default();
        for number in 0..3 * REMEMBERED as u128 {
            routes.remember(0, &target(number, 80));
            assert!(routes.of(SessionUuid(Uuid::from_u128(number)), 0).is_some());
        }
        assert!(routes.0.lock().unwrap().len() <= REMEMBERED);
    }
}
