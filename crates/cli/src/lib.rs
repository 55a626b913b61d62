//! `dataproc1`, the command-line client of the Dataproc v1 API.
//!
//! It turns words into one request, sends it, and prints the answer, for each of the API's 136 methods. It accepts
//! everything the generated client of the same name accepts, and more.
//!
//! It must never know the service's own crates: it speaks plain HTTP to whatever answers the API.
//!
//! Start reading at [`run`] and [`call`]; then [`grammar`] (words), [`cursor`] and [`body`] (what follows `-r`),
//! [`auth`] (sign-in) and [`transport`] (the wire).

pub mod api;
pub mod auth;
pub mod body;
pub mod call;
pub mod commands;
pub mod completion;
pub mod config;
pub mod cursor;
pub mod env;
pub mod exit;
pub mod failure;
pub mod files;
pub mod grammar;
pub mod help;
pub mod man;
pub mod names;
pub mod options;
pub mod output;
pub mod pages;
pub mod params;
pub mod problem;
pub mod request;
pub mod run;
pub mod sources;
pub mod suggest;
pub mod terminal;
pub mod time;
pub mod transport;
pub mod value;
pub mod wait;
