//! The suite that every store passes: one function a statement, run by [`store_conformance!`](crate::store_conformance).
//!
//! Each function gets a store that is empty, and panics when the statement does not hold.

mod activity;
mod commit;
mod concurrency;
mod filters;
mod generate;
mod lease;
mod operations;
mod paging;
mod pools;
mod roundtrip;
mod sample;
mod templates;
mod usage;
mod versions;

pub use self::activity::*;
pub use self::commit::*;
pub use self::concurrency::*;
pub use self::filters::*;
pub use self::lease::*;
pub use self::operations::*;
pub use self::paging::*;
pub use self::pools::*;
pub use self::roundtrip::*;
pub use self::templates::*;
pub use self::usage::*;
pub use self::versions::*;

/// Makes a test of every statement of the suite.
///
/// Takes the path of an async function that makes an empty store, and something that must live as long as the store
/// (a scratch directory, or `()`).
///
/// ```text
/// async fn empty() -> (MemoryStore, ()) { (MemoryStore::default(), ()) }
/// hearth_store::store_conformance!(empty);
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($make:path) => {
        $crate::store_conformance! { @tests $make:
            a_commit_writes_the_session_the_operation_and_the_request_id,
            a_new_session_has_generation_one_whatever_it_carries,
            an_update_grows_the_generation_by_one,
            an_update_of_another_generation_is_refused,
            an_update_or_removal_of_a_session_that_is_gone_is_refused,
            a_removal_of_another_generation_is_refused,
            a_name_can_be_taken_once,
            a_name_is_free_again_after_the_removal_of_its_session,
            the_same_id_may_exist_in_other_projects_and_locations,
            a_known_uuid_is_refused,
            a_change_that_writes_a_session_twice_is_refused,
            a_change_cannot_reuse_a_name_that_it_frees,
            a_repeated_request_id_is_answered_with_its_operation,
            a_request_id_counts_per_project_location_and_method,
            a_request_id_for_an_operation_that_is_not_there_is_refused,
            a_change_without_the_leases_fence_is_refused,
            the_guards_are_checked_in_their_order,
            a_refused_change_leaves_nothing,
            an_empty_change_is_written,
            an_operation_is_replaced_by_its_later_self,
            a_replaced_operation_keeps_its_request_ids,
            removed_operations_take_their_request_ids_along,
            removing_an_operation_that_is_gone_is_no_error,
            operations_outlive_their_session,
            finished_operations_are_found_by_their_end_oldest_first,
            operations_are_listed_newest_first_then_by_id,
            sessions_are_listed_newest_first_then_by_name,
            sessions_of_other_parents_are_not_listed,
            pages_neither_repeat_nor_omit_while_sessions_come_and_go,
            pages_split_sessions_of_the_very_same_time,
            times_that_differ_by_a_nanosecond_are_kept_in_order,
            sessions_with_an_id_are_found_across_parents,
            unsettled_sessions_are_those_with_something_to_do,
            settled_sessions_are_found_by_their_end_oldest_first,
            each_write_of_a_session_gives_it_another_version,
            names_have_another_version_once_one_was_taken_or_freed,
            the_latest_use_of_a_session_is_kept,
            uses_of_sessions_that_are_gone_are_ignored,
            the_activity_of_a_session_goes_with_it,
            activity_does_not_touch_the_generation,
            the_first_to_ask_gets_the_lease,
            a_lease_is_renewed_by_its_holder_under_the_same_fence,
            a_lease_is_refused_to_others_until_it_lapses,
            a_lease_can_be_seized,
            a_released_lease_keeps_its_fence_and_is_free_at_once,
            a_lease_is_released_only_by_its_holder,
            a_lease_that_changed_hands_fences_its_old_holder_out,
            of_many_updates_of_a_generation_exactly_one_is_written,
            of_many_sessions_of_a_name_exactly_one_is_created,
            of_many_repeats_of_a_request_exactly_one_has_an_effect,
            many_changes_at_once_are_all_written,
            a_change_is_seen_by_whoever_reads_after_it_was_answered,
            no_reader_sees_half_a_change,
            every_field_of_a_session_reads_back_as_written,
            every_field_of_an_operation_reads_back_as_written,
            a_session_of_a_megabyte_reads_back_as_written,
            what_is_not_there_reads_as_nothing,
            a_filter_selects_the_sessions_that_pass_it,
            a_filter_selects_the_operations_that_pass_it,
            a_filter_selects_the_templates_that_pass_it,
            filtered_pages_neither_repeat_nor_omit_while_sessions_come_and_go,
            a_session_is_found_by_the_state_and_the_labels_it_has_now,
            every_field_of_a_template_reads_back_as_written,
            a_templates_name_can_be_taken_once,
            a_template_is_replaced_by_its_later_self,
            a_template_that_is_gone_is_neither_replaced_nor_removed,
            a_change_that_writes_a_template_twice_is_refused,
            a_change_with_a_refused_template_leaves_nothing,
            templates_are_listed_newest_first_then_by_name,
            pages_of_templates_neither_repeat_nor_omit_while_templates_come_and_go,
            what_a_session_used_reads_the_same_before_and_after_its_removal,
            a_session_that_used_nothing_leaves_no_record_of_it,
            use_is_asked_for_by_project_location_and_time,
            a_refused_removal_leaves_no_record_of_use,
            records_of_use_are_found_by_their_end_oldest_first_and_removed,
            a_session_that_is_being_removed_counts_once_at_every_moment,
            a_pool_engine_reads_back_as_written_the_oldest_first,
            a_pool_engine_is_handed_over_once,
            a_write_of_a_pool_engine_that_changed_is_refused,
            of_many_who_want_a_pool_engine_exactly_one_gets_it,
        }
    };
    (@tests $make:path: $($statement:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $statement() {
                let (store, _guard) = $make().await;
                $crate::conformance::$statement(::std::sync::Arc::new(store)).await;
            }
        )*
    };
}
