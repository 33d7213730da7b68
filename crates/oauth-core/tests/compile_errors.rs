//! What is missing is a compile error, and the error says what to implement.
//!
//! Each program in `compile_errors/` leaves something out. The `.stderr` beside it is all that the compiler says of it, in
//! the words of Rust 1.95; `TRYBUILD=overwrite cargo test -p oauth-core --test compile_errors` writes them anew.
//!
//! They are here and not above the facade, because here the compiler knows no store and no grant that it would list as
//! types to take instead, and because little has to be built for them.

#[test]
fn what_is_missing_is_named_at_compile_time() {
    trybuild::TestCases::new().compile_fail("tests/compile_errors/*.rs");
}
