//! What can go wrong, in the words people read.

use std::io;
use std::path::PathBuf;

use crate::disk::in_words;
use crate::java::JavaError;

/// Why a runtime could not be installed. Nothing half-installed is left behind.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// There is no `uv`, and it could not be installed.
    #[error("could not install runtime \"{runtime}\": the tool `uv` is missing and {reason}")]
    NoUv {
        /// The runtime's full name.
        runtime: String,
        /// Why it could not be installed.
        reason: String,
        /// What the tools said, its last lines.
        detail: Vec<String>,
    },
    /// No interpreter on this machine fits.
    #[error("could not install runtime \"{runtime}\": no Python {requirement} found on this machine")]
    NoPython {
        /// The runtime's full name.
        runtime: String,
        /// What is needed, such as `>=3.10`.
        requirement: String,
        /// What `uv` said, its last lines.
        detail: Vec<String>,
    },
    /// The package index cannot be reached.
    #[error("could not install runtime \"{runtime}\": the package index cannot be reached")]
    Offline {
        /// The runtime's full name.
        runtime: String,
        /// What `uv` said, its last lines.
        detail: Vec<String>,
    },
    /// The disk is full, or would be.
    #[error("could not install runtime \"{runtime}\": not enough disk space in \"{}\"{}", folder.display(), space(*.needed, *.free))]
    DiskFull {
        /// The runtime's full name.
        runtime: String,
        /// Where the environment was to be.
        folder: PathBuf,
        /// Bytes the environment needs, estimated; 0 when not known.
        needed: u64,
        /// Bytes that were free when this was noticed.
        free: u64,
        /// What `uv` said, its last lines; empty when there was no need to ask.
        detail: Vec<String>,
    },
    /// A package, or the wanted version of it, is not in the package index for this machine.
    #[error("cannot install runtime \"{runtime}\": package \"{package}\" was not found for this machine")]
    PackageNotFound {
        /// The runtime's full name.
        runtime: String,
        /// The package, with its version where known.
        package: String,
        /// What `uv` said, its last lines.
        detail: Vec<String>,
    },
    /// No versions of the packages go with each other, or with what is there already.
    #[error("cannot install runtime \"{runtime}\": its packages do not go with each other")]
    Conflict {
        /// The runtime's full name.
        runtime: String,
        /// What of that which is there already stands in the way; empty when nothing was.
        with: Vec<String>,
        /// What `uv` said, its last lines.
        detail: Vec<String>,
    },
    /// A package that comes as source could not be built.
    #[error("could not install runtime \"{runtime}\": package \"{package}\" could not be built")]
    Build {
        /// The runtime's full name.
        runtime: String,
        /// The package, with its version where known.
        package: String,
        /// What `uv` said, its last lines.
        detail: Vec<String>,
    },
    /// The list of packages is not valid.
    #[error("cannot install runtime \"{runtime}\": its list of packages is not valid")]
    Lock {
        /// The runtime's full name.
        runtime: String,
        /// What `uv` said, its last lines.
        detail: Vec<String>,
    },
    /// The tool ended early or failed in a way not known here.
    #[error("could not install runtime \"{runtime}\": {doing} failed ({status})")]
    Tool {
        /// The runtime's full name.
        runtime: String,
        /// What was being done.
        doing: &'static str,
        /// How the tool ended: its exit status or signal.
        status: String,
        /// What it said, its last lines.
        detail: Vec<String>,
    },
    /// A data set is not what the catalogue says.
    #[error("cannot install runtime \"{runtime}\": data set \"{dataset}\" could not be unpacked")]
    Dataset {
        /// The runtime's full name.
        runtime: String,
        /// The data set's name.
        dataset: String,
        /// What is wrong with it.
        detail: Vec<String>,
    },
    /// There is no Java that its engine can run on.
    #[error(transparent)]
    NoJava(#[from] JavaError),
    /// A file or folder of ours could not be read or written.
    #[error("could not {doing} \"{}\"", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl InstallError {
    /// What to do about it, as a full sentence.
    pub fn hint(&self) -> String {
        let again = |runtime: &str| format!("`hearth runtimes install {}`", runtime);
        match self {
            Self::NoUv { .. } => "Install `uv` (https://docs.astral.sh/uv) or Python 3 with `pip` or `venv` \
                 (on Debian and Ubuntu: `apt install python3-venv`), and make sure it is on the PATH."
                .into(),
            Self::NoPython { requirement, .. } => format!(
                "Install Python {requirement} and make sure it is on the PATH, or name an interpreter with the key \
                 `python` of this runtime in your runtime catalogue."
            ),
            Self::Offline { runtime, .. } => format!(
                "Check the network, or set `UV_DEFAULT_INDEX` to a package index that can be reached from here (the \
                 configuration of `pip` is not read), and run {} again.",
                again(runtime)
            ),
            Self::DiskFull { runtime, .. } => format!(
                "Free some space there or choose another `--state-dir`, and run {} again; `hearth runtimes list` \
                 shows environments that are no longer needed.",
                again(runtime)
            ),
            Self::PackageNotFound { .. } => {
                "Check that the package index in use has this package for this Python \
                 and this machine, or change the runtime's packages in your runtime catalogue."
                    .into()
            }
            Self::Build { .. } => {
                "Look at the last lines above; building a package may need a compiler or further programs."
                    .into()
            }
            Self::Conflict { .. } | Self::Lock { .. } => {
                "Correct `lock` or `requirements` of this runtime in your runtime catalogue.".into()
            }
            Self::Tool { runtime, .. } | Self::Dataset { runtime, .. } => {
                format!("Look at the last lines above and run {} again.", again(runtime))
            }
            Self::NoJava(error) => error.hint(),
            Self::Io { .. } => {
                "Check that the folder exists, belongs to you and is not on a full disk.".into()
            }
        }
    }

    /// The last lines that the tools said, if any; addresses in them carry no credentials.
    pub fn detail(&self) -> &[String] {
        match self {
            Self::NoUv { detail, .. }
            | Self::NoPython { detail, .. }
            | Self::Offline { detail, .. }
            | Self::DiskFull { detail, .. }
            | Self::PackageNotFound { detail, .. }
            | Self::Conflict { detail, .. }
            | Self::Build { detail, .. }
            | Self::Lock { detail, .. }
            | Self::Tool { detail, .. }
            | Self::Dataset { detail, .. } => detail,
            Self::NoJava(_) | Self::Io { .. } => &[],
        }
    }

    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

/// Why the packages of a session could not be installed. Nothing half-installed is left behind.
#[derive(Debug, Clone, thiserror::Error)]
#[error("could not install the packages of the session: {reason}")]
pub struct LayerError {
    kind: LayerErrorKind,
    reason: String,
    hint: String,
    detail: Vec<String>,
}

/// What kind of problem kept the packages of a session from being installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerErrorKind {
    /// The index has no such package, or not this version of it.
    NotFound,
    /// The packages do not go with each other or with what the session has.
    Conflict,
    /// The index cannot be reached.
    Unreachable,
    /// The disk is full.
    NoRoom,
    /// Anything else.
    Other,
}

impl LayerErrorKind {
    fn of(error: &InstallError) -> Self {
        match error {
            InstallError::PackageNotFound { .. } => Self::NotFound,
            InstallError::Conflict { .. } => Self::Conflict,
            InstallError::Offline { .. } => Self::Unreachable,
            InstallError::DiskFull { .. } => Self::NoRoom,
            _ => Self::Other,
        }
    }
}

impl LayerError {
    pub(crate) fn new(error: InstallError, index: Option<&str>) -> Self {
        let named =
            index.map_or("the package index in use".to_owned(), |index| format!("the index \"{index}\""));
        let (reason, hint) = match &error {
            InstallError::PackageNotFound { package, .. } => (
                format!("{named} has no package \"{package}\" for the runtime's Python and this machine"),
                "Check the names and versions of the session's packages, and its PyPI repository.".to_owned(),
            ),
            InstallError::Offline { .. } => (
                format!("{named} cannot be reached or refuses"),
                "Check the session's PyPI repository, and that the server can reach it.".to_owned(),
            ),
            InstallError::Build { package, .. } => (
                format!("package \"{package}\" could not be built"),
                "Choose a version that has a wheel for this machine, or install what its build needs."
                    .to_owned(),
            ),
            InstallError::Conflict { with, .. } if with.is_empty() => (
                "they do not go with each other".to_owned(),
                "Name versions that do, or leave the choice to the installer.".to_owned(),
            ),
            InstallError::Conflict { with, .. } => (
                format!("they do not go with {}, which cannot change while the session runs", with.join(", ")),
                "Name versions that do, or name these packages in the property spark.dataproc.python.packages of a new \
                 session."
                    .to_owned(),
            ),
            InstallError::Lock { .. } => {
                ("the list of packages is not valid".to_owned(), "Correct the session's packages.".to_owned())
            }
            InstallError::Tool { doing, status, .. } => (
                format!("{doing} failed ({status})"),
                "Look at the lines above, correct the session's packages, and try again.".to_owned(),
            ),
            other => (chain(other), other.hint()),
        };
        Self { kind: LayerErrorKind::of(&error), reason, hint, detail: error.detail().to_vec() }
    }

    /// The kind, for programs.
    pub fn kind(&self) -> LayerErrorKind {
        self.kind
    }

    /// What to do about it, as a full sentence.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// The last lines that the tools said, if any; addresses in them carry no credentials.
    pub fn detail(&self) -> &[String] {
        &self.detail
    }
}

/// An error with what caused it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Why an environment was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// An engine runs from it.
    #[error("runtime \"{name}\" is in use")]
    InUse {
        /// Name of the environment.
        name: String,
    },
    /// Another process is installing, checking or removing it.
    #[error("runtime \"{name}\" is being installed or removed by another process")]
    Busy {
        /// Name of the environment.
        name: String,
    },
    /// There is no such environment.
    #[error("runtime \"{name}\" is not installed")]
    NotInstalled {
        /// Name of the environment.
        name: String,
    },
    /// A file or folder could not be removed.
    #[error("could not remove runtime \"{name}\"")]
    Io {
        /// Name of the environment.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl RemoveError {
    /// What to do about it, as a full sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::InUse { .. } => {
                "Run `hearth sessions list` to see which sessions run, and terminate those of this runtime first."
                    .into()
            }
            Self::Busy { .. } => "Wait until the other command has ended and try again.".into(),
            Self::NotInstalled { .. } => "Run `hearth runtimes list` to see what is installed.".into(),
            Self::Io { .. } => "Check that the state directory belongs to you.".into(),
        }
    }
}

/// What is wrong with an environment.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// There is none.
    #[error("runtime \"{runtime}\" is not installed")]
    NotInstalled {
        /// The runtime's full name.
        runtime: String,
    },
    /// Files are missing or changed.
    #[error("the environment of runtime \"{runtime}\" is damaged: {}", problems.join("; "))]
    Damaged {
        /// The runtime's full name.
        runtime: String,
        /// The first problems found, each naming a file or package.
        problems: Vec<String>,
    },
    /// Its interpreter could not be run.
    #[error("could not run the interpreter of runtime \"{runtime}\"")]
    Interpreter {
        /// The runtime's full name.
        runtime: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl VerifyError {
    /// What to do about it, as a full sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::NotInstalled { runtime } => format!("Run `hearth runtimes install {}`.", runtime),
            Self::Damaged { runtime, .. } | Self::Interpreter { runtime, .. } => {
                format!("Run `hearth runtimes remove {0}` and then `hearth runtimes install {0}`.", runtime)
            }
        }
    }
}

/// ` (640 MiB needed, 12 MiB free)`; without the estimate where it is not known or was wrong.
fn space(needed: u64, free: u64) -> String {
    if needed <= free {
        format!(" ({} free)", in_words(free))
    } else {
        format!(" ({} needed, {} free)", in_words(needed), in_words(free))
    }
}
