//! What the tests of the configuration share: sources without a process around them.

mod errors;
mod generated;
mod precedence;
mod properties;
mod values;

use std::path::PathBuf;

use super::error::ConfigErrors;
use super::resolve::resolve;
use super::source::{Directories, FileText, Origin, Sources};
use super::*;

/// Sources of a user `ann`, with nothing set.
fn sources() -> Sources {
    Sources {
        directories: Directories {
            working: Some(PathBuf::from("/work")),
            home: Some(PathBuf::from("/home/ann")),
            state: Some(PathBuf::from("/home/ann/.local/state")),
            data: Some(PathBuf::from("/home/ann/.local/share")),
        },
        ..Sources::default()
    }
}

impl Sources {
    fn file(mut self, text: &str) -> Self {
        self.file = Some(FileText { path: PathBuf::from("hearth.toml"), text: Ok(text.to_owned()) });
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Adds flags as they are typed.
    fn flags(mut self, line: &[&str]) -> Self {
        self.flags.extend(arguments::<ConfigArgs>(line).assignments());
        self
    }

    fn config(&self) -> Config {
        resolve(self).unwrap_or_else(|errors| panic!("{errors}")).config
    }

    /// The errors, one a line, each with its hint after an arrow.
    fn errors(&self) -> Vec<String> {
        let ConfigErrors(errors) = resolve(self).expect_err("these sources are wrong");
        errors
            .iter()
            .map(|error| match error.hint() {
                Some(hint) => format!("{error} -> {hint}"),
                None => error.to_string(),
            })
            .collect()
    }
}

/// The flags of a command line.
fn arguments<A: clap::Args>(line: &[&str]) -> A {
    let command = A::augment_args(clap::Command::new("serve"));
    let matches = command.get_matches_from(std::iter::once(&"serve").chain(line));
    A::from_arg_matches(&matches).unwrap()
}
