//! One call made twice: over REST and over gRPC.

use std::fmt::Debug;

use hearth_testkit::{Answer, Options, PARENT, Rest, TestServer, connect_session};
use hearth_wire::error::{ErrorFormat, error_body};
use hearth_wire::json::{self, Style};
use hearth_wire::{dataproc as pb, longrunning, method, rpc};
use http::{HeaderMap, StatusCode, Version};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use prost::Message;
use prost::bytes::{self, Buf, BufMut};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::without_engines;

/// A server and two ways to call it.
pub(super) struct Both {
    pub(super) server: TestServer,
    runtime: Runtime,
    channel: Channel,
}

/// A call over REST: method, path, body; a body of null is none at all.
pub(super) type OverRest<'a> = (&'a str, &'a str, &'a Value);

impl Both {
    /// A server without engines.
    pub(super) fn start() -> Self {
        Self::of(without_engines())
    }

    pub(super) fn of(options: Options) -> Self {
        let server = options.start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).unwrap();
        let channel = runtime.block_on(async { endpoint.connect_lazy() });
        Self { server, runtime, channel }
    }

    pub(super) fn rest(&self) -> &Rest {
        self.server.rest()
    }

    /// Calls over gRPC; the answer is in its JSON form.
    pub(super) fn grpc(&self, rpc: &str, message: &impl Message) -> Result<Value, Status> {
        self.grpc_as(Some(self.server.token()), rpc, message)
    }

    /// The same with another token, or none.
    pub(super) fn grpc_as(
        &self,
        token: Option<&str>,
        rpc: &str,
        message: &impl Message,
    ) -> Result<Value, Status> {
        let service =
            if rpc.starts_with("Operations") { "google.longrunning" } else { "google.cloud.dataproc.v1" };
        let path = format!("/{service}.{rpc}");
        let output = method::method(&path).unwrap_or_else(|| panic!("no method {path}")).output;
        let mut request = Request::new(message.encode_to_vec());
        if let Some(token) = token {
            request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        let bytes = self.runtime.block_on(async {
            client.ready().await.unwrap();
            client.unary(request, path.parse().unwrap(), Bytes).await
        })?;
        let text = json::encode(output, bytes.get_ref(), Style::default()).unwrap();
        Ok(serde_json::from_slice(&text).unwrap())
    }

    /// The error of a call, which is the same over both: code, message and details.
    #[track_caller]
    pub(super) fn refused(&self, rest: OverRest<'_>, rpc: &str, message: &(impl Message + Debug)) -> Answer {
        let answer = self.over_rest(rest);
        let status = match self.grpc(rpc, message) {
            Ok(answer) => panic!("{rpc} {message:?} is not refused: {answer:#}"),
            Err(status) => status,
        };
        assert_eq!(answer.json, as_json(&status), "REST and gRPC say the same");
        answer
    }

    /// The answer to a call that changes nothing, which is the same over both.
    #[track_caller]
    pub(super) fn answered(&self, rest: OverRest<'_>, rpc: &str, message: &(impl Message + Debug)) -> Value {
        let answer = self.over_rest(rest).ok();
        let other = self.grpc(rpc, message).unwrap_or_else(|status| panic!("{rpc} {message:?}: {status}"));
        assert_eq!(answer, other, "REST and gRPC say the same");
        answer
    }

    /// The bytes of a success over REST, which need be no text, over either version of HTTP.
    pub(super) fn bytes(&self, path: &str, http2: bool) -> (HeaderMap, bytes::Bytes) {
        let client = Client::builder(TokioExecutor::new()).http2_only(http2).build_http();
        let uri = format!("http://{}{path}", self.server.address());
        let authorization = format!("Bearer {}", self.server.token());
        let request = http::Request::get(uri).header("authorization", authorization);
        let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
        self.runtime.block_on(async {
            let (head, body) = client.request(request).await.unwrap().into_parts();
            let version = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
            assert_eq!((head.status, head.version), (StatusCode::OK, version));
            (head.headers, body.collect().await.unwrap().to_bytes())
        })
    }

    fn over_rest(&self, (method, path, body): OverRest<'_>) -> Answer {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.rest().call(method, path, &text)
    }

    /// Creates over REST with this body.
    pub(super) fn post(&self, id: &str, body: &Value) -> Answer {
        self.rest().post(&format!("/v1/{PARENT}/sessions?sessionId={id}"), body)
    }

    /// The error of a create, which is the same over both.
    #[track_caller]
    pub(super) fn create_refused(&self, id: &str, body: &Value) -> Answer {
        let path = format!("/v1/{PARENT}/sessions?sessionId={id}");
        let message = create_message(id, body);
        self.refused(("POST", &path, body), "SessionController/CreateSession", &message)
    }
}

/// The gRPC form of a create.
pub(super) fn create_message(id: &str, body: &Value) -> pb::CreateSessionRequest {
    let session = json::from_slice::<pb::Session>(body.to_string().as_bytes()).unwrap();
    let parent = PARENT.to_owned();
    pb::CreateSessionRequest {
        parent,
        session: Some(session),
        session_id: id.to_owned(),
        request_id: String::new(),
    }
}

/// A session's name.
pub(super) fn name(id: &str) -> String {
    format!("{PARENT}/sessions/{id}")
}

/// The body of a create with more in it than it must have.
pub(super) fn session_with(id: &str, more: Value) -> Value {
    let mut body = connect_session(id);
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    body
}

pub(super) fn get(id: &str) -> pb::GetSessionRequest {
    pb::GetSessionRequest { name: name(id) }
}

pub(super) fn terminate(id: &str) -> pb::TerminateSessionRequest {
    pb::TerminateSessionRequest { name: name(id), ..Default::default() }
}

pub(super) fn delete(id: &str) -> pb::DeleteSessionRequest {
    pb::DeleteSessionRequest { name: name(id), ..Default::default() }
}

pub(super) fn get_operation(name: &str) -> longrunning::GetOperationRequest {
    longrunning::GetOperationRequest { name: name.to_owned() }
}

/// What REST must say when gRPC says this.
fn as_json(status: &Status) -> Value {
    let details = if status.details().is_empty() {
        Vec::new()
    } else {
        let whole = rpc::Status::decode(status.details()).unwrap();
        assert_eq!((whole.code, whole.message.as_str()), (i32::from(status.code()), status.message()));
        whole.details
    };
    let body = error_body(status.code(), status.message(), &details, ErrorFormat::V2, Style::default());
    serde_json::from_slice(&body).unwrap_or_else(|error| json!(error.to_string()))
}

/// Messages as they are on the wire.
#[derive(Debug, Clone, Copy)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut bytes = vec![0; from.remaining()];
        from.copy_to_slice(&mut bytes);
        Ok(Some(bytes))
    }
}
