//! The program as a whole: the real binary against a server on loopback.

mod conformance;
mod methods;
mod server;
mod world;
