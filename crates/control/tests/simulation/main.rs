//! The whole of control in a simulated world: virtual time, an in-memory store and scripted engines that outlive the
//! server, and a crash between any two effects.

mod crash;
mod crash_points;
mod lifetimes;
mod seeded;
mod world;
