//! Accounts that are none are a compile error, and the error says what to implement.
//!
//! The `.stderr` beside the program is in the words of Rust 1.95;
//! `TRYBUILD=overwrite cargo test -p grant-client-credentials --test compile_errors` writes it anew.

#[test]
fn what_is_missing_is_named_at_compile_time() {
    trybuild::TestCases::new().compile_fail("tests/compile_errors/*.rs");
}
