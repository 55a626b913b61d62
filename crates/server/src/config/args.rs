//! The flags of `hearth serve`, and where the rest of the sources come from.
//!
//! This is the only module of the server that looks at the environment for settings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use etcetera::BaseStrategy as _;

use super::error::ConfigErrors;
use super::reference::{json_schema, reference_markdown};
use super::resolve::{Loaded, resolve};
use super::source::{Assignment, Directories, FileText, Origin, Raw, Sources};

/// The flags that configure a server.
///
/// Values are read by [`resolve`], not by the parser of the command line, so that a wrong one is reported together
/// with what is wrong in the file and in the environment.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ConfigArgs {
    /// The configuration file, instead of the one in the user's configuration directory.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// An address to listen on, such as 127.0.0.1:8470; may be given several times.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Vec<String>,
    /// The directory of database, token, logs and work directories.
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<String>,
    /// The directory of installed runtimes.
    #[arg(long, value_name = "DIR")]
    pub(crate) runtimes_dir: Option<String>,
    /// The address that clients are told to connect to.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) advertise: Option<String>,
    /// Who is let in: token, or none (everybody on this machine).
    #[arg(long, value_name = "WHO")]
    pub(crate) auth: Option<String>,
    /// Which events are logged: a level, or directives such as info,hearth_gateway=debug.
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Sets any key, such as session.stop-grace=10s; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

/// The flags of `hearth serve` that show something about the configuration instead of serving.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ShowArgs {
    /// Prints the configuration that holds, with the origin of each value, and ends.
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Prints what is known about every setting, and ends.
    #[arg(long, value_name = "FORM")]
    pub(crate) config_docs: Option<Docs>,
}

/// The forms of the documentation of all settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Docs {
    /// The reference page, in Markdown.
    Reference,
    /// The JSON schema of a configuration file, for editors.
    Schema,
}

impl ShowArgs {
    /// The documentation that was asked for, if any. It needs no configuration, so a broken one cannot hide it.
    pub(crate) fn docs(&self) -> Option<String> {
        self.config_docs.map(|form| match form {
            Docs::Reference => reference_markdown(),
            Docs::Schema => json_schema(),
        })
    }
}

impl ConfigArgs {
    /// Reads the file and the environment, and puts everything together.
    ///
    /// # Errors
    /// Everything that is wrong, wherever it was written.
    pub(crate) fn load(&self) -> Result<Loaded, ConfigErrors> {
        let directories = etcetera::base_strategy::Xdg::new().ok();
        let sources = Sources {
            file: self.file(directories.as_ref().map(|base| base.config_dir()).as_deref()),
            directories: Directories {
                working: env::current_dir().ok(),
                home: directories.as_ref().map(|base| base.home_dir().to_owned()),
                state: directories.as_ref().and_then(|base| base.state_dir()),
                data: directories.as_ref().map(|base| base.data_dir()),
            },
            environment: environment(),
            flags: self.assignments(),
        };
        resolve(&sources)
    }

    /// What the flags set, as if each had been written with `--set`.
    pub(super) fn assignments(&self) -> Vec<Assignment> {
        let listen: Vec<Raw> = self.listen.iter().cloned().map(Raw::Text).collect();
        let own = [
            ("listen", "--listen", (!listen.is_empty()).then_some(Raw::List(listen))),
            ("state-dir", "--state-dir", self.state_dir.clone().map(Raw::Text)),
            ("runtimes.dir", "--runtimes-dir", self.runtimes_dir.clone().map(Raw::Text)),
            ("advertise", "--advertise", self.advertise.clone().map(Raw::Text)),
            ("auth", "--auth", self.auth.clone().map(Raw::Text)),
            ("log.filter", "--log", self.log.clone().map(Raw::Text)),
        ];
        let own =
            own.into_iter().filter_map(|(key, flag, raw)| Some((key.to_owned(), flag.to_owned(), raw?)));
        let set = self.set.iter().map(|text| match text.split_once('=') {
            Some((key, value)) => {
                (key.trim().to_owned(), format!("--set {}", key.trim()), Raw::Text(value.to_owned()))
            }
            None => (text.clone(), format!("--set {text}"), Raw::Missing),
        });
        own.chain(set).map(|(key, flag, raw)| Assignment { key, raw, origin: Origin::Flag(flag) }).collect()
    }

    /// The file that was asked for, or the user's own if it is there.
    fn file(&self, config_dir: Option<&Path>) -> Option<FileText> {
        let named = self
            .config
            .clone()
            .or_else(|| env::var_os("HEARTH_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
        let (path, asked) = match named {
            Some(path) => (path, true),
            None => (config_dir?.join("hearth/config.toml"), false),
        };
        read(path, asked)
    }
}

/// Reads a file; one that nobody asked for may be missing.
pub(super) fn read(path: PathBuf, asked: bool) -> Option<FileText> {
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !asked => return None,
        text => text.map_err(|error| error.to_string()),
    };
    Some(FileText { path, text })
}

fn environment() -> Vec<(String, OsString)> {
    let mut variables: Vec<(String, OsString)> = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with("HEARTH_"))
        .collect();
    variables.sort();
    variables
}
