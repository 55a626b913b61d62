//! Where things of sessions are within a staging store. The layout is the hosted service's (contract, section 5.8).

use crate::id::SessionUuid;

/// The folder of a session, without slashes at either end.
pub fn folder(session: SessionUuid) -> String {
    format!("google-cloud-dataproc-metainfo/{session}/jobs/srvls-session-{session}")
}

/// The name that pieces of driver output begin with, in that folder.
pub const OUTPUT: &str = "driveroutput";
