//! The questions of the API about one application, answered from any [`Source`].
//!
//! Ids are listed from the newest on, tasks as they were launched or from the longest on. A page is cut by place and
//! not by number, so that what goes on meanwhile moves nothing from one page to another.

mod executors;
mod jobs;
mod queries;
mod search;
mod stages;
mod tasks;

use std::sync::Arc;

use hearth_wire::dataproc as pb;

use crate::error::DataError;
use crate::source::Source;

pub use search::search;

/// An application of a session.
pub struct Application {
    /// Its full name.
    name: String,
    source: Arc<dyn Source>,
}

impl Application {
    /// The application of this full name.
    pub fn new(name: String, source: Arc<dyn Source>) -> Self {
        Self { name, source }
    }

    /// `sparkApplications.access`.
    ///
    /// # Errors
    /// Here and in the other calls: when a parameter breaks a rule, what is asked for is not there, or whoever knows
    /// cannot be asked.
    pub async fn access(&self) -> Result<pb::AccessSessionSparkApplicationResponse, DataError> {
        Ok(pb::AccessSessionSparkApplicationResponse { application: Some(self.info().await?) })
    }

    /// `sparkApplications.accessEnvironmentInfo`.
    pub async fn access_environment(
        &self,
    ) -> Result<pb::AccessSessionSparkApplicationEnvironmentInfoResponse, DataError> {
        let found = self.source.environment().await?;
        let found = found.ok_or_else(|| self.absent("Environment", ""))?;
        Ok(pb::AccessSessionSparkApplicationEnvironmentInfoResponse {
            application_environment_info: Some(found),
        })
    }

    async fn info(&self) -> Result<pb::ApplicationInfo, DataError> {
        self.source.application().await?.ok_or_else(|| application_absent(&self.name))
    }

    /// Says that a part of this application is not there.
    fn absent(&self, what: &str, id: impl std::fmt::Display) -> DataError {
        let text = format!("{what} {id}");
        DataError::NotFound(format!("{} of Spark application {}", text.trim_end(), self.name))
    }
}

/// Says that an application is not there (contract, section 11).
pub fn application_absent(name: &str) -> DataError {
    DataError::NotFound(format!("Spark application {name}"))
}

/// A parameter that a call cannot do without.
fn needed<T>(value: Option<T>, field: &'static str) -> Result<T, DataError> {
    value.ok_or_else(|| DataError::invalid(field, format!("Parameter '{field}' is missing")))
}

/// An enum's number as its value; a number that is none is refused.
fn known<E: TryFrom<i32> + Default + PartialEq>(
    number: i32,
    field: &'static str,
) -> Result<Option<E>, DataError> {
    match E::try_from(number) {
        Ok(value) => Ok(Some(value).filter(|value| *value != E::default())),
        Err(_) => Err(DataError::invalid(
            field,
            format!("Invalid value for field '{field}': {number} is not a value of its enum"),
        )),
    }
}
