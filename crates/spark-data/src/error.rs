//! Why a question could not be answered.

/// Why a question about an application could not be answered, in the words its caller reads.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// What was asked for is not there.
    #[error("Not found: {0}")]
    NotFound(String),
    /// A parameter that breaks a rule.
    #[error("{description}")]
    Invalid {
        /// Which, in snake_case.
        field: &'static str,
        /// What is wrong with it.
        description: String,
    },
    /// The session's records take as much as they may.
    #[error("{0}")]
    Full(String),
    /// Whoever knows could not be asked.
    #[error("The service could not {what}")]
    Unavailable {
        /// What was tried.
        what: &'static str,
        /// Why it did not work.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl DataError {
    /// A problem while trying `what`.
    pub fn because<E>(what: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Unavailable { what, source: source.into() }
    }

    pub(crate) fn invalid(field: &'static str, description: impl Into<String>) -> Self {
        Self::Invalid { field, description: description.into() }
    }
}
