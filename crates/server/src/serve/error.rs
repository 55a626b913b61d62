//! Why the service could not start.

use std::io;
use std::path::PathBuf;

use hearth_control::pass::PassError;
use hearth_driver::DriverError;
use hearth_emulator::DocumentError;
use hearth_runtimes::CatalogueError;
use hearth_store_sqlite::{LockError, OpenError};

use super::listener::BindError;
use super::templates::SeedError;

/// Why the service could not start. Nothing runs after it, and what was there is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The state directory cannot be had.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The catalogue of runtimes is wrong.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The engines' directory cannot be had.
    #[error("could not use the engines' directory")]
    Driver(#[from] DriverError),
    /// The staging store cannot be had.
    #[error("could not use the staging store")]
    Staging(#[from] hearth_staging::OpenError),
    /// The default runtime is not in the catalogue.
    #[error("the default runtime \"{name}\" is not in the catalogue, which has {}", known.join(", "))]
    DefaultRuntime {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The pools cannot be as they are asked for.
    #[error("the setting pools.engines cannot be followed: {text}")]
    Pools {
        /// What does not go.
        text: String,
    },
    /// The templates of the start cannot be made.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The token, or the key of engines' secrets, cannot be read or made.
    #[error("could not read or make the secret \"{}\"", path.display())]
    Token {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No directory could be made for an emulator.
    #[error("could not make a temporary directory")]
    Temporary {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The saved state of an emulator cannot be read or written.
    #[error("could not {what} \"{}\"", path.display())]
    SavedState {
        /// What was tried: `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The saved state of an emulator cannot be used.
    #[error("could not load \"{}\"", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: DocumentError,
    },
    /// The store does not answer.
    #[error("could not take over the store")]
    Store {
        /// Why.
        #[source]
        source: Box<PassError>,
    },
    /// The file that says where the service answers cannot be written.
    #[error("could not write down where the service answers")]
    Endpoint {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The path of this program is not known, and with it how engines are supervised.
    #[error("could not find this program's own file")]
    OwnProgram {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The log filter makes no sense.
    #[error("\"{filter}\" is not a log filter: {reason}")]
    LogFilter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The description of the services is broken.
    #[error("could not describe the services")]
    Reflection {
        /// What is wrong.
        #[source]
        source: tonic_reflection::server::Error,
    },
}

impl ServeError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Lock(error) => error.hint().to_owned(),
            Self::Open(error) => error.hint().to_owned(),
            Self::Catalogue(error) => error.hint(),
            Self::Bind(BindError::InUse(address)) => format!(
                "Another service may be running: `hearth doctor` tells. Or choose another port: \
                 `hearth serve --listen {}:{}`.",
                address.ip(),
                address.port().saturating_add(1)
            ),
            Self::Bind(BindError::Other { .. }) => {
                "Choose an address of this machine: `hearth serve --listen 127.0.0.1:8470`.".to_owned()
            }
            Self::DefaultRuntime { .. } => "Set `runtimes.default` to one of them.".to_owned(),
            Self::Seed(SeedError::Store { .. }) => {
                "Run `hearth store check` to see whether the database is whole.".to_owned()
            }
            Self::Seed(_) => {
                "Correct the file that `templates.file` names, or leave that setting out.".to_owned()
            }
            Self::Staging(_) => {
                "Set `staging.uri` and `staging.buckets` to directories that are writable, as `file:///DIRECTORY`, or to \
                 buckets with their credentials in the environment (`AWS_*`, `GOOGLE_*`). Without them a directory of \
                 the service's own is taken."
                    .to_owned()
            }
            Self::Pools { .. } => {
                "Ask for fewer engines in `pools.engines`, or raise `pools.memory`.".to_owned()
            }
            Self::LogFilter { .. } => {
                "Use a level, such as `info`, or directives, such as `info,hearth_gateway=debug`.".to_owned()
            }
            Self::Driver(_) | Self::Token { .. } | Self::Store { .. } | Self::Endpoint { .. } => {
                "Check that the state directory is writable and its disk not full, or choose another one: \
                 `hearth serve --state-dir DIR`."
                    .to_owned()
            }
            Self::Temporary { .. } => "Name a directory with `--state-dir DIR`.".to_owned(),
            Self::SavedState { path, .. } | Self::Load { path, .. } => format!(
                "Name a file that `hearth emulator save` has written, or move \"{}\" away to begin anew.",
                path.display()
            ),
            Self::OwnProgram { .. } | Self::Reflection { .. } => "Install the program anew.".to_owned(),
        }
    }
}
