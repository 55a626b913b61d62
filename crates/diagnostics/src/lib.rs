//! Archives of diagnostics that can be handed to others: what makes them, and what takes the secrets out.
//!
//! Knows no session and no service: files go in by name, an archive comes out. Start reading at [`Redactor`], which
//! says what counts as a secret, and at [`Archive`].

mod archive;
mod redact;
mod rules;

pub use archive::Archive;
pub use redact::{MARK, Redactor};
pub use rules::secret_name;
