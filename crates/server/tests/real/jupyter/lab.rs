//! JupyterLab as `hearth notebook` starts it.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use hearth_testkit::{Rest, TestServer, cache, eventually};
use serde_json::{Value, json};

use super::SPEC;
use crate::HEARTH;

/// Ended with its test.
struct Lab(Child);

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn jupyterlab_is_pointed_at_the_service_and_signed_in() {
    let server = TestServer::start(HEARTH);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let log = std::fs::File::create(server.scratch().join("lab.log")).unwrap();
    let mut command = Command::new(HEARTH);
    command.arg("notebook").arg("--jupyter").arg(cache().join("clients/jupyterlab/bin/jupyter-lab"));
    command.arg("--state-dir").arg(server.state_dir()).args(["--", "--no-browser", "--allow-root"]);
    command.arg(format!("--ServerApp.port={port}")).arg("--IdentityProvider.token=lab");
    command.arg(format!("--ServerApp.root_dir={}", server.scratch().display()));
    for name in ["HOME", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"] {
        command.env(name, server.scratch().join("home"));
    }
    command.env_remove("HEARTH_TOKEN").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    let _lab = Lab(command.spawn().unwrap());
    let lab = Rest::new(&format!("http://127.0.0.1:{port}"), Some("lab"));
    let specs = eventually("JupyterLab shows the service's kernels", || {
        match lab.try_call("GET", "/api/kernelspecs", "") {
            Ok(answer) if answer.status == 200 => Ok(answer.json),
            other => {
                let log = std::fs::read_to_string(server.scratch().join("lab.log"));
                Err(format!("{other:?}, {log:?}"))
            }
        }
    });
    assert_eq!(specs["kernelspecs"][SPEC]["spec"]["display_name"], "Python (Sail 0.7.2)", "{specs:#}");
    // As its launcher does it.
    let notebook = json!({"kernel": {"name": SPEC}, "name": "a", "path": "a.ipynb", "type": "notebook"});
    let opened = lab.post("/api/sessions", &notebook);
    assert_eq!(opened.status, 201, "{}", opened.text);
    let id = opened.json["kernel"]["id"].as_str().unwrap();
    let kernels: Vec<Value> = server.rest().get("/api/kernels").ok().as_array().unwrap().clone();
    assert_eq!(kernels.iter().map(|kernel| &kernel["id"]).collect::<Vec<_>>(), [id]);
    let closed = lab.delete(&format!("/api/sessions/{}", opened.json["id"].as_str().unwrap()));
    assert_eq!(closed.status, 204, "{}", closed.text);
    server.nothing_left();
}
