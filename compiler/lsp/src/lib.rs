//! The language server: what an editor asks about a spec, answered from what the compiler knows of it.
//!
//! [`ide`] gives answers as plain data, in bytes and spans; [`server`] speaks the protocol. Files are read through
//! `World`, over which [`workspace`] lays the documents that are open, and data through [`data::Data`].

pub mod data;
pub mod ide;
pub mod server;
pub mod workspace;
