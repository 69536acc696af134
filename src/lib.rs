pub mod error;
pub mod schema;
pub mod stage;
pub mod delta;
pub mod manifest;
pub mod sink;
