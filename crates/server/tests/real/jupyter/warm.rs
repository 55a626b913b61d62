//! Kernels that are there before anybody asks for one.

use hearth_testkit::{Options, PARENT, TestServer, eventually, eventually_within};
use serde_json::{Value, json};

use super::client::Notebook;
use super::start;
use crate::HEARTH;
use crate::spark_jvm::session_in;

/// A kernel with its Spark starts in seconds on an idle machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(180);

fn pool(server: &TestServer, name: &str) -> Value {
    let pools = server.rest().get("/hearth/v1/pools").ok()["pools"].clone();
    let found = pools.as_array().and_then(|pools| pools.iter().find(|pool| pool["name"] == name));
    found.cloned().unwrap_or_default()
}

/// Waits until an engine of this pool is ready.
fn ready(server: &TestServer, name: &str) {
    eventually_within(PATIENCE, "an engine is ready", || {
        let pool = pool(server, name);
        if pool["ready"] == 1 { Ok(()) } else { Err(pool) }
    });
}

/// Makes this session once the one engine of the only pool is ready, and sees that it gets that.
pub(super) fn handed_over(server: &TestServer, id: &str, body: &Value) -> Notebook {
    eventually_within(PATIENCE, "an engine is ready", || {
        let pools = server.rest().get("/hearth/v1/pools").ok()["pools"].clone();
        if pools[0]["ready"] == 1 { Ok(()) } else { Err(pools) }
    });
    let before = server.engines();
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId={id}"), body).ok();
    let uuid = crate::uuid(&session_in(server, id, "ACTIVE"));
    assert!(before.iter().any(|process| process.engine == uuid), "{before:#?}");
    Notebook::open(server, &uuid, "a")
}

/// The session of a kernel. Kernels make theirs in the place that the service has by default.
fn session_of(server: &TestServer, kernel: &str) -> Value {
    let listed = server.rest().get("/v1/projects/local/locations/local/sessions").ok();
    let all = listed["sessions"].as_array().unwrap();
    all.iter().find(|session| session["uuid"] == kernel).unwrap().clone()
}

fn steps(server: &TestServer, session: &Value) -> Vec<Value> {
    let name = session["name"].as_str().unwrap();
    let told = server.rest().get(&format!("/hearth/v1/{name}:timeline")).ok();
    told["entries"].as_array().unwrap().iter().map(|entry| entry["step"].clone()).collect()
}

#[test]
fn who_opens_jupyterlab_finds_a_kernel_that_is_ready_and_knows_whose_it_is() {
    let server = Options::new(HEARTH).set("pools.engines=sail=0..1,sail/python=0..1").start();
    assert_eq!(server.engines(), [], "nobody has come yet");
    // As JupyterLab does when it opens, before anybody clicks.
    server.rest().get("/api/kernelspecs").ok();
    ready(&server, "sail-0.7.2/python");
    assert!(pool(&server, "sail-0.7.2").get("ready").is_none(), "it is a notebook that was looked at");
    let before = server.engines();
    let id = start(&server);
    assert!(before.iter().all(|process| process.engine == id), "{before:#?}");
    let session = session_of(&server, &id);
    assert!(steps(&server, &session).contains(&json!("handed over")), "{session:#}");
    let mut notebook = Notebook::open(&server, &id, "a");
    let said = notebook.run(
        "import json, os\ntold = json.load(open(os.environ['HEARTH_SESSION_FILE']))\n\
         print(spark.range(7).count(), os.environ['HEARTH_SESSION'] == told['session'], told['uuid'])",
    );
    assert_eq!(said, format!("7 True {id}\n"));
    // Another takes its place, since one was asked for; a restart of this kernel is as ever.
    ready(&server, "sail-0.7.2/python");
    assert_eq!(server.rest().post(&format!("/api/kernels/{id}/restart"), &json!({})).status, 200);
    assert_eq!(notebook.run("'told' in globals(), spark.range(2).count()"), "(False, 2)");
    assert_eq!(notebook.run("print(os.environ['HEARTH_SESSION'] != '')").lines().count(), 1);
    assert_eq!(server.rest().delete(&format!("/api/kernels/{id}")).status, 204);
    eventually("its session has ended", || {
        let state = session_of(&server, &id)["state"].clone();
        if state == "TERMINATED" { Ok(()) } else { Err(state) }
    });
}

/// What a kernel can tell of the process that it is in.
const PROCESS: &str = "import os, sys\n\
    of_session = sorted((name, value.replace(os.environ['HEARTH_SESSION_UUID'], 'ID').replace(os.environ['HEARTH_SESSION'], 'NAME'))\n\
        for name, value in os.environ.items() if name != 'SPARK_REMOTE')\n\
    here = os.getcwd()\n\
    print(here == os.path.dirname(os.environ['HEARTH_SESSION_FILE']), [path.replace(here, 'HERE') for path in sys.path], sys.argv)\n\
    print(of_session, sys.flags, __name__)";

#[test]
fn the_next_kernel_is_the_process_that_was_kept_for_it_and_does_not_differ() {
    let mut server = Options::new(HEARTH).set("pools.engines=").start();
    let first = start(&server);
    let spare = eventually_within(PATIENCE, "a process is kept", || server.spares().pop().ok_or("none"));
    let next = start(&server);
    let engines = server.engines();
    let host = engines.iter().find(|process| process.pid == spare.pid).expect("it is of an engine now");
    assert_eq!(host.engine, next, "others can see of which");
    let told = [&first, &next].map(|kernel| Notebook::open(&server, kernel, "a").run(PROCESS));
    assert_eq!(told[0], told[1]);
    let function = "from pyspark.sql.functions import udf\n@udf('long')\ndef twice(n): return 2 * n\n\
        spark.range(3).select(twice('id').alias('n')).collect()[2].n";
    assert_eq!(Notebook::open(&server, &next, "a").run(function), "4");

    let spare = eventually_within(PATIENCE, "another one is kept", || server.spares().pop().ok_or("none"));
    // Only a process that was started with it obeys this.
    let utf8 = json!({
        "name": format!("{PARENT}/sessions/utf8"), "jupyterSession": {},
        "runtimeConfig": {"properties": {"spark.dataproc.driverEnv.PYTHONUTF8": "1"}},
    });
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=utf8"), &utf8).ok();
    let utf8 = crate::uuid(&session_in(&server, "utf8", "ACTIVE"));
    assert_eq!(Notebook::open(&server, &utf8, "a").run("import sys\nsys.flags.utf8_mode"), "1");
    assert!(server.spares().contains(&spare), "of no use to that session");

    // It is a session like any other: it survives the service, and goes with all that is its own.
    server.kill9();
    eventually("what nobody has goes with the service", || {
        let left = server.spares();
        if left.contains(&spare) { Err(left) } else { Ok(()) }
    });
    server.restart();
    assert_eq!(Notebook::open(&server, &next, "a").run("spark.range(4).count()"), "4");
    let supervisor = server.shims().into_iter().find(|shim| shim.engine == next).expect("its supervisor");
    supervisor.kill();
    eventually_within(PATIENCE, "nothing of it is left", || {
        let left: Vec<_> = server.engines().into_iter().filter(|process| process.engine == next).collect();
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
    assert_eq!(Notebook::open(&server, &first, "a").run("spark.range(5).count()"), "5");
}

#[test]
fn what_a_session_says_of_itself_reaches_a_kernel_that_was_there_before() {
    let server = Options::new(HEARTH).set("pools.engines=sail/python=1").start();
    ready(&server, "sail-0.7.2/python");
    let body = json!({
        "name": format!("{PARENT}/sessions/told"), "jupyterSession": {"displayName": "Told"},
        "labels": {"team": "blue"},
        "runtimeConfig": {
            "properties": {"spark.sql.session.timeZone": "Asia/Tokyo", "spark.sql.repl.eagerEval.enabled": "false"},
            "repositoryConfig": {"pypiRepositoryConfig": {"pypiRepository": "http://127.0.0.1:9/index"}},
        },
    });
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=told"), &body).ok();
    let session = server.session_in("told", "ACTIVE");
    assert!(steps(&server, &session).contains(&json!("handed over")), "{session:#}");
    let id = session["uuid"].as_str().unwrap();
    let mut notebook = Notebook::open(&server, id, "a");
    let said = notebook.run(
        "import os\nprint(spark.conf.get('spark.sql.session.timeZone'), os.environ['HEARTH_LABEL_TEAM'])",
    );
    assert_eq!(said, "Asia/Tokyo blue\n");
    let shown = notebook.execute("spark.range(1)");
    let shown = notebook.finish(&shown);
    assert!(shown.iter().all(|said| said.content["data"].get("text/html").is_none()), "{shown:#?}");
    notebook.run("%env UV_HTTP_RETRIES=0");
    let installed = notebook.run("%pip install no-such-package-of-ours");
    assert!(installed.contains("127.0.0.1:9"), "its own index was asked: {installed}");
    server.terminate("told");
}
