//! The Spark applications of sessions as the API shows them: jobs, stages, tasks, executors, SQL queries.
//!
//! The data is Spark's own: its monitoring REST API, of a live driver or of a history server that reads an event log,
//! and the log itself for what that API leaves out. Knows nothing of sessions, nor of who may ask.
//!
//! Start reading at [`source`], what is asked of any source; then `spark.rs`, how Spark answers it, with the tables of
//! `records`; and [`application`], the calls of the API over a source.

pub mod application;
mod error;
mod event_log;
pub mod monitoring;
mod page;
mod plan;
mod rdd_graph;
mod records;
mod remembered;
pub mod source;
mod spark;
pub mod written;

pub use application::Application;
pub use error::DataError;
pub use event_log::EventLog;
pub use monitoring::{HttpMonitoring, Monitoring};
pub use source::{Applications, Source};
pub use spark::{SparkSource, applications};
