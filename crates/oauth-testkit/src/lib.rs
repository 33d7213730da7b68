//! Laws for stores and servers: conformance suites, manual clock, seeded entropy, hostile stores.
