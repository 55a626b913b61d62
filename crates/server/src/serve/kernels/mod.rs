//! What the kernel gateway is told of sessions: [`SessionKernels`] answers it, [`Keeper`] follows kernels as long as
//! their sessions live.

mod keeper;
mod sessions;

pub(crate) use keeper::{Answered, Keeper};
pub(crate) use sessions::{Card, Cards, SessionKernels};
