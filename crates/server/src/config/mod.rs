//! The configuration of `hearth serve`.
//!
//! One table ([`settings::SETTINGS`]) says for every setting its key, its kind, where it lives in [`Config`], its
//! flag and its documentation. Reading a file, an environment and a command line, `--print-config`, the reference
//! page and the JSON schema all walk that table, so none of them can know a setting that the others do not.
//!
//! ```text
//! args ──(file, environment, flags, directories)──▶ resolve ──▶ Loaded { config, origins, warnings }
//!                                                      └──────▶ ConfigErrors: all of them, each with its origin
//! ```
//!
//! Only [`args`] touches the process: its environment, its working directory and the disk. [`resolve`] is pure.
//! Start reading at [`settings`], then [`resolve`].

mod args;
mod checks;
mod error;
mod file;
mod model;
mod origins;
mod parse;
mod print;
mod reference;
mod resolve;
mod room;
mod settings;
mod source;
mod spark;
mod suggest;
#[cfg(test)]
mod tests;
mod units;

pub(crate) use self::args::{ConfigArgs, ShowArgs};
pub(crate) use self::model::{Auth, Config, EngineDriver, LogConfig, LogFormat};
pub(crate) use self::origins::AllowedOrigin;
pub(crate) use self::resolve::Loaded;
pub(crate) use self::spark::{Metastore, NamedHistoryServer, NamedMetastore};
