//! The SQLite store from outside, as the service uses it.

mod conformance;
mod kill;
mod opening;
mod sample;
mod upkeep;
