//! Artifacts that are meant for the service: lists of packages that Google's client sends with `AddArtifacts`.
//!
//! `addArtifacts("pkg==1", pypi=True)` of that client uploads a file with a name and a content of their own. Spark would
//! merely store it; here the packages are installed for the session. All other artifacts go to the engine, byte for byte.
//!
//! What a call brings decides who answers it:
//!
//! | it brings | |
//! | --- | --- |
//! | no list | the engine; nothing is changed |
//! | lists alone | the gateway, once all packages are installed; the engine hears nothing |
//! | both, in one batch or in several messages | the engine gets all but the lists. Once it has taken that, the packages are installed and the lists are added to its answer; if it refuses, nothing is installed |
//!
//! Lists are looked for in messages of up to [`MESSAGE_LIMIT`] that are not compressed, which is what clients send;
//! whatever is longer passes unread.
//!
//! Start reading at `splitter.rs` (what a stream holds), then `call.rs` (the way of a call).

mod call;
mod list;
mod splitter;

use async_trait::async_trait;
use hearth_core::caller::Caller;
use hearth_core::id::SessionUuid;

use crate::status::Refusal;

pub(crate) use call::add;
pub use list::packages;
pub use splitter::{CONTENT_LIMIT, List, MESSAGE_LIMIT, Splitter};

/// Takes the artifacts that are meant for the service.
#[async_trait]
pub trait Artifacts: Send + Sync + 'static {
    /// Makes these packages, each a name with the versions that will do, importable by Python functions in the engine
    /// that runs for a session. Returns when they are; what is there already is left alone.
    ///
    /// # Errors
    /// The final answer to the call, with a code that clients do not retry: the text says which package is at fault and
    /// what to do. Then none of them is installed.
    ///
    /// # Cancel safety
    /// An installation goes on when the future is dropped.
    async fn add_packages(
        &self,
        caller: &Caller,
        session: SessionUuid,
        packages: &[String],
    ) -> Result<(), Refusal>;
}
