//! The calls of the API over what a real Spark 4.0 answered and logged (`tests/data`, written by `record.py` there).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lists;
mod parts;
mod recorded;
