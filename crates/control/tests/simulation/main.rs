//! The whole of control in a simulated world: virtual time, an in-memory store and scripted engines that outlive the
//! server, and a crash between any two effects.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod admission;
mod crash;
mod crash_points;
mod keeping;
mod lifetimes;
mod notices;
mod pools;
mod seeded;
mod shelf;
mod sweeps;
mod templates;
mod usage;
mod world;
