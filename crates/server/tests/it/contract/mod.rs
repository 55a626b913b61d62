//! The contract of the API, statement by statement, over REST and gRPC alike.
//!
//! `docs/contract.toml` lists the statements and names the tests that show them; `cargo xtask contract` holds the two
//! together. A test's name begins with the section it is about.

mod both;
mod capacity;
mod errors;
mod fields;
mod json;
mod lists;
mod names;
mod operations;
mod parameters;
mod refusals;
mod sessions;
mod spark;
mod texts;
mod transport;
