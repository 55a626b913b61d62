//! The shim: a small program that starts one engine, watches over it, and is gone when all of it is gone.
//!
//! It outlives the server that started it. It holds the engine's log, waits for its end, ends it when asked to or at
//! its deadline, and takes every process down that the engine started, however it was detached. One thread, one
//! loop, no runtime. If the shim itself is killed, the kernel kills the engine with it, and the driver clears up.
//!
//! Start reading at [`main`], then `supervise`.

mod launch;
mod output;
mod run;
mod signals;
mod spare;
mod supervise;
mod tree;

pub use run::{main, main_of_spare};
