//! The manual. Every code block in it is compiled and run as a test.
//!
//! The same pages are in the repository's `docs/` directory. They are written for a build with all features; the
//! chapters are empty where a feature that they use is off.

#[cfg_attr(feature = "full", doc = include_str!("../docs/architecture.md"))]
pub mod architecture {}

#[cfg_attr(feature = "full", doc = include_str!("../docs/defaults.md"))]
pub mod defaults {}

#[cfg_attr(feature = "full", doc = include_str!("../docs/writing-a-grant.md"))]
pub mod writing_a_grant {}

#[cfg_attr(feature = "full", doc = include_str!("../docs/writing-a-store.md"))]
pub mod writing_a_store {}
