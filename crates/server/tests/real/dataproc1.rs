//! The program `dataproc1`, as built, against the service: what its pages say, word for word.

use std::path::{Path, PathBuf};
use std::process::Command;

use hearth_testkit::{Finished, PARENT, TestServer, run};
use serde_json::{Value, json};

use crate::HEARTH;

/// A user of the program: a home, in which `local` is the service.
struct User {
    program: PathBuf,
    home: PathBuf,
}

impl User {
    fn of(server: &TestServer) -> Self {
        // Programs of one workspace are built into one directory; a package's tests are told only of their own.
        let program = Path::new(HEARTH).with_file_name("dataproc1");
        assert!(program.exists(), "no {}: run `cargo build -p hearth-cli`", program.display());
        let home = server.scratch().join("home");
        std::fs::create_dir_all(home.join("state")).unwrap();
        std::os::unix::fs::symlink(server.state_dir(), home.join("state/hearth")).unwrap();
        let user = Self { program, home };
        user.does(&["contexts", "use", "local"]).succeeded();
        user
    }

    fn does(&self, words: &[&str]) -> Finished {
        let mut command = Command::new(&self.program);
        command.args(words).env_clear().env("HOME", &self.home).current_dir(&self.home);
        command.env("XDG_STATE_HOME", self.home.join("state"));
        run(&mut command)
    }

    /// What a call of the API prints, once it went well.
    #[track_caller]
    fn calls(&self, words: &[&str]) -> Value {
        let said = self.does(words).succeeded();
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    #[track_caller]
    fn fails(&self, words: &[&str], code: i32) -> String {
        let finished = self.does(&[&["--exit-codes", "detailed"], words].concat());
        assert_eq!(finished.status.code(), Some(code), "{finished:#?}");
        finished.stderr
    }
}

fn ids(list: &Value, of: &str) -> Vec<String> {
    let all = list[of].as_array().into_iter().flatten();
    all.map(|one| hearth_testkit::id_of(one["name"].as_str().unwrap()).to_owned()).collect()
}

#[test]
fn a_session_made_from_a_template_lives_and_ends_from_the_command_line() {
    let server = TestServer::start(HEARTH);
    let user = User::of(&server);
    let template = format!("{PARENT}/sessionTemplates/nightly");
    let session = format!("{PARENT}/sessions/ana-1");

    let named = format!("name={template}");
    let made = user.calls(&[
        "projects",
        "locations-session-templates-create",
        PARENT,
        "-r",
        &named,
        "description=first",
        "labels=team=core",
        "labels=stage=draft",
        ".spark-connect-session",
        ".",
        "environment-config.execution-config",
        "ttl=2h",
        "idle-ttl=20m",
        "...runtime-config",
        "properties=spark.sql.shuffle.partitions=8",
    ]);
    assert_eq!(made["labels"], json!({"team": "core", "stage": "draft"}), "{made:#}");
    assert_eq!(made["environmentConfig"]["executionConfig"], json!({"ttl": "7200s", "idleTtl": "1200s"}));
    assert_eq!(user.calls(&["projects", "locations-session-templates-get", &template]), made);
    let written = user.calls(&[
        "projects",
        "locations-session-templates-patch",
        &template,
        "-r",
        &named,
        "labels=team=core",
        ".spark-connect-session",
        ".environment-config.execution-config",
        "ttl=3h",
    ]);
    assert_eq!((&written["labels"], written.get("description")), (&json!({"team": "core"}), None));
    let listed = user.calls(&[
        "projects",
        "locations-session-templates-list",
        PARENT,
        "-p",
        "filter=labels.team = core",
    ]);
    assert_eq!(ids(&listed, "sessionTemplates"), ["nightly"]);

    let from = format!("session-template={template}");
    let create = [
        "projects",
        "locations-sessions-create",
        PARENT,
        "-r",
        &from,
        "user=ana@example.com",
        "labels=env=dev",
        ".environment-config.execution-config",
        "idle-ttl=30m",
        "-p",
        "session-id=ana-1",
    ];
    let active = user.calls(&[&["--wait"], &create[..]].concat());
    assert_eq!(
        (active["state"].as_str(), active["user"].as_str()),
        (Some("ACTIVE"), Some("ana@example.com"))
    );
    assert_eq!(active["labels"], json!({"env": "dev", "team": "core"}), "{active:#}");
    let times = &active["environmentConfig"]["executionConfig"];
    assert_eq!((&times["ttl"], &times["idleTtl"]), (&json!("10800s"), &json!("1800s")));
    let endpoint = format!("sc://localhost:{}", server.port());
    assert_eq!(active["runtimeInfo"]["endpoints"]["Spark Connect Server"], endpoint);
    let refused = user.fails(&create, 8);
    assert!(refused.contains("ana-1"), "{refused}");

    let get = ["projects", "locations-sessions-get", &session];
    assert_eq!(user.calls(&get)["uuid"], active["uuid"]);
    let list = |filter: &str| {
        let filter = format!("filter={filter}");
        ids(&user.calls(&["projects", "locations-sessions-list", PARENT, "-p", &filter]), "sessions")
    };
    assert_eq!(list("state = ACTIVE AND labels.env = dev"), ["ana-1"]);
    assert_eq!(list("state = ACTIVE AND labels.env = prod"), [""; 0]);
    let mistaken = user.fails(&["projects", "locations-sessions-list", PARENT, "-p", "filter=state ="], 9);
    assert!(mistaken.contains("Invalid filter"), "{mistaken}");
    let table = user.does(&["--output", "table", "projects", "locations-sessions-list", PARENT]).succeeded();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        (rows.len(), &rows[0][..2], &rows[1][..2]),
        (2, &["NAME", "STATE"][..], &["ana-1", "ACTIVE"][..])
    );

    let ended = user.calls(&["--wait", "projects", "locations-sessions-terminate", &session]);
    assert_eq!((ended["state"].as_str(), &ended["uuid"]), (Some("TERMINATED"), &active["uuid"]));

    let operations = format!("{PARENT}/operations");
    let list = ["projects", "locations-operations-list", &operations, "-p", "filter=done = true"];
    let done = user.calls(&list);
    let kinds: Vec<&str> = done["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| operation["metadata"]["operationType"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"CREATE") && kinds.contains(&"TERMINATE") && kinds.len() == 2, "{done:#}");
    // Names of operations say `regions`, as those of the hosted service do.
    let first = done["operations"][0]["name"].as_str().unwrap();
    assert_eq!(user.calls(&["projects", "regions-operations-get", first]), done["operations"][0]);

    // Without `--wait` it is the operation that is printed.
    let deleting = user.calls(&["projects", "locations-sessions-delete", &session]);
    server.done(&deleting);
    let gone = user.fails(&get, 7);
    assert!(gone.contains(&session), "{gone}");
    assert_eq!(user.calls(&["projects", "locations-session-templates-delete", &template]), json!({}));
    user.fails(&["projects", "locations-session-templates-get", &template], 7);
    server.nothing_left();
}

#[test]
fn words_that_are_wrong_are_told_with_their_place_and_nothing_is_sent() {
    let server = TestServer::start(HEARTH);
    let user = User::of(&server);
    let told = user.fails(
        &[
            "projects",
            "locations-sessions-create",
            PARENT,
            "-r",
            "user=ana",
            "environment-config.execution-config",
            "tll=8h",
            "-p",
            "session-id=ana-1",
        ],
        2,
    );
    assert!(told.contains("Did you mean 'ttl=8h'"), "{told}");
    let listed = user.calls(&["projects", "locations-sessions-list", PARENT]);
    assert_eq!(ids(&listed, "sessions"), [""; 0]);
    let failed = user.fails(
        &[
            "--wait",
            "projects",
            "locations-sessions-create",
            PARENT,
            "-r",
            ".spark-connect-session",
            ".runtime-config",
            "properties=sail.runtime.stack_size=a-lot",
            "-p",
            "session-id=stillborn",
        ],
        14,
    );
    assert!(failed.contains("The engine ended before it was ready"), "{failed}");
}
