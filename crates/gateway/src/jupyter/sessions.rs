//! Jupyter's sessions: a document and the kernel it runs on. Clients that take the gateway for a server of notebooks start
//! kernels in this way. (What Hearth calls a session is something else: a kernel here.)
//!
//! The document is only a name here. What clients said of it is kept as long as the service runs; a kernel of which they said
//! nothing has a session all the same, with the kernel's own id and named after it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hearth_core::id::SessionUuid;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::kernels::Kernel;

/// How many are remembered; one that is forgotten is named after its kernel again.
const MOST: usize = 4096;

/// What a client says of a session: when it makes one all of it, else what is to change.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    /// The document's path, or whatever else tells it from others.
    pub(super) path: Option<String>,
    /// The document's name.
    pub(super) name: Option<String>,
    /// `notebook`, `console`, `file`.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// The kernel it is to run on.
    pub(super) kernel: Option<WantedKernel>,
}

/// The kernel that a client wants for its document.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct WantedKernel {
    /// One that runs.
    pub(super) id: Option<String>,
    /// A new one of this spec.
    pub(super) name: Option<String>,
}

/// What is known of a session.
#[derive(Debug, Clone)]
struct Document {
    kernel: SessionUuid,
    path: String,
    name: String,
    kind: String,
}

/// The sessions that clients have made.
#[derive(Debug, Default)]
pub(super) struct Documents(Mutex<HashMap<Uuid, Document>>);

impl Documents {
    /// The session of this document, and its kernel.
    pub(super) fn of_path(&self, path: &str) -> Option<(Uuid, SessionUuid)> {
        let documents = self.documents();
        let mut found = documents.iter().filter(|(_, document)| !path.is_empty() && document.path == path);
        found.next().map(|(id, document)| (*id, document.kernel))
    }

    /// The kernel of a session. One that nobody has said anything of has the id of its kernel.
    pub(super) fn kernel(&self, id: Uuid) -> SessionUuid {
        self.documents().get(&id).map_or(SessionUuid(id), |document| document.kernel)
    }

    /// The sessions of a kernel: those that clients have made, or else its own.
    pub(super) fn of_kernel(&self, kernel: SessionUuid) -> Vec<Uuid> {
        let documents = self.documents();
        let made = documents.iter().filter(|(_, document)| document.kernel == kernel);
        let mut made: Vec<_> = made.map(|(id, _)| *id).collect();
        made.sort_unstable();
        if made.is_empty() { vec![kernel.0] } else { made }
    }

    /// The id of a new session on this kernel: the kernel's own where it is free.
    pub(super) fn new_id(&self, kernel: SessionUuid) -> Uuid {
        if self.documents().contains_key(&kernel.0) { Uuid::new_v4() } else { kernel.0 }
    }

    /// Notes what a client says of a session, and which kernel it has now.
    pub(super) fn put(&self, id: Uuid, kernel: SessionUuid, wanted: &Wanted) {
        let mut documents = self.documents();
        if documents.len() >= MOST
            && let Some(any) = documents.keys().next().copied()
        {
            documents.remove(&any);
        }
        let document = documents.entry(id).or_insert_with(|| Document {
            kernel,
            path: String::new(),
            name: String::new(),
            kind: "notebook".to_owned(),
        });
        document.kernel = kernel;
        for (field, said) in [
            (&mut document.path, &wanted.path),
            (&mut document.name, &wanted.name),
            (&mut document.kind, &wanted.kind),
        ] {
            if let Some(said) = said {
                field.clone_from(said);
            }
        }
    }

    /// Forgets a session.
    pub(super) fn forget(&self, id: Uuid) {
        self.documents().remove(&id);
    }

    /// A session as clients read it. `model` is that of its kernel.
    pub(super) fn model(&self, id: Uuid, kernel: &Kernel, model: Value) -> Value {
        let unnamed = kernel.session.rsplit('/').next().unwrap_or_default();
        let known = self.documents().get(&id).cloned();
        let known = known.unwrap_or_else(|| Document {
            kernel: kernel.uuid,
            path: unnamed.to_owned(),
            name: unnamed.to_owned(),
            kind: "notebook".to_owned(),
        });
        json!({
            "id": id.to_string(), "path": known.path, "name": known.name, "type": known.kind, "kernel": model,
            // As notebooks before Jupyter's sessions had a type.
            "notebook": {"path": known.path, "name": known.name},
        })
    }

    fn documents(&self) -> MutexGuard<'_, HashMap<Uuid, Document>> {
        // Each change is one of a single entry.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
