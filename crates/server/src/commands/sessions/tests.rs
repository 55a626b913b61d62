use std::time::{Duration, Instant};

use hearth_client::double::{Double, then};
use hearth_wire::dataproc::session::{SessionConfig, State};
use hearth_wire::dataproc::{JupyterConfig, RuntimeConfig, Session, SparkConnectConfig};
use hearth_wire::hearth::{Timeline, timeline};
use hearth_wire::{json, rpc};
use tonic::{Code, Status};

use crate::commands::context::trial::{parse, run, run_on, start};

fn spark_connect(session: &mut Session) {
    session.session_config = Some(SessionConfig::SparkConnectSession(SparkConnectConfig {}));
    session.runtime_config = Some(RuntimeConfig { version: "sail".to_owned(), ..RuntimeConfig::default() });
}

fn created(double: &Double, id: &str) -> Session {
    double.state().sessions[&format!("projects/local/locations/local/sessions/{id}")].clone()
}

#[tokio::test]
async fn a_list_is_a_table_for_people() {
    let double = Double::start().await;
    double.put_session("etl1", State::Active, spark_connect);
    double.put_session("notebook", State::Failed, |session| {
        session.session_config = Some(SessionConfig::JupyterSession(JupyterConfig::default()));
        session.user = "ada@example.org".to_owned();
    });
    let ran = run(&double, "sessions list").await;
    assert_eq!(
        ran.data,
        "ID        STATE   KIND            RUNTIME  CREATED    USER\n\
         etl1      ACTIVE  spark-connect   sail     5 min ago  local\n\
         notebook  FAILED  jupyter-python           5 min ago  ada@example.org\n"
    );
    assert_eq!((ran.notes.as_str(), ran.code), ("", 0));
    assert_eq!(run(&double, "sessions ls -q").await.data, "etl1\nnotebook\n");
}

#[tokio::test]
async fn a_list_is_the_json_of_the_api_for_programs() {
    let double = Double::start().await;
    double.put_session("etl1", State::Active, |_| {});
    let ran = run(&double, "sessions list --output json").await;
    let value: serde_json::Value = serde_json::from_str(&ran.data).unwrap();
    assert_eq!(value["sessions"][0]["name"], "projects/local/locations/local/sessions/etl1");
    assert_eq!(value["sessions"][0]["createTime"], "2026-01-02T03:04:05Z");
    let yaml = run(&double, "sessions list -o yaml").await.data;
    assert!(
        yaml.contains("- createTime: 2026-01-02T03:04:05Z") && yaml.contains("  state: ACTIVE"),
        "{yaml}"
    );
}

#[tokio::test]
async fn an_empty_list_says_what_to_do() {
    let double = Double::start().await;
    let ran = run(&double, "sessions list").await;
    assert_eq!(ran.data, "");
    assert_eq!(ran.notes, "There are no sessions. Create one with `hearth sessions create`.\n");
    assert_eq!(run(&double, "sessions list -o json").await.data, "{}\n");
}

#[tokio::test]
async fn a_list_is_cut_at_its_limit_and_walks_all_pages_when_asked() {
    let double = Double::start().await;
    for number in 0..7 {
        double.put_session(&format!("etl{number}"), State::Active, |_| {});
    }
    double.state().page = 3;
    let ran = run(&double, "sessions list -q --limit 4").await;
    assert_eq!(ran.data.lines().count(), 4);
    let ran = run(&double, "sessions list --limit 4").await;
    assert!(ran.notes.contains("--all-pages"), "{}", ran.notes);
    assert_eq!(run(&double, "sessions list -q --all-pages").await.data.lines().count(), 7);
    let ran = run(&double, "sessions list --limit 7").await;
    assert!(!ran.notes.contains("--all-pages"), "{}", ran.notes);
}

#[tokio::test]
async fn filters_are_sent_and_are_done_here_when_the_service_has_none() {
    let double = Double::start().await;
    double.put_session("etl1", State::Active, |session| {
        session.labels.insert("team".to_owned(), "data".to_owned());
    });
    double.put_session("etl2", State::Active, |_| {});
    double.put_session("etl3", State::Terminated, |session| {
        session.labels.insert("team".to_owned(), "web".to_owned());
    });
    let line = "sessions list -q --state active --label team=data --label team";
    assert_eq!(run(&double, line).await.data, "etl1\n");
    let asked = double.state().calls.last().unwrap().clone();
    assert_eq!(asked, ("list", "state = ACTIVE AND labels.team = \"data\" AND labels.team:*".to_owned()));
    double.state().filters = false;
    assert_eq!(run(&double, line).await.data, "etl1\n");
    assert_eq!(run(&double, "sessions list -q --label team").await.data, "etl1\netl3\n");
    let ran = run(&double, "sessions list --state failed").await;
    assert_eq!(ran.notes, "There are no such sessions.\n");
}

#[tokio::test]
async fn a_filter_of_ones_own_is_sent_beside_the_flags() {
    let double = Double::start().await;
    double.put_session("etl1", State::Active, |_| {});
    let asked = async |line: &str| {
        run(&double, line).await;
        double.state().calls.last().unwrap().1.clone()
    };
    assert_eq!(asked("sessions list --filter session_id=e*").await, "session_id=e*");
    let both = "sessions list --state active --filter session_id=e*";
    assert_eq!(asked(both).await, "(session_id=e*) AND state = ACTIVE");
    double.state().filters = false;
    let ran = run(&double, "sessions list --filter session_id=e*").await;
    assert_eq!((ran.data.as_str(), ran.code), ("", 1), "{}", ran.notes);
}

#[tokio::test]
async fn a_session_is_shown_line_by_line() {
    let double = Double::start().await;
    double.put_session("etl1", State::Active, |session| {
        spark_connect(session);
        session.labels.insert("team".to_owned(), "data".to_owned());
        let runtime = session.runtime_config.as_mut().unwrap();
        runtime.properties.insert("spark:spark.sql.shuffle.partitions".to_owned(), "8".to_owned());
        let execution =
            session.environment_config.get_or_insert_default().execution_config.get_or_insert_default();
        execution.ttl = Some(prost_types::Duration { seconds: 86_400, nanos: 0 });
        execution.idle_ttl = Some(prost_types::Duration { seconds: 3600, nanos: 0 });
    });
    let expected = "\
Name        projects/local/locations/local/sessions/etl1
UUID        0b1c2d3e-0000-4000-8000-000000000001
State       ACTIVE
Kind        spark-connect
Runtime     sail
Created     2026-01-02 03:04:05 +00:00 (5 min ago)
Since       2026-01-02 03:04:05 +00:00 (5 min ago)
Ends after  1 d
Or after    1 h without activity
Creator     local
Labels      team=data
Properties  spark:spark.sql.shuffle.partitions=8
";
    for name in ["etl1", "projects/local/locations/local/sessions/etl1"] {
        let ran = run(&double, &format!("sessions get {name}")).await;
        assert_eq!(ran.data, expected);
    }
    let json_form = run(&double, "sessions get etl1 -o json").await.data;
    assert_eq!(json::from_slice::<Session>(json_form.as_bytes()).unwrap(), created(&double, "etl1"));
}

#[tokio::test]
async fn a_session_that_is_not_there_is_reported_with_the_next_step() {
    let double = Double::start().await;
    let ran = run(&double, "sessions get etl1").await;
    assert_eq!(
        ran.notes,
        "error: could not get session \"etl1\"\n\
         caused by: Not found: Session projects/local/locations/local/sessions/etl1\n\
         \n\
         hint: Run `hearth sessions list` to see which there are.\n"
    );
    assert_eq!((ran.data.as_str(), ran.code), ("", 3));
    let ran = run(&double, "sessions get a/b").await;
    assert_eq!(ran.code, 2);
    assert!(ran.notes.contains("projects/P/locations/L/sessions/ID"), "{}", ran.notes);
}

#[tokio::test]
async fn short_names_belong_where_the_flags_say() {
    let double = Double::start().await;
    let ran = run(&double, "sessions get etl1 --project p --location l").await;
    assert!(ran.notes.contains("projects/p/locations/l/sessions/etl1"), "{}", ran.notes);
    assert!(double.state().calls.iter().all(|call| call.0 != "server"), "the service need not be asked");
    let ran = run(&double, "sessions get etl1 --project p").await;
    assert!(ran.notes.contains("projects/p/locations/local/sessions/etl1"), "{}", ran.notes);
}

#[tokio::test]
async fn a_creation_is_waited_for_and_ends_with_how_to_connect() {
    let double = Double::start().await;
    let ran = run(&double, "sessions create etl1").await;
    assert!(ran.data.starts_with("Name     projects/local/locations/local/sessions/etl1\n"), "{}", ran.data);
    assert!(
        ran.notes.starts_with("starting session \"etl1\" ...\nsession \"etl1\" is ACTIVE"),
        "{}",
        ran.notes
    );
    assert!(
        ran.notes.contains("sc://localhost:") && ran.notes.contains("x-dataproc-session=etl1"),
        "{}",
        ran.notes
    );
    assert!(!ran.notes.contains("secret"), "{}", ran.notes);
    assert_eq!(ran.code, 0);
    assert!(matches!(created(&double, "etl1").session_config, Some(SessionConfig::SparkConnectSession(_))));
}

#[tokio::test]
async fn every_flag_of_create_reaches_the_service() {
    let double = Double::start().await;
    let line = "sessions create etl1 -q --runtime 3.0 --kernel scala --label a=1 --label b=2=3 \
                --property spark.sql.shuffle.partitions=8 --ttl 2h --idle-ttl 30m --user ada@example.org \
                --template t1 --request-id r-1";
    let ran = run(&double, line).await;
    assert_eq!((ran.data.as_str(), ran.notes.as_str()), ("etl1\n", ""));
    let session = created(&double, "etl1");
    let text = json::to_string(&session, json::Style::default()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["runtimeConfig"]["version"], "3.0");
    assert_eq!(value["runtimeConfig"]["properties"]["spark.sql.shuffle.partitions"], "8");
    assert_eq!(value["jupyterSession"]["kernel"], "SCALA");
    assert_eq!(value["labels"], serde_json::json!({ "a": "1", "b": "2=3" }));
    let execution = &value["environmentConfig"]["executionConfig"];
    assert_eq!((&execution["ttl"], &execution["idleTtl"]), (&"7200s".into(), &"1800s".into()));
    assert_eq!((&value["user"], &value["sessionTemplate"]), (&"ada@example.org".into(), &"t1".into()));
    assert!(double.state().calls.contains(&("create", "r-1".to_owned())));
}

#[tokio::test]
async fn without_an_id_one_is_made_up() {
    let double = Double::start().await;
    let ran = run(&double, "sessions create -q").await;
    assert!(ran.data.starts_with("s-2"), "{}", ran.data);
    created(&double, ran.data.trim());
}

#[tokio::test]
async fn a_file_is_the_start_and_flags_come_before_it() {
    let double = Double::start().await;
    let folder = tempfile::tempdir().unwrap();
    let yaml = folder.path().join("session.yaml");
    let text = "name: from-file\nlabels: {a: '1', b: '2'}\njupyterSession: {display_name: Mine}\n\
                environmentConfig: {executionConfig: {ttl: 3600s}}\n";
    std::fs::write(&yaml, text).unwrap();
    let line = format!("sessions create -q --file {} --label b=3 --idle-ttl 1h", yaml.display());
    assert_eq!(run(&double, &line).await.data, "from-file\n");
    let session = created(&double, "from-file");
    assert_eq!(session.labels["a"], "1");
    assert_eq!(session.labels["b"], "3");
    assert!(
        matches!(&session.session_config, Some(SessionConfig::JupyterSession(it)) if it.display_name == "Mine")
    );
    let execution = session.environment_config.unwrap().execution_config.unwrap();
    assert_eq!((execution.ttl.unwrap().seconds, execution.idle_ttl.unwrap().seconds), (3600, 3600));

    let ran = run(&double, &format!("sessions create other --file {}", yaml.display())).await;
    assert_eq!(ran.code, 2);
    assert!(ran.notes.contains("\"from-file\", not \"other\""), "{}", ran.notes);
}

#[tokio::test]
async fn a_file_that_is_no_session_is_refused_before_any_call() {
    let double = Double::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.json");
    for (text, told) in [
        ("{\"runtimeKonfig\": {}}", "Unknown name \"runtimeKonfig\""),
        ("{", "Invalid JSON"),
        ("a: [", "not a session"),
    ] {
        std::fs::write(&file, text).unwrap();
        let ran = run(&double, &format!("sessions create etl1 --file {}", file.display())).await;
        assert!(ran.notes.contains(told), "{}", ran.notes);
        assert_eq!(ran.code, 2);
    }
    let ran = run(&double, "sessions create etl1 --file /nowhere/session.json").await;
    assert!(
        ran.notes.starts_with("error: could not read \"/nowhere/session.json\"\ncaused by:"),
        "{}",
        ran.notes
    );
    assert_eq!(double.state().calls, []);
}

#[tokio::test]
async fn a_creation_that_fails_says_why_and_where_to_look() {
    let double = Double::start().await;
    let why = "the engine exited with status 3:\nno space left".to_owned();
    let status = rpc::Status { code: Code::Internal.into(), message: why, details: Vec::new() };
    double.state().creation_fails = Some(status);
    let ran = run(&double, "sessions create etl1").await;
    assert_eq!(
        ran.notes,
        "starting session \"etl1\" ...\n\
         error: could not start session \"etl1\"\n\
         caused by: the engine exited with status 3:\n\
         no space left\n\
         \n\
         hint: Run `hearth sessions logs etl1` to see what its engine wrote, and `hearth sessions delete etl1` to \
         remove it.\n"
    );
    assert_eq!((ran.data.as_str(), ran.code), ("", 1));
}

#[tokio::test]
async fn an_id_that_is_taken_is_a_conflict() {
    let double = Double::start().await;
    double.put_session("etl1", State::Active, |_| {});
    let ran = run(&double, "sessions create etl1").await;
    assert_eq!(ran.code, 5);
    assert!(ran.notes.contains("hint: Choose another id"), "{}", ran.notes);
}

#[tokio::test]
async fn a_creation_that_is_not_waited_for_gives_its_operation() {
    let double = Double::start().await;
    let ran = run(&double, "sessions create etl1 --async").await;
    assert!(ran.data.contains("Status   RUNNING"), "{}", ran.data);
    assert!(ran.notes.contains("`hearth operations wait op-1`"), "{}", ran.notes);
    assert_eq!(run(&double, "sessions create etl2 --async -q").await.data, "op-2\n");
}

#[tokio::test]
async fn several_sessions_are_ended_and_one_that_cannot_be_does_not_keep_the_others() {
    let double = Double::start().await;
    for id in ["etl1", "etl2"] {
        double.put_session(id, State::Active, |_| {});
    }
    let ran = run(&double, "sessions delete etl1 gone etl2 away").await;
    assert_eq!(ran.data, "etl1\netl2\n");
    assert_eq!(ran.notes.matches("error: could not delete session").count(), 2, "{}", ran.notes);
    assert_eq!(ran.code, 3);
    assert!(double.state().sessions.is_empty());
}

#[tokio::test]
async fn a_session_is_terminated_once() {
    let double = Double::start().await;
    double.put_session("etl1", State::Active, |_| {});
    let ran = run(&double, "sessions terminate etl1 -o json").await;
    let session: Session = json::from_slice(ran.data.as_bytes()).unwrap();
    assert_eq!(
        (session.state(), ran.notes.as_str()),
        (State::Terminated, "terminating session \"etl1\" ...\n")
    );
    let ran = run(&double, "sessions terminate etl1").await;
    assert_eq!(ran.code, 5);
    assert!(ran.notes.contains("is already terminated"), "{}", ran.notes);
    let ran = run(&double, "sessions delete a b --request-id r").await;
    assert_eq!(ran.code, 2);
}

#[tokio::test]
async fn a_log_is_printed_as_it_was_written_or_from_its_last_lines() {
    let double = Double::start().await;
    let name = double.put_session("etl1", State::Active, |_| {});
    double.state().logs.insert(name, vec![b"one\ntw".to_vec(), b"o\nthree\n".to_vec()]);
    assert_eq!(run(&double, "sessions logs etl1").await.data, "one\ntwo\nthree\n");
    assert_eq!(run(&double, "sessions logs etl1 --tail 2").await.data, "two\nthree\n");
    assert_eq!(run(&double, "sessions logs etl1 --follow -n 1").await.data, "three\n");
    assert_eq!(run(&double, "sessions logs gone").await.code, 3);
}

#[tokio::test]
async fn a_log_that_is_followed_ends_with_its_session() {
    let double = Double::start().await;
    let name = double.put_session("etl1", State::Active, |_| {});
    {
        let mut records = double.state();
        records.logs_grow = true;
        records.logs.insert(name.clone(), vec![b"one\n".to_vec()]);
    }
    let (going, data, _) = start(&double, "sessions logs etl1 -f", |_| {});
    let going = tokio::spawn(going);
    let deadline = Instant::now() + Duration::from_secs(20);
    while data.read() != "one\n" {
        assert!(Instant::now() < deadline, "printed {:?}", data.read());
        tokio::task::yield_now().await;
    }
    {
        let mut records = double.state();
        records.logs.get_mut(&name).unwrap().push(b"two\n".to_vec());
        records.logs_grow = false;
    }
    assert_eq!(going.await.unwrap().unwrap().code(), 0);
    assert_eq!(data.read(), "one\ntwo\n");
}

#[tokio::test]
async fn following_a_log_ends_quietly_when_the_session_is_deleted() {
    let double = Double::start().await;
    let name = double.put_session("etl1", State::Active, |_| {});
    {
        let mut records = double.state();
        records.logs_grow = true;
        records.logs.insert(name.clone(), vec![b"one\n".to_vec()]);
    }
    let (going, data, notes) = start(&double, "sessions logs etl1 -f", |_| {});
    let going = tokio::spawn(going);
    // The third look is made after the follower has caught up.
    let deadline = Instant::now() + Duration::from_secs(20);
    while double.state().calls.iter().filter(|call| call.0 == "log").count() < 3 {
        assert!(Instant::now() < deadline, "printed {:?}", data.read());
        tokio::task::yield_now().await;
    }
    double.state().sessions.remove(&name);
    assert_eq!(going.await.unwrap().unwrap().code(), 0);
    assert_eq!((data.read().as_str(), notes.read().as_str()), ("one\n", "session \"etl1\" is gone\n"));
}

#[tokio::test]
async fn a_timeline_shows_how_long_each_step_took() {
    let double = Double::start().await;
    let name = double.put_session("etl1", State::Active, |_| {});
    let entry = |step: &str, millis: i32| timeline::Entry {
        step: step.to_owned(),
        time: Some(prost_types::Timestamp { nanos: millis * 1_000_000, ..then() }),
        elapsed: Some(prost_types::Duration { seconds: 0, nanos: millis * 1_000_000 }),
        detail: String::new(),
    };
    let entries = vec![entry("accepted", 0), entry("process up", 12), entry("active", 412)];
    double
        .state()
        .timelines
        .insert(name, Timeline { entries, note: "a warm pool would have helped".to_owned() });
    let ran = run(&double, "sessions timeline etl1").await;
    assert_eq!(
        ran.data,
        "STEP        AT            AFTER   TOOK    DETAIL\n\
         accepted    03:04:05.000  0 ms    0 ms\n\
         process up  03:04:05.012  12 ms   12 ms\n\
         active      03:04:05.412  0.41 s  0.40 s\n"
    );
    assert_eq!(ran.notes, "\na warm pool would have helped\n");
    assert!(run(&double, "sessions timeline etl1 -o json").await.data.contains("\"elapsed\": \"0.412s\""));
}

#[tokio::test]
async fn states_have_colors_for_people_alone() {
    let double = Double::start().await;
    double.put_session("etl1", State::Active, |_| {});
    assert!(!run(&double, "sessions list").await.data.contains('\u{1b}'));
    let ran = run_on(&double, "sessions list", |screen| screen.colors = true).await;
    assert!(ran.data.contains("\u{1b}["), "{:?}", ran.data);
}

#[tokio::test]
async fn a_service_that_has_no_room_or_wants_another_token_is_told_apart() {
    let double = Double::start().await;
    double.state().failures.push_back(Status::resource_exhausted("Quota exceeded"));
    assert_eq!(run(&double, "sessions list --project p --location l").await.code, 6);
    double.state().token = Some("another".to_owned());
    let ran = run(&double, "sessions list").await;
    assert_eq!(ran.code, 4);
    assert!(ran.notes.contains("hint: ") && ran.notes.contains("`hearth token`"), "{}", ran.notes);
}

#[test]
fn values_are_checked_as_they_are_typed() {
    for line in [
        "sessions",
        "sessions create --label x",
        "sessions create --ttl soon",
        "sessions create --kernel ruby",
        "sessions list --state gone",
        "sessions list --limit 3 --all-pages",
        "sessions delete",
        "sessions connect etl1 --url --python",
        "sessions get etl1 --output xml",
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
    parse("sessions --output json list --state ACTIVE").unwrap();
}

mod insight;
