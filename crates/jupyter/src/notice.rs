//! Messages that do not come from a kernel but from who looks after it: shown in the notebook like any output.

use bytes::Bytes;
use serde_json::json;

use crate::{Header, Message};

/// The mark on requests of ours, where others have that of a client's notebook.
pub const SESSION: &str = "hearth";

/// A line of text for the notebook, as if the kernel had written it to its standard error.
///
/// `parent` is the header of the request whose cell it is shown in; `id` tells it from all other messages. `mark` is the
/// kernel's own: JupyterLab drops what a kernel has said when something with another mark comes directly after it.
pub fn line(id: &str, now: &str, mark: &str, parent: Option<&Bytes>, text: &str) -> Message {
    message(id, now, mark, "stream", parent, &json!({"name": "stderr", "text": format!("{text}\n")}))
}

/// That the kernel is in this state now, such as `dead`.
pub fn state(id: &str, now: &str, mark: &str, state: &str) -> Message {
    message(id, now, mark, "status", None, &json!({"execution_state": state}))
}

/// A request of our own for what the kernel is.
pub fn kernel_info_request(id: &str, now: &str) -> Message {
    message(id, now, SESSION, "kernel_info_request", None, &json!({}))
}

/// Whether a message answers a request of ours.
pub fn answers_us(parent: &Header) -> bool {
    parent.session == SESSION
}

/// Any message of ours, with this mark of who speaks.
pub fn message(
    id: &str,
    now: &str,
    mark: &str,
    msg_type: &str,
    parent: Option<&Bytes>,
    content: &serde_json::Value,
) -> Message {
    // The version of the protocol that has had these messages in this form for the longest time.
    let header = json!({
        "msg_id": id, "msg_type": msg_type, "session": mark, "username": SESSION, "date": now,
        "version": "5.3",
    });
    let empty = Bytes::from_static(b"{}");
    Message {
        header: header.to_string().into(),
        parent_header: parent.unwrap_or(&empty).clone(),
        metadata: empty,
        content: content.to_string().into(),
        buffers: Vec::new(),
    }
}
