//! `hearth.v1.Emulator`: parse, call, convert. Refused by servers that emulate nothing.

use std::time::Duration;

use hearth_control::ControlError;
use hearth_core::Timestamp;
use hearth_core::error::ErrorKind;
use hearth_emulator::fault::{Effect, Fault, MOST, Step};
use hearth_emulator::{Emulator, EmulatorError, FARTHEST, Happened, Target};
use hearth_wire::hearth as pb;
use hearth_wire::hearth::emulator_server::Emulator as Service;
use pb::fault::Effect as PbEffect;
use tonic::{Code, Request, Response, Status};

use crate::Api;
use crate::convert::insight;
use crate::convert::time::{duration, timestamp};
use crate::permission::caller;
use crate::sessions::session_name;
use crate::status::{code, kind, status};

/// What the names of faults begin with.
const FAULTS: &str = "faults/";

impl Api {
    /// The emulator, for a caller who is known.
    fn emulator<T>(&self, request: &Request<T>) -> Result<&Emulator, Status> {
        caller(request)?;
        self.emulator.as_ref().ok_or_else(|| {
            let text = "This server emulates nothing. Start one that does with `hearth serve --emulate`";
            Status::unimplemented(text)
        })
    }
}

#[tonic::async_trait]
impl Service for Api {
    async fn get_clock(&self, request: Request<pb::GetClockRequest>) -> Result<Response<pb::Clock>, Status> {
        Ok(Response::new(clock(self.emulator(&request)?)))
    }

    async fn set_clock(&self, request: Request<pb::SetClockRequest>) -> Result<Response<pb::Clock>, Status> {
        let emulator = self.emulator(&request)?;
        emulator.set_clock(request.get_ref().runs).await.map_err(emulator_status)?;
        Ok(Response::new(clock(emulator)))
    }

    async fn advance_clock(
        &self,
        request: Request<pb::AdvanceClockRequest>,
    ) -> Result<Response<pb::AdvanceClockResponse>, Status> {
        let emulator = self.emulator(&request)?;
        let target = target(request.get_ref()).map_err(status)?;
        let happened = emulator.advance(target).await.map_err(emulator_status)?;
        Ok(Response::new(pb::AdvanceClockResponse {
            clock: Some(clock(emulator)),
            happened: happened.iter().map(happened_message).collect(),
        }))
    }

    async fn crash_session(
        &self,
        request: Request<pb::CrashSessionRequest>,
    ) -> Result<Response<pb::CrashSessionResponse>, Status> {
        let emulator = self.emulator(&request)?;
        let request = request.get_ref();
        let name = session_name(&request.name).map_err(status)?;
        let session = emulator
            .crash(&name, exit_code(request.exit_code), &request.log_lines)
            .await
            .map_err(emulator_status)?;
        Ok(Response::new(pb::CrashSessionResponse {
            name: session.name.to_string(),
            state: session.state.label().to_string(),
            state_message: session.state_message,
        }))
    }

    async fn use_session(&self, request: Request<pb::UseSessionRequest>) -> Result<Response<()>, Status> {
        let emulator = self.emulator(&request)?;
        let name = session_name(&request.get_ref().name).map_err(status)?;
        emulator.use_session(&name).await.map_err(emulator_status)?;
        Ok(Response::new(()))
    }

    async fn create_fault(
        &self,
        request: Request<pb::CreateFaultRequest>,
    ) -> Result<Response<pb::Fault>, Status> {
        let emulator = self.emulator(&request)?;
        let asked = request.get_ref().fault.clone().unwrap_or_default();
        let fault = fault(asked).map_err(status)?;
        let number = emulator.faults().add(fault.clone()).ok_or_else(|| {
            Status::resource_exhausted(format!("There are {MOST} faults already. Take some back"))
        })?;
        Ok(Response::new(fault_message(number, fault)))
    }

    async fn list_faults(
        &self,
        request: Request<pb::ListFaultsRequest>,
    ) -> Result<Response<pb::ListFaultsResponse>, Status> {
        let faults = self.emulator(&request)?.faults().list();
        let faults = faults.into_iter().map(|(number, fault)| fault_message(number, fault)).collect();
        Ok(Response::new(pb::ListFaultsResponse { faults }))
    }

    async fn delete_fault(&self, request: Request<pb::DeleteFaultRequest>) -> Result<Response<()>, Status> {
        let emulator = self.emulator(&request)?;
        let name = &request.get_ref().name;
        let number = name.strip_prefix(FAULTS).and_then(|number| number.parse().ok());
        if number.is_some_and(|number| emulator.faults().remove(number)) {
            Ok(Response::new(()))
        } else {
            Err(Status::not_found(format!("Not found: Fault {name}, or it was used up")))
        }
    }

    async fn clear_faults(&self, request: Request<pb::ClearFaultsRequest>) -> Result<Response<()>, Status> {
        self.emulator(&request)?.faults().clear();
        Ok(Response::new(()))
    }

    async fn save_state(
        &self,
        request: Request<pb::SaveStateRequest>,
    ) -> Result<Response<pb::EmulatorState>, Status> {
        let document = self.emulator(&request)?.save().await.map_err(emulator_status)?;
        Ok(Response::new(pb::EmulatorState { document }))
    }

    async fn load_state(
        &self,
        request: Request<pb::LoadStateRequest>,
    ) -> Result<Response<pb::Clock>, Status> {
        let emulator = self.emulator(&request)?;
        emulator.load(&request.get_ref().document).await.map_err(emulator_status)?;
        Ok(Response::new(clock(emulator)))
    }

    async fn reset_emulator(
        &self,
        request: Request<pb::ResetEmulatorRequest>,
    ) -> Result<Response<pb::Clock>, Status> {
        let emulator = self.emulator(&request)?;
        emulator.reset().await.map_err(emulator_status)?;
        Ok(Response::new(clock(emulator)))
    }
}

/// What callers are told when the emulator did not do as asked.
pub(crate) fn emulator_status(error: EmulatorError) -> Status {
    let field = |field: &str, text: String| status(ControlError::field(field, text));
    match error {
        EmulatorError::Control(error) => status(error),
        EmulatorError::Ending => Status::unavailable(error.to_string()),
        EmulatorError::NoEngine { .. } => Status::failed_precondition(error.to_string()),
        EmulatorError::Unreachable { .. } => field("to", error.to_string()),
        EmulatorError::Document(_) => field("document", error.to_string()),
    }
}

fn clock(emulator: &Emulator) -> pb::Clock {
    let reading = emulator.clock();
    pb::Clock {
        time: Some(timestamp(reading.now)),
        runs: reading.runs,
        next_time: reading.next.map(timestamp),
    }
}

fn target(request: &pb::AdvanceClockRequest) -> Result<Target, ControlError> {
    match (&request.by, &request.to, request.next) {
        (Some(by), None, false) => Ok(Target::By(time("by", by)?)),
        (None, Some(to), false) => Timestamp::new(to.seconds, to.nanos)
            .map(Target::To)
            .map_err(|_| ControlError::field("to", "Invalid value for field 'to': not a time")),
        (None, None, true) => Ok(Target::Next),
        (None, None, false) => Err(ControlError::field("by", "One of 'by', 'to' and 'next' must be set")),
        _ => Err(ControlError::field("by", "Only one of 'by', 'to' and 'next' can be set")),
    }
}

/// A time of what is to happen: not negative, and at most what the clock is moved at once.
fn time(field: &str, of: &prost_types::Duration) -> Result<Duration, ControlError> {
    let time = Duration::try_from(*of).ok().filter(|time| *time <= FARTHEST);
    time.ok_or_else(|| {
        let text = format!("Invalid value for field '{field}': it must be from 0 s to 366 days");
        ControlError::field(field, text)
    })
}

fn happened_message(happened: &Happened) -> pb::Happened {
    let notice = insight::notice(&happened.notice, happened.state);
    pb::Happened { session: happened.session.to_string(), notice: Some(notice) }
}

/// On the wire 0 stands for a signal: an engine that exits with 0 has not crashed.
fn exit_code(code: i32) -> Option<i32> {
    Some(code).filter(|code| *code != 0)
}

fn fault(asked: pb::Fault) -> Result<Fault, ControlError> {
    let left = u32::try_from(asked.count)
        .map_err(|_| ControlError::field("fault.count", "Invalid value for field 'count': it is negative"))?;
    let effect = match asked.effect {
        Some(PbEffect::FailStart(fail)) => Effect::FailStart {
            step: step(fail.step())?,
            message: fail.message,
            exit_code: exit_code(fail.exit_code).unwrap_or(1),
        },
        Some(PbEffect::SlowStart(slow)) => match &slow.by {
            Some(by) => Effect::SlowStart { by: time("fault.slow_start.by", by)? },
            None => return Err(ControlError::field("fault.slow_start.by", "The field 'by' must be set")),
        },
        Some(PbEffect::Crash(crash)) => Effect::Crash {
            after: time("fault.crash.after", &crash.after.unwrap_or_default())?,
            exit_code: exit_code(crash.exit_code),
            log_lines: crash.log_lines,
        },
        Some(PbEffect::Refuse(refuse)) => {
            let kind = kind(Code::from_i32(refuse.code)).ok_or_else(|| {
                ControlError::field(
                    "fault.refuse.code",
                    "The field 'code' must name an error, such as UNAVAILABLE",
                )
            })?;
            known(&refuse.method)?;
            let message = match refuse.message {
                message if message.is_empty() => "Refused by a fault of the emulator".to_owned(),
                message => message,
            };
            Effect::Refuse { method: refuse.method, kind, message }
        }
        Some(PbEffect::LoseAnswer(lose)) => {
            known(&lose.method)?;
            Effect::LoseAnswer { method: lose.method }
        }
        None => {
            let text = "One of 'failStart', 'slowStart', 'crash', 'refuse' and 'loseAnswer' must be set";
            return Err(ControlError::field("fault", text));
        }
    };
    Ok(Fault { sessions: asked.sessions, left: Some(left).filter(|left| *left > 0), effect })
}

/// Whether a method can be named in a fault: a fault that can never apply is a mistake.
fn known(method: &str) -> Result<(), ControlError> {
    if method.is_empty() || hearth_wire::method::methods().iter().any(|known| known.name == method) {
        return Ok(());
    }
    Err(ControlError::field("fault", format!("There is no method '{method}'. CreateSession is one")))
}

fn step(step: pb::fault::Step) -> Result<Step, ControlError> {
    Ok(match step {
        pb::fault::Step::Accepted => Step::Accepted,
        pb::fault::Step::Placed => Step::Placed,
        pb::fault::Step::ProcessUp => Step::ProcessUp,
        pb::fault::Step::Listening => Step::Listening,
        pb::fault::Step::Probe => Step::Probe,
        pb::fault::Step::Unspecified => {
            let text = "The field 'step' must be ACCEPTED, PLACED, PROCESS_UP, LISTENING or PROBE";
            return Err(ControlError::field("fault.fail_start.step", text));
        }
    })
}

fn fault_message(number: u64, fault: Fault) -> pb::Fault {
    let effect = match fault.effect {
        Effect::FailStart { step, message, exit_code } => {
            let step = match step {
                Step::Accepted => pb::fault::Step::Accepted,
                Step::Placed => pb::fault::Step::Placed,
                Step::ProcessUp => pb::fault::Step::ProcessUp,
                Step::Listening => pb::fault::Step::Listening,
                Step::Probe => pb::fault::Step::Probe,
            };
            PbEffect::FailStart(pb::fault::FailStart { step: step.into(), message, exit_code })
        }
        Effect::SlowStart { by } => PbEffect::SlowStart(pb::fault::SlowStart { by: Some(duration(by)) }),
        Effect::Crash { after, exit_code, log_lines } => PbEffect::Crash(pb::fault::Crash {
            after: Some(duration(after)),
            exit_code: exit_code.unwrap_or_default(),
            log_lines,
        }),
        Effect::Refuse { method, kind, message } => {
            PbEffect::Refuse(pb::fault::Refuse { method, code: wire_code(kind), message })
        }
        Effect::LoseAnswer { method } => PbEffect::LoseAnswer(pb::fault::LoseAnswer { method }),
    };
    pb::Fault {
        name: format!("{FAULTS}{number}"),
        sessions: fault.sessions,
        count: fault.left.map_or(0, |left| i32::try_from(left).unwrap_or(i32::MAX)),
        effect: Some(effect),
    }
}

fn wire_code(kind: ErrorKind) -> i32 {
    code(kind).into()
}
