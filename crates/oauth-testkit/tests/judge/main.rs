//! The kit's own judge: stores with one fault each, which must break exactly the laws that name it.

mod faulty;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use faulty::{Fault, Faulty};
use oauth_testkit::judge;
use oauth_testkit::laws::credentials::{self, LAWS};

oauth_testkit::store_conformance!(without_fault: || async { Faulty::with(Fault::None) });

/// The names of the laws that a store with this fault breaks.
fn broken_by(fault: Fault) -> BTreeSet<&'static str> {
    let broken = Mutex::new(BTreeSet::new());
    for law in LAWS {
        let judged = |store: Arc<Faulty>| {
            let broken = &broken;
            async move {
                if law.judge(&credentials::erased(store)).await.is_err() {
                    broken.lock().unwrap_or_else(PoisonError::into_inner).insert(law.name());
                }
                Ok(())
            }
        };
        judge(|| async { Faulty::with(fault) }, judged);
    }
    broken.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// One test for each fault: it breaks these laws, and keeps all the others.
macro_rules! faults {
    ($($test:ident: $fault:ident breaks [$($law:ident),+])+) => {
        $(
            #[test]
            fn $test() {
                // Named as functions, so that a law that is renamed is noticed here.
                $(let _ = credentials::$law;)+
                let expected: BTreeSet<&str> = [$(stringify!($law)),+].into();
                assert_eq!(broken_by(Fault::$fault), expected);
            }
        )+

        #[test]
        fn every_law_is_broken_by_some_fault() {
            let broken: BTreeSet<&str> = [$($(stringify!($law)),+),+].into();
            let laws: BTreeSet<&str> = LAWS.iter().map(oauth_testkit::laws::Law::name).collect();
            assert_eq!(broken, laws);
        }
    };
}

faults! {
    a_store_that_cuts_long_data: CutsLongData breaks [found_as_inserted]
    a_store_that_keeps_only_ascii: KeepsOnlyAscii breaks [found_as_inserted]
    a_store_that_keeps_seconds: KeepsSeconds breaks [found_as_inserted]
    a_store_that_inserts_alive: InsertsAlive breaks [found_as_inserted, a_random_history_equals_the_reference]
    a_store_that_forgets_inserted_revision: ForgetsInsertedRevision breaks [found_as_inserted, an_update_needs_the_revision_it_read]
    a_store_that_mixes_kinds: MixesKinds breaks [kinds_are_namespaces, a_random_history_equals_the_reference]
    a_store_whose_insert_overwrites: InsertOverwrites breaks [a_key_is_inserted_once, a_random_history_equals_the_reference]
    a_store_that_overwrites_what_is_over: OverwritesWhatIsOver breaks [a_key_is_inserted_once, a_random_history_equals_the_reference]
    a_store_whose_insert_is_not_atomic: InsertIsNotAtomic breaks [a_key_is_inserted_once]
    a_store_that_spends_again: SpendsAgain breaks [spent_once, changes_are_made_in_order, revoking_reaches_every_descendant_and_only_them, a_random_history_equals_the_reference]
    a_store_whose_spend_is_not_atomic: SpendIsNotAtomic breaks [spent_once]
    a_store_that_spends_in_revoked_authorization: SpendsInRevokedAuthorization breaks [revoking_reaches_every_descendant_and_only_them, changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_that_keeps_changes_before_the_failing: KeepsChangesBeforeTheFailing breaks [a_failed_commit_changes_nothing, a_random_history_equals_the_reference]
    a_store_that_makes_inserts_first: MakesInsertsFirst breaks [changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_that_does_not_see_its_own_inserts: DoesNotSeeItsOwnInserts breaks [changes_are_made_in_order, a_key_is_inserted_once, a_random_history_equals_the_reference]
    a_store_that_shows_half_a_commit: ShowsHalfACommit breaks [half_a_commit_is_never_seen]
    a_store_that_stops_half_way_when_dropped: StopsHalfWayWhenDropped breaks [a_dropped_commit_is_all_or_nothing]
    a_store_whose_update_ignores_revision: UpdateIgnoresRevision breaks [an_update_needs_the_revision_it_read, changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_whose_update_keeps_revision: UpdateKeepsRevision breaks [an_update_needs_the_revision_it_read, changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_whose_update_is_not_atomic: UpdateIsNotAtomic breaks [an_update_needs_the_revision_it_read]
    a_store_whose_update_needs_live: UpdateNeedsLive breaks [an_update_needs_the_revision_it_read, changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_that_updates_revoked: UpdatesRevoked breaks [an_update_needs_the_revision_it_read, changes_are_made_in_order, a_random_history_equals_the_reference]
    a_store_whose_update_revives: UpdateRevives breaks [an_update_needs_the_revision_it_read, changes_are_made_in_order, a_dropped_commit_is_all_or_nothing, a_random_history_equals_the_reference]
    a_store_that_revokes_only_live: RevokesOnlyLive breaks [revoking_reaches_every_descendant_and_only_them, a_random_history_equals_the_reference]
    a_store_that_revokes_neighbours: RevokesNeighbours breaks [revoking_reaches_every_descendant_and_only_them]
    a_store_whose_revoking_one_revokes_all: RevokingOneRevokesAll breaks [revoking_reaches_every_descendant_and_only_them, a_random_history_equals_the_reference]
    a_store_whose_find_ignores_revoked_authorizations: FindIgnoresRevokedAuthorizations breaks [revoking_reaches_every_descendant_and_only_them, nothing_is_born_alive_into_a_revoked_authorization, revoking_twice_is_revoking_once, changes_are_made_in_order, the_store_never_looks_at_the_clock, half_a_commit_is_never_seen, a_dropped_commit_is_all_or_nothing, a_revoked_authorization_stays_revoked_after_sweeping, a_random_history_equals_the_reference]
    a_store_that_revokes_only_what_is_there: RevokesOnlyWhatIsThere breaks [nothing_is_born_alive_into_a_revoked_authorization, changes_are_made_in_order, a_revoked_authorization_stays_revoked_after_sweeping, a_random_history_equals_the_reference]
    a_store_whose_insert_races_revocation: InsertRacesRevocation breaks [nothing_is_born_alive_into_a_revoked_authorization]
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
