//! How many engines to have in each pool.

use std::time::Duration;

use jiff::Timestamp;

use super::recipe::RecipeId;
use super::{PoolEngine, PoolState, Retirement};
use crate::admission::{Budget, Need};
use crate::id::EngineId;
use crate::session::later;

/// How often pools are looked at although nothing is known to have changed: demand fades by itself.
pub const LOOK: Duration = Duration::from_secs(20);

/// A pool as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// What its engines are made by; `None` while none can be made, as when its runtime is not installed.
    pub recipe: Option<RecipeId>,
    /// At least so many.
    pub least: u32,
    /// At most so many.
    pub most: u32,
    /// As many as were asked for of late.
    pub wanted: u32,
    /// How much memory one takes, estimated, in bytes.
    pub memory: u64,
    /// The room one takes.
    pub need: Need,
    /// Until when none is started, after one that could not be.
    pub held_until: Option<Timestamp>,
}

/// An engine that is there, and the memory it takes, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The engine.
    pub engine: PoolEngine,
    /// Its memory: as seen, or as estimated.
    pub memory: u64,
}

/// What limits all pools together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most memory that all pool engines may take, in bytes.
    pub memory: u64,
    /// How old an engine may get.
    pub max_age: Duration,
    /// Nothing is started before this time: sessions that are being created come first.
    pub quiet_from: Timestamp,
    /// What room there is for sessions and pool engines together.
    pub room: Room,
}

/// The room for sessions and pool engines together, of which sessions come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// What there is in all.
    pub budget: Budget,
    /// What of it is taken, by these engines too.
    pub used: Need,
    /// Whether a session waits for some; nothing is started then.
    pub wanted: bool,
    /// Whether one could have that of an engine that is there.
    pub give_way: bool,
}

/// The one thing to do about pools now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Start an engine of this pool, by its place.
    Start(usize),
    /// End an engine.
    Retire(EngineId, Retirement),
    /// Nothing before this time, unless something changes.
    WaitUntil(Timestamp),
}

impl Pool {
    /// How many engines it should have.
    pub fn target(&self) -> u32 {
        if self.recipe.is_some() { self.wanted.clamp(self.least, self.most.max(self.least)) } else { 0 }
    }

    fn owns(&self, kept: &Kept) -> bool {
        self.recipe.as_ref() == Some(&kept.engine.recipe) && self.need == kept.engine.need
    }
}

/// The one move that brings the pools closer to what they should be. Pure: the same inputs give the same move.
///
/// What is wrong is ended first; then, one at a time, engines are started where the most are missing.
pub fn next_move(pools: &[Pool], kept: &[Kept], limits: &Limits, now: Timestamp) -> Move {
    let living: Vec<&Kept> = kept.iter().filter(|kept| !kept.engine.retiring()).collect();
    if let Some(one) = living.iter().find(|kept| !pools.iter().any(|pool| pool.owns(kept))) {
        return Move::Retire(one.engine.id, Retirement::Stale);
    }
    let ends_at = |kept: &Kept| later(kept.engine.made_at, limits.max_age);
    let ready = || living.iter().filter(|kept| kept.engine.ready());
    if let Some(one) = ready().find(|kept| now >= ends_at(kept)) {
        return Move::Retire(one.engine.id, Retirement::TooOld);
    }
    if limits.room.give_way
        && let Some(one) = dispensable(pools, &living)
    {
        return Move::Retire(one.engine.id, Retirement::GivesWay);
    }
    let used: u64 = kept.iter().map(|kept| kept.memory).sum();
    // What is ended already gives its memory back without our doing.
    let lasting: u64 = living.iter().map(|kept| kept.memory).sum();
    if lasting > limits.memory
        && let Some(one) = dispensable(pools, &living)
    {
        return Move::Retire(one.engine.id, Retirement::MakesRoom);
    }
    let count = |pool: &Pool| living.iter().filter(|kept| pool.owns(kept)).count() as u64;
    for pool in pools {
        let of_pool = living.iter().filter(|kept| pool.owns(kept));
        if count(pool) > u64::from(pool.target())
            && let Some(oldest) = of_pool.min_by_key(|kept| (!kept.engine.ready(), kept.engine.made_at))
        {
            return Move::Retire(oldest.engine.id, Retirement::Surplus);
        }
    }
    let mut wake_at = later(now, LOOK);
    if pools.is_empty() && kept.is_empty() {
        return Move::WaitUntil(Timestamp::MAX);
    }
    for one in ready() {
        wake_at = wake_at.min(ends_at(one));
    }
    if living.iter().any(|kept| matches!(kept.engine.state, PoolState::Starting { .. })) {
        // One at a time: its end, good or bad, is heard of.
        return Move::WaitUntil(wake_at);
    }
    let missing = |pool: &Pool| u64::from(pool.target()).saturating_sub(count(pool));
    let mut short: Vec<(usize, &Pool)> =
        pools.iter().enumerate().filter(|(_, pool)| missing(pool) > 0).collect();
    // Those below their least first, then those that miss the most.
    short.sort_by_key(|(_, pool)| (count(pool) >= u64::from(pool.least), std::cmp::Reverse(missing(pool))));
    for (index, pool) in short {
        let room = !limits.room.wanted && limits.room.budget.fits(limits.room.used, pool.need);
        if used.saturating_add(pool.memory) > limits.memory || !room {
            continue;
        }
        let from = pool.held_until.unwrap_or(Timestamp::MIN).max(limits.quiet_from);
        if now >= from {
            return Move::Start(index);
        }
        wake_at = wake_at.min(from);
    }
    Move::WaitUntil(wake_at)
}

/// The engine that is missed the least: one beyond what its pool must have, if there is one, and the oldest of those.
fn dispensable<'k>(pools: &[Pool], living: &[&'k Kept]) -> Option<&'k Kept> {
    let beyond_least = |kept: &Kept| {
        let of = pools.iter().find(|pool| pool.owns(kept));
        of.is_some_and(|pool| {
            let count = living.iter().filter(|kept| pool.owns(kept)).count() as u64;
            count > u64::from(pool.least)
        })
    };
    living.iter().copied().min_by_key(|kept| (!beyond_least(kept), kept.engine.made_at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const MIB: u64 = 1 << 20;
    const NEED: Need = Need { memory: 500 * MIB, cores: 1 };

    fn at(second: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(second)
    }

    fn pool(recipe: &str, least: u32, most: u32, wanted: u32) -> Pool {
        let recipe = Some(RecipeId(recipe.to_owned()));
        Pool { recipe, least, most, wanted, memory: 100 * MIB, need: NEED, held_until: None }
    }

    fn kept(number: u128, recipe: &str, made: u64, state: PoolState) -> Kept {
        let engine = PoolEngine {
            id: EngineId(Uuid::from_u128(number)),
            pool: recipe.to_owned(),
            recipe: RecipeId(recipe.to_owned()),
            need: NEED,
            made_at: at(made),
            state,
            generation: 1,
        };
        Kept { engine, memory: 100 * MIB }
    }

    fn ready(number: u128, recipe: &str, made: u64) -> Kept {
        kept(number, recipe, made, PoolState::Ready { since: at(made) })
    }

    fn limits() -> Limits {
        let max_age = Duration::from_secs(3600);
        Limits { memory: 1000 * MIB, max_age, quiet_from: at(0), room: Room::default() }
    }

    fn id(number: u128) -> EngineId {
        EngineId(Uuid::from_u128(number))
    }

    #[test]
    fn without_pools_and_engines_there_is_nothing_to_wait_for() {
        assert_eq!(next_move(&[], &[], &limits(), at(1)), Move::WaitUntil(Timestamp::MAX));
    }

    #[test]
    fn engines_are_started_one_at_a_time_where_the_most_are_missing() {
        let pools = [pool("a", 0, 4, 4), pool("b", 1, 2, 0)];
        assert_eq!(next_move(&pools, &[], &limits(), at(1)), Move::Start(1), "below its least");
        let b = ready(1, "b", 1);
        assert_eq!(next_move(&pools, std::slice::from_ref(&b), &limits(), at(1)), Move::Start(0));
        let starting = kept(2, "a", 1, PoolState::Starting { start_by: at(300) });
        assert_eq!(next_move(&pools, &[b, starting], &limits(), at(1)), Move::WaitUntil(at(21)));
    }

    #[test]
    fn sessions_being_created_and_failures_hold_up_starts() {
        let pools = [pool("a", 1, 1, 0)];
        let busy = Limits { quiet_from: at(3), ..limits() };
        assert_eq!(next_move(&pools, &[], &busy, at(1)), Move::WaitUntil(at(3)));
        let failing = [Pool { held_until: Some(at(9)), ..pool("a", 1, 1, 0) }];
        assert_eq!(next_move(&failing, &[], &limits(), at(1)), Move::WaitUntil(at(9)));
        assert_eq!(next_move(&failing, &[], &limits(), at(9)), Move::Start(0));
    }

    #[test]
    fn what_is_stale_old_or_too_many_goes() {
        let pools = [pool("a", 1, 2, 0)];
        let stale = ready(1, "before", 1);
        assert_eq!(next_move(&pools, &[stale], &limits(), at(2)), Move::Retire(id(1), Retirement::Stale));
        assert_eq!(
            next_move(&pools, &[ready(1, "a", 0)], &limits(), at(3600)),
            Move::Retire(id(1), Retirement::TooOld)
        );
        let two = [ready(1, "a", 5), ready(2, "a", 4)];
        assert_eq!(next_move(&pools, &two, &limits(), at(6)), Move::Retire(id(2), Retirement::Surplus));
        let uninstalled = [Pool { recipe: None, ..pool("a", 1, 1, 0) }];
        assert_eq!(
            next_move(&uninstalled, &[ready(1, "a", 0)], &limits(), at(2)),
            Move::Retire(id(1), Retirement::Stale)
        );
    }

    #[test]
    fn the_budget_bounds_what_is_started_and_takes_what_is_dispensable() {
        let tight = Limits { memory: 250 * MIB, ..limits() };
        let pools = [pool("a", 1, 9, 9), pool("b", 1, 1, 0)];
        let two = [ready(1, "a", 1), ready(2, "b", 1)];
        assert_eq!(next_move(&pools, &two, &tight, at(2)), Move::WaitUntil(at(22)));
        let three = [ready(1, "a", 2), ready(2, "b", 1), ready(3, "a", 3)];
        assert_eq!(next_move(&pools, &three, &tight, at(4)), Move::Retire(id(1), Retirement::MakesRoom));
    }

    #[test]
    fn sessions_come_before_pools_where_room_is_short() {
        let pools = [pool("a", 1, 2, 2)];
        let budget = Budget { memory: Some(1200 * MIB), cores: None };
        let with = |used, wanted, give_way| {
            let used = Need { memory: used * MIB, cores: 0 };
            Limits { room: Room { budget, used, wanted, give_way }, ..limits() }
        };
        let one = [ready(1, "a", 1)];
        assert_eq!(next_move(&pools, &one, &with(700, false, false), at(2)), Move::Start(0));
        assert_eq!(next_move(&pools, &one, &with(701, false, false), at(2)), Move::WaitUntil(at(22)));
        assert_eq!(next_move(&pools, &one, &with(500, true, false), at(2)), Move::WaitUntil(at(22)));
        let gives_way = Move::Retire(id(1), Retirement::GivesWay);
        assert_eq!(next_move(&pools, &one, &with(1200, true, true), at(2)), gives_way, "its least, too");
        let other = [Pool { need: Need::default(), ..pool("a", 1, 1, 0) }];
        assert_eq!(
            next_move(&other, &one, &limits(), at(2)),
            Move::Retire(id(1), Retirement::Stale),
            "sessions would take another room"
        );
    }

    proptest! {
        /// Carried out until it waits, the plan ends, keeps within the budget and comes to its targets where that allows.
        #[test]
        fn following_the_plan_comes_to_rest_within_budget(
            sizes in proptest::collection::vec((0_u32..4, 0_u32..4, 0_u32..6), 0..4),
            there in proptest::collection::vec((0_usize..5, 0_u64..4000, any::<bool>()), 0..8),
            budget in 0_u64..1500,
        ) {
            let names = ["a", "b", "c", "d", "e"];
            let pools: Vec<Pool> = sizes
                .iter()
                .zip(names)
                .map(|((least, more, wanted), name)| pool(name, *least, least + more, *wanted))
                .collect();
            let mut engines: Vec<Kept> = there
                .iter()
                .zip(1_u128..)
                .map(|((recipe, made, is_ready), number)| match is_ready {
                    true => ready(number, names[*recipe], *made),
                    false => kept(number, names[*recipe], *made, PoolState::Starting { start_by: at(9000) }),
                })
                .collect();
            let limits = Limits { memory: budget * MIB, ..limits() };
            let now = at(4000);
            let mut number = 100;
            for _ in 0..200 {
                match next_move(&pools, &engines, &limits, now) {
                    Move::Start(index) => {
                        number += 1;
                        let recipe = pools[index].recipe.clone().unwrap().0;
                        engines.push(kept(number, &recipe, 4000, PoolState::Starting { start_by: at(9000) }));
                    }
                    Move::Retire(id, _) => engines.retain(|kept| kept.engine.id != id),
                    Move::WaitUntil(at) => {
                        prop_assert!(at > now);
                        let Some(one) = engines.iter_mut().find(|kept| !kept.engine.ready()) else { break };
                        one.engine.state = PoolState::Ready { since: now };
                    }
                }
            }
            let waits = matches!(next_move(&pools, &engines, &limits, now), Move::WaitUntil(_));
            prop_assert!(waits, "the plan never ends");
            let used: u64 = engines.iter().map(|kept| kept.memory).sum();
            prop_assert!(used <= limits.memory);
            for pool in &pools {
                let count = engines.iter().filter(|kept| pool.owns(kept)).count() as u64;
                prop_assert!(count <= u64::from(pool.target()));
                let room = used + pool.memory <= limits.memory;
                prop_assert!(!room || count == u64::from(pool.target()));
            }
        }
    }
}
