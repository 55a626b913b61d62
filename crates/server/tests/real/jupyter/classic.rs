//! Kernels on Spark 3.5, which has no Connect server: the driver is in a JVM of the kernel's own.

use hearth_testkit::{Options, PARENT, TestServer, connect_session, eventually_within};
use serde_json::{Value, json};

use super::client::{Notebook, shown};
use super::scala::{answer, data};
use super::warm::handed_over;
use crate::HEARTH;
use crate::spark_jvm::{PATIENCE, session_in};

/// The runtime of these tests, as the hosted service calls it.
const VERSION: &str = "2.3";

/// A session with a kernel in this language, which can be used: the id of the kernel.
fn kernel(server: &TestServer, id: &str, language: &str, properties: &Value) -> String {
    ask(server, id, language, properties);
    crate::uuid(&session_in(server, id, "ACTIVE"))
}

/// Asks for such a session.
fn ask(server: &TestServer, id: &str, language: &str, properties: &Value) {
    let mut properties = properties.clone();
    properties["spark.driver.memory"] = json!("1g");
    let body = json!({
        "name": format!("{PARENT}/sessions/{id}"), "jupyterSession": {"kernel": language},
        "labels": {"team": "blue"},
        "runtimeConfig": {"version": VERSION, "properties": properties},
    });
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId={id}"), &body).ok();
}

/// What Spark itself says about the jobs in this state, by its pages.
fn jobs(server: &TestServer, uuid: &str, state: &str) -> Result<Vec<Value>, String> {
    let api = format!("/sessions/{uuid}/ui/api/v1/applications");
    let listed = server.rest().get(&api);
    let id = listed.json[0]["id"].as_str().ok_or(listed.text)?;
    let answer = server.rest().get(&format!("{api}/{id}/jobs?status={state}"));
    answer.json.as_array().cloned().ok_or(answer.text)
}

/// Waits until Spark runs so many jobs.
fn runs(server: &TestServer, uuid: &str, number: usize) {
    eventually_within(PATIENCE, "Spark works on them", || match jobs(server, uuid, "running") {
        Ok(running) if running.len() == number => Ok(()),
        other => Err(other),
    });
}

/// Waits until a kernel in Python has asked its Spark what it asks to be warm, which is a job too.
fn is_warm(server: &TestServer, uuid: &str) {
    eventually_within(PATIENCE, "the kernel is warm", || match jobs(server, uuid, "succeeded") {
        Ok(jobs) if !jobs.is_empty() => Ok(()),
        other => Err(other),
    });
}

#[test]
fn cells_in_python_have_a_driver_of_their_own_with_the_sessions_properties() {
    let server = TestServer::start(HEARTH);
    let properties = json!({
        "spark.sql.shuffle.partitions": "3",
        "spark.dataproc.driverEnv.GREETING": "hello",
        "spark.my.password": "swordfish",
    });
    let id = kernel(&server, "cells", "PYTHON", &properties);
    let mut notebook = Notebook::open(&server, &id, "a");
    assert_eq!(notebook.run("spark.version, spark.range(10).count()"), "('3.5.9', 10)");
    assert_eq!(notebook.run("sc.parallelize(range(10)).map(lambda x: x + 1).sum()"), "55");
    assert_eq!(
        notebook.run(
            "print(*[spark.conf.get(key) for key in ('spark.sql.shuffle.partitions', 'spark.hearth.label.team', \
             'spark.hearth.uuid', 'spark.app.name')])"
        ),
        format!("3 blue {id} {PARENT}/sessions/cells\n")
    );
    assert_eq!(notebook.run("sc._jvm.Runtime.getRuntime().maxMemory() >> 20 in range(900, 1025)"), "True");

    let table = notebook.execute("spark.range(30).selectExpr('id', \"'<b>' as tag\")");
    let table = notebook.finish(&table);
    let html = table.iter().find_map(|said| said.content["data"]["text/html"].as_str()).unwrap();
    assert!(html.contains("<td>19</td>") && html.contains("&lt;b&gt;"), "{html}");
    assert!(!html.contains("<td>20</td>") && html.contains("first 20 rows"), "{html}");
    let functions = "import os\nfrom pyspark.sql.functions import pandas_udf, udf\n\
                     @udf('string')\ndef greeted(n): return os.environ['GREETING'] + str(n)\n\
                     @pandas_udf('long')\ndef twice(numbers): return 2 * numbers\n\
                     [tuple(row) for row in spark.range(2).select(greeted('id'), twice('id')).collect()]";
    assert_eq!(notebook.run(functions), "[('hello0', 0), ('hello1', 2)]");
    let missing = notebook.run("spark.sql('select * from nowhere').collect()");
    assert!(
        missing.contains("AnalysisException") && missing.contains("TABLE_OR_VIEW_NOT_FOUND"),
        "{missing}"
    );

    // What other users of the machine can see, and what cells start.
    let arguments: Vec<_> = server
        .engines()
        .iter()
        .filter_map(|process| std::fs::read_to_string(format!("/proc/{}/cmdline", process.pid)).ok())
        .collect();
    assert!(arguments.iter().any(|line| line.contains("PythonGatewayServer")), "{arguments:?}");
    assert!(!arguments.iter().any(|line| line.contains("swordfish")), "{arguments:?}");
    assert_eq!(notebook.run("[name for name in os.environ if 'SECRET' in name or 'TOKEN' in name]"), "[]");

    let application = notebook.run("print(sc.applicationId, end='')");
    // The same pages and calls as of every Spark, and the log once it has ended.
    assert!(!jobs(&server, &id, "succeeded").unwrap().is_empty());
    server.terminate("cells");
    server.nothing_left();
    let kept = format!("/v1/{PARENT}/sessions/cells/sparkApplications/{application}:searchJobs");
    let ended = server.rest().get(&kept).ok();
    assert_eq!(ended["sparkApplicationJobs"][0]["status"], "JOB_EXECUTION_STATUS_SUCCEEDED", "{ended:#}");
}

#[test]
fn a_cell_in_python_is_interrupted_with_its_jobs_and_its_kernel_restarted_with_a_new_driver() {
    let server = TestServer::start(HEARTH);
    let id = kernel(&server, "stops", "PYTHON", &json!({}));
    let mut notebook = Notebook::open(&server, &id, "a");
    let post = |what: &str| server.rest().post(&format!("/api/kernels/{id}/{what}"), &json!({}));
    notebook.run("n = 1");
    is_warm(&server, &id);
    for code in [
        "spark.range(0, 1 << 40, 1, 2).selectExpr('sum(hash(id))').collect()",
        "import time\nsc.parallelize([1, 2], 2).foreach(lambda n: time.sleep(1000))",
    ] {
        let endless = notebook.execute(code);
        runs(&server, &id, 1);
        assert_eq!(post("interrupt").status, 204);
        let told = shown(&notebook.finish(&endless));
        assert!(told.contains("KeyboardInterrupt") && !told.contains("ERROR"), "{told}");
        runs(&server, &id, 0);
        assert_eq!(notebook.run("spark.range(n + 2).count()"), "3", "and the kernel goes on");
    }
    let sleeps = notebook.execute("print('begun')\ntime.sleep(1000)");
    notebook.until(|said| said.parent == sleeps && said.msg_type == "stream");
    assert_eq!(post("interrupt").status, 204);
    let told = shown(&notebook.finish(&sleeps));
    assert!(told.contains("KeyboardInterrupt"), "{told}");

    let endless = notebook.execute("print('begun')\nwhile True: pass");
    notebook.until(|said| said.parent == endless && said.msg_type == "stream");
    assert_eq!(post("restart").status, 200);
    assert_eq!(notebook.run("'n' in globals(), spark.range(4).count()"), "(False, 4)");
    // Its pages are where those of the first were.
    assert!(!jobs(&server, &id, "succeeded").unwrap().is_empty());

    // Without its driver a kernel is of no use.
    let died = notebook.execute("sc._jvm.System.exit(7)");
    let told = shown(&notebook.finish(&died));
    assert!(told.contains("The kernel has ended: exit code 7") && told.contains("started anew"), "{told}");
    assert_eq!(notebook.run("spark.range(5).count()"), "5");
    server.terminate("stops");
    server.nothing_left();
}

#[test]
fn a_cell_shows_how_far_its_jobs_are_and_shows_no_more_of_it_afterwards() {
    let server = TestServer::start(HEARTH);
    // Eight tasks, none of which is quick.
    for (id, language, slow) in [
        (
            "slow-python",
            "PYTHON",
            "import time\nsc.parallelize(range(8), 8).map(lambda n: time.sleep(1.5)).count()",
        ),
        (
            "slow-scala",
            "SCALA",
            "spark.range(0, 8, 1, 8).map { n => Thread.sleep(1500); n }.collect().length",
        ),
    ] {
        let kernel = kernel(&server, id, language, &json!({}));
        let mut notebook = Notebook::open(&server, &kernel, "a");
        let cell = notebook.execute(slow);
        let said = notebook.finish(&cell);
        let texts: Vec<_> = said
            .iter()
            .filter(|said| !said.content["transient"]["display_id"].is_null())
            .map(|said| (said.msg_type.as_str(), said.content["data"]["text/plain"].as_str().unwrap()))
            .collect();
        let (kind, first) = texts.first().unwrap_or_else(|| panic!("{said:#?}"));
        assert!(first.starts_with("Spark: ") && first.contains("of 8 tasks"), "{texts:?}");
        assert_eq!(*kind, "display_data");
        assert_eq!(*texts.last().unwrap(), ("update_display_data", ""), "{texts:?}");
        assert!(shown(&said).ends_with('8'), "and the answer follows");
        server.terminate(id);
    }
    server.nothing_left();
}

#[test]
fn a_driver_that_cannot_start_fails_the_session_with_sparks_words() {
    let server = TestServer::start(HEARTH);
    ask(&server, "wrong-early", "PYTHON", &json!({"spark.driver.maxResultSize": "abc"}));
    ask(&server, "wrong-scala", "SCALA", &json!({"spark.driver.maxResultSize": "abc"}));
    ask(&server, "wrong-late", "PYTHON", &json!({"spark.sql.shuffle.partitions": "many"}));
    for (id, words) in [
        ("wrong-early", "Failed to parse byte string: abc"),
        ("wrong-scala", "Failed to parse byte string: abc"),
        ("wrong-late", "spark.sql.shuffle.partitions should be int, but was many"),
    ] {
        let session = session_in(&server, id, "FAILED");
        let message = session["stateMessage"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
        assert!(!message.contains("\n\tat ") && !message.contains("Traceback"), "no stack: {message}");
    }
    server.nothing_left();
}

#[test]
fn a_driver_that_was_kept_ready_takes_the_properties_of_its_session() {
    let server = Options::new(HEARTH).set("pools.engines=2.3/python=1").start();
    let body = json!({
        "name": format!("{PARENT}/sessions/warm"), "jupyterSession": {"kernel": "PYTHON"},
        "labels": {"team": "blue"},
        "runtimeConfig": {"version": VERSION, "properties": {"spark.sql.shuffle.partitions": "3"}},
    });
    let mut notebook = handed_over(&server, "warm", &body);
    let said = "import os\nprint(spark.conf.get('spark.sql.shuffle.partitions'), os.environ['HEARTH_LABEL_TEAM'], spark.range(6).count())";
    assert_eq!(notebook.run(said), "3 blue 6\n");
}

#[test]
fn it_is_offered_for_kernels_and_refused_for_spark_connect() {
    let server = TestServer::start(HEARTH);
    let specs = server.rest().get("/api/kernelspecs").ok();
    let spec = &specs["kernelspecs"]["hearth_spark-3.5"]["spec"];
    assert_eq!(
        (&spec["language"], &spec["display_name"]),
        (&json!("python"), &json!("Python (Apache Spark 3.5.9)"))
    );
    let spec = &specs["kernelspecs"]["hearth_scala_spark-3.5"]["spec"];
    assert_eq!(
        (&spec["language"], &spec["display_name"]),
        (&json!("scala"), &json!("Scala (Apache Spark 3.5.9)"))
    );
    let mut body = connect_session("refused");
    body["runtimeConfig"] = json!({"version": VERSION});
    let refused = server
        .rest()
        .post(&format!("/v1/{PARENT}/sessions?sessionId=refused"), &body)
        .error(400, "INVALID_ARGUMENT");
    assert!(refused.contains("'spark-3.5.9' has kernels only"), "{refused}");
}

#[test]
fn cells_in_scala_run_in_the_drivers_own_jvm() {
    let server = TestServer::start(HEARTH);
    let id = kernel(&server, "in-scala", "SCALA", &json!({"spark.sql.shuffle.partitions": "3"}));
    let mut notebook = Notebook::open(&server, &id, "a");
    assert_eq!(notebook.run("spark.range(10).map(_ + 1).count()"), "res0: Long = 10");
    let info = answer(&mut notebook, "kernel_info_request", &json!({}));
    assert!(info["language_info"]["version"].as_str().unwrap().starts_with("2.12."), "{info:#}");
    assert!(notebook.run("spark.version").ends_with("String = 3.5.9"));
    assert!(notebook.run("spark.conf.get(\"spark.sql.shuffle.partitions\")").ends_with("String = 3"));
    assert_eq!(notebook.run("val more = 5"), "more: Int = 5");
    let function =
        "val plus = udf((x: Long) => x + more)\nspark.range(2).select(plus($\"id\")).as[Long].collect().sum";
    assert!(notebook.run(function).ends_with("Long = 11"), "a function with a value of another cell");
    assert!(notebook.run("sc.parallelize(1 to 10).map(_ + more).sum()").ends_with("Double = 105.0"));
    // One cell that defines a class and has Spark use it.
    let both = "case class Born(year: Int)\nspark.range(1990, 1991)\n  .map(n => Born(n.toInt))\n  .collect()\n  .map(_.year + more)\n  .head";
    let said = notebook.run(both);
    assert!(said.starts_with("defined class Born\n") && said.ends_with("Int = 1995"), "{said}");

    let cell = notebook.execute("spark.range(30).withColumn(\"tag\", lit(\"<b>\"))");
    let frame = data(&notebook.finish(&cell), "execute_result");
    let html = frame["text/html"].as_str().unwrap();
    assert!(html.contains("<td>19</td><td>&lt;b&gt;</td>") && html.contains("first 20 rows"), "{html}");
    assert!(frame["text/plain"].as_str().unwrap().ends_with("[id: bigint, tag: string]"), "{frame:#}");
    let missing = notebook.run("spark.sql(\"select * from nowhere\").collect()");
    assert!(missing.contains("AnalysisException") && missing.contains("nowhere"), "{missing}");
    let refused = notebook.run("val n: Int = \"one\"");
    assert!(refused.contains("CompileError") && refused.contains("type mismatch"), "{refused}");
    let unfinished = notebook.run("List(1,");
    assert!(unfinished.contains("CompileError") && unfinished.contains("not complete"), "{unfinished}");

    let completed =
        answer(&mut notebook, "complete_request", &json!({"code": "val a = 1\nspark.ran", "cursor_pos": 19}));
    assert_eq!((&completed["matches"], &completed["cursor_start"]), (&json!(["range"]), &json!(16)));
    for (code, status) in [("1 + 1", "complete"), ("List(1,", "incomplete"), ("1 ) 2", "invalid")] {
        let told = answer(&mut notebook, "is_complete_request", &json!({"code": code}));
        assert_eq!(told["status"], status, "{code}");
    }
    let inspected = answer(&mut notebook, "inspect_request", &json!({"code": "1 + more", "cursor_pos": 6}));
    assert_eq!(inspected["data"]["text/plain"], "more: Int");
    assert!(!jobs(&server, &id, "succeeded").unwrap().is_empty());
    server.terminate("in-scala");
    server.nothing_left();
}

#[test]
fn a_cell_in_scala_is_interrupted_with_its_jobs_and_its_kernel_restarted_with_a_new_driver() {
    let server = TestServer::start(HEARTH);
    let id = kernel(&server, "stops-scala", "SCALA", &json!({}));
    let mut notebook = Notebook::open(&server, &id, "a");
    let post = |what: &str| server.rest().post(&format!("/api/kernels/{id}/{what}"), &json!({}));
    notebook.run("val n = 1");
    let endless = notebook.execute("spark.range(0, 1L << 40, 1, 2).selectExpr(\"sum(hash(id))\").collect()");
    runs(&server, &id, 1);
    assert_eq!(post("interrupt").status, 204);
    let told = shown(&notebook.finish(&endless));
    assert!(told.contains("cancelled"), "{told}");
    runs(&server, &id, 0);
    assert!(notebook.run("spark.range(n + 2).count()").ends_with("Long = 3"), "and the kernel goes on");
    let sleeps = notebook.execute("println(\"begun\")\nThread.sleep(1000000)");
    notebook.until(|said| said.parent == sleeps && said.msg_type == "stream");
    assert_eq!(post("interrupt").status, 204);
    let told = shown(&notebook.finish(&sleeps));
    assert!(told.contains("InterruptedException"), "{told}");

    assert_eq!(post("restart").status, 200);
    assert!(notebook.run("n").contains("not found: value n"));
    assert!(notebook.run("spark.range(4).map(_ + 1).count()").ends_with("Long = 4"));
    assert!(!jobs(&server, &id, "succeeded").unwrap().is_empty(), "its pages are where the first one's were");
    server.terminate("stops-scala");
    server.nothing_left();
}
