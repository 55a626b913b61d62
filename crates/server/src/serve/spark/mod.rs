//! Apache Spark's own view of sessions: its applications for the API, and its web pages.
//!
//! Of a live session the driver is asked. Of one that has ended the event log is kept in the staging store, and Spark's
//! history server is asked, which is started when somebody asks and shared by all sessions. Start reading at
//! [`applications`] and [`pages`].

mod applications;
mod events;
mod history;
mod pages;
mod servers;
mod sign_in;

pub(crate) use applications::SparkApplications;
pub(crate) use events::{EventDirs, KeptFiles};
pub(crate) use history::{History, HistoryFiles};
pub(crate) use pages::SparkPages;
pub(crate) use servers::HistoryServers;
