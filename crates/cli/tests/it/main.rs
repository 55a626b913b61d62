//! The program as a whole: the real binary against a server on loopback.

mod bodies;
mod calls;
mod conformance;
mod methods;
mod server;
mod sign_in;
mod table;
mod transport;
mod words;
mod world;
