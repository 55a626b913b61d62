//! What an engine is given, and what stays of it.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::io::{FdFlags, fcntl_setfd};

use crate::fixture::{Fixture, LONG, exited, listening, new_id};

#[tokio::test]
async fn an_engine_gets_what_its_spec_says_and_nothing_of_the_servers() {
    let (fx, id) = (Fixture::new(), new_id());
    // Something that the server has open and that would be inherited.
    let leak = fx.file("leak");
    let open = File::create(&leak).unwrap();
    fcntl_setfd(&open, FdFlags::empty()).unwrap();
    let report = fx.file("report");
    let mut spec = fx.spec(id, &[("STUB_REPORT", report.to_str().unwrap()), ("CONF", "{work}/conf")]);
    spec.args = vec!["--conf".to_owned(), "{work}/conf/a.conf".to_owned()];
    spec.files.insert("conf/a.conf".to_owned(), "dir={work}".to_owned());
    let driver = fx.driver();
    driver.ensure(&spec).await.unwrap();
    listening(&driver, id).await;

    let work = fx.dir(id).join("work");
    let work_text = work.to_str().unwrap();
    assert_eq!(fs::read_to_string(work.join("conf/a.conf")).unwrap(), format!("dir={work_text}"));
    let report = fs::read_to_string(report).unwrap();
    let of = |kind: &str| -> Vec<&str> {
        report.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' ')).collect()
    };
    assert_eq!(of("cwd"), [work_text]);
    assert_eq!(of("arg"), ["--conf".to_owned(), format!("{work_text}/conf/a.conf")]);

    let given: BTreeMap<&str, &str> = of("env").iter().map(|entry| entry.split_once('=').unwrap()).collect();
    assert_eq!(given["CONF"], format!("{work_text}/conf"));
    assert_eq!(given["HEARTH_ENGINE"], id.to_string());
    assert_eq!(given["HEARTH_ENGINES_DIR"], fx.engines_dir().to_str().unwrap());
    for name in given.keys() {
        let passed_on = ["PATH", "HOME", "LANG", "TZ", "HEARTH_ENGINE", "HEARTH_ENGINES_DIR"].contains(name);
        assert!(passed_on || spec.env.contains_key(*name), "{name}");
    }

    let files = of("fd");
    assert_eq!(files.len(), 3, "{files:?}");
    assert_eq!(files[0], "0 /dev/null");
    assert!(files[1].starts_with("1 pipe:") && files[2].starts_with("2 pipe:"), "{files:?}");
    for mask in ["SigBlk:", "SigIgn:"] {
        let line = report.lines().find(|line| line.starts_with(mask)).unwrap();
        // The stub is a Rust program, and those ignore SIGPIPE (13) from their start. 32 and 33 are the C library's
        // own, which no program can change; they are inherited from whoever runs the tests.
        let others = 1_u64 << 12 | 1 << 31 | 1 << 32;
        assert_eq!(u64::from_str_radix(line[mask.len()..].trim(), 16).unwrap() & !others, 0, "{line}");
    }
    drop(open);
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn only_its_owner_can_read_an_engine_and_only_its_traces_stay_after_its_end() {
    let (fx, id) = (Fixture::new(), new_id());
    let driver = fx.driver();
    let mut spec = fx.spec(id, &[]);
    spec.files.insert("secret".to_owned(), "x".to_owned());
    driver.ensure(&spec).await.unwrap();
    listening(&driver, id).await;
    driver.set_deadline(id, spec.deadline).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&fx.engines_dir()), 0o700);
    assert_eq!(mode(&fx.dir(id)), 0o700);
    for file in ["spec.json", "shim.json", "status.json", "deadline.json", "lock", "work/secret"] {
        assert_eq!(mode(&fx.dir(id).join(file)), 0o600, "{file}");
    }
    driver.stop(id, LONG).await.unwrap();
    exited(&driver, id).await;
    let log = driver.log(id, 0, 1000).await.unwrap();
    assert!(String::from_utf8_lossy(&log.content).starts_with("Starting the stub engine on 127.0.0.1:"));
    crate::fixture::eventually("an end to the scratch directory", || {
        (!fx.dir(id).join("work").exists()).then_some(())
    });
    assert!(fx.dir(id).join("exit.json").exists());
    fx.clean(&driver, id).await;
}

#[tokio::test]
async fn a_log_begins_with_the_head_of_the_spec() {
    let (fx, id) = (Fixture::new(), new_id());
    let mut spec = fx.spec(id, &[("STUB_LINES", "first words")]);
    spec.log_head = "whose it is\n".to_owned();
    let driver = fx.driver();
    driver.ensure(&spec).await.unwrap();
    listening(&driver, id).await;
    let log = driver.log(id, 0, 1 << 20).await.unwrap();
    let text = String::from_utf8(log.content).unwrap();
    assert!(text.starts_with("whose it is\nfirst words\n"), "{text}");
    fx.clean(&driver, id).await;
}
