//! Spark properties: which a deployment takes, and which it adds (contract, sections 5.8 and 6).
//!
//! Keys are without the `spark:` prefix that the API shows; the edge takes it off and puts it on. Texts for callers
//! carry it, as answers do.

mod check;
mod effective;
mod policy;
mod size;

#[cfg(test)]
mod tests;

pub use check::check;
pub use effective::{APP_NAME, effective};
pub use policy::{MemoryPerCore, PropertyDefault, PropertyPolicy, PropertyRule, PropertyValues};
pub use size::memory_bytes;

/// How a key is shown to callers (contract, section 5.8).
fn shown(key: &str) -> String {
    format!("spark:{key}")
}
