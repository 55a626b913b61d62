//! How the process driver is set up.

use std::path::PathBuf;
use std::time::Duration;

use crate::cgroup::Cgroups;

/// How engines run as child processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessDriverConfig {
    /// Where each engine has its directory. Made if missing. Belongs to one server at a time.
    pub engines_dir: PathBuf,
    /// How a shim is started.
    pub shim: ShimCommand,
    /// How often it is checked that the shims still live. Ends that a shim reports are known at once; this is how
    /// long it may take until a shim that was killed is noticed.
    pub scan_every: Duration,
    /// How long after the start of an engine that can use a spare process ([`EngineSpec::spare`]) one is kept ready for the
    /// next of its kind; zero for never.
    ///
    /// [`EngineSpec::spare`]: hearth_core::engine::EngineSpec::spare
    pub spares_for: Duration,
    /// Where each engine gets a control group; `None` for nowhere, which leaves `/proc` to tell what engines use.
    pub cgroups: Option<Cgroups>,
}

/// The program that calls [`shim::main`](crate::shim::main), as it is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShimCommand {
    /// The program, as an absolute path.
    pub program: PathBuf,
    /// Its arguments. The engine's directory follows as the last one, or `--spare`, which calls
    /// [`shim::main_of_spare`](crate::shim::main_of_spare).
    pub args: Vec<String>,
}

impl ProcessDriverConfig {
    /// An engine that is gone must be noticed within 5 s (invariant I3); this leaves time for the pass after it.
    pub const SCAN_EVERY: Duration = Duration::from_secs(2);

    /// Engines in `engines_dir` under `shim`, with defaults for the rest.
    pub fn new(engines_dir: impl Into<PathBuf>, shim: ShimCommand) -> Self {
        Self {
            engines_dir: engines_dir.into(),
            shim,
            scan_every: Self::SCAN_EVERY,
            spares_for: Duration::ZERO,
            cgroups: None,
        }
    }
}
