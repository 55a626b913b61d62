//! What an installation says while it runs.

/// Told what an installation does, in the order it does it. Called from the installing thread.
pub trait Progress: Send + Sync {
    /// A new step has begun, such as `installing 16 packages`.
    fn step(&self, text: &str);

    /// Something happened within the step, such as `downloading pysail (43.1MiB)`.
    fn detail(&self, text: &str);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _text: &str) {}

    fn detail(&self, _text: &str) {}
}
