//! `watch`, `extend` and `why`.

use std::collections::VecDeque;

use hearth_client::double::{Double, THEN, then};
use hearth_wire::dataproc::session::State;
use hearth_wire::hearth::{Explanation, SessionNotice};

use crate::commands::context::trial::run;

fn notice(sequence: i64, kind: &str, text: &str) -> SessionNotice {
    SessionNotice {
        sequence,
        kind: kind.to_owned(),
        text: text.to_owned(),
        time: Some(then()),
        ..SessionNotice::default()
    }
}

#[tokio::test]
async fn a_watch_prints_a_line_for_each_notice_and_goes_on_after_an_interruption() {
    let double = Double::start().await;
    let name = double.put_session("etl1", State::Active, |_| {});
    let pieces = [
        vec![notice(1, "created", "Created by ada"), notice(2, "active", "It can be used")],
        vec![notice(3, "failed", "It has failed. Why not")],
    ];
    double.state().notices.insert(name, VecDeque::from(pieces));
    let ran = run(&double, "sessions watch etl1").await;
    assert_eq!(
        ran.data,
        "2026-01-02 03:04:05 +00:00  created     Created by ada\n\
         2026-01-02 03:04:05 +00:00  active      It can be used\n\
         2026-01-02 03:04:05 +00:00  failed      It has failed. Why not\n"
    );
    assert_eq!((ran.notes.as_str(), ran.code), ("", 0));
    let watches: Vec<_> = double
        .state()
        .calls
        .iter()
        .filter(|(call, _)| *call == "watch")
        .map(|(_, after)| after.clone())
        .collect();
    assert_eq!(watches, ["0", "2"], "nothing is asked for twice");
}

#[tokio::test]
async fn a_watch_is_a_json_document_a_line_for_programs() {
    let double = Double::start().await;
    let name = double.put_session("etl1", State::Active, |_| {});
    let piece = vec![notice(1, "created", "Created by ada"), notice(2, "active", "It can be used")];
    double.state().notices.insert(name, VecDeque::from([piece]));
    let data = run(&double, "sessions watch etl1 -o json").await.data;
    let kinds: Vec<_> = data
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].clone())
        .collect();
    assert_eq!(kinds, ["created", "active"]);
}

#[tokio::test]
async fn an_extension_says_when_the_session_ends_now() {
    let double = Double::start().await;
    double.put_session("etl1", State::Active, |_| {});
    let ran = run(&double, "sessions extend etl1 --for 2h").await;
    assert_eq!(ran.data, "session \"etl1\" lives until 2026-01-02 05:09:05 +00:00 (in 2 h) at the latest\n");
    let asked = double.state().extensions.pop().unwrap();
    // The screen's time is five minutes after the double's.
    assert_eq!(asked.until.map(|until| until.seconds), Some(THEN + 300 + 7200));
    run(&double, "sessions extend etl1 --ttl 2d").await;
    assert_eq!(double.state().extensions.pop().unwrap().ttl.map(|ttl| ttl.seconds), Some(172_800));
    let refused = run(&double, "sessions extend nowhere --ttl 2d").await;
    assert!(refused.notes.contains("hearth sessions list"), "{}", refused.notes);
}

#[tokio::test]
async fn a_diagnosis_is_written_whole_to_a_file_of_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let double = Double::start().await;
    let name = double.put_session("etl1", State::Failed, |_| {});
    double.state().archives.insert(name, vec![b"first ".to_vec(), b"second".to_vec()]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.tar.gz");
    let ran = run(&double, &format!("sessions diagnose etl1 --out {}", file.display())).await;
    assert_eq!((ran.data, ran.code), (format!("{}\n", file.display()), 0));
    assert_eq!(std::fs::read(&file).unwrap(), b"first second");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let piped = run(&double, "sessions diagnose etl1 --out -").await;
    assert_eq!((piped.data.as_str(), piped.notes.as_str()), ("first second", ""));

    let missing = run(&double, "sessions diagnose nowhere").await;
    assert!(missing.code == 3 && missing.notes.contains("hearth sessions list"), "{}", missing.notes);
    let refused = run(&double, "sessions diagnose etl1 --out /nowhere/x.tar.gz").await;
    assert!(refused.notes.contains("could not write \"/nowhere/x.tar.gz\""), "{}", refused.notes);
    assert!(refused.code == 1 && refused.notes.contains("--out FILE"), "{}", refused.notes);
}

#[tokio::test]
async fn why_tells_the_reason_the_last_words_and_what_to_do() {
    let double = Double::start().await;
    let name = double.put_session("etl1", State::Failed, |_| {});
    let told = Explanation {
        state: "FAILED".to_owned(),
        summary: "It failed 5 min ago".to_owned(),
        reason: "The engine ended by itself (signal 9)".to_owned(),
        next_steps: vec!["See its log.".to_owned()],
        end_time: Some(then()),
        log_lines: vec!["out of memory".to_owned()],
        ..Explanation::default()
    };
    double.state().explanations.insert(name, told);
    let ran = run(&double, "sessions why etl1").await;
    assert_eq!(
        ran.data,
        "session \"etl1\" is FAILED\n  It failed 5 min ago\n  The engine ended by itself (signal 9)\n  \
         Ended 2026-01-02 03:04:05 +00:00 (5 min ago)\n\nits engine wrote last:\n  out of memory\n\n\
         what to do:\n  See its log.\n"
    );
}
