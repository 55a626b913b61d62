use hearth_client::double::Double;

use super::*;
use crate::commands::context::trial::{run, run_on};

fn file() -> Option<TokenSource> {
    Some(TokenSource::File("/home/o'neil/token".into()))
}

#[test]
fn the_address_says_localhost_because_only_there_a_token_is_sent_without_tls() {
    for (endpoint, url) in [
        ("http://127.0.0.1:8470", "sc://localhost:8470/;x-dataproc-session=etl"),
        ("http://[::1]:8470", "sc://localhost:8470/;x-dataproc-session=etl"),
        ("http://localhost", "sc://localhost:80/;x-dataproc-session=etl"),
        ("http://10.0.0.7:8470", "sc://10.0.0.7:8470/;x-dataproc-session=etl"),
        ("http://[fd00::7]:8470/", "sc://[fd00::7]:8470/;x-dataproc-session=etl"),
    ] {
        let way = Way::at(endpoint, "etl", file());
        assert_eq!(way.url, url);
        assert_eq!(way.warning.is_some(), !url.contains("localhost"), "{endpoint}");
        assert_eq!(Way::at(endpoint, "etl", None).warning, None);
    }
}

#[test]
fn the_token_is_read_where_it_is_and_never_shown() {
    let way = Way::at("http://127.0.0.1:8470", "etl", file());
    assert_eq!(
        way.shell(),
        "export SPARK_REMOTE='sc://localhost:8470/;x-dataproc-session=etl'\n\
         export SPARK_CONNECT_AUTHENTICATE_TOKEN=\"$(cat '/home/o'\\''neil/token')\"\n"
    );
    assert_eq!(
        way.python(),
        "import os\n\
         \n\
         from pyspark.sql import SparkSession\n\
         \n\
         os.environ[\"SPARK_CONNECT_AUTHENTICATE_TOKEN\"] = open(\"/home/o'neil/token\").read().strip()\n\
         spark = SparkSession.builder.remote(\"sc://localhost:8470/;x-dataproc-session=etl\").getOrCreate()\n\
         spark.sql(\"SELECT 1 AS one\").show()\n"
    );
    let way = Way::at("http://127.0.0.1:8470", "etl", Some(TokenSource::Environment));
    assert!(way.shell().ends_with("export SPARK_CONNECT_AUTHENTICATE_TOKEN=\"$HEARTH_TOKEN\"\n"));
    assert!(way.python().contains("os.environ[\"HEARTH_TOKEN\"]"));
    let open = Way::at("http://127.0.0.1:8470", "etl", None);
    assert!(!open.python().contains("import os") && !open.shell().contains("TOKEN"));
}

#[tokio::test]
async fn each_flag_prints_one_thing_and_people_get_an_explanation() {
    let double = Double::start().await;
    double.put_session("etl1", State::Active, |_| {});
    let port = double.endpoint().rsplit(':').next().unwrap().to_owned();
    let url = format!("sc://localhost:{port}/;x-dataproc-session=etl1");
    assert_eq!(run(&double, "sessions connect etl1 --url").await.data, format!("{url}\n"));
    assert_eq!(run(&double, "sessions connect etl1").await.data, format!("{url}\n"));
    assert!(run(&double, "sessions connect etl1 --shell").await.data.starts_with("export SPARK_REMOTE="));
    assert!(run(&double, "sessions connect etl1 --python").await.data.contains("getOrCreate()"));
    let ran = run_on(&double, "sessions connect etl1", |screen| screen.data_on_terminal = true).await;
    assert!(ran.data.contains("    export SPARK_REMOTE="), "{}", ran.data);
    let value: serde_json::Value =
        serde_json::from_str(&run(&double, "sessions connect etl1 -o json").await.data).unwrap();
    assert_eq!((&value["url"], &value["tokenVariable"]), (&url.into(), &SPARK_TOKEN_VARIABLE.into()));
}

#[tokio::test]
async fn a_session_of_another_place_is_named_in_full() {
    let double = Double::start().await;
    let name = double.put_session("etl1", State::Active, |_| {});
    let elsewhere = name.replace("projects/local", "projects/team");
    let mut session = double.state().sessions[&name].clone();
    session.name = elsewhere.clone();
    double.state().sessions.insert(elsewhere, session);
    let ran = run(&double, "sessions connect etl1 --url --project team").await;
    let named = "x-dataproc-session=projects%2Fteam%2Flocations%2Flocal%2Fsessions%2Fetl1";
    assert!(ran.data.trim_end().ends_with(named), "{}", ran.data);
}

#[tokio::test]
async fn sessions_that_cannot_be_connected_to_say_why() {
    let double = Double::start().await;
    double.put_session("ended", State::Terminated, |session| {
        session.state_message = "ttl of 2 h is over".to_owned()
    });
    let ran = run(&double, "sessions connect ended").await;
    assert!(
        ran.notes.starts_with("error: session \"ended\" is TERMINATED: ttl of 2 h is over\n"),
        "{}",
        ran.notes
    );
    assert_eq!((ran.data.as_str(), ran.code), ("", 5));
    double.put_session("notebook", State::Active, |session| {
        session.session_config = Some(SessionConfig::JupyterSession(Default::default()));
    });
    assert_eq!(run(&double, "sessions connect notebook").await.code, 2);
    double.put_session("young", State::Creating, |_| {});
    let ran = run(&double, "sessions connect young --url").await;
    assert!(ran.notes.contains("still CREATING") && ran.code == 0, "{}", ran.notes);
}
