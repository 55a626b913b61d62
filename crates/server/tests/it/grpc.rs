//! The same calls over gRPC.

use hearth_testkit::{PARENT, TestServer, id_of};
use hearth_wire::dataproc::session_controller_client::SessionControllerClient;
use hearth_wire::dataproc::{
    CreateSessionRequest, GetSessionRequest, ListSessionsRequest, Session, SparkConnectConfig,
    TerminateSessionRequest, session,
};
use hearth_wire::longrunning::operations_client::OperationsClient;
use hearth_wire::longrunning::{CancelOperationRequest, GetOperationRequest};
use prost::Message as _;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::server;

/// Adds a token to every call.
#[derive(Clone)]
pub(crate) struct WithToken(String);

impl Interceptor for WithToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if !self.0.is_empty() {
            let value: MetadataValue<_> = format!("Bearer {}", self.0).parse().expect("a header value");
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    }
}

pub(crate) type Service = InterceptedService<Channel, WithToken>;

pub(crate) fn service(server: &TestServer, token: &str) -> Service {
    let channel = Channel::from_shared(format!("http://{}", server.address())).unwrap().connect_lazy();
    InterceptedService::new(channel, WithToken(token.to_owned()))
}

fn sessions(server: &TestServer) -> SessionControllerClient<Service> {
    SessionControllerClient::new(service(server, server.token()))
}

fn create(id: &str, request_id: &str) -> CreateSessionRequest {
    let body = Session {
        name: format!("{PARENT}/sessions/{id}"),
        session_config: Some(session::SessionConfig::SparkConnectSession(SparkConnectConfig {})),
        ..Session::default()
    };
    CreateSessionRequest {
        parent: PARENT.to_owned(),
        session: Some(body),
        session_id: id.to_owned(),
        request_id: request_id.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_form_makes_the_other_shows_alike() {
    let server = server();
    let made = sessions(&server).create_session(create("both", "")).await.unwrap().into_inner();
    let over_rest = server.rest().get(&format!("/v1/{}", made.name)).ok();
    assert_eq!(id_of(over_rest["metadata"]["session"].as_str().unwrap()), "both");

    let name = format!("{PARENT}/sessions/both");
    let asked = GetSessionRequest { name: name.clone() };
    let over_grpc = sessions(&server).get_session(asked).await.unwrap().into_inner();
    let json = server.session("both").ok();
    assert_eq!(json["uuid"], over_grpc.uuid);
    assert_eq!(json["state"], over_grpc.state().as_str_name());
    let listed = ListSessionsRequest { parent: PARENT.to_owned(), ..ListSessionsRequest::default() };
    let listed = sessions(&server).list_sessions(listed).await.unwrap().into_inner();
    assert_eq!(listed.sessions, std::slice::from_ref(&over_grpc));
    // And the binary form that REST can give is the very message.
    let binary = server.rest().get_bytes(&format!("/v1/{name}?alt=proto"));
    assert_eq!(Session::decode(binary.as_slice()).unwrap(), over_grpc);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_the_same_in_both_forms() {
    let server = server();
    server.create("taken").ok();
    let grpc = sessions(&server);
    let cases = [
        (
            grpc.clone().create_session(create("taken", "")).await.unwrap_err(),
            Code::AlreadyExists,
            server.create("taken").error(409, "ALREADY_EXISTS"),
        ),
        (
            grpc.clone().create_session(create("NO", "")).await.unwrap_err(),
            Code::InvalidArgument,
            server.create("NO").error(400, "INVALID_ARGUMENT"),
        ),
        (
            grpc.clone()
                .get_session(GetSessionRequest { name: format!("{PARENT}/sessions/none") })
                .await
                .unwrap_err(),
            Code::NotFound,
            server.session("none").error(404, "NOT_FOUND"),
        ),
    ];
    for (status, code, message) in cases {
        assert_eq!((status.code(), status.message()), (code, message.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_used_again_in_the_other_form_gives_the_first_operation() {
    let server = server();
    let first = sessions(&server).create_session(create("again", "once-1")).await.unwrap().into_inner();
    let path = format!("/v1/{PARENT}/sessions?sessionId=again&requestId=once-1");
    let body = hearth_testkit::connect_session("again");
    let second = server.rest().post(&path, &body).ok();
    assert_eq!(second["name"], first.name);
    let end = |request_id: &str| TerminateSessionRequest {
        name: format!("{PARENT}/sessions/again"),
        request_id: request_id.to_owned(),
    };
    let ended = sessions(&server).terminate_session(end("end-1")).await.unwrap().into_inner();
    let again = sessions(&server).terminate_session(end("end-1")).await.unwrap().into_inner();
    assert_eq!(again.name, ended.name, "and no word of a session that has ended already");
    assert_eq!(
        sessions(&server).terminate_session(end("")).await.unwrap_err().code(),
        Code::FailedPrecondition
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_served_under_both_names_and_a_finished_one_can_be_cancelled_in_vain() {
    let server = server();
    let made = sessions(&server).create_session(create("named", "")).await.unwrap().into_inner();
    let mut operations = OperationsClient::new(service(&server, server.token()));
    for name in [made.name.clone(), made.name.replace("/regions/", "/locations/")] {
        let request = GetOperationRequest { name: name.clone() };
        assert_eq!(operations.get_operation(request).await.unwrap().into_inner().name, made.name);
        operations.cancel_operation(CancelOperationRequest { name }).await.unwrap();
    }
    let none = GetOperationRequest { name: format!("{}0", made.name) };
    let refused = operations.get_operation(none).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::NotFound, "Operation not found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_or_with_a_wrong_one_nothing_is_answered() {
    let server = server();
    for (token, words) in [("", "missing required"), ("hearth_wrong", "invalid authentication")] {
        let mut client = SessionControllerClient::new(service(&server, token));
        let request = GetSessionRequest { name: format!("{PARENT}/sessions/any") };
        let refused = client.get_session(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        assert!(refused.message().contains(words), "{refused}");
    }
}
