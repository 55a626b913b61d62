//! `hearth serve`: the service.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::failure::CommandError;
use crate::config::{ConfigArgs, Loaded, ShowArgs};
use crate::serve::Emulation;

/// Run the service
#[derive(Debug, Args)]
pub(crate) struct ServeCommand {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    show: ShowArgs,
    #[command(flatten)]
    emulate: EmulateArgs,
}

/// The flags of a service that is there for tests of clients.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Emulation, for tests of clients")]
struct EmulateArgs {
    /// Emulate: sessions without engines, time that `hearth emulator` moves, faults on demand. In memory, unless a
    /// state directory is named
    #[arg(long)]
    emulate: bool,
    /// Begin with the state in this file, which `hearth emulator save` wrote
    #[arg(long, value_name = "FILE", requires = "emulate")]
    load: Option<PathBuf>,
    /// The time that the clock shows at first, instead of the machine's
    #[arg(long, value_name = "TIME", requires = "emulate")]
    at: Option<Timestamp>,
    /// Let the clock stand still until it is moved
    #[arg(long, requires = "emulate")]
    stand_still: bool,
}

impl EmulateArgs {
    fn emulation(self, loaded: &Loaded) -> Option<Emulation> {
        let keep = loaded.named("state-dir");
        let Self { emulate, load, at, stand_still } = self;
        emulate.then_some(Emulation { load, at, stand_still, keep })
    }
}

impl ServeCommand {
    /// Returns when the service has ended.
    pub(crate) fn run(self) -> Result<(), CommandError> {
        if let Some(text) = self.show.docs() {
            print!("{text}");
            return Ok(());
        }
        let loaded = self.config.load().map_err(|errors| CommandError::own(errors, ""))?;
        if self.show.print_config {
            print!("{}", loaded.print());
            return Ok(());
        }
        for warning in &loaded.warnings {
            eprintln!("warning: {warning}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| CommandError::own(error, "Too many processes or threads may be running."))?;
        let emulation = self.emulate.emulation(&loaded);
        runtime.block_on(crate::serve::run(loaded.config, emulation)).map_err(|error| {
            let hint = error.hint();
            CommandError::own(error, hint)
        })
    }
}
