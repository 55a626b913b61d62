//! What a command that talks to the service has at hand.

use std::future::Future;

use hearth_client::{Client, ClientError, Place, Tick};
use hearth_wire::longrunning::Operation;

use super::failure::CommandError;
use super::global::Global;
use super::local::{Found, Surroundings};
use super::output::Screen;
use super::progress::Progress;

/// The service, where to write, and what short names mean.
pub(crate) struct Context {
    /// The service.
    pub(crate) client: Client,
    /// Where to write.
    pub(crate) screen: Screen,
    /// Where the service is and how to be let in.
    pub(crate) found: Found,
    project: Option<String>,
    location: Option<String>,
    own: Option<Place>,
}

impl Context {
    /// That of this process.
    ///
    /// # Errors
    /// When there is no service to talk to.
    pub(crate) fn open(global: &Global) -> Result<Self, CommandError> {
        let found = Surroundings::read().find(global)?;
        Self::new(global, found, Screen::of_process(global))
    }

    /// One that talks to the service that was found.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub(crate) fn new(global: &Global, found: Found, screen: Screen) -> Result<Self, CommandError> {
        let token = found.token.as_ref().map(|token| token.secret.as_str());
        let client =
            Client::connect(&found.endpoint, token).map_err(CommandError::call("talk to the service"))?;
        let (project, location) = (global.project.clone(), global.location.clone());
        Ok(Self { client, screen, found, project, location, own: None })
    }

    /// Where short names belong: as the flags say, else as the service says.
    ///
    /// # Errors
    /// When the service has to be asked and does not answer.
    pub(crate) async fn place(&mut self) -> Result<Place, CommandError> {
        match (self.project.clone(), self.location.clone()) {
            (Some(project), Some(location)) => Ok(Place { project, location }),
            (project, location) => {
                let own = self.own_place().await?;
                Ok(Place {
                    project: project.unwrap_or(own.project),
                    location: location.unwrap_or(own.location),
                })
            }
        }
    }

    /// Where short names belong as the service has it.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) async fn own_place(&mut self) -> Result<Place, CommandError> {
        if let Some(own) = &self.own {
            return Ok(own.clone());
        }
        let info = self.client.server_info().await.map_err(CommandError::call("talk to the service"))?;
        let own = Place { project: info.default_project, location: info.default_location };
        self.own = Some(own.clone());
        Ok(own)
    }

    /// The full name of a session. The service is asked only where it must be.
    ///
    /// # Errors
    /// When `text` is no name, or the service has to be asked and does not answer.
    pub(crate) async fn session_name(&mut self, text: &str) -> Result<String, CommandError> {
        match Place::of_session(text) {
            Some(_) => Ok(text.to_owned()),
            None => Ok(self.place().await?.session(text)?),
        }
    }

    /// The full name of an operation.
    ///
    /// # Errors
    /// When `text` is no name, or the service has to be asked and does not answer.
    pub(crate) async fn operation_name(&mut self, text: &str) -> Result<String, CommandError> {
        if text.contains('/') {
            // The place does not matter: a full name stays as it is, and everything else is refused.
            let nowhere = Place { project: String::new(), location: String::new() };
            return Ok(nowhere.operation(text)?);
        }
        Ok(self.place().await?.operation(text)?)
    }

    /// Waits for an operation and shows that. `doing` is what is shown; `goes_on` is told when the user does not want
    /// to wait any more.
    ///
    /// # Errors
    /// When the operation cannot be read, or the user interrupts.
    pub(crate) async fn wait(
        &mut self,
        operation: Operation,
        doing: String,
        goes_on: &str,
    ) -> Result<Operation, CommandError> {
        let name = operation.name.clone();
        let mut progress = Progress::start(&mut self.screen, doing);
        let waiting = self.client.wait(operation, |tick: Tick<'_>| progress.tick(&tick));
        let failed = |source: ClientError| CommandError::Call {
            doing: format!("wait for operation \"{}\"", hearth_client::last_segment(&name)),
            source: Box::new(source),
            hint: None,
        };
        until_interrupted(waiting, goes_on).await?.map_err(failed)
    }
}

/// Does something unless the user interrupts, who is then told what goes on.
///
/// # Errors
/// When the user interrupts.
pub(crate) async fn until_interrupted<T>(
    work: impl Future<Output = T>,
    goes_on: &str,
) -> Result<T, CommandError> {
    tokio::select! {
        done = work => Ok(done),
        // An error means that the signal cannot be watched; then it ends the process by itself.
        Ok(()) = tokio::signal::ctrl_c() => Err(CommandError::Interrupted { hint: goes_on.to_owned() }),
    }
}

#[cfg(test)]
pub(crate) mod trial;
