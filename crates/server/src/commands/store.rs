//! `hearth store`: checks, backs up and restores what the service remembers.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hearth_store_sqlite::{DATABASE, StateDir};

use super::failure::CommandError;
use crate::config::ConfigArgs;

/// Check, back up and restore what the service remembers
#[derive(Debug, Args)]
pub(crate) struct StoreCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Says whether the database is whole. The service may run meanwhile.
    Check {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Copies the database to a file. The service may run meanwhile.
    Backup {
        /// Where to; must not exist.
        file: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Puts a backup in the place of the database, which is kept beside it. The service must not run.
    Restore {
        /// The backup.
        file: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

impl StoreCommand {
    /// Does it.
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self.action {
            Action::Check { config } => check(&database(&config)?),
            Action::Backup { file, config } => {
                hearth_store_sqlite::backup(database(&config)?, &file).map_err(|error| {
                    let hint = error.hint();
                    CommandError::own(error, hint)
                })?;
                println!("{}", file.display());
                Ok(())
            }
            Action::Restore { file, config } => restore(&file, &config),
        }
    }
}

fn state_dir(config: &ConfigArgs) -> Result<PathBuf, CommandError> {
    Ok(config.load().map_err(|errors| CommandError::own(errors, ""))?.config.state_dir)
}

fn database(config: &ConfigArgs) -> Result<PathBuf, CommandError> {
    Ok(state_dir(config)?.join(DATABASE))
}

fn check(database: &std::path::Path) -> Result<(), CommandError> {
    let report = hearth_store_sqlite::check(database).map_err(|error| {
        let hint = error.hint();
        CommandError::own(error, hint)
    })?;
    println!(
        "format {}, {} sessions, {} operations, the use of {} removed sessions",
        report.format, report.sessions, report.operations, report.removed_usage
    );
    let problems: Vec<&str> = report.problems().collect();
    if problems.is_empty() {
        println!("no problems found");
        return Ok(());
    }
    for problem in &problems {
        println!("problem: {problem}");
    }
    let text = format!("the database \"{}\" has {} problems", database.display(), problems.len());
    Err(CommandError::own(text, "Restore a backup with `hearth store restore FILE`."))
}

fn restore(file: &std::path::Path, config: &ConfigArgs) -> Result<(), CommandError> {
    let lock = StateDir::lock(state_dir(config)?).map_err(|error| {
        let hint = error.hint();
        CommandError::own(error, hint)
    })?;
    let kept = hearth_store_sqlite::restore(&lock, file).map_err(|error| {
        let hint = error.hint();
        CommandError::own(error, hint)
    })?;
    match kept {
        Some(kept) => println!("restored; the database before it is kept as {}", kept.display()),
        None => println!("restored"),
    }
    Ok(())
}
