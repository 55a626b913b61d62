//! A session whose history is shown by a history server of somebody else's.

use hearth_testkit::{Options, PARENT, Python, connect_session, eventually_within};
use serde_json::json;

use crate::daemon::Daemon;
use crate::spark_jvm::{PATIENCE, RUNTIME, session_in};
use crate::{HEARTH, remote, script, uuid};

#[test]
fn a_session_that_names_a_history_server_leaves_its_events_there_and_its_link_leads_there() {
    let dir = tempfile::tempdir().unwrap();
    let events = dir.path().join("events");
    std::fs::create_dir(&events).unwrap();
    let flags = [
        format!("-Dspark.history.fs.logDirectory=file://{}", events.display()),
        "-Dspark.history.fs.update.interval=1s".to_owned(),
        "-Dspark.history.ui.port=0".to_owned(),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let class = "org.apache.spark.deploy.history.HistoryServer";
    let theirs = Daemon::start(dir.path(), "history", "127.0.0.1", &flags, class, &[]);
    let port = theirs.says("Successfully started service 'HistoryServerUI' on port ");
    let pages = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));

    let named = format!("spark.history-servers=team=file://{} {pages}/", events.display());
    let server = Options::new(HEARTH).set(&named).start();
    let mut body = connect_session("shown");
    body["runtimeConfig"] = json!({"version": RUNTIME, "properties": {"spark.driver.memory": "1g"}});
    let cluster = json!({"dataprocCluster": "projects/p/regions/r/clusters/team"});
    body["environmentConfig"] = json!({"peripheralsConfig": {"sparkHistoryServerConfig": cluster}});
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=shown"), &body).ok();
    let uuid = uuid(&session_in(&server, "shown", "ACTIVE"));
    let asked = Python::client("pyspark-4.0").run(&script("asks.py"), &[&remote(&server, &uuid)]);
    assert_eq!(asked.succeeded(), "42\n");
    let jobs = format!("/sessions/{uuid}/ui/jobs/");
    let live = server.rest().get(&jobs);
    assert!(live.status == 200 && live.text.contains(&jobs), "its own driver's: {}", live.text);
    server.terminate("shown");

    // The link leads to a page that the other server made, whose links know nothing of ours.
    let application = format!("local-{uuid}");
    eventually_within(PATIENCE, "the other server shows the session", || {
        let page = server.rest().get(&jobs);
        let own = format!("\"/history/{application}/stages/");
        let ours = page.text.contains(&format!("/sessions/{uuid}"));
        let theirs = page.status == 200 && page.text.contains(&own) && !ours;
        if theirs { Ok(()) } else { Err(page.text) }
    });
    // The data are told as those of every session are.
    let found = server.rest().get(&format!("/v1/{PARENT}/sessions/shown/sparkApplications:search")).ok();
    let name = format!("{PARENT}/sessions/shown/sparkApplications/{application}");
    assert_eq!(found["sparkApplications"][0]["name"], name, "{found:#}");

    server.rest().delete(&format!("/v1/{PARENT}/sessions/shown")).ok();
    eventually_within(PATIENCE, "the session is gone", || {
        let found = server.session("shown");
        if found.status == 404 { Ok(()) } else { Err(found.text) }
    });
    assert!(events.join(application).is_file(), "what is the other server's is not ours to remove");
}
