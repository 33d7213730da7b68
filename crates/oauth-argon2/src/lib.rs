//! argon2id off the async threads, with bounded concurrency.
