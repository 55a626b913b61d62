//! REST, transcoded onto the gRPC services along the method table.
//!
//! A request becomes the bytes of a gRPC call that is made in this process, and the answer's bytes become JSON: there
//! is one set of handlers, so that the two cannot differ.

mod events;

use bytes::{BufMut, Bytes, BytesMut};
use hearth_control::Caller;
use hearth_wire::error::{ErrorFormat, error_body, names, pack};
use hearth_wire::json::{self, Style};
use hearth_wire::mask::Mask;
use hearth_wire::parameters::{Alt, SystemParameters, Taken, parse_query};
use hearth_wire::router::{self, Found};
use hearth_wire::{Violations, rpc};
use http::header::{CONTENT_TYPE, HeaderValue, TE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use prost::Message;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::ServiceExt;

use crate::auth::{Authenticator, scope_allows};
use crate::status::with_details;

/// The bytes before each message of a gRPC body: a flag, and the length.
pub(crate) const FRAME_HEADER: usize = 5;
/// What JSON answers are labelled as (contract, section 1).
const JSON: &str = "application/json; charset=UTF-8";

/// Serves REST over a set of gRPC services.
#[derive(Clone)]
pub struct Rest {
    routes: Routes,
    authenticator: Authenticator,
    max_body: usize,
}

/// An answer before it is written: its type's descriptor and its bytes.
struct Answer {
    output: &'static hearth_wire::schema::MessageType,
    message: Bytes,
}

impl Rest {
    /// Serves `routes`; bodies may have `max_body` bytes.
    pub fn new(routes: Routes, authenticator: Authenticator, max_body: usize) -> Self {
        Self { routes, authenticator, max_body }
    }

    /// Answers one request. What goes wrong is in the answer.
    pub async fn call<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let taken =
            SystemParameters::take(parse_query(parts.uri.query().unwrap_or_default()), &parts.headers);
        let answered = self.answer(&parts, &taken, body).await;
        let parameters = &taken.parameters;
        let mask = answered.as_ref().ok().and_then(|(_, mask)| mask.as_ref());
        let style = Style { pretty: parameters.pretty, enum_numbers: parameters.enum_numbers, mask };
        let jsonp = parameters.callback.as_deref().filter(|_| parts.method == Method::GET);
        match &answered {
            Ok((answer, _)) if parameters.alt == Alt::Proto && jsonp.is_none() => {
                write(StatusCode::OK, "application/x-protobuf", answer.message.clone())
            }
            Ok((answer, _)) => match json::encode(answer.output, &answer.message, style) {
                Ok(text) => written(StatusCode::OK, text, jsonp),
                Err(error) => {
                    refused(&Status::internal(error.to_string()), parameters.error_format, style, jsonp)
                }
            },
            Err(status) => refused(status, parameters.error_format, style, jsonp),
        }
    }

    async fn answer<B>(&self, parts: &Parts, taken: &Taken, body: B) -> Result<(Answer, Option<Mask>), Status>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let caller = self.authenticator.authenticate(&taken.parameters.credentials)?;
        let found = route(parts, &taken.parameters)?;
        scope_allows(&caller, &found.method.path)?;
        if taken.parameters.alt == Alt::Proto && found.method.rest_only() {
            let text = "The numbers of these messages are not public: they have no binary form. Use alt=json";
            return Err(Status::unimplemented(text));
        }
        if !taken.violations.is_empty() {
            return Err(refusal(&taken.violations));
        }
        let mask = match &taken.parameters.fields {
            Some(fields) => Some(Mask::parse(fields, found.method.output).map_err(|violations| {
                let detail = pack(&violations.bad_request());
                with_details(Code::InvalidArgument, Mask::ERROR_MESSAGE.to_owned(), vec![detail])
            })?),
            None => None,
        };
        let body = self.collect(body).await?;
        let message = found.request(&taken.rest, &body).map_err(|violations| refusal(&violations))?;
        let message = self.call_grpc(&found, &message, caller).await?;
        Ok((Answer { output: found.method.output, message }, mask))
    }

    async fn collect<B>(&self, body: B) -> Result<Bytes, Status>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match Limited::new(body, self.max_body).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Status::invalid_argument(format!(
                "Request payload size exceeds the limit: {} bytes.",
                self.max_body
            ))),
            Err(_) => Err(Status::cancelled("The request ended before its body did")),
        }
    }

    /// Makes the call in this process, and takes the message out of its answer.
    async fn call_grpc(&self, found: &Found, message: &[u8], caller: Caller) -> Result<Bytes, Status> {
        answer_message(self.open(found, message, caller).await?).await
    }

    /// Makes the call in this process; its answer is still to come.
    async fn open(&self, found: &Found, message: &[u8], caller: Caller) -> Result<Body, Status> {
        let mut frame = BytesMut::with_capacity(FRAME_HEADER + message.len());
        frame.put_u8(0);
        frame.put_u32(
            u32::try_from(message.len()).map_err(|_| Status::out_of_range("The request is too large"))?,
        );
        frame.extend_from_slice(message);
        let mut request = Request::new(Full::new(frame.freeze()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = found.method.path.parse().map_err(|_| Status::internal("bad method table"))?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
        request.extensions_mut().insert(caller);
        let response = match self.routes.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (head, body) = response.into_parts();
        if let Some(status) = Status::from_header_map(&head.headers) {
            return Err(status);
        }
        Ok(body)
    }
}

/// The one message of a unary answer.
async fn answer_message(body: Body) -> Result<Bytes, Status> {
    let collected = body.collect().await?;
    if let Some(status) = collected.trailers().and_then(Status::from_header_map)
        && status.code() != Code::Ok
    {
        return Err(status);
    }
    let bytes = collected.to_bytes();
    if bytes.len() < FRAME_HEADER {
        return Err(Status::internal("the answer has no message"));
    }
    Ok(bytes.slice(FRAME_HEADER..))
}

fn route(parts: &Parts, parameters: &SystemParameters) -> Result<Found, Status> {
    let method = match &parameters.method_override {
        Some(method) if parts.method == Method::POST => method.as_str(),
        _ => parts.method.as_str(),
    };
    router::find(method, parts.uri.path())
        .ok_or_else(|| Status::not_found(format!("Not found: {method} {}", parts.uri.path())))
}

fn refusal(violations: &Violations) -> Status {
    with_details(Code::InvalidArgument, violations.to_string(), vec![pack(&violations.bad_request())])
}

fn refused(
    status: &Status,
    format: ErrorFormat,
    style: Style<'_>,
    jsonp: Option<&str>,
) -> Response<Full<Bytes>> {
    let details = rpc::Status::decode(status.details()).map(|whole| whole.details).unwrap_or_default();
    let body = error_body(status.code(), status.message(), &details, format, style);
    let code = StatusCode::from_u16(names(status.code()).http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = written(code, body, jsonp);
    if status.code() == Code::Unauthenticated {
        let challenge = HeaderValue::from_static("Bearer realm=\"hearth\"");
        response.headers_mut().insert(http::header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// JSON, or the call of the caller's function with it: then always as a success, for browsers to run it.
fn written(code: StatusCode, text: Vec<u8>, jsonp: Option<&str>) -> Response<Full<Bytes>> {
    let Some(callback) = jsonp else { return write(code, JSON, text.into()) };
    let mut script = format!("// API callback\n{callback}(").into_bytes();
    script.extend_from_slice(text.trim_ascii_end());
    script.extend_from_slice(b");");
    write(StatusCode::OK, "text/javascript; charset=UTF-8", script.into())
}

fn write(code: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
