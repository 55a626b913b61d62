//! What happens while nobody looks: output, restarts of the service, and use of the session.

use std::path::Path;

use hearth_jupyter::Channel;
use hearth_testkit::{Python, TestServer, eventually};
use serde_json::{Value, json};

use super::client::{Notebook, Said, shown};
use super::{session, start};
use crate::HEARTH;

/// Numbers that cells print, in the order they were heard.
fn numbers(said: &[Said]) -> Vec<u32> {
    shown(said).lines().filter_map(|line| line.parse().ok()).collect()
}

/// A cell that prints numbers until the file of this name is there, one every few milliseconds, and then how many.
fn counting(stop: &str) -> String {
    format!(
        "import os, time\nn = 0\nwhile not os.path.exists({stop:?}):\n    print(n, flush=True); n += 1; time.sleep(0.005)\n\
         print('counted', n)"
    )
}

/// A cell that prints 0, waits until there is a file `go`, prints the numbers up to `last`, makes a file `stop` and gives the last.
fn pausing(go: &Path, stop: &Path, last: u32) -> String {
    format!(
        "import os, time\nprint(0, flush=True)\nwhile not os.path.exists({go:?}): time.sleep(0.01)\n\
         for n in range(1, {last}): print(n, flush=True); time.sleep(0.001)\nopen({stop:?}, 'w').close()\n{last}"
    )
}

fn state(server: &TestServer, id: &str) -> Value {
    server.rest().get(&format!("/api/kernels/{id}")).ok()
}

#[test]
fn output_made_while_nobody_is_there_comes_once_and_in_order() {
    let server = TestServer::start(HEARTH);
    let id = start(&server);
    let (go, stop) = (server.scratch().join("go"), server.scratch().join("stop"));
    let mut notebook = Notebook::open(&server, &id, "ada");
    let cell = notebook.execute(&pausing(&go, &stop, 500));
    let mut heard = notebook.until(|said| said.msg_type == "stream");
    heard.extend(notebook.acknowledge());
    notebook.leave();
    eventually("nobody is there", || {
        let state = state(&server, &id);
        if state["connections"] == 0 { Ok(()) } else { Err(state) }
    });
    std::fs::write(&go, "").unwrap();
    eventually("the cell has ended", || if stop.exists() { Ok(()) } else { Err("it runs") });

    let mut notebook = Notebook::open(&server, &id, "ada");
    heard.extend(notebook.finish(&cell));
    assert_eq!(numbers(&heard), (0..=500).collect::<Vec<_>>());
    let sequence = |said: &Said| said.metadata["hearth_sequence"].as_u64();
    let sequences: Vec<_> = heard.iter().filter_map(sequence).collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    // Nothing of it comes again.
    assert_eq!(notebook.run("'again'"), "'again'");
}

/// As a page of JupyterLab does behind a server of its own: the first connection is given up before it is used.
#[test]
fn what_a_connection_got_that_nobody_used_comes_again() {
    let server = TestServer::start(HEARTH);
    let id = start(&server);
    let (go, stop) = (server.scratch().join("go"), server.scratch().join("stop"));
    let mut notebook = Notebook::open(&server, &id, "closed");
    notebook.execute(&pausing(&go, &stop, 200));
    notebook.until(|said| said.msg_type == "stream");
    notebook.leave();
    std::fs::write(&go, "").unwrap();
    eventually("the cell has ended", || if stop.exists() { Ok(()) } else { Err("it runs") });

    let counted: Vec<_> = (0..=200).collect();
    let the_end = |said: &Said| said.msg_type == "execute_result";
    let mut unused = Notebook::open(&server, &id, "opened");
    assert_eq!(numbers(&unused.until(the_end)), counted);
    unused.leave();
    let mut used = Notebook::open(&server, &id, "opened");
    assert_eq!(numbers(&used.until(the_end)), counted);
    used.acknowledge();
    used.leave();
    let mut again = Notebook::open(&server, &id, "opened");
    assert_eq!(again.run("'again'"), "'again'", "and no more than that");
}

#[test]
fn a_cell_goes_on_while_the_service_is_killed_and_started_again() {
    let mut server = TestServer::start(HEARTH);
    let id = start(&server);
    let stop = server.scratch().join("stop");
    let mut notebook = Notebook::open(&server, &id, "ada");
    let cell = notebook.execute(&counting(stop.to_str().unwrap()));
    let mut heard =
        notebook.until(|said| said.content["text"].as_str().is_some_and(|text| text.contains("20\n")));
    server.kill9();
    let (rest, ended) = notebook.rest();
    heard.extend(rest);
    assert_eq!(ended, None, "nobody was there to say anything");
    server.restart();
    let model = state(&server, &id);
    assert_eq!(model["execution_state"], "busy", "{model}");
    let mut notebook = Notebook::open(&server, &id, "ada");
    heard.extend(notebook.until(|said| said.msg_type == "stream"));
    std::fs::write(&stop, "").unwrap();
    heard.extend(notebook.finish(&cell));
    // What was on its way when the service was killed may have come twice, and then says so by its number.
    heard.sort_by_key(|said| said.metadata["hearth_sequence"].as_u64());
    heard.dedup_by_key(|said| said.metadata["hearth_sequence"].as_u64().unwrap_or_default());
    let counted = numbers(&heard);
    assert_eq!(counted, (0..counted.len() as u32).collect::<Vec<_>>());
    assert!(shown(&heard).contains(&format!("counted {}", counted.len())));
    assert_eq!(notebook.run("n > 0, spark.range(3).count()"), "(True, 3)");
}

#[test]
fn a_thousand_cells_wait_for_each_other_and_are_all_answered() {
    let server = TestServer::start(HEARTH);
    let mut notebook = Notebook::open(&server, &start(&server), "a");
    let asked: Vec<_> = (0..1000).map(|n| notebook.execute(&format!("print({n})"))).collect();
    let last = asked.last().unwrap().clone();
    let (mut idle, mut replied) = (false, Vec::new());
    let heard = notebook.until(|said| {
        if said.channel == Channel::Shell {
            assert_eq!(said.content["status"], "ok");
            replied.push(said.parent.clone());
        }
        idle |= said.parent == last && said.content["execution_state"] == "idle";
        idle && replied.len() == 1000
    });
    assert_eq!(replied, asked);
    assert_eq!(numbers(&heard), (0..1000).collect::<Vec<_>>());
}

#[test]
fn a_hundred_megabytes_of_output_arrive_whole_and_cost_a_bounded_amount() {
    let server = TestServer::start(HEARTH);
    let id = start(&server);
    let relay = || {
        let engines = server.engines();
        engines.into_iter().find(|process| process.command().contains("kernel-relay")).unwrap()
    };
    let mut silent = Notebook::open(&server, &id, "silent");
    let mut other = Notebook::open(&server, &id, "other");
    let (service, before) = (server.peak_memory(), relay().peak_memory());
    // Four times as much as is kept, and without a pause in which it would be said in pieces.
    let told = other.run("for n in range(100): print('x' * 1_000_000 + f' {n}')\nprint('done')");
    let said: Vec<_> =
        told.lines().filter_map(|line| line.trim_start_matches('x').strip_prefix(' ')).collect();
    assert_eq!(said, (0..100).map(|n| n.to_string()).collect::<Vec<_>>(), "who reads misses nothing");
    assert!(told.len() > 100_000_000 && told.ends_with("done\n"), "{} bytes", told.len());
    // What becomes more on its way, and one output that cannot be said in pieces.
    let told = other.run("for n in range(20): print('\\n' * 1_000_000, end='')\nprint('done')");
    assert_eq!(told.len(), 20_000_005);
    let told = other
        .run("from IPython.display import display\ndisplay({'text/plain': 'x' * 100_000_000}, raw=True)");
    assert!(told.contains("an output of 95 MiB was left out"), "{told}");
    let grown = server.peak_memory() - service;
    assert!(grown < 64 << 20, "the service grew by {grown} bytes");
    // With what it takes by itself, less than 64 MiB.
    let grown = relay().peak_memory() - before;
    assert!(grown < 54 << 20, "the relay grew by {grown} bytes");
    let heard =
        silent.until(|said| said.content["text"].as_str().is_some_and(|text| text.contains("left out")));
    let told = shown(&heard);
    assert!(told.contains("messages were dropped here"), "{} bytes", told.len());
}

/// Makes a session as old as one that a limit of ten minutes, the shortest there is, ends in so many seconds.
const AGED: &str = "import datetime, sqlite3, sys\n\
    path, session, limit, seconds = sys.argv[1:]\n\
    since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=600 - int(seconds))\n\
    since = since.isoformat().replace('+00:00', 'Z')\n\
    change = 'UPDATE sessions SET document = json_set(document, ?, ?, ?, json(?)) WHERE id = ?'\n\
    limit = [f'$.config.environment.execution.{limit}', '{\"secs\": 600, \"nanos\": 0}']\n\
    store = sqlite3.connect(path)\n\
    store.execute(change, ['$.state_at', since, *limit, session])\n\
    store.commit()\n";

/// What a notebook is shown until `limit` ends its session, which is called `brief`. It runs this first.
fn shown_until_the_end(limit: &str, code: Option<&str>) -> Vec<String> {
    let mut server = TestServer::start(HEARTH);
    let made = session(&server, "brief");
    let id = made["uuid"].as_str().unwrap();
    if let Some(code) = code {
        let mut notebook = Notebook::open(&server, id, "ada");
        notebook.run(code);
        notebook.leave();
    }
    server.kill9();
    let script = server.scratch().join("aged.py");
    std::fs::write(&script, AGED).unwrap();
    let store = server.state_dir().join("hearth.db");
    Python::client("jupyterlab").run(&script, &[store.to_str().unwrap(), "brief", limit, "12"]).succeeded();
    server.restart();
    let mut notebook = Notebook::open(&server, id, "ada");
    let (said, ended) = notebook.rest();
    assert_eq!(ended.map(|(code, _)| code), Some(1001));
    server.session_in("brief", "TERMINATED");
    server.nothing_left();
    let told = said.iter().filter(|said| said.msg_type == "stream");
    told.map(|said| said.content["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_session_whose_time_is_nearly_over_says_so_in_its_notebook_and_then_that_it_is() {
    let told = shown_until_the_end("ttl", Some("print('here')"));
    let near = told.iter().position(|text| text.starts_with("Session brief: Its ttl ends it in "));
    let over = told.iter().position(|text| text.contains("after its ttl of 600 s"));
    assert!(near.is_some() && near < over, "{told:#?}");
}

#[test]
fn a_session_that_nobody_uses_says_in_its_notebook_that_it_will_end_and_then_that_it_does() {
    let told = shown_until_the_end("idle_ttl", None);
    let near = told.iter().position(|text| {
        text.starts_with("Session brief: It ends in ") && text.contains(" unless it is used")
    });
    let over = told.iter().position(|text| text.contains("idle"));
    assert!(near.is_some() && near < over, "{told:#?}");
}

#[test]
fn a_running_cell_is_use_of_the_session_and_an_open_notebook_is_not() {
    let mut server = TestServer::start(HEARTH);
    let made = session(&server, "used");
    let id = made["uuid"].as_str().unwrap();
    let stop = server.scratch().join("stop");
    let mut notebook = Notebook::open(&server, id, "a");
    let running = |server: &TestServer| {
        let why = server.rest().get(&format!("/hearth/v1/{}/sessions/used:why", hearth_testkit::PARENT)).ok();
        why["reason"].as_str().unwrap().contains("A call runs")
    };
    // What a client asks by itself when it connects is no use.
    let asked = notebook.say(Channel::Shell, "kernel_info_request", &json!({}));
    notebook.finish(&asked);
    assert!(!running(&server));
    notebook.execute(&counting(stop.to_str().unwrap()));
    let is = |server: &TestServer, wanted: bool| {
        eventually("the session is used or not", || {
            let now = running(server);
            if now == wanted { Ok(()) } else { Err(now) }
        });
    };
    is(&server, true);
    notebook.leave();
    is(&server, true);
    server.kill9();
    server.restart();
    // Known before anything else is done, or it might be taken for idle.
    assert!(running(&server));
    std::fs::write(&stop, "").unwrap();
    is(&server, false);
}
