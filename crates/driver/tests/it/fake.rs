//! What is particular to the fake: its plans, its faults, its journal, its time.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use hearth_core::clock::Clock;
use hearth_core::engine::{EngineSpec, ExitCause, ExitStatus, Observed};
use hearth_core::id::EngineId;
use hearth_driver::fake::{
    Counts, EnginePlan, FakeDriver, FakeWorld, Fault, Method, OnStart, OnStop, What, spec,
};
use hearth_driver::{Driver, DriverError};
use uuid::Uuid;

use crate::clock::ManualClock;

const SECOND: Duration = Duration::from_secs(1);

struct Fixture {
    clock: Arc<ManualClock>,
    world: FakeWorld,
    driver: FakeDriver,
}

fn fixture(plan: EnginePlan) -> Fixture {
    let clock = Arc::new(ManualClock::new());
    let world = FakeWorld::new(Arc::clone(&clock) as Arc<dyn Clock>);
    world.plan_by_default(plan);
    Fixture { driver: world.driver(), clock, world }
}

impl Fixture {
    fn spec(&self, number: u128) -> EngineSpec {
        spec(id(number), self.clock.now().checked_add(3600 * SECOND).unwrap())
    }

    async fn observe(&self, number: u128) -> Observed {
        self.driver.observe(id(number)).await.unwrap()
    }

    async fn exit(&self, number: u128) -> (ExitStatus, ExitCause) {
        match self.observe(number).await {
            Observed::Exited(exit) => (exit.status, exit.cause),
            other => panic!("{other:?}"),
        }
    }
}

fn id(number: u128) -> EngineId {
    EngineId(Uuid::from_u128(number))
}

#[tokio::test]
async fn an_engine_listens_once_its_start_delay_is_over() {
    let fx = fixture(EnginePlan::starts_after(2 * SECOND));
    fx.driver.ensure(&fx.spec(1)).await.unwrap();
    fx.clock.advance(SECOND);
    assert_eq!(fx.observe(1).await, Observed::Starting);
    assert_eq!(fx.world.next_change(), Some(fx.clock.now().checked_add(SECOND).unwrap()));
    fx.clock.advance(SECOND);
    let Observed::Listening(listening) = fx.observe(1).await else { panic!() };
    assert_eq!(listening.listening_at, fx.clock.now());
}

#[tokio::test]
async fn an_engine_that_fails_to_start_leaves_its_status_and_lines() {
    let fx = fixture(EnginePlan::fails_to_start(ExitStatus::Code(3), &["no such module"]));
    fx.driver.ensure(&fx.spec(1)).await.unwrap();
    let Observed::Exited(exit) = fx.observe(1).await else { panic!() };
    assert_eq!((exit.status, exit.cause), (ExitStatus::Code(3), ExitCause::Itself));
    assert_eq!(exit.tail, ["no such module"]);
    assert_eq!(fx.driver.log(id(1), 3, 4).await.unwrap().content, b"such");
}

#[tokio::test]
async fn an_engine_ends_by_itself_at_the_time_planned_however_late_someone_looks() {
    let fx = fixture(EnginePlan::exits_after(5 * SECOND, ExitStatus::Signal(11)));
    let ends_at = fx.clock.now().checked_add(5 * SECOND).unwrap();
    fx.driver.ensure(&fx.spec(1)).await.unwrap();
    fx.clock.advance(60 * SECOND);
    let Observed::Exited(exit) = fx.observe(1).await else { panic!() };
    assert_eq!((exit.status, exit.at), (ExitStatus::Signal(11), ends_at));
}

#[tokio::test]
async fn an_engine_that_ignores_a_stop_is_killed_after_its_grace() {
    let fx = fixture(EnginePlan { on_stop: OnStop::Ignores, ..EnginePlan::default() });
    fx.driver.ensure(&fx.spec(1)).await.unwrap();
    fx.driver.stop(id(1), 10 * SECOND).await.unwrap();
    fx.clock.advance(5 * SECOND);
    assert_eq!(fx.observe(1).await, Observed::Stopping);
    // Asked anew with more time, it gets none.
    fx.driver.stop(id(1), 10 * SECOND).await.unwrap();
    fx.clock.advance(5 * SECOND);
    assert_eq!(fx.exit(1).await, (ExitStatus::Signal(9), ExitCause::Killed));
}

#[tokio::test]
async fn an_engine_that_survives_everything_is_stopping_for_ever() {
    let fx = fixture(EnginePlan { on_stop: OnStop::Survives, ..EnginePlan::default() });
    fx.driver.ensure(&fx.spec(1)).await.unwrap();
    fx.driver.stop(id(1), SECOND).await.unwrap();
    fx.clock.advance(7200 * SECOND);
    assert_eq!(fx.observe(1).await, Observed::Stopping);
    assert_eq!(fx.world.live(), [id(1)]);
    assert_eq!(fx.world.next_change(), None);
}

#[tokio::test]
async fn an_engine_that_hangs_at_its_start_ends_at_its_deadline() {
    let fx = fixture(EnginePlan { on_start: OnStart::Hangs, ..EnginePlan::default() });
    let spec = fx.spec(1);
    fx.driver.ensure(&spec).await.unwrap();
    assert_eq!(fx.world.next_change(), Some(spec.deadline));
    fx.clock.advance(3600 * SECOND);
    assert_eq!(fx.exit(1).await, (ExitStatus::Signal(9), ExitCause::Deadline));
}

#[tokio::test]
async fn a_refused_call_does_nothing_and_a_lost_answer_does_all() {
    let fx = fixture(EnginePlan::default());
    fx.world.inject(Method::Ensure, Fault::Refuse, 1);
    fx.world.inject(Method::Ensure, Fault::LoseAnswer, 1);
    let spec = fx.spec(1);
    let error = fx.driver.ensure(&spec).await.unwrap_err();
    assert_eq!(error.to_string(), "could not start the engine");
    assert_eq!(fx.world.counts(id(1)).started, 0);
    fx.driver.ensure(&spec).await.unwrap_err();
    assert_eq!(fx.world.counts(id(1)).started, 1);
    fx.driver.ensure(&spec).await.unwrap();
    assert_eq!(fx.world.counts(id(1)).started, 1);
}

#[tokio::test]
async fn a_delayed_call_takes_effect_when_the_clock_has_come_so_far() {
    let fx = fixture(EnginePlan::default());
    fx.world.inject(Method::Ensure, Fault::Delay(3 * SECOND), 1);
    let (driver, spec) = (fx.world.driver(), fx.spec(1));
    let mut call = Box::pin(async move { driver.ensure(&spec).await });
    assert!(futures::poll!(&mut call).is_pending());
    assert!(fx.world.traces().is_empty());
    assert_eq!(fx.world.next_change(), Some(fx.clock.now().checked_add(3 * SECOND).unwrap()));
    fx.clock.advance(3 * SECOND);
    fx.world.settle();
    call.await.unwrap();
    assert_eq!(fx.world.traces(), [id(1)]);
}

#[tokio::test]
async fn the_journal_tells_what_was_asked_and_what_came_of_it() {
    let fx = fixture(EnginePlan::default());
    fx.driver.ensure(&fx.spec(1)).await.unwrap();
    fx.driver.stop(id(1), SECOND).await.unwrap();
    fx.driver.remove(id(1)).await.unwrap();
    let told: Vec<What> = fx.world.entries_of(id(1)).into_iter().map(|entry| entry.what).collect();
    assert_eq!(
        told,
        [
            What::Called(Method::Ensure),
            What::Started,
            What::Listened,
            What::Called(Method::Stop),
            What::StopAsked,
            What::Ended(ExitStatus::Signal(15), ExitCause::Stopped),
            What::Called(Method::Remove),
            What::Removed,
        ]
    );
    let counts = Counts { started: 1, stop_asked: 1, ended: 1, removed: 1 };
    assert_eq!(fx.world.counts(id(1)), counts);
    assert!(fx.world.traces().is_empty());
}

#[tokio::test]
async fn a_world_without_entries_still_counts() {
    let clock = Arc::new(ManualClock::new());
    let world = FakeWorld::without_entries(clock as Arc<dyn Clock>);
    let fx = fixture(EnginePlan::default());
    for number in 0..1000 {
        world.driver().ensure(&fx.spec(number)).await.unwrap();
    }
    let journal = world.journal();
    assert_eq!((journal.entries().len(), journal.most_starts()), (0, 1));
    assert_eq!(world.live().len(), 1000);
}

#[tokio::test]
async fn a_change_is_hinted_at() {
    let fx = fixture(EnginePlan::starts_after(SECOND));
    let mut changes = fx.world.driver().changes();
    fx.driver.ensure(&fx.spec(7)).await.unwrap();
    assert_eq!(changes.next().await, Some(id(7)));
    assert!(futures::poll!(changes.next()).is_pending());
    fx.clock.advance(SECOND);
    fx.world.settle();
    assert_eq!(changes.next().await, Some(id(7)));
}

#[tokio::test]
async fn an_engine_ended_from_outside_is_reported_with_the_status_given() {
    let fx = fixture(EnginePlan::default());
    fx.driver.ensure(&fx.spec(1)).await.unwrap();
    assert!(fx.world.end(id(1), ExitStatus::Signal(9), &[]));
    assert!(!fx.world.end(id(2), ExitStatus::Signal(9), &[]), "there is none");
    assert_eq!(fx.exit(1).await, (ExitStatus::Signal(9), ExitCause::Itself));
    assert_eq!(fx.world.counts(id(1)).ended, 1);
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> hearth_core::Timestamp {
        hearth_core::Timestamp::now()
    }
}

#[tokio::test]
async fn under_a_clock_that_runs_by_itself_a_world_kept_settled_tells_of_changes_unasked() {
    let fx = fixture(EnginePlan::default());
    let world = FakeWorld::new(Arc::new(SystemClock));
    world.plan_by_default(EnginePlan::starts_after(Duration::from_millis(20)));
    let driver = world.driver();
    let mut changes = driver.changes();
    let mut spec = fx.spec(1);
    spec.deadline = hearth_core::Timestamp::MAX;
    let look = async {
        driver.ensure(&spec).await?;
        assert_eq!(changes.next().await, Some(id(1)));
        assert_eq!(changes.next().await, Some(id(1)));
        driver.observe(id(1)).await
    };
    let observed: Result<Observed, DriverError> = tokio::select! {
        observed = look => observed,
        () = world.keep_settled() => unreachable!("it never returns"),
    };
    assert!(matches!(observed.unwrap(), Observed::Listening(_)));
}
