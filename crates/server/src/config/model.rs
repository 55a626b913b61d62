//! The configuration as the rest of the server reads it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use hearth_core::config::Kernel;
use hearth_core::policy::SessionPolicy;
use hearth_core::pool::{PoolPolicy, PoolSize, PoolSubject};
use hearth_core::usage::Price;

use super::origins::AllowedOrigin;
use super::room::Limit;
use super::source::Directories;
use super::spark::{Master, NamedHistoryServer, NamedMetastore};

/// Everything that can be set about a server, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// The addresses the one port is opened on; at least one, none of them twice.
    pub(crate) listen: Vec<SocketAddr>,
    /// Where the database, the token, the logs and the work directories of engines are kept; absolute.
    pub(crate) state_dir: PathBuf,
    /// Where installed runtimes are kept; absolute.
    pub(crate) runtimes_dir: PathBuf,
    /// A runtime catalogue of the operator's own, read after the built-in one; absolute.
    pub(crate) catalogue: Option<PathBuf>,
    /// Session templates that are made at the start where they are not there yet; absolute.
    pub(crate) templates: Option<PathBuf>,
    /// The address of the staging store; `None` means a directory within the state directory.
    pub(crate) staging_uri: Option<String>,
    /// The addresses of the staging stores of buckets that sessions may name.
    pub(crate) staging_buckets: BTreeMap<String, String>,
    /// The runtime of a session that names none.
    pub(crate) default_runtime: String,
    /// The `host:port` written into the endpoints of sessions; `None` means the address of the first listener.
    pub(crate) advertise: Option<String>,
    /// The project of our own commands and of requests that name none.
    pub(crate) project: String,
    /// The projects that are served; empty means every one.
    pub(crate) projects: Vec<String>,
    /// The locations that are served; empty means every one.
    pub(crate) locations: Vec<String>,
    /// The location of our own commands and of requests that name none; one of `locations` unless that is empty.
    pub(crate) default_location: String,
    /// How long the answer to a create is held back so that a quick start is answered as done.
    pub(crate) create_hold: Duration,
    /// The largest body of an API request, in bytes.
    pub(crate) max_body: u64,
    /// Who is let in.
    pub(crate) auth: Auth,
    /// How many sessions a project may create, terminate and delete each minute in a location; 0 for any number.
    pub(crate) session_operations_per_minute: u32,
    /// How often a project may get and list sessions each minute in a location; 0 for any number.
    pub(crate) reads_per_minute: u32,
    /// What runs engines.
    pub(crate) driver: EngineDriver,
    /// Pages of browsers that may call the API; empty for none.
    pub(crate) cors_origins: Vec<AllowedOrigin>,
    /// Times and limits of sessions.
    pub(crate) session: SessionPolicy,
    /// How much memory all engines together may take, in bytes.
    pub(crate) admission_memory: Limit,
    /// How many cores all sessions together may ask for.
    pub(crate) admission_cores: Limit,
    /// What compute units cost, if anything.
    pub(crate) price: Option<Price>,
    /// What is kept ready.
    pub(crate) pools: PoolPolicy,
    /// How long a process is kept that the next kernel can start from; zero for never.
    pub(crate) spare_process: Duration,
    /// Where sessions and templates may say that executors run, beside what their runtime says.
    pub(crate) spark_masters: Vec<Master>,
    /// Metastores that sessions may name.
    pub(crate) metastores: Vec<NamedMetastore>,
    /// History servers that sessions may name.
    pub(crate) history_servers: Vec<NamedHistoryServer>,
    /// What is logged, and how.
    pub(crate) log: LogConfig,
}

/// Who is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    /// Those who present the token kept in the state directory.
    Token,
    /// Everybody who can reach the port; only on loopback addresses.
    None,
}

/// What runs engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EngineDriver {
    /// Processes of this machine.
    Process,
    /// Nothing does: for load tests of the service itself.
    Fake,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogConfig {
    /// Which events, as directives of `tracing`: `info`, `info,hearth_gateway=debug`.
    pub(crate) filter: String,
    /// The form of a line.
    pub(crate) format: LogFormat,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

impl Config {
    /// The port that clients and our own documentation assume.
    pub(crate) const DEFAULT_PORT: u16 = 8470;

    /// What holds where nothing was set.
    ///
    /// The two directories are left empty when the user has no known home; [`super::resolve`] then asks for them.
    pub(super) fn defaults(directories: &Directories) -> Self {
        let within =
            |base: &Option<PathBuf>, path| base.as_ref().map(|base| base.join(path)).unwrap_or_default();
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, Self::DEFAULT_PORT))],
            state_dir: within(&directories.state, "hearth"),
            runtimes_dir: within(&directories.data, "hearth/runtimes"),
            catalogue: None,
            templates: None,
            staging_uri: None,
            staging_buckets: BTreeMap::new(),
            default_runtime: "sail".to_owned(),
            advertise: None,
            project: "local".to_owned(),
            projects: Vec::new(),
            locations: Vec::new(),
            default_location: "local".to_owned(),
            // A warm start takes less, and official clients then skip their first poll after 5 s.
            create_hold: Duration::from_millis(700),
            max_body: 32 << 20,
            auth: Auth::Token,
            session_operations_per_minute: 0,
            reads_per_minute: 0,
            driver: EngineDriver::Process,
            cors_origins: vec![AllowedOrigin::Loopback],
            session: SessionPolicy::default(),
            admission_memory: Limit::Machine,
            admission_cores: Limit::Machine,
            price: None,
            // Costs nothing until sessions are created, and then the 112 MiB of one engine of Sail's.
            pools: PoolPolicy {
                pools: [None, Some(Kernel::Python)]
                    .map(|kernel| PoolSubject::Runtime { version: "sail".to_owned(), kernel })
                    .map(|of| PoolSize { of, least: 0, most: 1 })
                    .to_vec(),
                ..PoolPolicy::default()
            },
            spare_process: Duration::from_secs(600),
            spark_masters: Vec::new(),
            metastores: Vec::new(),
            history_servers: Vec::new(),
            log: LogConfig { filter: "info".to_owned(), format: LogFormat::Text },
        }
    }
}

impl Auth {
    /// The words for it in a configuration.
    pub(super) const WORDS: &'static [&'static str] = &["token", "none"];

    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::None => "none",
        }
    }

    /// What a word stands for.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Token, Self::None].into_iter().find(|auth| auth.word() == word)
    }
}

impl EngineDriver {
    /// The words for it in a configuration.
    pub(super) const WORDS: &'static [&'static str] = &["process", "fake"];

    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Fake => "fake",
        }
    }

    /// What a word stands for.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Process, Self::Fake].into_iter().find(|driver| driver.word() == word)
    }
}

impl LogFormat {
    /// The words for it in a configuration.
    pub(super) const WORDS: &'static [&'static str] = &["text", "json"];

    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    /// What a word stands for.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Text, Self::Json].into_iter().find(|format| format.word() == word)
    }
}
