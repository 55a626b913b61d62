//! The API on the wire: gRPC handlers, and REST transcoded onto them.
//!
//! Parse, call, convert: decisions are in `control`, so gRPC and REST cannot differ. Knows no socket, no file and
//! no configuration. Start reading at [`sessions`] for a handler and [`rest`] for the transcoding.

pub mod auth;
pub mod convert;
mod emulator;
mod insight;
mod interference;
pub mod limits;
mod operations;
mod permission;
pub mod rest;
mod sessions;
mod spark_applications;
pub mod status;
mod templates;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use crate::convert::session::Places;
use crate::limits::Limits;
use hearth_control::Control;
use hearth_core::usage::Price;
use hearth_emulator::Emulator;
use hearth_spark_data::Applications;
use hearth_wire::dataproc::session_controller_server::SessionControllerServer;
use hearth_wire::dataproc::session_spark_application_controller_server::SessionSparkApplicationControllerServer;
use hearth_wire::dataproc::session_template_controller_server::SessionTemplateControllerServer;
use hearth_wire::hearth::ServerInfo;
use hearth_wire::hearth::emulator_server::EmulatorServer;
use hearth_wire::hearth::server_server::ServerServer;
use hearth_wire::hearth::session_insight_server::SessionInsightServer;
use hearth_wire::hearth::usage_reports_server::UsageReportsServer;
use hearth_wire::longrunning::operations_server::OperationsServer;
use tonic::service::Routes;

/// What the API says of the place it runs in.
#[derive(Debug)]
pub struct ApiSettings {
    /// How long the answer to a create may wait for the session to be ready.
    pub create_hold: Duration,
    /// Where things of sessions are.
    pub places: Places,
    /// The projects that are served; empty for every project.
    pub projects: Vec<String>,
    /// The locations that are served; empty for every location.
    pub locations: Vec<String>,
    /// What compute units cost, if that is known.
    pub price: Option<Price>,
    /// What the server says of itself.
    pub info: ServerInfo,
    /// How often a project may call.
    pub limits: Limits,
}

/// The handlers. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    control: Control,
    applications: Arc<dyn Applications>,
    settings: Arc<ApiSettings>,
    emulator: Option<Emulator>,
}

impl Api {
    /// Handlers over the use cases and the Spark applications of sessions.
    pub fn new(control: Control, applications: Arc<dyn Applications>, settings: ApiSettings) -> Self {
        Self { control, applications, settings: Arc::new(settings), emulator: None }
    }

    /// The same in an emulated world, which every call leaves settled, and in which calls can go wrong on demand.
    #[must_use]
    pub fn emulated(self, emulator: Emulator) -> Self {
        Self { emulator: Some(emulator), ..self }
    }

    /// Every gRPC service of the API. Requests may have `max_message` bytes.
    pub fn routes(&self, max_message: usize) -> Routes {
        self.interfered(self.services(max_message), max_message)
    }

    /// Those services, and what only REST has.
    pub fn rest_routes(&self, max_message: usize) -> Routes {
        let applications = SessionSparkApplicationControllerServer::new(self.clone());
        let services =
            self.services(max_message).add_service(applications.max_decoding_message_size(max_message));
        self.interfered(services, max_message)
    }

    fn services(&self, limit: usize) -> Routes {
        Routes::new(SessionControllerServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(SessionTemplateControllerServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(OperationsServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(SessionInsightServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(UsageReportsServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(ServerServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(EmulatorServer::new(self.clone()).max_decoding_message_size(limit))
    }

    fn interfered(&self, services: Routes, limit: usize) -> Routes {
        match &self.emulator {
            Some(emulator) => interference::interfered(services, emulator.clone(), limit),
            None => services,
        }
    }
}
