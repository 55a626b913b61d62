//! What happens while nobody looks: output, restarts of the service, and use of the session.

use hearth_jupyter::Channel;
use hearth_testkit::{TestServer, eventually};
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

fn state(server: &TestServer, id: &str) -> Value {
    server.rest().get(&format!("/api/kernels/{id}")).ok()
}

#[test]
fn output_made_while_nobody_is_there_comes_once_and_in_order() {
    let server = TestServer::start(HEARTH);
    let id = start(&server);
    let (go, stop) = (server.scratch().join("go"), server.scratch().join("stop"));
    let mut notebook = Notebook::open(&server, &id, "ada");
    let cell = notebook.execute(&format!(
        "import os, time\nprint(0, flush=True)\nwhile not os.path.exists({go:?}): time.sleep(0.01)\n\
         for n in range(1, 500): print(n, flush=True)\nopen({stop:?}, 'w').close()\n500",
        go = go.to_str().unwrap(),
        stop = stop.to_str().unwrap(),
    ));
    let mut heard = notebook.until(|said| said.msg_type == "stream");
    // What it has heard is acknowledged by the time that it hears the answer to something it has said afterwards.
    for _ in 0..2 {
        let asked = notebook.say(Channel::Control, "kernel_info_request", &json!({}));
        heard.extend(notebook.until(|said| said.channel == Channel::Control && said.parent == asked));
    }
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
fn a_client_that_never_reads_costs_a_bounded_amount_and_hears_what_it_missed() {
    let server = TestServer::start(HEARTH);
    let id = start(&server);
    let mut silent = Notebook::open(&server, &id, "silent");
    let mut other = Notebook::open(&server, &id, "other");
    let before = server.peak_memory();
    // Three times as much as is kept.
    let told = other.run("for n in range(100): print('x' * 1_000_000 + f' {n}', flush=True)\nprint('done')");
    assert!(told.ends_with("done\n"));
    let grown = server.peak_memory() - before;
    assert!(grown < 64 << 20, "the service grew by {grown} bytes");
    let relays: Vec<_> =
        server.engines().into_iter().filter(|process| process.command().contains("kernel-relay")).collect();
    assert_eq!(relays.len(), 1);
    let peak = relays[0].peak_memory();
    assert!(peak < 256 << 20, "the relay held {peak} bytes");
    let heard = silent.until(|said| said.content["text"].as_str().is_some_and(|text| text.contains("done")));
    let told = shown(&heard);
    assert!(told.contains("messages were dropped here"), "{} bytes", told.len());
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
