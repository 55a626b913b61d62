use std::time::Duration;

use hearth_wire::dataproc::session::State;
use hearth_wire::dataproc::{CreateSessionRequest, Session};
use hearth_wire::longrunning::Operation;
use hearth_wire::{error::pack, rpc};
use prost::Message;
use tokio::io::AsyncWriteExt;
use tonic::{Code, Status};

use crate::double::Double;
use crate::{Client, ClientError, ErrorKind, RetryPolicy, Tick, outcome};

fn quick() -> RetryPolicy {
    let brief = Duration::from_millis(1);
    RetryPolicy { first_pause: brief, longest_pause: brief, first_poll: brief, ..RetryPolicy::default() }
}

fn client(double: &Double) -> Client {
    Client::connect(&double.endpoint(), Some("secret")).unwrap().with_retry(quick())
}

async fn create(client: &Client, id: &str) -> Result<Operation, ClientError> {
    let name = format!("projects/local/locations/local/sessions/{id}");
    let request = CreateSessionRequest {
        parent: "projects/local/locations/local".to_owned(),
        session: Some(Session { name, ..Session::default() }),
        session_id: id.to_owned(),
        ..CreateSessionRequest::default()
    };
    client.create_session(request).await
}

#[tokio::test]
async fn a_created_session_is_waited_for_and_read_from_its_operation() {
    let double = Double::start().await;
    let client = client(&double);
    let operation = create(&client, "etl1").await.unwrap();
    let mut looks = 0;
    let session = client.wait_for_session(operation, |_| looks += 1).await.unwrap();
    assert_eq!(session.state(), State::Active);
    assert_eq!(looks, 2);
}

#[tokio::test]
async fn a_lost_answer_to_a_create_is_asked_for_again_with_the_same_request_id() {
    let double = Double::start().await;
    double.state().failures.extend([Status::unavailable("later"), Status::unavailable("later")]);
    create(&client(&double), "etl1").await.unwrap();
    let calls = double.state().calls.clone();
    assert_eq!(calls.len(), 3);
    assert!(
        calls.iter().all(|call| call == &calls[0] && call.0 == "create" && call.1.len() == 36),
        "{calls:?}"
    );
}

#[tokio::test]
async fn a_service_that_stays_unavailable_is_given_up_on() {
    let double = Double::start().await;
    double.state().failures.extend((0..50).map(|_| Status::unavailable("later")));
    let failure = client(&double).session("projects/p/locations/l/sessions/s").await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Unavailable);
    assert_eq!(double.state().calls.len(), 1 + quick().repeats);
}

#[tokio::test]
async fn a_refusal_is_final_and_keeps_the_fields_it_is_about() {
    let double = Double::start().await;
    let field_violations = vec![rpc::bad_request::FieldViolation {
        field: "session_id".to_owned(),
        description: "must be set".to_owned(),
        ..Default::default()
    }];
    let whole =
        rpc::Status { details: vec![pack(&rpc::BadRequest { field_violations })], ..Default::default() };
    let status =
        Status::with_details(Code::InvalidArgument, "Request is invalid.", whole.encode_to_vec().into());
    double.state().failures.push_back(status);
    let ClientError::Refused(refusal) = create(&client(&double), "etl1").await.unwrap_err() else {
        panic!("not a refusal")
    };
    assert_eq!(refusal.kind(), ErrorKind::Invalid);
    assert_eq!(refusal.violations, [("session_id".to_owned(), "must be set".to_owned())]);
    assert_eq!(double.state().calls.len(), 1);
}

#[tokio::test]
async fn a_wrong_token_is_reported_with_the_way_to_the_right_one() {
    let double = Double::start().await;
    double.state().token = Some("another".to_owned());
    let failure = client(&double).server_info().await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Unauthenticated);
    assert!(failure.hint().unwrap().contains("`hearth token`"));
    double.state().token = Some("secret".to_owned());
    assert_eq!(client(&double).server_info().await.unwrap().default_project, "local");
}

#[tokio::test]
async fn a_service_that_is_not_there_is_reported_at_once() {
    let double = Double::start().await;
    let client = client(&double);
    double.stop();
    let failure = client.server_info().await.unwrap_err();
    assert!(matches!(failure, ClientError::Unreachable { .. }), "{failure:?}");
    assert_eq!(failure.to_string(), format!("no service answers at {}", client.endpoint()));
    let cause = std::error::Error::source(&failure).unwrap().to_string();
    assert!(cause.contains("refused"), "{cause}");
    assert!(failure.hint().unwrap().contains("`hearth serve`"));
}

#[tokio::test]
async fn an_operation_is_waited_for_through_a_restart_of_the_service() {
    let double = Double::start().await;
    let client = client(&double);
    let operation = create(&client, "etl1").await.unwrap();
    let records = double.stop();
    let endpoint = client.endpoint().to_owned();
    let (went_away, mut noticed) = tokio::sync::mpsc::unbounded_channel();
    let waiting = tokio::spawn(async move {
        client
            .wait_for_session(operation, |tick| {
                if matches!(tick, Tick::Away(_)) {
                    let _ = went_away.send(());
                }
            })
            .await
    });
    noticed.recv().await.unwrap();
    let _again = Double::again(records, &endpoint).await;
    assert_eq!(waiting.await.unwrap().unwrap().state(), State::Active);
}

#[tokio::test]
async fn a_service_that_stays_away_ends_the_wait() {
    let double = Double::start().await;
    let client = client(&double).with_retry(RetryPolicy { outage: Duration::ZERO, ..quick() });
    let operation = create(&client, "etl1").await.unwrap();
    double.stop();
    let failure = client.wait(operation, |_| {}).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_failed_creation_says_why() {
    let double = Double::start().await;
    let message = "the engine exited with status 3".to_owned();
    let why = rpc::Status { code: Code::FailedPrecondition.into(), message, details: Vec::new() };
    double.state().creation_fails = Some(why);
    let client = client(&double);
    let operation = create(&client, "etl1").await.unwrap();
    let done = client.wait(operation, |_| {}).await.unwrap();
    let failure = outcome(&done).unwrap_err();
    assert_eq!(failure.to_string(), "the engine exited with status 3");
    assert_eq!(failure.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn something_else_on_the_port_is_not_taken_for_the_service() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let other = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    let client = Client::connect(&endpoint, None).unwrap().with_retry(quick());
    let failure = client.server_info().await.unwrap_err();
    other.abort();
    assert_eq!(failure.kind(), ErrorKind::Unavailable, "{failure:?}");
    assert!(failure.hint().unwrap().contains("another program"), "{failure:?}");

    let mapped = Status::unimplemented("grpc-status header missing, mapped from HTTP status code 404");
    let failure = ClientError::from_status(mapped, &endpoint);
    assert!(matches!(failure, ClientError::Foreign { .. }), "{failure:?}");
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_refused_before_any_call() {
    for (endpoint, reason) in [
        ("https://example.org", "TLS"),
        ("127.0.0.1:8470", "must begin"),
        ("http://127.0.0.1:8470/v1", "nothing may follow"),
        ("", "not an address"),
    ] {
        let failure = Client::connect(endpoint, None).unwrap_err();
        assert!(failure.to_string().contains(reason), "{failure}");
        assert_eq!(failure.kind(), ErrorKind::Invalid);
    }
    let failure = Client::connect("http://127.0.0.1:8470/", Some("a\nb")).unwrap_err();
    assert!(matches!(failure, ClientError::InvalidToken));
}
