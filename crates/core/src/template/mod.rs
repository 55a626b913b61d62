//! Session templates: settings that sessions are made from.
//!
//! A template is copied into a session when the session is made, and never looked at again for it: see [`merge`].

mod merge;
mod model;
mod reference;

pub use merge::merge;
pub use model::{InvalidTemplateId, Template, TemplateNameError, check_id, name_under};
pub use reference::{TemplateReferenceError, resolve};
