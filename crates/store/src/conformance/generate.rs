//! Sessions, operations and templates with anything in them that their types allow.

use std::collections::BTreeMap;
use std::time::Duration;

use hearth_core::Timestamp;
use hearth_core::admission::{Admission, Need};
use hearth_core::config::{
    Authentication, AutotuningConfig, EnvironmentConfig, ExecutionConfig, Kernel, Network, PeripheralsConfig,
    RepositoryConfig, RuntimeConfig, SessionConfig, SessionKind,
};
use hearth_core::engine::Endpoint;
use hearth_core::error::ErrorKind;
use hearth_core::id::{OperationId, SessionUuid, TemplateUuid};
use hearth_core::name::{Parent, SessionName};
use hearth_core::notice::{EndNear, Limit, Notices, What};
use hearth_core::operation::{Done, Operation, OperationKind, Outcome};
use hearth_core::pool::recipe::{Difference, EngineFrom, Missed};
use hearth_core::session::{EndReason, Failure, PastState, Session, SessionState, StateLabel, Undoing};
use hearth_core::staged::Keeping;
use hearth_core::template::Template;
use hearth_core::timeline::{Milestone, Timeline};
use hearth_core::usage::Used;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

/// So many values of a kind, the same ones at every run.
pub(super) fn samples<S: Strategy>(strategy: S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("nothing is filtered").current()).collect()
}

/// Any session. Its generation is 0, and its name no other's.
pub(super) fn any_session() -> BoxedStrategy<Session> {
    let times = (time(), time(), option::of(time()));
    let past = (label(), text(), time()).prop_map(|(state, message, at)| PastState { state, message, at });
    let texts = (text(), text());
    let open = vec((operation_kind(), operation_id()), 0..3);
    (
        (any::<u128>(), segment(), segment(), segment()),
        config(),
        texts,
        times,
        state(),
        vec(past, 0..3),
        (timeline(), notices(), need(), option::of(engine_from()), used(), keeping()),
        open,
    )
        .prop_map(|(ids, config, texts, times, state, history, told, open_operations)| {
            let (timeline, notices, need, engine_from, used, keeping) = told;
            let (number, project, location, id) = ids;
            Session {
                name: Parent { project, location }.session(format!("{id}{number}")),
                uuid: SessionUuid(Uuid::from_u128(number)),
                config,
                creator: texts.0,
                created_at: times.0,
                state,
                state_at: times.1,
                state_message: texts.1,
                history,
                timeline,
                notices,
                need,
                engine_from,
                used,
                keeping,
                open_operations,
                deleting_since: times.2,
                generation: 0,
            }
        })
        .boxed()
}

fn engine_from() -> BoxedStrategy<EngineFrom> {
    let difference =
        select(vec![Difference::PoolHasNone, Difference::PoolHasAnother, Difference::OnlyPoolHasIt]);
    let missed = prop_oneof![
        text().prop_map(|runtime| Missed::NoPool { runtime }),
        (text(), option::of((text(), difference)))
            .prop_map(|(pool, property)| Missed::Fixed { pool, property }),
        text().prop_map(|pool| Missed::NoneReady { pool }),
    ];
    prop_oneof![
        (time(), duration()).prop_map(|(made_at, cpu)| EngineFrom::Pool { made_at, cpu }),
        missed.prop_map(|missed| EngineFrom::Launch { missed }),
    ]
    .boxed()
}

fn keeping() -> BoxedStrategy<Keeping> {
    (any::<bool>(), any::<bool>(), option::of(time()))
        .prop_map(|(output_due, diagnostics_due, diagnosed_at)| Keeping {
            output_due,
            diagnostics_due,
            diagnosed_at,
        })
        .boxed()
}

fn need() -> BoxedStrategy<Need> {
    (any::<u64>(), any::<u32>()).prop_map(|(memory, cores)| Need { memory, cores }).boxed()
}

fn used() -> BoxedStrategy<Used> {
    (duration(), any::<u64>(), any::<u64>(), duration(), option::of(time()))
        .prop_map(|(cpu, memory, peak_memory, busy, at)| Used {
            cpu,
            memory,
            peak_memory,
            memory_mib_seconds: memory ^ peak_memory,
            busy,
            at,
        })
        .boxed()
}

/// Any notices, more than are kept among them.
fn notices() -> BoxedStrategy<Notices> {
    let limit = select(vec![Limit::Ttl, Limit::Idle]);
    let what = prop_oneof![
        text().prop_map(|by| What::Created { by }),
        text().prop_map(|why| What::Waiting { why }),
        Just(What::Admitted),
        Just(What::Active),
        (limit, time()).prop_map(|(limit, ends_at)| What::EndNear(EndNear { limit, ends_at })),
        (text(), time()).prop_map(|(by, ends_at)| What::Extended { by, ends_at }),
        (text(), vec(text(), 0..3)).prop_map(|(by, packages)| What::PackagesAdded { by, packages }),
        text().prop_map(|why| What::Ending { why }),
        text().prop_map(|why| What::Terminated { why }),
        text().prop_map(|why| What::Failed { why }),
    ];
    vec((time(), what), 0..30)
        .prop_map(|told| {
            let mut notices = Notices::default();
            told.into_iter().for_each(|(at, what)| notices.note(at, what));
            notices
        })
        .boxed()
}

/// Any operation.
pub(super) fn any_operation() -> BoxedStrategy<Operation> {
    let outcome = prop_oneof![
        any_session().prop_map(|session| Outcome::Succeeded(Box::new(session))),
        (error_kind(), text()).prop_map(|(kind, message)| Outcome::Failed { kind, message }),
    ];
    let done = option::of((time(), outcome).prop_map(|(at, outcome)| Done { at, outcome }));
    (operation_id(), operation_kind(), session_name(), any::<u128>(), time(), texts(), done)
        .prop_map(|(id, kind, session, uuid, created_at, labels, done)| Operation {
            id,
            kind,
            session,
            session_uuid: SessionUuid(Uuid::from_u128(uuid)),
            created_at,
            labels,
            done,
        })
        .boxed()
}

/// Any template. Its name is no other's.
pub(super) fn any_template() -> BoxedStrategy<Template> {
    ((any::<u128>(), segment(), segment()), config(), (text(), text(), text()), texts(), (time(), time()))
        .prop_map(|((number, project, location), config, texts, labels, times)| Template {
            name: Parent { project, location }.template(format!("t{number}")),
            uuid: TemplateUuid(Uuid::from_u128(number)),
            creator: texts.0,
            created_at: times.0,
            updated_at: times.1,
            description: texts.1,
            display_name: texts.2,
            labels,
            config,
        })
        .boxed()
}

/// Any text, with quotes, control characters and the zero among them.
fn text() -> BoxedStrategy<String> {
    prop_oneof![
        4 => vec(any::<char>(), 0..12).prop_map(String::from_iter),
        1 => select(vec!["", "\0", "a\0b", "\"'\\;--", "ÄÖ\u{301}\u{202e}", "🔥", "\u{feff}", "line\r\nline"])
            .prop_map(str::to_owned),
    ]
    .boxed()
}

/// Any part of a name: not empty, and without the character that ends it.
fn segment() -> impl Strategy<Value = String> {
    text().prop_map(|text| format!("s{}", text.replace('/', "-")))
}

fn session_name() -> BoxedStrategy<SessionName> {
    (segment(), segment(), segment())
        .prop_map(|(project, location, id)| Parent { project, location }.session(id))
        .boxed()
}

fn texts() -> BoxedStrategy<BTreeMap<String, String>> {
    btree_map(text(), text(), 0..4).boxed()
}

/// Any time of the four-digit years, to the nanosecond.
fn time() -> BoxedStrategy<Timestamp> {
    const YEAR_0: i64 = -62_167_219_200;
    let end = Timestamp::MAX.as_second();
    (prop_oneof![YEAR_0..end, 1_700_000_000..1_800_000_000_i64], 0..1_000_000_000_i32)
        .prop_map(|(second, nano)| Timestamp::new(second, nano).expect("within what a timestamp can be"))
        .boxed()
}

fn duration() -> BoxedStrategy<Duration> {
    (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos)).boxed()
}

fn operation_id() -> impl Strategy<Value = OperationId> {
    any::<u128>().prop_map(|number| OperationId(Uuid::from_u128(number)))
}

fn operation_kind() -> impl Strategy<Value = OperationKind> {
    select(vec![OperationKind::Create, OperationKind::Terminate, OperationKind::Delete])
}

fn error_kind() -> impl Strategy<Value = ErrorKind> {
    select(vec![
        ErrorKind::Cancelled,
        ErrorKind::DeadlineExceeded,
        ErrorKind::Internal,
        ErrorKind::ResourceExhausted,
        ErrorKind::Unavailable,
    ])
}

fn label() -> impl Strategy<Value = StateLabel> {
    select(vec![
        StateLabel::Creating,
        StateLabel::Active,
        StateLabel::Terminating,
        StateLabel::Terminated,
        StateLabel::Failed,
    ])
}

fn state() -> BoxedStrategy<SessionState> {
    let admission = select(vec![Admission::Admitted, Admission::Asked, Admission::Waiting]);
    let undoing = (failure(), time()).prop_map(|(failure, stop_by)| Undoing { failure, stop_by });
    prop_oneof![
        (time(), admission, option::of(undoing)).prop_map(|(start_by, admission, undoing)| {
            SessionState::Creating { start_by, admission, undoing }
        }),
        (text(), any::<u16>()).prop_map(|(host, port)| {
            let ui = (port % 2 == 0).then(|| Endpoint { host: host.clone(), port: port / 2 });
            SessionState::Active { endpoint: Endpoint { host, port }, ui }
        }),
        (reason(), time()).prop_map(|(reason, stop_by)| SessionState::Terminating { reason, stop_by }),
        reason().prop_map(|reason| SessionState::Terminated { reason }),
        failure().prop_map(|failure| SessionState::Failed { failure }),
    ]
    .boxed()
}

fn failure() -> BoxedStrategy<Failure> {
    (error_kind(), text()).prop_map(|(kind, message)| Failure { kind, message }).boxed()
}

fn reason() -> BoxedStrategy<EndReason> {
    prop_oneof![
        text().prop_map(|by| EndReason::Requested { by }),
        text().prop_map(|by| EndReason::Deleted { by }),
        duration().prop_map(EndReason::Ttl),
        duration().prop_map(EndReason::Idle),
    ]
    .boxed()
}

fn timeline() -> BoxedStrategy<Timeline> {
    let milestone = select(vec![
        Milestone::Accepted,
        Milestone::Admitted,
        Milestone::HandedOver,
        Milestone::PackagesInstalled,
        Milestone::Placed,
        Milestone::ProcessUp,
        Milestone::Listening,
        Milestone::ProtocolUp,
        Milestone::Active,
        Milestone::FirstQuery,
    ]);
    vec((milestone, time()), 0..7)
        .prop_map(|reached| {
            let mut timeline = Timeline::default();
            for (milestone, at) in reached {
                timeline.reach(milestone, at);
            }
            timeline
        })
        .boxed()
}

fn config() -> BoxedStrategy<SessionConfig> {
    let kernel = option::of(select(vec![Kernel::Python, Kernel::Scala]));
    let kind = option::of(prop_oneof![
        Just(SessionKind::SparkConnect),
        (kernel, text()).prop_map(|(kernel, display_name)| SessionKind::Jupyter { kernel, display_name }),
    ]);
    let environment = option::of(
        (option::of(execution()), option::of(peripherals()))
            .prop_map(|(execution, peripherals)| EnvironmentConfig { execution, peripherals }),
    );
    (kind, texts(), option::of(runtime()), environment, text(), text())
        .prop_map(|(kind, labels, runtime, environment, user, template)| SessionConfig {
            kind,
            labels,
            runtime,
            environment,
            user,
            template,
        })
        .boxed()
}

fn runtime() -> BoxedStrategy<RuntimeConfig> {
    let repository = option::of(option::of(text()).prop_map(|pypi| RepositoryConfig { pypi }));
    let autotuning = option::of(vec(any::<i32>(), 0..3).prop_map(|scenarios| AutotuningConfig { scenarios }));
    (text(), text(), texts(), repository, autotuning, text())
        .prop_map(|(version, container_image, properties, repository, autotuning, cohort)| RuntimeConfig {
            version,
            container_image,
            properties,
            repository,
            autotuning,
            cohort,
        })
        .boxed()
}

fn execution() -> BoxedStrategy<ExecutionConfig> {
    let network =
        option::of(prop_oneof![text().prop_map(Network::Network), text().prop_map(Network::Subnetwork)]);
    let authentication = option::of(select(vec![
        Authentication::Unspecified,
        Authentication::ServiceAccount,
        Authentication::EndUser,
    ]));
    let ttls = (option::of(duration()), option::of(duration()));
    (text(), network, vec(text(), 0..3), text(), ttls, text(), authentication, texts())
        .prop_map(
            |(
                service_account,
                network,
                network_tags,
                kms_key,
                ttls,
                staging_bucket,
                authentication,
                tags,
            )| {
                ExecutionConfig {
                    service_account,
                    network,
                    network_tags,
                    kms_key,
                    idle_ttl: ttls.0,
                    ttl: ttls.1,
                    staging_bucket,
                    authentication,
                    resource_manager_tags: tags,
                }
            },
        )
        .boxed()
}

fn peripherals() -> BoxedStrategy<PeripheralsConfig> {
    (text(), option::of(text()))
        .prop_map(|(metastore_service, spark_history_server)| PeripheralsConfig {
            metastore_service,
            spark_history_server,
        })
        .boxed()
}
