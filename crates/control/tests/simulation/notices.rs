//! Notices before an end, extensions, watches and explanations, in virtual time.

use std::time::Duration;

use hearth_control::insight::Extension;
use hearth_control::watch::Seen;
use hearth_core::Timestamp;
use hearth_core::engine::ExitStatus;
use hearth_core::error::ErrorKind;
use hearth_core::notice::{EndNear, KEPT, Limit, What};
use hearth_core::session::{Session, StateLabel};
use hearth_driver::fake::EnginePlan;

use crate::crash::{Crash, Side};
use crate::world::{DAY, LATE, MINUTE, Simulation, active, caller, config, create, living, name, reaches};

/// When an end by this limit was told, and how long before.
fn told(session: &Session, limit: Limit) -> Vec<(Timestamp, Duration)> {
    session
        .notices
        .iter()
        .filter_map(|notice| match notice.what {
            What::EndNear(EndNear { limit: by, ends_at }) if by == limit => {
                Some((notice.at, ends_at.duration_since(notice.at).unsigned_abs()))
            }
            _ => None,
        })
        .collect()
}

fn labels(session: &Session) -> Vec<&'static str> {
    session.notices.iter().map(|notice| notice.what.label()).collect()
}

fn near(told: Duration, ahead: Duration) -> bool {
    told <= ahead && told + LATE >= ahead
}

#[tokio::test]
async fn a_ttl_of_fourteen_days_is_told_five_minutes_and_one_minute_before_it_ends() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, living(14 * DAY, 14 * DAY)).await;
    let began = active(&world, &mut server).await;
    let _in_use = server.control.activity().enter(began.uuid);
    let ended = reaches(&world, &mut server, StateLabel::Terminated, 15 * DAY).await;
    let told = told(&ended, Limit::Ttl);
    assert_eq!(told.len(), 2, "{:?}", ended.notices);
    assert!(near(told[0].1, 5 * MINUTE) && near(told[1].1, MINUTE), "{told:?}");
    assert_eq!(labels(&ended), ["created", "active", "end-near", "end-near", "ending", "terminated"]);
}

#[tokio::test]
async fn an_idle_end_is_told_anew_after_each_use_and_the_notices_stay_bounded() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, living(14 * DAY, 10 * MINUTE)).await;
    let session = active(&world, &mut server).await;
    for _ in 0..50 {
        world.pass_time(&mut server, 6 * MINUTE).await;
        drop(server.control.activity().enter(session.uuid));
    }
    let used_last = world.now();
    let now = world.session("demo").await.unwrap();
    assert_eq!(now.state.label(), StateLabel::Active);
    assert!(now.notices.last() >= 50 && now.notices.iter().count() <= KEPT, "{:?}", now.notices);
    let ended = reaches(&world, &mut server, StateLabel::Terminated, 30 * MINUTE).await;
    let last: Vec<_> = told(&ended, Limit::Idle).into_iter().filter(|(at, _)| *at > used_last).collect();
    assert_eq!(last.len(), 2, "{last:?}");
    assert!(near(last[0].1, 5 * MINUTE) && near(last[1].1, MINUTE), "{last:?}");
}

#[tokio::test]
async fn a_start_is_not_written_once_more_for_its_notices() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, config()).await;
    let session = active(&world, &mut server).await;
    assert_eq!(session.generation, 2, "one write makes it, one says that it is active");
    assert_eq!(labels(&session), ["created", "active"]);
}

#[tokio::test]
async fn restarts_neither_repeat_nor_lose_a_notice() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, living(60 * MINUTE, 20 * MINUTE)).await;
    let began = active(&world, &mut server).await;
    drop(server.control.activity().enter(began.uuid));
    for _ in 0..19 {
        world.pass_time(&mut server, MINUTE).await;
        drop(server);
        server = world.server(Crash::never()).await;
    }
    let ended = reaches(&world, &mut server, StateLabel::Terminated, 60 * MINUTE).await;
    let told = told(&ended, Limit::Idle);
    assert_eq!(told.len(), 2, "{:?}", ended.notices);
}

#[tokio::test]
async fn an_extended_session_outlives_its_ttl_and_its_end_is_told_again() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, living(60 * MINUTE, 14 * DAY)).await;
    let began = active(&world, &mut server).await;
    world.pass_time(&mut server, 56 * MINUTE).await;
    let ttl = Extension::Ttl(3 * DAY);
    let extended = server.control.extend_session(&caller(), &name("demo"), ttl).await.unwrap();
    let again = server.control.extend_session(&caller(), &name("demo"), ttl).await.unwrap();
    assert_eq!(again.generation, extended.generation, "asking twice changes nothing");
    // Without a server the engine's own deadline ends it: that must have moved too.
    drop(server);
    world.clock.move_to(began.state_at.checked_add(2 * DAY).unwrap());
    let mut server = world.server(Crash::never()).await;
    world.pass_time(&mut server, MINUTE).await;
    assert_eq!(world.state("demo").await, Some(StateLabel::Active));
    let ended = reaches(&world, &mut server, StateLabel::Terminated, 2 * DAY).await;
    let lived = ended.history.last().unwrap().at.duration_since(began.state_at).unsigned_abs();
    assert!(lived >= 3 * DAY && lived <= 3 * DAY + LATE, "{lived:?}");
    assert_eq!(
        labels(&ended),
        ["created", "active", "end-near", "extended", "end-near", "end-near", "ending", "terminated"]
    );
}

#[tokio::test]
async fn a_session_cannot_be_shortened_extended_past_fourteen_days_or_extended_once_it_ended() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, living(60 * MINUTE, 60 * MINUTE)).await;
    let starting = server.control.extend_session(&caller(), &name("demo"), Extension::Ttl(DAY)).await;
    assert_eq!(starting.unwrap_err().kind(), ErrorKind::FailedPrecondition);
    let began = active(&world, &mut server).await;
    let latest = began.state_at.checked_add(14 * DAY).unwrap();
    for bad in [
        Extension::Ttl(30 * MINUTE),
        Extension::Ttl(14 * DAY + Duration::from_nanos(1)),
        Extension::Until(latest.checked_add(Duration::from_secs(1)).unwrap()),
        Extension::Until(Timestamp::MIN),
        Extension::Until(Timestamp::MAX),
    ] {
        let refused = server.control.extend_session(&caller(), &name("demo"), bad).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{bad:?}: {refused}");
        assert_eq!(refused.violations().len(), 1, "{refused}");
    }
    server.control.extend_session(&caller(), &name("demo"), Extension::Until(latest)).await.unwrap();
    reaches(&world, &mut server, StateLabel::Terminated, 2 * DAY).await;
    let late = server.control.extend_session(&caller(), &name("demo"), Extension::Ttl(14 * DAY)).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::FailedPrecondition);
}

#[tokio::test]
async fn a_crash_at_any_point_of_an_extension_never_ends_the_session_early() {
    for at in 0..4 {
        for side in [Side::Before, Side::After] {
            let world = Simulation::new();
            let mut server = world.server(Crash::never()).await;
            create(&server, living(60 * MINUTE, 14 * DAY)).await;
            let began = active(&world, &mut server).await;
            drop(server);
            let server = world.server(Crash::at(at, side)).await;
            let asked =
                server.control.extend_session(&caller(), &name("demo"), Extension::Ttl(DAY)).await.is_ok();
            drop(server);
            let ttl = world.session("demo").await.unwrap().ttl(&world.policy);
            assert!(!asked || ttl == DAY, "an answered extension is on disk");
            // Nobody is there until just before the end that is recorded.
            let before_end = began.state_at.checked_add(ttl - MINUTE).unwrap();
            world.clock.move_to(before_end);
            let mut server = world.server(Crash::never()).await;
            world.pass_time(&mut server, Duration::from_secs(30)).await;
            assert_eq!(world.state("demo").await, Some(StateLabel::Active), "at {at} {side:?}");
        }
    }
}

#[tokio::test]
async fn a_watch_sees_a_whole_life_and_ends_when_the_record_is_gone() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, living(60 * MINUTE, 60 * MINUTE)).await;
    active(&world, &mut server).await;
    let mut watch = server.control.watch(&name("demo"), 1).await.unwrap();
    let seen = async |watch: &mut hearth_control::watch::Watch| match watch.next().await.unwrap() {
        Some(Seen::Notice { notice, state }) => (notice.what.label(), state.as_str()),
        Some(Seen::Removed) => ("removed", ""),
        None => ("end", ""),
    };
    assert_eq!(seen(&mut watch).await, ("active", "ACTIVE"));
    let delete = hearth_control::sessions::EndSession { name: name("demo"), request_id: None };
    server.control.delete_session(&caller(), delete).await.unwrap();
    assert_eq!(seen(&mut watch).await, ("ending", "TERMINATING"));
    let live = async {
        world.pass_time(&mut server, MINUTE).await;
    };
    let watched = async {
        let mut all = Vec::new();
        while let Some(seen) = watch.next().await.unwrap() {
            all.push(seen);
        }
        all
    };
    let ((), all) = tokio::join!(live, watched);
    // Whether the end is seen before the record is gone is a matter of who comes first.
    assert_eq!(all.last(), Some(&Seen::Removed));
    assert_eq!(seen(&mut watch).await, ("end", ""));
}

#[tokio::test]
async fn watches_end_with_the_server_and_say_so() {
    let world = Simulation::new();
    let mut server = world.server(Crash::never()).await;
    create(&server, config()).await;
    active(&world, &mut server).await;
    let mut watch = server.control.watch(&name("demo"), 2).await.unwrap();
    server.control.end_watches();
    assert_eq!(watch.next().await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_lost_engine_is_explained_with_what_it_wrote_last() {
    let world = Simulation::new();
    world.engines.plan_by_default(EnginePlan {
        log: (0..30).map(|line| format!("line {line}")).collect(),
        ..EnginePlan::exits_after(3 * MINUTE, ExitStatus::Signal(9))
    });
    let mut server = world.server(Crash::never()).await;
    create(&server, config()).await;
    active(&world, &mut server).await;
    reaches(&world, &mut server, StateLabel::Failed, 10 * MINUTE).await;
    let (_, told) = server.control.explain_session(&name("demo")).await.unwrap();
    assert_eq!(told.reason, "The engine ended by itself (signal 9)");
    assert_eq!(told.log_lines.len(), 20);
    assert_eq!(told.log_lines.last().map(String::as_str), Some("line 29"));
    let session = world.session("demo").await.unwrap();
    assert!(session.notices.iter().all(|notice| !notice.text().contains("line 29")), "notices are short");
}
