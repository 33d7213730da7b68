//! How a law is put to the test: the macros that name the tests, and the judge that runs them.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// What a law found: nothing to object to, or how it was broken.
pub type Verdict = Result<(), Broken>;

/// How a store broke a law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    law: &'static str,
    what: String,
}

impl Broken {
    /// That law was broken in that way.
    pub fn new(law: &'static str, what: impl Into<String>) -> Self {
        Self { law, what: what.into() }
    }

    /// The name of the law.
    pub const fn law(&self) -> &'static str {
        self.law
    }

    /// In which way, in a sentence.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the law `{}` is broken: {}", self.law, self.what)
    }
}

impl std::error::Error for Broken {}

/// Makes a store, puts one law to it and drops it again, on a multi-thread tokio runtime of its own.
///
/// # Panics
/// When the law is broken: that is how a test fails.
pub fn judge<S, Made, Judged>(store: impl FnOnce() -> Made, law: impl FnOnce(Arc<S>) -> Judged)
where
    Made: Future<Output = S>,
    Judged: Future<Output = Verdict>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => panic!("no runtime could be started: {error}"),
    };
    // The store is dropped inside of `block_on`, so that a guard's `Drop` still finds its runtime.
    if let Err(broken) = runtime.block_on(async { law(Arc::new(store().await)).await }) {
        panic!("{broken}");
    }
}

/// Tests a [`CredentialStore`](oauth_core::CredentialStore): one `#[test]` for each law of
/// [`laws::credentials`](crate::laws::credentials).
///
/// Takes a name for the tests' module and an expression for a function that makes a fresh and empty store:
///
/// ```text
/// oauth_testkit::store_conformance!(mine: || async { MyStore::open(tempdir()).await.unwrap() });
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($name:ident: $store:expr $(,)?) => {
        $crate::__suite! { @module $name credentials $store }
    };
}

/// Tests a [`CredentialIndex`](oauth_core::CredentialIndex) over its
/// [`CredentialStore`](oauth_core::CredentialStore): one `#[test]` for each law of
/// [`laws::index`](crate::laws::index). Used as [`store_conformance!`] is.
#[macro_export]
macro_rules! index_conformance {
    ($name:ident: $store:expr $(,)?) => {
        $crate::__suite! { @module $name index $store }
    };
}

/// Tests [`Documents`](oauth_core::Documents): one `#[test]` for each law of
/// [`laws::documents`](crate::laws::documents). Used as [`store_conformance!`] is.
#[macro_export]
macro_rules! documents_conformance {
    ($name:ident: $store:expr $(,)?) => {
        $crate::__suite! { @module $name documents $store }
    };
}

/// Tests a [`ClientStore`](oauth_core::ClientStore) that keeps its clients in
/// [`Documents`](oauth_core::Documents): one `#[test]` for each law of
/// [`laws::clients`](crate::laws::clients). Used as [`store_conformance!`] is.
#[macro_export]
macro_rules! client_conformance {
    ($name:ident: $store:expr $(,)?) => {
        $crate::__suite! { @module $name clients $store }
    };
}

/// The one list of laws, for the macros above and for the tables in [`laws`](crate::laws).
#[doc(hidden)]
#[macro_export]
macro_rules! __suite {
    (credentials $what:tt $args:tt) => {
        $crate::__suite! { @$what credentials $args
            found_as_inserted
            kinds_are_namespaces
            a_key_is_inserted_once
            changes_are_made_in_order
            spent_once
            a_failed_commit_changes_nothing
            commits_at_once_equal_some_order_of_them
            half_a_commit_is_never_seen
            a_dropped_commit_is_all_or_nothing
            an_update_needs_the_revision_it_read
            revoking_reaches_every_descendant_and_only_them
            nothing_is_born_alive_into_a_revoked_authorization
            revoking_twice_is_revoking_once
            the_store_never_looks_at_the_clock
            sweeping_forgets_only_what_expired
            a_revoked_authorization_stays_revoked_after_sweeping
            a_random_history_equals_the_reference
        }
    };
    (index $what:tt $args:tt) => {
        $crate::__suite! { @$what index $args
            a_listing_is_what_its_filter_names
            a_listing_is_in_the_order_of_keys
            paging_visits_each_credential_once
            a_listing_shows_revoked_authorizations
        }
    };
    (documents $what:tt $args:tt) => {
        $crate::__suite! { @$what documents $args
            a_document_is_read_as_written
            a_write_needs_the_revision_it_read
            one_of_many_writers_wins
            collections_are_namespaces
            a_removed_document_is_gone
            paging_visits_each_document_once
            a_dropped_write_is_all_or_nothing
        }
    };
    (clients $what:tt $args:tt) => {
        $crate::__suite! { @$what clients $args
            a_written_client_comes_back_equal
            a_changed_client_is_seen_at_once
            a_removed_client_is_unknown
        }
    };
    (@module $name:ident $suite:ident $store:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the expression for the store may use names from around the macro")]
            use super::*;

            $crate::__suite! { $suite tests [$store] }
        }
    };
    (@tests $suite:ident [$store:expr] $($law:ident)+) => {
        $(
            #[test]
            fn $law() {
                $crate::judge($store, |store| async move {
                    $crate::laws::$suite::$law(&$crate::laws::$suite::erased(store)).await
                });
            }
        )+
    };
    (@table $suite:ident [$store:ty] $($law:ident)+) => {
        /// Every law here, to run them all and see which are broken.
        pub const LAWS: &[$crate::laws::Law<$store>] = &[
            $($crate::laws::Law::new(stringify!($law), |store| Box::pin($law(store)))),+
        ];
    };
}
