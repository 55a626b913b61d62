//! What the kernel gateway is told of sessions: [`SessionKernels`] answers it, [`Keeper`] follows kernels as long as
//! their sessions live.

mod installing;
mod keeper;
mod sessions;

pub(crate) use installing::entitled;
pub(crate) use keeper::{Answered, Keeper};
pub(crate) use sessions::{Card, Cards, SessionKernels};
