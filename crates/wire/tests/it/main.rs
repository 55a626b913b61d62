//! The wire seen from outside: JSON against another implementation, routing and binding, and the facts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod description;
mod error_bodies;
mod facts;
mod masks;
mod reading;
mod requests;
mod rest_only;
mod round_trips;
mod routes;
mod writing;
