//! `hearth serve`: the service.

use clap::Args;

use super::fault::Failure;
use crate::config::ConfigArgs;

/// Runs the service.
#[derive(Debug, Args)]
pub(crate) struct ServeCommand {
    #[command(flatten)]
    config: ConfigArgs,
}

impl ServeCommand {
    /// Returns when the service has ended.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let loaded = self.config.load().map_err(|errors| Failure::new(errors, ""))?;
        if self.config.print_config {
            print!("{}", loaded.print());
            return Ok(());
        }
        for warning in &loaded.warnings {
            eprintln!("warning: {warning}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(error, "Too many processes or threads may be running."))?;
        runtime.block_on(crate::serve::run(loaded.config)).map_err(|error| {
            let hint = error.hint();
            Failure::new(error, hint)
        })
    }
}
