//! The macro that makes tests of the suite.

/// Makes one test of each function of [`suite`](crate::conformance::suite), each with a
/// [`Harness`](crate::conformance::Harness) of its own, made by the expression given.
#[macro_export]
macro_rules! driver_conformance {
    ($harness:expr) => {
        $crate::driver_conformance!(@tests $harness;
            an_engine_never_seen_is_absent,
            an_engine_that_is_ensured_comes_to_listen,
            ensuring_twice_starts_once,
            two_drivers_that_ensure_at_once_start_once,
            a_second_driver_adopts_what_runs,
            an_engine_that_exits_keeps_its_status_and_its_last_lines,
            an_engine_that_exited_is_not_started_again,
            a_program_that_is_missing_is_reported_as_not_started,
            a_stopped_engine_ends_within_its_grace,
            an_engine_that_ignores_a_stop_is_killed,
            asking_a_stopped_engine_again_with_less_grace_ends_it_sooner,
            a_running_engine_cannot_be_removed,
            an_engine_removed_is_absent_and_can_be_made_anew,
            every_engine_with_a_trace_is_listed,
            an_engine_ends_at_its_deadline,
            a_deadline_that_is_moved_holds_where_it_was_moved_to,
            an_engine_that_is_introduced_says_so_once_in_its_log,
            a_log_reads_the_same_in_one_piece_and_in_many,
            a_log_past_its_limit_drops_its_oldest_part_and_says_so,
            an_engine_that_ends_is_hinted_at,
        );
    };
    (@tests $harness:expr; $($name:ident,)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::conformance::suite::$name(&$harness).await;
            }
        )+
    };
}
