//! Notebooks as people use them: JupyterLab in a browser.
//!
//! Pictures of what was seen are left in `target/tmp/pictures`. With `BLESS=1` those that the documentation has are written anew.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hearth_testkit::{Python, Script, TestServer, cache, eventually};
use serde_json::json;

use super::lab::Lab;
use crate::spark_jvm::RUNTIME;
use crate::{HEARTH, chromium, script};

/// The card of the runtime that tests have.
const CARD: &str = "Python (Sail 0.7.2)";

/// How long a scene may take between two lines. The script waits for each of its many steps itself, and says which one failed.
const SCENE: Duration = Duration::from_secs(300);

/// The pictures that the documentation has.
const DOCUMENTED: [&str; 4] = ["launcher", "notebook", "scala", "ended"];

/// Starts a scene of the script that uses a browser.
fn scene(name: &str, lab: &Lab, arguments: &[&str]) -> Script {
    let chromium = chromium();
    let pictures = pictures();
    let mut all = vec![name, &lab.address, chromium.to_str().unwrap(), pictures.to_str().unwrap()];
    all.extend(arguments);
    Python::client("browser").start(&script("uses_jupyterlab.py"), &all)
}

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures")
}

/// Takes these pictures over into the documentation, if that is wanted.
fn document(names: &[&str]) {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images");
    for name in names {
        assert!(DOCUMENTED.contains(name));
        let file = format!("{name}.png");
        let size = std::fs::metadata(pictures().join(&file)).unwrap().len();
        assert!((5_000..150 << 10).contains(&size), "{file} has {size} bytes");
        if std::env::var_os("BLESS").is_some() {
            std::fs::copy(pictures().join(&file), images.join(&file)).unwrap();
        }
    }
}

#[test]
fn cards_open_notebooks_with_spark_and_plots_whose_buttons_work() {
    let server = TestServer::start(HEARTH);
    // Where the service looks for cards.
    let templates = "/v1/projects/local/locations/local/sessionTemplates";
    let template = json!({
        "name": format!("{}/flights", &templates[4..]),
        "jupyterSession": {"displayName": "Flights"},
    });
    server.rest().post(templates, &template).ok();
    let lab = Lab::start(&server);
    let mut browser = scene("works", &lab, &[]);
    let cards = browser.until_within(SCENE, "seen");
    assert!(cards.contains(&CARD.to_owned()) && cards.contains(&"Flights".to_owned()), "{cards:#?}");
    browser.end();
    document(&["launcher", "notebook"]);
}

#[test]
fn a_notebook_in_scala_works_on_apache_spark() {
    let server = TestServer::start(HEARTH);
    let data = cache().join("runtimes/envs").read_dir().unwrap().filter_map(Result::ok);
    let mut data = data.map(|environment| environment.path().join("share/datasets/flights.csv"));
    let data = data.find(|file| file.is_file()).expect("a runtime with a data set");
    let template = json!({
        "name": "projects/local/locations/local/sessionTemplates/scala",
        "jupyterSession": {"kernel": "SCALA", "displayName": "Scala"},
        "runtimeConfig": {"version": RUNTIME, "properties": {
            "spark.driver.memory": "1g", "spark.dataproc.driverEnv.FLIGHTS": data,
        }},
    });
    server.rest().post("/v1/projects/local/locations/local/sessionTemplates", &template).ok();
    let lab = Lab::start(&server);
    let mut browser = scene("works-in-scala", &lab, &["Scala"]);
    browser.until_within(SCENE, "seen");
    browser.end();
    document(&["scala"]);
}

#[test]
fn a_page_shows_what_a_cell_says_while_the_service_is_killed_and_started_again() {
    let mut server = TestServer::start(HEARTH);
    let lab = Lab::start(&server);
    let stop = server.scratch().join("stop");
    let mut browser = scene("service-is-killed", &lab, &[stop.to_str().unwrap(), CARD]);
    browser.until_within(SCENE, "it prints");
    server.kill9();
    server.restart();
    browser.say("the service is back");
    browser.until_within(SCENE, "it goes on");
    std::fs::write(&stop, "").unwrap();
    browser.until_within(SCENE, "seen");
    browser.end();
}

#[test]
fn a_page_that_was_closed_shows_all_that_a_cell_said_meanwhile_once_and_in_order() {
    let server = TestServer::start(HEARTH);
    let lab = Lab::start(&server);
    let stop = server.scratch().join("stop").display().to_string();
    let mut browser = scene("page-is-closed", &lab, &[&stop, CARD]);
    let kernel = || server.rest().get("/api/kernels").ok()[0].take();
    browser.until_within(SCENE, "closed");
    let has_gone_on = |cell: u8| {
        let far = PathBuf::from(format!("{stop}{cell}-far"));
        eventually("the cell has gone on", || if far.exists() { Ok(()) } else { Err("not far") });
    };
    has_gone_on(0);
    browser.say("open it while it runs");
    browser.until_within(SCENE, "it shows");
    std::fs::write(format!("{stop}0"), "").unwrap();
    browser.until_within(SCENE, "closed");
    has_gone_on(1);
    std::fs::write(format!("{stop}1"), "").unwrap();
    eventually("the cell has ended", || {
        let state = kernel()["execution_state"].take();
        if state == "idle" { Ok(()) } else { Err(state) }
    });
    browser.say("open it after its end");
    browser.until_within(SCENE, "seen");
    browser.end();
}

#[test]
fn a_page_says_in_a_sentence_why_its_session_has_ended() {
    let server = TestServer::start(HEARTH);
    let lab = Lab::start(&server);
    let stop = server.scratch().join("stop");
    let mut browser = scene("session-is-ended", &lab, &[stop.to_str().unwrap(), CARD]);
    browser.until_within(SCENE, "it prints");
    let kernels = server.rest().get("/api/kernels").ok();
    let resource = kernels[0]["metadata"]["endpointParentResource"].as_str().unwrap();
    let id = resource.rsplit('/').next().unwrap();
    server.command(&["sessions", "terminate", id]).succeeded();
    browser.say("the session has ended");
    let said = browser.until_within(SCENE, "seen");
    let [sentence] = said.as_slice() else { panic!("{said:#?}") };
    assert!(sentence.starts_with(&format!("Session {id} is ending: terminated by ")), "{sentence}");
    assert!(sentence.ends_with("@localhost."), "{sentence}");
    browser.end();
    eventually("nothing is left of it", || {
        let left = server.rest().get("/api/kernels").ok();
        if left == json!([]) { Ok(()) } else { Err(left) }
    });
    document(&["ended"]);
}
