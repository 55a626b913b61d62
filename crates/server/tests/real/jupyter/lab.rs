//! JupyterLab as `hearth notebook` starts it.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use hearth_testkit::{Rest, TestServer, cache, eventually};
use serde_json::{Value, json};

use super::SPEC;
use crate::HEARTH;

/// What opens the JupyterLab of a test.
pub(super) const TOKEN: &str = "lab";

/// Settings of a user: JupyterLab asks nobody for news, and nobody for a name.
const SETTINGS: [(&str, &str); 2] = [
    ("apputils-extension/notification", r#"{"fetchNews": "false", "checkForUpdates": false}"#),
    ("docmanager-extension/plugin", r#"{"renameUntitledFileOnSave": false}"#),
];

/// JupyterLab, ended with its test.
pub(super) struct Lab {
    child: Child,
    /// Where it answers.
    pub(super) address: String,
}

impl Lab {
    /// Starts one with `hearth notebook`, and waits until it shows the kernels of the service.
    pub(super) fn start(server: &TestServer) -> Self {
        Self::on(server, &[])
    }

    /// The same with more words of the command.
    fn on(server: &TestServer, words: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (home, folder) = (server.scratch().join("home"), server.scratch().join("notebooks"));
        for (plugin, text) in SETTINGS {
            let file = home.join(format!("lab/user-settings/@jupyterlab/{plugin}.jupyterlab-settings"));
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        std::fs::create_dir_all(&folder).unwrap();
        let log = std::fs::File::create(server.scratch().join("lab.log")).unwrap();
        let mut command = Command::new(HEARTH);
        command
            .arg("notebook")
            .args(words)
            .arg("--jupyter")
            .arg(cache().join("clients/jupyterlab/bin/jupyter-lab"));
        command.arg("--state-dir").arg(server.state_dir()).args(["--", "--no-browser", "--allow-root"]);
        command.arg(format!("--ServerApp.port={port}")).arg(format!("--IdentityProvider.token={TOKEN}"));
        command.arg(format!("--ServerApp.root_dir={}", folder.display()));
        for name in ["HOME", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"] {
            command.env(name, &home);
        }
        command.env_remove("HEARTH_TOKEN").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let lab = Self { child: command.spawn().unwrap(), address: format!("http://127.0.0.1:{port}") };
        eventually("JupyterLab shows the service's kernels", || {
            match lab.rest().try_call("GET", "/api/kernelspecs", "") {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("{other:?}, {:?}", Self::log(server))),
            }
        });
        lab
    }

    /// A caller that has its token.
    pub(super) fn rest(&self) -> Rest {
        Rest::new(&self.address, Some(TOKEN))
    }

    /// What it has logged so far.
    pub(super) fn log(server: &TestServer) -> String {
        std::fs::read_to_string(server.scratch().join("lab.log")).unwrap_or_default()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn notebooks_opened_on_a_session_share_its_kernel_and_leave_it_running() {
    let server = TestServer::start(HEARTH);
    let session = super::session(&server, "shared");
    let full = format!("{}/sessions/shared", hearth_testkit::PARENT);
    let unknown = server.command(&["notebook", &format!("{full}x")]);
    assert!(unknown.failed().contains("sharedx"), "a session there is not");
    let lab = Lab::on(&server, &[&full]);
    let specs = lab.rest().get("/api/kernelspecs").ok();
    assert_eq!(specs["kernelspecs"].as_object().unwrap().len(), 1, "{specs:#}");
    let open = |path: &str| {
        let notebook = json!({"kernel": {"name": SPEC}, "name": path, "path": path, "type": "notebook"});
        let opened = lab.rest().post("/api/sessions", &notebook);
        assert_eq!(opened.status, 201, "{}", opened.text);
        opened.json
    };
    let (first, second) = (open("a.ipynb"), open("b.ipynb"));
    assert_eq!((&first["kernel"]["id"], &second["kernel"]["id"]), (&session["uuid"], &session["uuid"]));
    let closed = lab.rest().delete(&format!("/api/sessions/{}", first["id"].as_str().unwrap()));
    assert_eq!(closed.status, 204, "{}", closed.text);
    let mut notebook = super::client::Notebook::open(&server, session["uuid"].as_str().unwrap(), "b");
    assert_eq!(notebook.run("1 + 1"), "2", "the other one goes on");
    server.terminate("shared");
    server.nothing_left();
}

#[test]
fn jupyterlab_is_pointed_at_the_service_and_signed_in() {
    let server = TestServer::start(HEARTH);
    let lab = Lab::start(&server);
    let specs = lab.rest().get("/api/kernelspecs").ok();
    assert_eq!(specs["kernelspecs"][SPEC]["spec"]["display_name"], "Python (Sail 0.7.2)", "{specs:#}");
    // As its launcher does it.
    let notebook = json!({"kernel": {"name": SPEC}, "name": "a", "path": "a.ipynb", "type": "notebook"});
    let opened = lab.rest().post("/api/sessions", &notebook);
    assert_eq!(opened.status, 201, "{}", opened.text);
    let id = opened.json["kernel"]["id"].as_str().unwrap();
    let kernels: Vec<Value> = server.rest().get("/api/kernels").ok().as_array().unwrap().clone();
    assert_eq!(kernels.iter().map(|kernel| &kernel["id"]).collect::<Vec<_>>(), [id]);
    let closed = lab.rest().delete(&format!("/api/sessions/{}", opened.json["id"].as_str().unwrap()));
    assert_eq!(closed.status, 204, "{}", closed.text);
    server.nothing_left();
    // It logs the environment that it has, at each start of a kernel.
    let log = Lab::log(&server);
    assert!(log.contains("started kernel") && !log.contains(server.token()), "{log}");
}
