//! The API described for machines, made from `proto/` and kept beside this crate, so that nothing is made at start.
//!
//! `BLESS=1 cargo test -p hearth-wire description` writes both anew; the same tests fail when they are not current.

/// The OpenAPI 3.1 description of every HTTP binding.
pub const OPENAPI: &str = include_str!("../description/openapi.json");

/// The discovery document of the Dataproc API. [`ROOT`] in it stands for the address of the server.
const DISCOVERY: &str = include_str!("../description/discovery.json");

/// What stands for the server's address in [`DISCOVERY`].
const ROOT: &str = "{root}";

/// The discovery document of a server at `root`, such as `http://127.0.0.1:8470/`.
pub fn discovery(root: &str) -> String {
    DISCOVERY.replace(ROOT, root)
}
