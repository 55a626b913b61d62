//! Seeded runs: many sessions, random requests, random faults and crashes; then the faults stop and all must settle.

use std::time::Duration;

use hearth_control::Caller;
use hearth_control::sessions::{CreateSession, EndSession};
use hearth_core::admission::Budget;
use hearth_core::engine::ExitStatus;
use hearth_driver::fake::{EnginePlan, Fault, Method, OnStart, OnStop};

use crate::crash::{Crash, Side};
use crate::world::{CORES, ENGINE_MEMORY, Simulation, caller, config, name, parent};

/// How many worlds are tried. More take longer and find more.
const SEEDS: u64 = 60;
/// How many things happen in each.
const EVENTS: usize = 60;

/// A small generator (xorshift64*), so that a seed gives the same run everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }
}

fn plan(dice: &mut Dice) -> EnginePlan {
    let start_delay = Duration::from_millis(dice.roll(3000));
    match dice.roll(8) {
        0 => EnginePlan { start_delay, ..EnginePlan::fails_to_start(ExitStatus::Code(1), &["no"]) },
        1 => EnginePlan { start_delay, on_start: OnStart::Hangs, ..EnginePlan::default() },
        2 => EnginePlan {
            start_delay,
            ..EnginePlan::exits_after(Duration::from_millis(dice.roll(20_000)), ExitStatus::Signal(11))
        },
        3 => EnginePlan { start_delay, on_stop: OnStop::Ignores, ..EnginePlan::default() },
        _ => EnginePlan {
            start_delay,
            on_stop: OnStop::Ends(Duration::from_millis(dice.roll(2000))),
            ..EnginePlan::default()
        },
    }
}

async fn live(seed: u64, pools: &[&str], budget: Budget) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut world = Simulation::new();
    world.policy.start_timeout = Duration::from_secs(20);
    world.pools.pools = pools.iter().map(|pool| pool.parse().unwrap()).collect();
    world.pools.memory = 3 * ENGINE_MEMORY;
    world.pools.max_age = Duration::from_secs(60);
    world.budget = budget;
    world.policy.wait_timeout = Duration::from_secs(20);
    let mut server = world.server(Crash::never()).await;
    for _ in 0..EVENTS {
        let id = format!("demo-{}", dice.roll(4));
        world.engines.plan_by_default(plan(&mut dice));
        // Refusals are part of it: what they mean is tested elsewhere.
        match dice.roll(10) {
            0..4 => {
                let mut config = config();
                if budget.limited() {
                    let cores = 1 + dice.roll(4);
                    let properties = &mut config.runtime.get_or_insert_default().properties;
                    properties.insert(CORES.to_owned(), cores.to_string());
                }
                let create = CreateSession {
                    parent: parent(),
                    session_id: id,
                    name: String::new(),
                    config,
                    request_id: None,
                };
                let caller = Caller { name: format!("user-{}", dice.roll(2)), ..caller() };
                let _ = server.control.create_session(&caller, create).await;
            }
            4 => drop(
                server
                    .control
                    .terminate_session(&caller(), EndSession { name: name(&id), request_id: None })
                    .await,
            ),
            5 => drop(
                server
                    .control
                    .delete_session(&caller(), EndSession { name: name(&id), request_id: None })
                    .await,
            ),
            6 => {
                let method = [
                    Method::Ensure,
                    Method::Observe,
                    Method::Stop,
                    Method::Remove,
                    Method::Engines,
                    Method::SetDeadline,
                    Method::Introduce,
                ][usize::try_from(dice.roll(7)).unwrap()];
                let fault = if dice.roll(2) == 0 { Fault::Refuse } else { Fault::LoseAnswer };
                world.engines.inject(method, fault, u32::try_from(dice.roll(3)).unwrap());
            }
            7 => {
                let side = if dice.roll(2) == 0 { Side::Before } else { Side::After };
                server = world.server(Crash::at(dice.roll(12), side)).await;
            }
            _ => {}
        }
        world.pass_time(&mut server, Duration::from_millis(dice.roll(4000))).await;
        if server.crash.dead() {
            server = world.server(Crash::never()).await;
        }
        world.check_engines();
    }
    world.engines.clear_faults();
    let mut server = world.server(Crash::never()).await;
    world.check_settled(&mut server).await;
}

#[tokio::test]
async fn whatever_happens_all_settles_once_the_faults_stop() {
    for seed in 1..=SEEDS {
        // The seed of a failing run is the last one printed.
        println!("seed {seed}");
        live(seed, &[], Budget::default()).await;
    }
}

#[tokio::test]
async fn whatever_happens_with_pools_all_settles_once_the_faults_stop() {
    for seed in 1..=SEEDS {
        println!("seed {seed}");
        live(seed, &["default=1..3"], Budget::default()).await;
    }
}

/// Room for three cores, of which some sessions ask for more than there are.
const TIGHT: Budget = Budget { memory: Some(3 * ENGINE_MEMORY), cores: Some(3) };

#[tokio::test]
async fn whatever_happens_with_little_room_all_settles_once_the_faults_stop() {
    for seed in 1..=SEEDS {
        println!("seed {seed}");
        live(seed, &[], TIGHT).await;
    }
}

#[tokio::test]
async fn whatever_happens_with_pools_and_little_room_all_settles_once_the_faults_stop() {
    for seed in 1..=SEEDS {
        println!("seed {seed}");
        live(seed, &["default=0..2"], TIGHT).await;
    }
}
