//! Where the present comes from.

use jiff::Timestamp;

/// Tells the time. The service has a system clock; tests and the emulator have one that they move.
pub trait Clock: Send + Sync + 'static {
    /// The present, as wall-clock time.
    fn now(&self) -> Timestamp;
}
