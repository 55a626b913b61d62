//! Sessions over REST, in the words tests use.

use serde_json::{Value, json};

use crate::eventually::eventually;
use crate::rest::Answer;
use crate::server::TestServer;

/// Where tests create sessions.
pub const PARENT: &str = "projects/test/locations/here";

/// The body of a create: a Spark Connect session on the default runtime.
pub fn connect_session(id: &str) -> Value {
    json!({"name": format!("{PARENT}/sessions/{id}"), "sparkConnectSession": {}})
}

/// The last part of a resource name.
pub fn id_of(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

impl TestServer {
    /// Asks for a Spark Connect session in [`PARENT`].
    pub fn create(&self, id: &str) -> Answer {
        self.rest().post(&format!("/v1/{PARENT}/sessions?sessionId={id}"), &connect_session(id))
    }

    /// Makes a session and waits until it can be used.
    ///
    /// # Panics
    /// When it cannot.
    #[track_caller]
    pub fn active(&self, id: &str) -> Value {
        self.create(id).ok();
        self.session_in(id, "ACTIVE")
    }

    /// The session as it is now.
    pub fn session(&self, id: &str) -> Answer {
        self.rest().get(&format!("/v1/{PARENT}/sessions/{id}"))
    }

    /// Waits until the session is in this state.
    ///
    /// # Panics
    /// When it ends in another, or does not come there.
    #[track_caller]
    pub fn session_in(&self, id: &str, state: &str) -> Value {
        let session = eventually(&format!("session {id} is {state}"), || {
            let answer = self.session(id);
            match answer.json["state"].as_str() {
                Some(now) if now == state || now == "FAILED" => Ok(answer.json),
                _ => Err(answer.text),
            }
        });
        assert_eq!(session["state"], state, "{session:#}");
        session
    }

    /// Waits until an operation, given as its JSON, is done.
    ///
    /// # Panics
    /// When it never is.
    #[track_caller]
    pub fn done(&self, operation: &Value) -> Value {
        let name = operation["name"].as_str().unwrap_or_else(|| panic!("no operation: {operation:#}"));
        eventually(&format!("operation {name} is done"), || {
            let answer = self.rest().get(&format!("/v1/{name}"));
            if answer.json["done"] == true { Ok(answer.json) } else { Err(answer.text) }
        })
    }

    /// Terminates a session, waits until it is, and returns what the operation says of it.
    ///
    /// # Panics
    /// When that fails.
    #[track_caller]
    pub fn terminate(&self, id: &str) -> Value {
        let operation = self.rest().post(&format!("/v1/{PARENT}/sessions/{id}:terminate"), &Value::Null).ok();
        let mut done = self.done(&operation);
        assert!(done.get("error").is_none(), "{done:#}");
        let mut session = done["response"].take();
        let kind = session.as_object_mut().and_then(|session| session.remove("@type"));
        assert_eq!(kind, Some(json!("type.googleapis.com/google.cloud.dataproc.v1.Session")));
        session
    }
}
