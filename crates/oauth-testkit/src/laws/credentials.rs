//! What every [`CredentialStore`] keeps.

use std::sync::Arc;

use oauth_core::CredentialStore;

mod commit;
mod dropped;
mod history;
mod insert;
mod orders;
mod race;
mod reference;
mod revoke;
mod sweep;
mod trial;
mod update;

pub use commit::{a_failed_commit_changes_nothing, changes_are_made_in_order};
pub use dropped::a_dropped_commit_is_all_or_nothing;
pub use history::a_random_history_equals_the_reference;
pub use insert::{a_key_is_inserted_once, found_as_inserted, kinds_are_namespaces};
pub use orders::commits_at_once_equal_some_order_of_them;
pub use race::{half_a_commit_is_never_seen, spent_once};
pub use revoke::{
    nothing_is_born_alive_into_a_revoked_authorization, revoking_reaches_every_descendant_and_only_them,
    revoking_twice_is_revoking_once,
};
pub use sweep::{
    a_revoked_authorization_stays_revoked_after_sweeping, sweeping_forgets_only_what_expired,
    the_store_never_looks_at_the_clock,
};
pub use update::an_update_needs_the_revision_it_read;

/// A credential store as the laws take it.
pub type Erased = Arc<dyn CredentialStore>;

/// That store as the laws take it.
pub fn erased<S: CredentialStore + 'static>(store: Arc<S>) -> Erased {
    store
}

crate::__suite! { credentials table [Erased] }
