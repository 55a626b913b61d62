//! A Python kernel whose Spark is Apache's.

use hearth_testkit::{PARENT, TestServer, eventually};
use serde_json::{Value, json};

use super::client::{Notebook, shown};
use crate::HEARTH;

/// What Spark itself says about the jobs of a session in this state.
fn jobs(server: &TestServer, uuid: &str, state: &str) -> Vec<Value> {
    let api = format!("/sessions/{uuid}/ui/api/v1/applications");
    let applications = server.rest().get(&api).ok();
    let id = applications[0]["id"].as_str().unwrap_or_else(|| panic!("{applications:#}"));
    let jobs = server.rest().get(&format!("{api}/{id}/jobs?status={state}")).ok();
    jobs.as_array().unwrap().clone()
}

#[test]
fn a_notebook_on_apache_spark_queries_calls_functions_shows_progress_and_is_interrupted() {
    let server = TestServer::start(HEARTH);
    let body = json!({
        "name": format!("{PARENT}/sessions/in-lab"), "jupyterSession": {"kernel": "PYTHON"},
        "runtimeConfig": {"version": "spark-4.0", "properties": {"spark.sql.shuffle.partitions": "3"}},
    });
    server.rest().post(&format!("/v1/{PARENT}/sessions?sessionId=in-lab"), &body).ok();
    let session = server.session_in("in-lab", "ACTIVE");
    let uuid = session["uuid"].as_str().unwrap();
    let mut notebook = Notebook::open(&server, uuid, "a");
    assert_eq!(notebook.run("spark.version, spark.range(10).where('id > 6').count()"), "('4.0.5', 3)");
    assert_eq!(notebook.run("spark.conf.get('spark.sql.shuffle.partitions')"), "'3'");
    let table = notebook.execute("spark.createDataFrame([(1, 'one')], ['n', 'word'])");
    let table = notebook.finish(&table);
    assert!(table.iter().any(|said| said.content["data"]["text/html"].to_string().contains("<td>one</td>")));
    let functions = "from pyspark.sql.functions import udf\n\
                     @udf('long')\ndef twice(n): return 2 * n\n\
                     [row[0] for row in spark.range(3).select(twice('id')).collect()]";
    assert_eq!(notebook.run(functions), "[0, 2, 4]");

    // Eight tasks, none of which is quick.
    let slow = notebook.execute(
        "import time\n@udf('long')\ndef slowly(n):\n    time.sleep(0.5)\n    return n\n\
         spark.range(0, 8, 1, 8).select(slowly('id')).collect()",
    );
    let said = notebook.finish(&slow);
    let progress: Vec<_> =
        said.iter().filter_map(|said| said.content["data"]["text/plain"].as_str()).collect();
    assert!(
        progress.iter().any(|text| text.starts_with("Spark: ") && text.contains("of 8 tasks")),
        "{said:#?}"
    );
    assert!(shown(&said).contains("Row("), "and the answer follows");

    let endless = notebook
        .execute("print('begun')\nspark.range(0, 1 << 40, 1, 2).selectExpr('sum(hash(id))').collect()");
    notebook.until(|said| said.parent == endless && said.msg_type == "stream");
    eventually("Spark works on it", || match jobs(&server, uuid, "running") {
        running if running.len() == 1 => Ok(()),
        other => Err(other),
    });
    assert_eq!(server.rest().post(&format!("/api/kernels/{uuid}/interrupt"), &json!({})).status, 204);
    let told = shown(&notebook.finish(&endless));
    assert!(told.contains("KeyboardInterrupt"), "{told}");
    eventually("Spark works on it no more", || match jobs(&server, uuid, "running") {
        running if running.is_empty() => Ok(()),
        other => Err(other),
    });
    assert_eq!(jobs(&server, uuid, "failed").len(), 1, "it was cancelled");
    assert_eq!(notebook.run("spark.range(4).count()"), "4", "and the session goes on");
    server.terminate("in-lab");
    server.nothing_left();
}
