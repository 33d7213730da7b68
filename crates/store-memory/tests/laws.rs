//! The reference store keeps every law of the kit.

use store_memory::MemoryStore;

oauth_testkit::store_conformance!(credentials: || async { MemoryStore::new() });
oauth_testkit::index_conformance!(index: || async { MemoryStore::new() });
oauth_testkit::documents_conformance!(documents: || async { MemoryStore::new() });
oauth_testkit::client_conformance!(clients: || async { MemoryStore::new() });
