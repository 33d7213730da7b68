//! The kit's own judge: stores with one fault each, which must break exactly the laws that name it.

mod faulty;
mod faulty_documents;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use faulty::{Fault, Faulty};
use faulty_documents::{Fault as DocumentFault, FaultyDocuments};
use oauth_testkit::judge;
use oauth_testkit::laws::{Law, clients, credentials, documents, index};

oauth_testkit::store_conformance!(without_fault: || async { Faulty::with(Fault::None) });
oauth_testkit::index_conformance!(index_without_fault: || async { FaultyDocuments::with(DocumentFault::None) });
oauth_testkit::documents_conformance!(documents_without_fault: || async { FaultyDocuments::with(DocumentFault::None) });
oauth_testkit::client_conformance!(clients_without_fault: || async { FaultyDocuments::with(DocumentFault::None) });

/// The names of the laws that the stores made by `store` break.
fn broken<S, E>(laws: &'static [Law<E>], erased: fn(Arc<S>) -> E, store: impl Fn() -> S) -> BTreeSet<&'static str> {
    let broken = Mutex::new(BTreeSet::new());
    for law in laws {
        let judged = |store: Arc<S>| {
            let (broken, store) = (&broken, erased(store));
            async move {
                if law.judge(&store).await.is_err() {
                    broken.lock().unwrap_or_else(PoisonError::into_inner).insert(law.name());
                }
                Ok(())
            }
        };
        judge(|| async { store() }, judged);
    }
    broken.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// One test for each fault: it breaks these laws, and keeps all the others of that suite.
macro_rules! faults {
    (
        on $store:ident: $faults:ident, by $suite:ident, and $all:ident;
        $($test:ident: $fault:ident breaks [$($law:ident),+])+
    ) => {
        $(
            #[test]
            fn $test() {
                // Named as functions, so that a law that is renamed is noticed here.
                $(let _ = $suite::$law;)+
                let expected: BTreeSet<&str> = [$(stringify!($law)),+].into();
                assert_eq!(broken($suite::LAWS, $suite::erased, || $store::with($faults::$fault)), expected);
            }
        )+

        #[test]
        fn $all() {
            let broken: BTreeSet<&str> = [$($(stringify!($law)),+),+].into();
            let laws: BTreeSet<&str> = $suite::LAWS.iter().map(Law::name).collect();
            assert_eq!(broken, laws);
        }
    };
}

faults! {
    on Faulty: Fault, by credentials, and every_law_is_broken_by_some_fault;
    a_store_that_cuts_long_data: CutsLongData breaks [found_as_inserted]
    a_store_that_keeps_only_ascii: KeepsOnlyAscii breaks [found_as_inserted]
    a_store_that_keeps_seconds: KeepsSeconds breaks [found_as_inserted]
    a_store_that_inserts_alive: InsertsAlive breaks [found_as_inserted, a_random_history_equals_the_reference]
    a_store_that_forgets_inserted_revision: ForgetsInsertedRevision breaks [found_as_inserted, an_update_needs_the_revision_it_read]
    a_store_that_mixes_kinds: MixesKinds breaks [kinds_are_namespaces, a_random_history_equals_the_reference]
    a_store_whose_insert_overwrites: InsertOverwrites breaks [a_key_is_inserted_once, a_random_history_equals_the_reference]
    a_store_that_overwrites_what_is_over: OverwritesWhatIsOver breaks [a_key_is_inserted_once, a_random_history_equals_the_reference]
    a_store_whose_insert_is_not_atomic: InsertIsNotAtomic breaks [a_key_is_inserted_once, commits_at_once_equal_some_order_of_them]
    a_store_that_spends_again: SpendsAgain breaks [spent_once, changes_are_made_in_order, revoking_reaches_every_descendant_and_only_them, a_random_history_equals_the_reference]
    a_store_whose_spend_is_not_atomic: SpendIsNotAtomic breaks [spent_once, commits_at_once_equal_some_order_of_them]
    a_store_that_spends_in_revoked_authorization: SpendsInRevokedAuthorization breaks [revoking_reaches_every_descendant_and_only_them, changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_that_keeps_changes_before_the_failing: KeepsChangesBeforeTheFailing breaks [a_failed_commit_changes_nothing, a_random_history_equals_the_reference]
    a_store_that_makes_inserts_first: MakesInsertsFirst breaks [changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_that_does_not_see_its_own_inserts: DoesNotSeeItsOwnInserts breaks [changes_are_made_in_order, a_key_is_inserted_once, a_random_history_equals_the_reference]
    a_store_that_shows_half_a_commit: ShowsHalfACommit breaks [half_a_commit_is_never_seen]
    a_store_that_stops_half_way_when_dropped: StopsHalfWayWhenDropped breaks [a_dropped_commit_is_all_or_nothing]
    a_store_whose_update_ignores_revision: UpdateIgnoresRevision breaks [an_update_needs_the_revision_it_read, changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_whose_update_keeps_revision: UpdateKeepsRevision breaks [an_update_needs_the_revision_it_read, changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_whose_update_is_not_atomic: UpdateIsNotAtomic breaks [an_update_needs_the_revision_it_read, commits_at_once_equal_some_order_of_them]
    a_store_whose_update_needs_live: UpdateNeedsLive breaks [an_update_needs_the_revision_it_read, changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_that_updates_revoked: UpdatesRevoked breaks [an_update_needs_the_revision_it_read, changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_whose_update_revives: UpdateRevives breaks [an_update_needs_the_revision_it_read, changes_are_made_in_order, a_dropped_commit_is_all_or_nothing, a_random_history_equals_the_reference]
    a_store_that_revokes_only_live: RevokesOnlyLive breaks [revoking_reaches_every_descendant_and_only_them, a_random_history_equals_the_reference]
    a_store_that_revokes_neighbours: RevokesNeighbours breaks [revoking_reaches_every_descendant_and_only_them]
    a_store_whose_revoking_one_revokes_all: RevokingOneRevokesAll breaks [revoking_reaches_every_descendant_and_only_them, a_random_history_equals_the_reference]
    a_store_whose_find_ignores_revoked_authorizations: FindIgnoresRevokedAuthorizations breaks [revoking_reaches_every_descendant_and_only_them, nothing_is_born_alive_into_a_revoked_authorization, revoking_twice_is_revoking_once, changes_are_made_in_order, the_store_never_looks_at_the_clock, half_a_commit_is_never_seen, a_dropped_commit_is_all_or_nothing, a_revoked_authorization_stays_revoked_after_sweeping, a_random_history_equals_the_reference]
    a_store_that_revokes_only_what_is_there: RevokesOnlyWhatIsThere breaks [nothing_is_born_alive_into_a_revoked_authorization, changes_are_made_in_order, a_revoked_authorization_stays_revoked_after_sweeping, a_random_history_equals_the_reference]
    a_store_whose_insert_races_revocation: InsertRacesRevocation breaks [nothing_is_born_alive_into_a_revoked_authorization, commits_at_once_equal_some_order_of_them]
    a_store_whose_revoking_twice_conflicts: RevokingTwiceConflicts breaks [revoking_twice_is_revoking_once, a_random_history_equals_the_reference]
    a_store_whose_revoking_the_missing_conflicts: RevokingTheMissingConflicts breaks [revoking_twice_is_revoking_once, changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_whose_revoking_the_missing_blocks_it: RevokingTheMissingBlocksIt breaks [revoking_twice_is_revoking_once, changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_that_hides_expired: HidesExpired breaks [the_store_never_looks_at_the_clock]
    a_store_that_refuses_to_spend_expired: RefusesToSpendExpired breaks [the_store_never_looks_at_the_clock]
    a_store_that_sweeps_at_the_very_moment: SweepsAtTheVeryMoment breaks [sweeping_forgets_only_what_expired, a_random_history_equals_the_reference]
    a_store_whose_sweep_ignores_limit: SweepIgnoresLimit breaks [sweeping_forgets_only_what_expired, a_random_history_equals_the_reference]
    a_store_whose_sweep_miscounts: SweepMiscounts breaks [sweeping_forgets_only_what_expired, a_random_history_equals_the_reference]
    a_store_whose_sweep_keeps_spent: SweepKeepsSpent breaks [sweeping_forgets_only_what_expired, a_random_history_equals_the_reference]
    a_store_whose_sweep_takes_spent: SweepTakesSpent breaks [sweeping_forgets_only_what_expired, a_random_history_equals_the_reference]
    a_store_whose_sweep_forgets_revocations: SweepForgetsRevocations breaks [a_revoked_authorization_stays_revoked_after_sweeping, a_random_history_equals_the_reference]
}

faults! {
    on FaultyDocuments: DocumentFault, by documents, and every_law_of_documents_is_broken_by_some_fault;
    documents_whose_names_have_no_case: NamesWithoutCase breaks [a_document_is_read_as_written, paging_visits_each_document_once]
    documents_that_keep_only_ascii: KeepsOnlyAscii breaks [a_document_is_read_as_written]
    documents_whose_write_ignores_the_revision: WriteIgnoresRevision breaks [a_write_needs_the_revision_it_read, one_of_many_writers_wins, a_removed_document_is_gone]
    documents_whose_write_is_not_atomic: WriteIsNotAtomic breaks [one_of_many_writers_wins]
    documents_that_glue_names: GluesNames breaks [collections_are_namespaces]
    documents_whose_remove_says_nothing: RemoveSaysNothing breaks [a_removed_document_is_gone]
    documents_whose_remove_only_empties: RemoveOnlyEmpties breaks [a_removed_document_is_gone]
    documents_listed_in_order_of_writing: ListsInOrderOfWriting breaks [paging_visits_each_document_once]
    documents_whose_pages_begin_with_the_last: PagesBeginWithTheLast breaks [paging_visits_each_document_once]
    documents_whose_list_ignores_the_limit: ListIgnoresLimit breaks [paging_visits_each_document_once]
    documents_written_in_two_steps: WritesInTwoSteps breaks [a_dropped_write_is_all_or_nothing]
}

faults! {
    on FaultyDocuments: DocumentFault, by clients, and every_law_of_clients_is_broken_by_some_fault;
    clients_that_are_kept_when_they_change: KeepsOldClients breaks [a_changed_client_is_seen_at_once]
    clients_that_are_kept_when_they_are_removed: KeepsRemovedClients breaks [a_removed_client_is_unknown]
    clients_without_metadata: ForgetsMetadata breaks [a_written_client_comes_back_equal]
    clients_whose_names_have_no_case: NamesWithoutCase breaks [a_written_client_comes_back_equal]
}

faults! {
    on FaultyDocuments: DocumentFault, by index, and every_law_of_the_index_is_broken_by_some_fault;
    an_index_by_prefix: ListsByPrefix breaks [a_listing_is_what_its_filter_names]
    an_index_without_revocations: ListsWithoutRevocations breaks [a_listing_shows_revoked_authorizations]
    an_index_without_what_is_spent: ListsWithoutSpent breaks [a_listing_is_what_its_filter_names]
    an_index_in_the_order_of_kinds: ListsInOrderOfKinds breaks [a_listing_is_in_the_order_of_keys]
    an_index_whose_pages_begin_with_the_last: CredentialPagesBeginWithTheLast breaks [paging_visits_each_credential_once]
    an_index_whose_pages_skip_one: CredentialPagesSkipOne breaks [paging_visits_each_credential_once]
}
