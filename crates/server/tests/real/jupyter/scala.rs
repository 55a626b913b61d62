//! Scala kernels, on Apache Spark.

use hearth_jupyter::Channel;
use hearth_testkit::{Options, PARENT, TestServer, eventually_within};
use serde_json::{Value, json};

use super::client::{Notebook, Said, shown};
use super::warm::handed_over;
use crate::HEARTH;
use crate::spark_jvm::{PATIENCE, RUNTIME, session_in};

/// What a session of a test is asked for with. Two JVMs that need not be large.
fn asked(id: &str) -> Value {
    json!({
        "name": format!("{PARENT}/sessions/{id}"),
        "jupyterSession": {"kernel": "SCALA"},
        "runtimeConfig": {"version": RUNTIME, "properties": {"spark.driver.memory": "1g"}},
    })
}

/// A session with a Scala kernel, which can be used: the id of the kernel.
fn scala(server: &TestServer, id: &str) -> String {
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId={id}"), &asked(id)).ok();
    crate::uuid(&session_in(server, id, "ACTIVE"))
}

/// The answer to a request that is not a cell.
pub(super) fn answer(notebook: &mut Notebook, request: &str, content: &Value) -> Value {
    let id = notebook.say(Channel::Shell, request, content);
    let all = notebook.until(|said| said.parent == id && said.channel == Channel::Shell);
    all.last().unwrap().content.clone()
}

/// The data of the first message of this type.
pub(super) fn data(all: &[Said], msg_type: &str) -> Value {
    let found = all.iter().find(|said| said.msg_type == msg_type);
    found.unwrap_or_else(|| panic!("no {msg_type}: {all:#?}")).content["data"].clone()
}

#[test]
fn cells_in_scala_run_on_the_sessions_spark() {
    let server = TestServer::start(HEARTH);
    let mut notebook = Notebook::open(&server, &scala(&server, "cells"), "a");
    assert_eq!(notebook.run("spark.range(10).count()"), "val res0: Long = 10");
    let info = answer(&mut notebook, "kernel_info_request", &json!({}));
    assert_eq!(info["language_info"]["name"], "scala");
    assert_eq!(info["language_info"]["file_extension"], ".scala");
    let features = info["supported_features"].as_array().unwrap();
    assert!(!features.contains(&json!("debugger")), "JupyterLab would offer one: {features:?}");

    let rows = "spark.range(3).map(_ + 1).collect()";
    assert_eq!(notebook.run(rows), "val res1: Array[Long] = Array(1, 2, 3)");
    assert_eq!(notebook.run("val more = 5"), "val more: Int = 5");
    let function =
        "val plus = udf((x: Long) => x + more)\nspark.range(2).select(plus($\"id\")).as[Long].collect().sum";
    assert!(notebook.run(function).ends_with("Long = 11"), "a function with a value of another cell");

    let companions = "case class Person(name: String, age: Int)\nobject Person {\n  def young(name: String) = Person(name, 7)\n}";
    assert_eq!(notebook.run(companions), "class Person\nobject Person");
    let chained = "Seq(Person.young(\"Ada\"))\n  .toDS()\n  .map(p => p.copy(age = p.age + more))\n  .collect()\n  .head";
    assert!(notebook.run(chained).ends_with("Person = Person(Ada,12)"));
    // One cell that defines a class and has Spark use it.
    let both = "import java.time.Year\ncase class Born(year: Int)\nspark.range(1990, 1991)\n  .map(n => Born(n.toInt))\n  .collect()\n  .map(born => Year.of(born.year))\n  .head";
    let said = notebook.run(both);
    assert!(
        said.starts_with("import java.time.Year\nclass Born\nval res") && said.ends_with("Year = 1990"),
        "{said}"
    );

    let said = notebook.run("print(\"grüße\")\nSystem.err.print(\"!\")\n()");
    assert!(said == "grüße!" || said == "!grüße", "two streams have no order: {said}");
}

#[test]
fn a_scala_notebook_shows_how_far_a_query_is() {
    let server = TestServer::start(HEARTH);
    let mut notebook = Notebook::open(&server, &scala(&server, "slow"), "a");
    // Eight tasks, none of which is quick.
    let slow = "spark.range(0, 8, 1, 8).map { n => Thread.sleep(1500); n }.collect().length";
    let slow = notebook.execute(slow);
    let said = notebook.finish(&slow);
    let shows: Vec<_> =
        said.iter().filter(|said| !said.content["transient"]["display_id"].is_null()).collect();
    let text = |said: &Said| said.content["data"]["text/plain"].as_str().unwrap().to_owned();
    let (first, rest) = shows.split_first().unwrap_or_else(|| panic!("{said:#?}"));
    assert_eq!(first.msg_type, "display_data");
    assert!(text(first).starts_with("Spark: ") && text(first).contains("of 8 tasks"), "{first:?}");
    assert!(rest.iter().all(|said| said.msg_type == "update_display_data"), "{rest:?}");
    assert_eq!(rest.last().map(|said| text(said)).as_deref(), Some(""), "and then no more");
    assert!(shown(&said).ends_with("Int = 8"), "and the answer follows");
}

#[test]
fn a_scala_notebook_shows_frames_and_errors_and_completes() {
    let server = TestServer::start(HEARTH);
    let mut notebook = Notebook::open(&server, &scala(&server, "shows"), "a");
    let cell = notebook.execute("spark.range(30).withColumn(\"tag\", lit(\"<b>\"))");
    let shown_frame = data(&notebook.finish(&cell), "execute_result");
    let html = shown_frame["text/html"].as_str().unwrap();
    assert!(
        html.contains("<th>id</th><th>tag</th>") && html.contains("<td>19</td><td>&lt;b&gt;</td>"),
        "{html}"
    );
    assert!(!html.contains("<td>20</td>") && html.contains("first 20 rows"), "{html}");
    assert!(shown_frame["text/plain"].as_str().unwrap().ends_with("[id: bigint, tag: string]"));
    let cell = notebook.execute("print(\"before\")\ndisplay(spark.range(2))\nprint(\"after\")");
    let all = notebook.finish(&cell);
    let kinds: Vec<_> = all.iter().map(|said| said.msg_type.as_str()).collect();
    let order: Vec<_> = kinds.iter().filter(|kind| ["stream", "display_data"].contains(kind)).collect();
    assert_eq!(order, [&"stream", &"display_data", &"stream"]);
    assert!(data(&all, "display_data")["text/html"].as_str().unwrap().contains("<td>1</td>"));
    assert_eq!(
        notebook.run("val kept = spark.range(2)"),
        "val kept: org.apache.spark.sql.connect.Dataset[Long] = [id: bigint]"
    );

    let cell = notebook.execute("throw new IllegalStateException(\"boom\")");
    let all = notebook.finish(&cell);
    let error = &all.iter().find(|said| said.msg_type == "error").unwrap().content;
    assert_eq!(
        (&error["ename"], &error["evalue"]),
        (&json!("java.lang.IllegalStateException"), &json!("boom"))
    );
    assert!(error["traceback"][0].as_str().unwrap().contains("IllegalStateException: boom"));
    let refused = notebook.run("val n: Int = \"one\"");
    assert!(refused.contains("CompileError") && refused.contains("type mismatch"), "{refused}");
    let missing = notebook.run("spark.sql(\"select * from nowhere\").collect()");
    assert!(missing.contains("AnalysisException") && missing.contains("nowhere"), "{missing}");

    let completed =
        answer(&mut notebook, "complete_request", &json!({"code": "val a = 1\nspark.ran", "cursor_pos": 19}));
    assert_eq!((&completed["matches"], &completed["cursor_start"]), (&json!(["range"]), &json!(16)));
    for (code, status) in [("1 + 1", "complete"), ("List(1,", "incomplete"), ("1 ) 2", "invalid")] {
        let told = answer(&mut notebook, "is_complete_request", &json!({"code": code}));
        assert_eq!(told["status"], status, "{code}");
    }
}

#[test]
fn a_scala_cell_is_interrupted_and_its_kernel_restarted() {
    let server = TestServer::start(HEARTH);
    let id = scala(&server, "stops");
    let mut notebook = Notebook::open(&server, &id, "a");
    let post = |what: &str| server.rest().post(&format!("/api/kernels/{id}/{what}"), &json!({}));
    notebook.run("val n = 1");
    let interrupted = |notebook: &mut Notebook, cell: &str| {
        assert_eq!(post("interrupt").status, 204);
        shown(&notebook.finish(cell))
    };
    let cell = notebook.execute("println(\"begun\")\nThread.sleep(1000000)");
    notebook.until(|said| said.parent == cell && said.msg_type == "stream");
    let told = interrupted(&mut notebook, &cell);
    assert!(told.contains("InterruptedException"), "{told}");
    let cell = notebook.execute(
        "spark.sql(\"select count(*) from range(100000) a, range(100000) b where a.id + b.id < 0\").show()",
    );
    let jobs = format!("/v1/{PARENT}/sessions/stops/sparkApplications/local-{id}:searchJobs");
    eventually_within(PATIENCE, "the query runs", || {
        let answer = server.rest().get(&jobs);
        if answer.text.contains("JOB_EXECUTION_STATUS_RUNNING") { Ok(()) } else { Err(answer.text) }
    });
    let told = interrupted(&mut notebook, &cell);
    assert!(told.contains("OPERATION_CANCELED"), "{told}");
    assert!(notebook.run("spark.range(n + 2).count()").ends_with("Long = 3"), "and the session goes on");

    // Ended by force where this Java can do that; told of otherwise.
    let endless = notebook.execute("println(\"begun\")\nwhile (true) {}");
    notebook.until(|said| said.parent == endless && said.msg_type == "stream");
    assert_eq!(post("interrupt").status, 204);
    notebook.until(|said| {
        let forced = said.content["ename"] == "java.lang.ThreadDeath";
        said.parent == endless && (forced || said.content["text"].to_string().contains("Restart the kernel"))
    });
    let endless = notebook.execute("println(\"begun\")\nwhile (true) {}");
    assert_eq!(post("restart").status, 200);
    notebook.until(|said| said.parent == endless && said.channel == Channel::Shell);
    assert!(notebook.run("n").contains("not found: value n"));
    assert!(notebook.run("spark.range(4).count()").ends_with("Long = 4"));

    let told = {
        let cell = notebook.execute("sys.exit(7)");
        shown(&notebook.finish(&cell))
    };
    assert!(told.contains("The kernel has ended: exit code 7") && told.contains("started anew"), "{told}");
    assert!(notebook.run("spark.range(5).count()").ends_with("Long = 5"));
    server.terminate("stops");
    server.nothing_left();
}

#[test]
fn a_scala_kernel_that_was_kept_ready_learns_whose_it_is() {
    let server = Options::new(HEARTH).set(&format!("pools.engines={RUNTIME}/scala=1")).start();
    let mut body = asked("warm");
    let properties = json!({"spark.sql.shuffle.partitions": "3"});
    body["runtimeConfig"] = json!({"version": RUNTIME, "properties": properties});
    let mut notebook = handed_over(&server, "warm", &body);
    let partitions = "spark.conf.get(\"spark.sql.shuffle.partitions\")";
    assert_eq!(notebook.run(partitions), "val res0: String = 3");
}

#[test]
fn scala_is_offered_where_spark_is_and_refused_elsewhere() {
    let server = TestServer::start(HEARTH);
    let specs = server.rest().get("/api/kernelspecs").ok();
    let spec = &specs["kernelspecs"][format!("hearth_scala_{RUNTIME}")]["spec"];
    assert_eq!(spec["language"], "scala");
    assert_eq!(spec["display_name"], "Scala (Apache Spark 4.0.5)");
    assert!(specs["kernelspecs"]["hearth_scala_sail"].is_null());
    let mut body = asked("refused");
    body["runtimeConfig"] = json!({"version": "sail"});
    let refused = server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=refused"), &body);
    assert_eq!(refused.status, 400, "{}", refused.text);
    for words in ["has no Scala kernel", "runtimeConfig.version", "'spark-4.0' (Apache Spark 4.0.5)"] {
        assert!(refused.text.contains(words), "{words}: {}", refused.text);
    }
}
