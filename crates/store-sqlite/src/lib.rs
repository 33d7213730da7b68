//! SQLite store for an OAuth 2.x authorization server: the embedded default.

mod change;
mod failure;
mod file;
mod options;
mod queue;
mod reader;
mod row;
mod schema;
mod store;
mod writer;

pub use options::{Durability, SqliteOptions};
pub use store::SqliteStore;
