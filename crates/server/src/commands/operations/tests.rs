use hearth_client::double::Double;
use hearth_wire::dataproc::session::State;
use hearth_wire::{json, rpc};

use super::*;
use crate::commands::context::trial::run;

async fn with_operation() -> Double {
    let double = Double::start().await;
    run(&double, "sessions create etl1 --async -q").await;
    double
}

#[tokio::test]
async fn operations_are_listed_with_what_they_do() {
    let double = with_operation().await;
    let ran = run(&double, "operations list").await;
    assert_eq!(
        ran.data,
        "ID    TYPE    SESSION  STATUS   STARTED\n\
         op-1  CREATE  etl1     RUNNING  5 min ago\n"
    );
    assert_eq!(run(&double, "operations list -q").await.data, "op-1\n");
    let ran = run(&double, "operations list -o json").await;
    let list: ListOperationsResponse = json::from_slice(ran.data.as_bytes()).unwrap();
    assert_eq!(list.operations.len(), 1);
    let ran = run(&Double::start().await, "operations list").await;
    assert_eq!(ran.notes, "There are no operations.\n");
}

#[tokio::test]
async fn an_operation_is_waited_for() {
    let double = with_operation().await;
    let ran = run(&double, "operations wait op-1").await;
    assert_eq!(
        ran.data,
        "Name     projects/local/regions/local/operations/op-1\n\
         Type     CREATE\n\
         Session  projects/local/locations/local/sessions/etl1\n\
         Status   DONE\n\
         Started  2026-01-02 03:04:05 +00:00 (5 min ago)\n"
    );
    assert_eq!((ran.notes.as_str(), ran.code), ("waiting for operation \"op-1\" ...\n", 0));
}

#[tokio::test]
async fn waiting_fails_as_the_operation_does() {
    let double = Double::start().await;
    let message = "Insufficient 'CPUS' quota.".to_owned();
    let status = rpc::Status { code: Code::ResourceExhausted.into(), message, details: Vec::new() };
    double.state().creation_fails = Some(status);
    run(&double, "sessions create etl1 --async").await;
    let ran = run(&double, "operations wait projects/local/regions/local/operations/op-1 -q").await;
    assert_eq!(ran.data, "op-1\n");
    assert!(ran.notes.contains("caused by: Insufficient 'CPUS' quota.\n"), "{}", ran.notes);
    assert!(ran.notes.contains("`hearth sessions get etl1`"), "{}", ran.notes);
    assert_eq!(ran.code, 6);
    let ran = run(&double, "operations get op-1").await;
    assert!(ran.data.contains("Status   FAILED (RESOURCE_EXHAUSTED)\nCause    Insufficient"), "{}", ran.data);
}

#[tokio::test]
async fn operations_are_cancelled_and_their_records_removed() {
    let double = with_operation().await;
    let ran = run(&double, "operations cancel op-1").await;
    assert_eq!((ran.notes.as_str(), ran.code), ("operation \"op-1\" was asked to stop\n", 0));
    let ran = run(&double, "operations wait op-1").await;
    assert!(ran.data.contains("Status   CANCELLED"), "{}", ran.data);
    assert_eq!(ran.code, 1);
    assert_eq!(run(&double, "operations delete op-1").await.code, 0);
    let ran = run(&double, "operations get op-1").await;
    assert!(ran.notes.contains("caused by: Operation not found\n"), "{}", ran.notes);
    assert!(ran.notes.contains("hint: Run `hearth operations list`"), "{}", ran.notes);
    assert_eq!(ran.code, 3);
    assert_eq!(run(&double, "operations get a/b").await.code, 2);
}

#[tokio::test]
async fn a_removal_is_not_repeated_when_its_answer_is_lost() {
    let double = with_operation().await;
    double.put_session("etl2", State::Active, |_| {});
    double.state().failures.push_back(tonic::Status::unavailable("later"));
    let name = "projects/local/regions/local/operations/op-1";
    assert_eq!(run(&double, &format!("operations delete {name}")).await.code, 6);
    let calls = double.state().calls.iter().filter(|call| call.0 == "delete-operation").count();
    assert_eq!(calls, 1);
}
