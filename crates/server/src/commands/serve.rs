//! `hearth serve`: the service.

use clap::Args;

use super::failure::CommandError;
use crate::config::{ConfigArgs, ShowArgs};

/// Run the service
#[derive(Debug, Args)]
pub(crate) struct ServeCommand {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    show: ShowArgs,
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
        runtime.block_on(crate::serve::run(loaded.config)).map_err(|error| {
            let hint = error.hint();
            CommandError::own(error, hint)
        })
    }
}
