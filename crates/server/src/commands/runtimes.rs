//! `hearth runtimes`: lists, installs and removes runtimes.

use std::error::Error as _;
use std::io::IsTerminal;
use std::time::Duration;

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use hearth_runtimes::{Catalogue, Environment, Installer, Progress, Runtime};
use indicatif::{ProgressBar, ProgressStyle};

use super::failure::CommandError;
use crate::archive;
use crate::config::{Config, ConfigArgs};

/// List, install and remove runtimes
#[derive(Debug, Args)]
pub(crate) struct RuntimesCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists what can be and what is installed.
    List {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Installs a runtime; nothing to do if it is there.
    Install {
        /// Its name or version; the default runtime if left out.
        runtime: Option<String>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Removes an installed runtime that no session uses.
    Remove {
        /// Its name or version.
        runtime: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

impl RuntimesCommand {
    /// Does it.
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self.action {
            Action::List { config } => list(&load(&config)?),
            Action::Install { runtime, config } => {
                let config = load(&config)?;
                let catalogue = catalogue(&config)?;
                let runtime = find(&catalogue, runtime.as_deref().unwrap_or_default())?;
                let environment = install(&config, runtime)?;
                make_archive(&config, runtime, &environment);
                println!("{}", environment.root.display());
                Ok(())
            }
            Action::Remove { runtime, config } => {
                let config = load(&config)?;
                let catalogue = catalogue(&config)?;
                let runtime = find(&catalogue, &runtime)?;
                let in_use = |root: &std::path::Path| used_by_a_process(root);
                Installer::new(&config.runtimes_dir).remove(runtime, &in_use).map_err(|error| {
                    let hint = error.hint();
                    CommandError::own(error, hint)
                })
            }
        }
    }
}

fn load(config: &ConfigArgs) -> Result<Config, CommandError> {
    Ok(config.load().map_err(|errors| CommandError::own(errors, ""))?.config)
}

/// The catalogue that a configuration means.
pub(crate) fn catalogue(config: &Config) -> Result<Catalogue, CommandError> {
    let catalogue = Catalogue::load(config.catalogue.as_deref()).map_err(|error| {
        let hint = error.hint();
        CommandError::own(error, hint)
    })?;
    let known = catalogue.known().join(", ");
    catalogue.with_default(&config.default_runtime).ok_or_else(|| {
        let text = format!("the default runtime \"{}\" is not in the catalogue", config.default_runtime);
        CommandError::own(text, format!("Set `runtimes.default` to one of: {known}."))
    })
}

pub(crate) fn find<'c>(catalogue: &'c Catalogue, name: &str) -> Result<&'c Runtime, CommandError> {
    catalogue.find(name).ok_or_else(|| {
        let known = catalogue.known().join(", ");
        CommandError::own(format!("there is no runtime \"{name}\""), format!("Known are: {known}."))
    })
}

/// Installs a runtime if need be, showing what takes long.
pub(crate) fn install(
    config: &Config,
    runtime: &Runtime,
) -> Result<hearth_runtimes::Environment, CommandError> {
    let progress = Shown::new();
    let installed = Installer::new(&config.runtimes_dir).ensure(runtime, &progress);
    progress.finish();
    installed.map_err(|error| {
        for line in error.detail() {
            eprintln!("  {line}");
        }
        let hint = error.hint();
        CommandError::own(error, hint)
    })
}

/// Makes what lets sessions of a JVM engine start faster. They start without it too, so a failure is only told.
pub(crate) fn make_archive(config: &Config, runtime: &Runtime, environment: &Environment) {
    let Ok(Some(java)) = Installer::new(&config.runtimes_dir).java(runtime, environment) else { return };
    if !archive::wanted(runtime, &java) {
        return;
    }
    let progress = Shown::new();
    let made = archive::ensure(runtime, environment, &java, &progress);
    progress.finish();
    if let Err(error) = made {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        eprintln!("note: no archive of its classes was made, so sessions start more slowly: {text}");
        eprintln!("      Run the command again to try once more.");
    }
}

/// Whether an installed runtime has the archive of classes that its Java takes; `None` for one that needs none.
fn has_archive(config: &Config, runtime: &Runtime) -> Option<bool> {
    let installer = Installer::new(&config.runtimes_dir);
    let environment = installer.installed(runtime)?;
    let java = installer.java(runtime, &environment).ok()??;
    archive::wanted(runtime, &java).then(|| archive::path(&environment.root, &java).exists())
}

fn list(config: &Config) -> Result<(), CommandError> {
    let catalogue = catalogue(config)?;
    let listed = Installer::new(&config.runtimes_dir).list(&catalogue).map_err(|error| {
        let text = format!("could not read \"{}\": {error}", config.runtimes_dir.display());
        CommandError::own(text, "Check that the directory is readable.")
    })?;
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["RUNTIME", "VERSION", "STATE", "SIZE", "ARCHIVE", "WHERE"]);
    for row in listed {
        let size = indicatif::HumanBytes(row.size).to_string();
        let path = row.path.display().to_string();
        let mut runtimes = catalogue.runtimes().iter();
        let runtime = runtimes.find(|runtime| (&runtime.name, &runtime.version) == (&row.name, &row.version));
        let archive = runtime.and_then(|runtime| has_archive(config, runtime));
        let archive = archive.map_or("", |there| if there { "made" } else { "none" }).to_owned();
        table.add_row([row.name, row.version, row.state.as_str().to_owned(), size, archive, path]);
    }
    println!("{table}");
    Ok(())
}

/// Whether a process on this machine runs a program out of this folder.
fn used_by_a_process(root: &std::path::Path) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    processes.flatten().any(|process| {
        // What maps a file of the environment uses it, whichever interpreter started it.
        std::fs::read_to_string(process.path().join("maps"))
            .is_ok_and(|maps| root.to_str().is_some_and(|root| maps.contains(root)))
    })
}

/// Progress on stderr: a line that changes on a terminal, a line a step elsewhere.
struct Shown {
    bar: Option<ProgressBar>,
}

impl Shown {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:>4}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { bar }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Shown {
    fn step(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None => eprintln!("{text}"),
        }
    }

    fn detail(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }
}
