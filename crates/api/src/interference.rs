//! What an emulated world does to calls: it refuses some, loses the answers of others, and is settled after each.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use bytes::Bytes;
use hearth_core::name::{Parent, SessionName};
use hearth_emulator::Emulator;
use hearth_emulator::fault::Effect;
use hearth_wire::method::{Method, method};
use prost_reflect::{DynamicMessage, MessageDescriptor};
use tonic::service::Routes;
use tonic::{Code, Status};

use crate::rest::FRAME_HEADER;
use crate::status::code;

/// The service that nothing interferes with, so that every fault can be taken back.
const SPARED: &str = "hearth.v1.Emulator";

#[derive(Clone)]
struct Interference {
    emulator: Emulator,
    max_message: usize,
}

/// The same services in an emulated world.
pub(crate) fn interfered(routes: Routes, emulator: Emulator, max_message: usize) -> Routes {
    let interference = Interference { emulator, max_message };
    routes.into_axum_router().layer(from_fn_with_state(interference, interfere)).into()
}

async fn interfere(State(state): State<Interference>, request: Request, next: Next) -> Response {
    let Some(method) = method(request.uri().path()).filter(|method| method.service != SPARED) else {
        return next.run(request).await;
    };
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, state.max_message.saturating_add(FRAME_HEADER)).await else {
        return Status::out_of_range("The request is too large, or ended early").into_http();
    };
    let effect = state.emulator.faults().of_call(&method.name, about(method, &body).as_ref());
    if let Some(Effect::Refuse { kind, message, .. }) = &effect {
        return Status::new(code(*kind), message.clone()).into_http();
    }
    let response = next.run(Request::from_parts(head, Body::from(body))).await;
    // What was asked for has happened, as far as it takes no time, when the caller hears of it. A server that ends
    // answers all the same.
    let _ = state.emulator.settle().await;
    match effect {
        Some(Effect::LoseAnswer { .. }) => {
            Status::new(Code::Unavailable, "The answer was lost on the way (a fault of the emulator)")
                .into_http()
        }
        _ => response,
    }
}

/// The session that a call is about, if it is about one.
fn about(method: &Method, body: &Bytes) -> Option<SessionName> {
    // A flag, which is 0 for what is not compressed, and the length.
    let message = body.get(FRAME_HEADER..).filter(|_| body.first() == Some(&0))?;
    let message = DynamicMessage::decode(descriptor(method)?, message).ok()?;
    let text = |field: &str| {
        let value = message.get_field_by_name(field)?;
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    match text("session_id") {
        Some(id) => Some(text("parent")?.parse::<Parent>().ok()?.session(id)),
        None => text("name")?.parse().ok(),
    }
}

fn descriptor(method: &Method) -> Option<MessageDescriptor> {
    let service = hearth_wire::pool().get_service_by_name(&method.service)?;
    service.methods().find(|of| of.name() == method.name).map(|of| of.input())
}
