//! How much room the engines of a server have: as much as the machine, or what its operator says.

use hearth_core::admission::Budget;

use super::model::{Config, EngineDriver};

/// A limit of the room of all engines together: of memory in bytes, or of cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// What fits the machine that the server runs on.
    Machine,
    /// None.
    Unlimited,
    /// So much.
    Of(u64),
}

/// What engines may not take of the machine's memory: a tenth of it, for the system and its caches, and no less than
/// this, with which the service, its history server and a browser do.
const LEAST_RESERVE: u64 = 1 << 30;

/// How many cores sessions may ask for together for each that there is. Most of them wait for a person at any time, and
/// those that do not share: unlike memory, a core that is wanted twice is only slower.
const OVERCOMMIT: u64 = 4;

/// The least that sessions may ask for together: what one of them may (`spark.driver.cores`, contract, section 6), so
/// that what the hosted service runs is run here too.
const LEAST_CORES: u64 = 16;

impl Limit {
    /// The words for what is no number.
    pub(super) const WORDS: [&'static str; 2] = ["machine", "unlimited"];

    /// What a word stands for.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        match word {
            "machine" => Some(Self::Machine),
            "unlimited" => Some(Self::Unlimited),
            _ => None,
        }
    }

    /// The limit as it is written, numbers as `show` does.
    pub(super) fn written(self, show: impl Fn(u64) -> String) -> String {
        match self {
            Self::Machine => "machine".to_owned(),
            Self::Unlimited => "unlimited".to_owned(),
            Self::Of(number) => show(number),
        }
    }

    fn on(self, machine: Option<u64>) -> Option<u64> {
        match self {
            Self::Machine => machine,
            Self::Unlimited => None,
            Self::Of(number) => Some(number),
        }
    }
}

impl Config {
    /// What all engines together may take, on a machine with so many bytes of memory and so many cores. Where engines do
    /// not run on it, as those of load tests and of an emulator, the machine is no limit.
    pub(crate) fn budget(&self, memory: u64, cores: usize, emulated: bool) -> Budget {
        let on_machine = self.driver == EngineDriver::Process && !emulated;
        let memory = memory.saturating_sub((memory / 10).max(LEAST_RESERVE));
        let cores = (cores as u64).saturating_mul(OVERCOMMIT).max(LEAST_CORES);
        Budget {
            memory: self.admission_memory.on(on_machine.then_some(memory)),
            cores: self
                .admission_cores
                .on(on_machine.then_some(cores))
                .map(|cores| u32::try_from(cores).unwrap_or(u32::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::source::Directories;

    #[test]
    fn without_settings_the_machine_is_the_limit_where_engines_run_on_it() {
        let mut config = Config::defaults(&Directories::default());
        let limited = Budget { memory: Some((24 << 30) - (24 << 30) / 10), cores: Some(16) };
        assert_eq!(config.budget(24 << 30, 2, false), limited);
        assert_eq!(config.budget(64 << 30, 32, false).cores, Some(128));
        assert_eq!(config.budget(2 << 30, 1, false).memory, Some(1 << 30));
        assert_eq!(config.budget(24 << 30, 2, true), Budget::default());
        config.admission_cores = Limit::Of(11);
        config.admission_memory = Limit::Unlimited;
        assert_eq!(config.budget(24 << 30, 2, true), Budget { memory: None, cores: Some(11) });
        config.driver = EngineDriver::Fake;
        assert_eq!(config.budget(24 << 30, 2, false), Budget { memory: None, cores: Some(11) });
    }
}
