//! Calls of a server that emulates: its clock, its faults, its state.

use hearth_wire::hearth::emulator_client::EmulatorClient;
use hearth_wire::hearth::{
    AdvanceClockRequest, AdvanceClockResponse, ClearFaultsRequest, Clock, CrashSessionRequest,
    CrashSessionResponse, CreateFaultRequest, DeleteFaultRequest, Fault, GetClockRequest, ListFaultsRequest,
    LoadStateRequest, ResetEmulatorRequest, SaveStateRequest, SetClockRequest, UseSessionRequest,
};

use crate::client::{Client, LARGEST_ANSWER, Service};
use crate::error::ClientError;

impl Client {
    /// The server's time.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn clock(&self) -> Result<Clock, ClientError> {
        self.repeat(GetClockRequest {}, |service, request| async move {
            emulator(service).get_clock(request).await
        })
        .await
    }

    /// Lets the clock run with real time, or stand still.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn set_clock(&self, runs: bool) -> Result<Clock, ClientError> {
        self.repeat(SetClockRequest { runs }, |service, request| async move {
            emulator(service).set_clock(request).await
        })
        .await
    }

    /// Moves the clock on. Not tried again: moving it twice is not the same.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn advance_clock(
        &self,
        request: AdvanceClockRequest,
    ) -> Result<AdvanceClockResponse, ClientError> {
        self.once(emulator(self.service()).advance_clock(request)).await
    }

    /// Ends a session's engine as a crash would.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn crash(&self, request: CrashSessionRequest) -> Result<CrashSessionResponse, ClientError> {
        self.once(emulator(self.service()).crash_session(request)).await
    }

    /// Notes that a session is used now.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn use_session(&self, session: &str) -> Result<(), ClientError> {
        let request = UseSessionRequest { name: session.to_owned() };
        self.repeat(request, |service, request| async move { emulator(service).use_session(request).await })
            .await
    }

    /// Lets something go wrong from now on.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn create_fault(&self, fault: Fault) -> Result<Fault, ClientError> {
        let request = CreateFaultRequest { fault: Some(fault) };
        self.once(emulator(self.service()).create_fault(request)).await
    }

    /// What is still to go wrong.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn faults(&self) -> Result<Vec<Fault>, ClientError> {
        let answer = self.repeat(ListFaultsRequest {}, |service, request| async move {
            emulator(service).list_faults(request).await
        });
        Ok(answer.await?.faults)
    }

    /// Takes one fault back.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn delete_fault(&self, name: &str) -> Result<(), ClientError> {
        let request = DeleteFaultRequest { name: name.to_owned() };
        self.once(emulator(self.service()).delete_fault(request)).await
    }

    /// Takes all faults back.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn clear_faults(&self) -> Result<(), ClientError> {
        self.repeat(ClearFaultsRequest {}, |service, request| async move {
            emulator(service).clear_faults(request).await
        })
        .await
    }

    /// Everything there is as a document.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn save_state(&self) -> Result<String, ClientError> {
        let answer = self.repeat(SaveStateRequest {}, |service, request| async move {
            emulator(service).save_state(request).await
        });
        Ok(answer.await?.document)
    }

    /// Puts what a document says in the place of everything there is.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn load_state(&self, document: String) -> Result<Clock, ClientError> {
        self.repeat(LoadStateRequest { document }, |service, request| async move {
            emulator(service).load_state(request).await
        })
        .await
    }

    /// Makes everything as it was when the server started.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn reset_emulator(&self) -> Result<Clock, ClientError> {
        self.repeat(ResetEmulatorRequest {}, |service, request| async move {
            emulator(service).reset_emulator(request).await
        })
        .await
    }
}

fn emulator(service: Service) -> EmulatorClient<Service> {
    EmulatorClient::new(service).max_decoding_message_size(LARGEST_ANSWER)
}
