//! The flags that all client commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The form of what is written to standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// The JSON of the API
    Json,
    /// The same as YAML
    Yaml,
}

/// The flags that all client commands share.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Service and output")]
pub(crate) struct Global {
    /// Form of the output
    #[arg(long, short, global = true, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) output: Format,
    /// No progress and no notes; tables shrink to ids
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Address of the service, such as http://127.0.0.1:8470, instead of the one running on this machine
    #[arg(long, global = true, env = "HEARTH_ENDPOINT", value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// File with the token, instead of HEARTH_TOKEN or the one in the state directory
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// State directory of the service on this machine [default: $XDG_STATE_HOME/hearth]
    #[arg(long, global = true, env = "HEARTH_STATE_DIR", value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Project of short names, instead of the service's own
    #[arg(long, global = true, env = "HEARTH_PROJECT", value_name = "PROJECT")]
    pub(crate) project: Option<String>,
    /// Location of short names, instead of the service's own
    #[arg(long, global = true, env = "HEARTH_LOCATION", value_name = "LOCATION")]
    pub(crate) location: Option<String>,
}
