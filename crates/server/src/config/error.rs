//! What can be wrong with a configuration.

use std::fmt;

use super::source::Origin;
use super::units::UnitError;

/// Everything that is wrong with a configuration, in the order of its sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigErrors(pub(crate) Vec<ConfigError>);

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {}{problem}", self.subject())]
pub(crate) struct ConfigError {
    /// The key that it is about; `None` when it is about a file as a whole.
    pub(crate) key: Option<String>,
    /// Where the value was written.
    pub(crate) origin: Origin,
    /// What is wrong.
    pub(crate) problem: Problem,
}

/// What is wrong with one value, key or file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// The file is missing, or its bytes are no text.
    #[error("could not read the configuration file: {0}")]
    Unreadable(String),
    /// The file is not TOML.
    #[error("not valid TOML: {0}")]
    Syntax(String),
    /// No setting has this key.
    #[error("there is no such setting")]
    UnknownKey {
        /// A key that is written nearly like it.
        near: Option<String>,
    },
    /// A section was given a value of its own.
    #[error("this is a section, not a setting; found {found}")]
    Section {
        /// The kind of value that was found.
        found: &'static str,
    },
    /// A flag without the `=` between key and value.
    #[error("expected KEY=VALUE")]
    NoValue,
    /// A variable whose value is not Unicode.
    #[error("the value is not Unicode text")]
    NotUnicode,
    /// A value of the wrong kind.
    #[error("expected {wanted}, found {found}")]
    WrongKind {
        /// What the setting takes.
        wanted: &'static str,
        /// What was found.
        found: String,
    },
    /// A duration or size that cannot be read.
    #[error("{source}")]
    Unit {
        /// What about it cannot be.
        source: UnitError,
        /// A value that would do.
        example: String,
    },
    /// A value outside of its range.
    #[error("{value} is not between {min} and {max}")]
    OutOfRange {
        /// The value, in our form.
        value: String,
        /// The least there may be.
        min: String,
        /// The most there may be.
        max: String,
    },
    /// A word that is not among those allowed.
    #[error("\"{value}\" is not one of {}", .allowed.join(", "))]
    NotAllowed {
        /// The value.
        value: String,
        /// What is allowed.
        allowed: &'static [&'static str],
    },
    /// A value that its kind refuses for a reason of its own.
    #[error("{0}")]
    Invalid(String),
    /// The same setting twice in one source.
    #[error("this was already set by {0}")]
    SetTwice(Origin),
    /// Settings that do not go together.
    #[error("{text}")]
    Conflict {
        /// What does not go together.
        text: String,
        /// What to change.
        hint: String,
    },
}

/// A variable that starts with `HEARTH_` and means nothing to the server. Its value is not shown: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownVariable {
    /// The variable's name.
    pub(crate) name: String,
    /// A variable that is written nearly like it.
    pub(crate) near: Option<String>,
}

impl ConfigError {
    fn subject(&self) -> String {
        self.key.as_ref().map(|key| format!("\"{key}\": ")).unwrap_or_default()
    }

    /// What to do about it, as a full sentence, where there is something to say.
    pub(crate) fn hint(&self) -> Option<String> {
        match &self.problem {
            Problem::UnknownKey { near: Some(near) } => Some(format!("Did you mean \"{near}\"?")),
            Problem::UnknownKey { near: None } => {
                Some("Run `hearth serve --config-docs reference` to read about every setting.".to_owned())
            }
            Problem::Section { .. } => {
                self.key.as_ref().map(|key| format!("Write `[{key}]` above its settings."))
            }
            Problem::NoValue => Some("Write, for example, `--set session.stop-grace=10s`.".to_owned()),
            Problem::Unit { example, .. } => Some(format!("Write, for example, \"{example}\".")),
            Problem::NotAllowed { value, allowed } => super::suggest::nearest(value, allowed.iter().copied())
                .map(|near| format!("Did you mean \"{near}\"?")),
            Problem::Conflict { hint, .. } => Some(hint.clone()),
            Problem::Unreadable(_)
            | Problem::Syntax(_)
            | Problem::NotUnicode
            | Problem::WrongKind { .. }
            | Problem::OutOfRange { .. }
            | Problem::Invalid(_)
            | Problem::SetTwice(_) => None,
        }
    }
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has an error")?,
            count => write!(f, "the configuration has {count} errors")?,
        }
        for error in &self.0 {
            write!(f, "\n  {error}")?;
            if let Some(hint) = error.hint() {
                write!(f, "\n    {hint}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for UnknownVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the variable {} has no meaning and was ignored", self.name)?;
        self.near.as_ref().map_or(Ok(()), |near| write!(f, "; did you mean {near}?"))
    }
}
