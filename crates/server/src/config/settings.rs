//! The table of settings.
//!
//! To add one: a field in [`Config`], its default in [`Config::defaults`], a row here, and the blessed reference
//! (`BLESS=1 cargo test -p hearth-server config`). A row that is on the command line also needs a field in
//! [`super::ConfigArgs`]; a test holds the two together.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use hearth_core::pool::PoolSize;
use hearth_core::usage::Price;
use hearth_core::validate::{MAX_TTL, MIN_TTL};

use super::model::{Auth, Config, EngineDriver, LogFormat};
use super::origins::AllowedOrigin;
use super::room::Limit;
use super::spark::{Master, NamedHistoryServer, NamedMetastore};

/// One thing that can be set.
pub(super) struct Setting {
    /// The key path: `session.stop-grace`.
    pub(crate) key: &'static str,
    /// What its values are, and where they live.
    pub(crate) kind: Kind,
    /// Its flag, if it is common enough to have one; every key can be given with `--set`.
    pub(crate) flag: Option<&'static str>,
    /// The first version that has it.
    pub(crate) since: &'static str,
    /// What it does, in Markdown. The first sentence stands alone in the schema.
    pub(crate) doc: &'static str,
}

/// A place in the configuration.
pub(super) type Place<T> = fn(&mut Config) -> &mut T;

/// What the values of a setting are, and where they live.
pub(super) enum Kind {
    /// IP addresses with ports.
    Addresses(Place<Vec<SocketAddr>>),
    /// A directory; made absolute.
    Directory(Place<PathBuf>),
    /// A file, or none; made absolute.
    File(Place<Option<PathBuf>>),
    /// A host and a port, or none.
    Authority(Place<Option<String>>),
    /// An absolute address, or none.
    Uri(Place<Option<String>>),
    /// Stores of buckets: a name and an address each.
    Buckets(Place<BTreeMap<String, String>>),
    /// A price, or none.
    Price(Place<Option<Price>>),
    /// The version of a runtime.
    Runtime(Place<String>),
    /// One part of a resource name.
    Segment(Place<String>),
    /// Parts of resource names.
    Segments(Place<Vec<String>>),
    /// Origins of pages.
    Origins(Place<Vec<AllowedOrigin>>),
    /// Pools of engines.
    Pools(Place<Vec<PoolSize>>),
    /// Masters of Spark.
    Masters(Place<Vec<Master>>),
    /// Metastores by their names.
    Metastores(Place<Vec<NamedMetastore>>),
    /// History servers of Spark by their names.
    HistoryServers(Place<Vec<NamedHistoryServer>>),
    /// Directives that pick log events.
    Filter(Place<String>),
    /// A time with units.
    Duration(Place<Duration>, RangeInclusive<Duration>),
    /// Bytes with units.
    Size(Place<u64>, RangeInclusive<u64>),
    /// A limit of memory, as a size or a word.
    Memory(Place<Limit>),
    /// A limit of cores, as a number or a word.
    Cores(Place<Limit>),
    /// A whole number.
    Count(Place<u32>, RangeInclusive<u32>),
    /// One of a few words.
    Choice {
        /// The words.
        words: &'static [&'static str],
        /// The one that holds.
        get: fn(&Config) -> &'static str,
        /// Takes one over; whether it was among `words`.
        set: fn(&mut Config, &str) -> bool,
    },
}

impl Setting {
    /// The variable that sets it: `HEARTH_SESSION_STOP_GRACE`.
    pub(super) fn variable(&self) -> String {
        format!("HEARTH_{}", self.key.to_ascii_uppercase().replace(['.', '-'], "_"))
    }

    /// The section it is in, if any, and its name there.
    pub(super) fn path(&self) -> (Option<&'static str>, &'static str) {
        self.key.split_once('.').map_or((None, self.key), |(section, name)| (Some(section), name))
    }
}

/// The setting with this key.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The names of all sections, each once.
pub(super) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&str> = SETTINGS.iter().filter_map(|setting| setting.path().0).collect();
    sections.dedup();
    sections
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Ten years of 365 days: past any deployment, and far from the end of the calendar.
const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Every setting: first those outside of sections, then section by section.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        kind: Kind::Addresses(|config| &mut config.listen),
        flag: Some("--listen"),
        since: "0.1",
        doc: "The addresses that the one port is opened on.\n\nEach is an IP address and a port, such as \
              `127.0.0.1:8470` or `[::1]:8470`. Port 0 takes any free one. Every address answers the same: REST, \
              gRPC and WebSocket.",
    },
    Setting {
        key: "state-dir",
        kind: Kind::Directory(|config| &mut config.state_dir),
        flag: Some("--state-dir"),
        since: "0.1",
        doc: "The directory of everything the server keeps: database, token, logs, and the working directories \
              of engines.\n\nOne server owns it at a time. It is made with mode 0700 if it is not there. Where \
              `XDG_STATE_HOME` is not set, `~/.local/state` stands for it.",
    },
    Setting {
        key: "advertise",
        kind: Kind::Authority(|config| &mut config.advertise),
        flag: Some("--advertise"),
        since: "0.1",
        doc: "The `host:port` that clients are told to connect to.\n\nIt is written into the endpoints of \
              sessions. Set it when clients reach the server by another name than its own, as behind a \
              load balancer. Without it, endpoints carry the first address of `listen`.",
    },
    Setting {
        key: "project",
        kind: Kind::Segment(|config| &mut config.project),
        flag: None,
        since: "0.1",
        doc: "The project of commands and requests that name none.\n\nIt must be one of `projects`, unless that is \
              empty. Our own client commands read the same variable, so that both sides agree.",
    },
    Setting {
        key: "projects",
        kind: Kind::Segments(|config| &mut config.projects),
        flag: None,
        since: "0.1",
        doc: "The projects that are served.\n\nCalls that name another are refused as where a caller has no \
              permission. The empty list serves every project.",
    },
    Setting {
        key: "locations",
        kind: Kind::Segments(|config| &mut config.locations),
        flag: None,
        since: "0.1",
        doc: "The locations that are served.\n\nThe empty list serves every location, so that code written for \
              a region of a cloud works unchanged.",
    },
    Setting {
        key: "default-location",
        kind: Kind::Segment(|config| &mut config.default_location),
        flag: None,
        since: "0.1",
        doc: "The location of commands and requests that name none.\n\nIt must be one of `locations`, unless \
              that is empty.",
    },
    Setting {
        key: "create-hold",
        kind: Kind::Duration(|config| &mut config.create_hold, Duration::ZERO..=Duration::from_secs(30)),
        flag: None,
        since: "0.1",
        doc: "How long the answer to a create is held back.\n\nA session that is ready by then is answered as \
              done, and clients skip their first poll, which official ones make after five seconds. `0s` \
              answers at once.",
    },
    Setting {
        key: "max-body",
        kind: Kind::Size(|config| &mut config.max_body, 1 << 10..=1 << 30),
        flag: None,
        since: "0.1",
        doc: "The largest body of an API request.\n\nIt does not bound what is forwarded to engines.",
    },
    Setting {
        key: "auth",
        kind: Kind::Choice {
            words: Auth::WORDS,
            get: |config| config.auth.word(),
            set: |config, word| Auth::from_word(word).map(|auth| config.auth = auth).is_some(),
        },
        flag: Some("--auth"),
        since: "0.1",
        doc: "Who is let in.\n\n`token` asks for the token that is made in the state directory at the first \
              start; our own commands find it there. `none` lets in everybody who can reach the port, and is \
              allowed only when nobody but this machine can: with loopback addresses in `listen`.",
    },
    Setting {
        key: "driver",
        kind: Kind::Choice {
            words: EngineDriver::WORDS,
            get: |config| config.driver.word(),
            set: |config, word| EngineDriver::from_word(word).map(|driver| config.driver = driver).is_some(),
        },
        flag: None,
        since: "0.1",
        doc: "What runs engines.\n\n`process` runs them as processes of this machine, each under a supervisor that \
              outlives the service. `fake` runs nothing: sessions are active at once, and nobody answers behind \
              them. It is for load tests of the service itself; its engines are gone when the service ends.",
    },
    Setting {
        key: "runtimes.dir",
        kind: Kind::Directory(|config| &mut config.runtimes_dir),
        flag: Some("--runtimes-dir"),
        since: "0.1",
        doc: "The directory of installed runtimes.\n\nServers of one user can share it. Where `XDG_DATA_HOME` is \
              not set, `~/.local/share` stands for it.",
    },
    Setting {
        key: "runtimes.catalogue",
        kind: Kind::File(|config| &mut config.catalogue),
        flag: None,
        since: "0.1",
        doc: "A runtime catalogue of your own.\n\nIts entries are added to the built-in ones, and replace those \
              of the same version.",
    },
    Setting {
        key: "runtimes.default",
        kind: Kind::Runtime(|config| &mut config.default_runtime),
        flag: None,
        since: "0.1",
        doc: "The runtime of sessions that name none.\n\n`hearth runtimes list` shows which there are.",
    },
    Setting {
        key: "templates.file",
        kind: Kind::File(|config| &mut config.templates),
        flag: None,
        since: "0.1",
        doc: "Session templates that are there from the start.\n\nA list of session templates in YAML or JSON, as \
              the API has them; a name that is only an id belongs to `project` and `default-location`. Each is made \
              when the service starts, unless there is one of its name. The template `spark-connect` is made in the \
              same way without a file.",
    },
    Setting {
        key: "staging.uri",
        kind: Kind::Uri(|config| &mut config.staging_uri),
        flag: None,
        since: "0.1",
        doc: "Where output and diagnostics of sessions are kept after their end, until their records are \
              removed.\n\nA directory, as `file:///DIRECTORY`, or a bucket, as `s3://BUCKET/PREFIX` or \
              `gs://BUCKET/PREFIX`; credentials for these come from the environment (`AWS_*`, `GOOGLE_*`). Without it, \
              the directory `staging` in the state directory.",
    },
    Setting {
        key: "staging.buckets",
        kind: Kind::Buckets(|config| &mut config.staging_buckets),
        flag: None,
        since: "0.1",
        doc: "Where things of sessions are kept that name a staging bucket of their own.\n\nEach is `BUCKET=ADDRESS`, \
              such as `team-blue=s3://acme-blue/sessions`, with an address as for `staging.uri`. A bucket that is not \
              here is itself the place when `staging.uri` is in `gs://`; otherwise its sessions' things are kept \
              where everyone else's are.",
    },
    Setting {
        key: "session.start-timeout",
        kind: Kind::Duration(|config| &mut config.session.start_timeout, SECOND..=HOUR),
        flag: None,
        since: "0.1",
        doc: "How long a start may take before the session is FAILED.\n\nOfficial clients give up after ten minutes.",
    },
    Setting {
        key: "session.stop-grace",
        kind: Kind::Duration(|config| &mut config.session.stop_grace, Duration::ZERO..=HOUR),
        flag: None,
        since: "0.1",
        doc: "How long an engine has between being asked to end and being killed.\n\nIt must be shorter than \
              `session.stop-timeout`.",
    },
    Setting {
        key: "session.stop-timeout",
        kind: Kind::Duration(|config| &mut config.session.stop_timeout, SECOND..=HOUR),
        flag: None,
        since: "0.1",
        doc: "How long an end may take in all before the session is FAILED.",
    },
    Setting {
        key: "session.default-ttl",
        kind: Kind::Duration(|config| &mut config.session.default_ttl, MIN_TTL..=MAX_TTL),
        flag: None,
        since: "0.1",
        doc: "The `ttl` of a session that does not say.\n\nA session ends at this age, however busy it is.",
    },
    Setting {
        key: "session.default-idle-ttl",
        kind: Kind::Duration(|config| &mut config.session.default_idle_ttl, MIN_TTL..=MAX_TTL),
        flag: None,
        since: "0.1",
        doc: "The `idle_ttl` of a session that does not say.\n\nA session ends when nothing ran in it for this long.",
    },
    Setting {
        key: "session.retention",
        kind: Kind::Duration(|config| &mut config.session.retention, Duration::ZERO..=TEN_YEARS),
        flag: None,
        since: "0.1",
        doc: "How long ended sessions and finished operations are kept.",
    },
    Setting {
        key: "session.log-limit",
        kind: Kind::Size(|config| &mut config.session.log_limit, 4 << 10..=1 << 40),
        flag: None,
        since: "0.1",
        doc: "The most that the log of one engine may take on disk.",
    },
    Setting {
        key: "admission.memory",
        kind: Kind::Memory(|config| &mut config.admission_memory),
        flag: None,
        since: "0.1",
        doc: "The memory that all sessions together may take.\n\nA session on Apache Spark takes \
              `spark.driver.memory` with its overhead, one on Sail 512 MiB, and a notebook's kernel 320 MiB more. One \
              for which there is no room waits until others have ended, and one that never fits fails at once. \
              `machine` is the machine's memory without a tenth of it, and without 1 GiB at least; `unlimited` lets \
              every session start. Engines that do not run here, as those of the emulator, are limited only by a size.",
    },
    Setting {
        key: "admission.cores",
        kind: Kind::Cores(|config| &mut config.admission_cores),
        flag: None,
        since: "0.1",
        doc: "The cores that all sessions together may ask for.\n\nA session on Apache Spark asks for \
              `spark.driver.cores`, or for the number in a master `local[N]`; one on Sail for one. Cores are shared, so \
              `machine` is four for each core of the machine, and no less than 16, which is as many as one session may \
              ask for. `unlimited` lets every session start.",
    },
    Setting {
        key: "admission.wait",
        kind: Kind::Duration(|config| &mut config.session.wait_timeout, SECOND..=MAX_TTL),
        flag: None,
        since: "0.1",
        doc: "How long a session may wait for room before it is FAILED.\n\nThe time for its start comes after that. \
              Official clients give up after ten minutes in all.",
    },
    Setting {
        key: "usage.retention",
        kind: Kind::Duration(|config| &mut config.session.usage_retention, Duration::ZERO..=TEN_YEARS),
        flag: None,
        since: "0.1",
        doc: "How long after its end a session's use is counted, also when the session is removed by then.\n\n\
              `hearth usage` cannot look back further. Sessions that are not removed yet count in any case.",
    },
    Setting {
        key: "usage.price",
        kind: Kind::Price(|config| &mut config.price),
        flag: None,
        since: "0.1",
        doc: "What an hour of one compute unit (DCU) costs, such as `0.089 USD`.\n\nReports of use then say what \
              sessions cost, and what of it they cost while nobody used them. Without it they do not.",
    },
    Setting {
        key: "pools.engines",
        kind: Kind::Pools(|config| &mut config.pools.pools),
        flag: None,
        since: "0.1",
        doc: "Engines that are started ahead, so that sessions need not wait for one.\n\nEach is \
              `RUNTIME=LEAST..MOST`, `RUNTIME/python=LEAST..MOST` for notebooks' kernels, or `TEMPLATE=LEAST..MOST` with a \
              session template's full name; `default` stands for the default runtime, and `=1` for `=1..1`. `LEAST` are always ready; up to `MOST` while \
              sessions are created: as many as there were of late, half of which is forgotten every five minutes. \
              Whoever looks at the cards of a notebook's launcher counts as one who will click on the first. \
              An idle engine of Sail takes about 112 MiB, one of Spark some 600 MiB, with a kernel 256 MiB more. The \
              empty list keeps none ready.",
    },
    Setting {
        key: "pools.memory",
        kind: Kind::Size(|config| &mut config.pools.memory, 0..=1 << 50),
        flag: None,
        since: "0.1",
        doc: "The most memory that engines started ahead may take, all together.\n\nThe least of every pool in \
              `pools.engines` must fit.",
    },
    Setting {
        key: "pools.max-age",
        kind: Kind::Duration(|config| &mut config.pools.max_age, MIN_TTL..=MAX_TTL),
        flag: None,
        since: "0.1",
        doc: "How long an engine that was started ahead is kept at most.\n\nAn older one is ended, and another \
              started where one is wanted.",
    },
    Setting {
        key: "pools.spare-process",
        kind: Kind::Duration(|config| &mut config.spare_process, Duration::ZERO..=MAX_TTL),
        flag: None,
        since: "0.1",
        doc: "How long after the start of a notebook's kernel a process of its Python is kept from which the next one can \
              start.\n\nIt has imported what every kernel needs, which is most of the time that a start takes, and knows of no \
              session. It takes some 40 MiB. `0s` keeps none.",
    },
    Setting {
        key: "cors.origins",
        kind: Kind::Origins(|config| &mut config.cors_origins),
        flag: None,
        since: "0.1",
        doc: "The pages whose scripts may call the API from a browser, as JupyterLab's Dataproc extension \
              does.\n\nEach is an origin such as `https://lab.example.com`, or `loopback` for every page that comes \
              from this machine, or `*` for all. A caller needs its token all the same. The empty list lets no \
              page in.",
    },
    Setting {
        key: "limits.session-operations",
        kind: Kind::Count(|config| &mut config.session_operations_per_minute, 0..=1_000_000),
        flag: None,
        since: "0.1",
        doc: "How many creates, terminates and deletes of sessions are taken a minute, for each project and \
              location.\n\nOne too many is answered with RESOURCE_EXHAUSTED and the time to wait. `0` takes as many \
              as come; the hosted service takes 200.",
    },
    Setting {
        key: "limits.reads",
        kind: Kind::Count(|config| &mut config.reads_per_minute, 0..=1_000_000),
        flag: None,
        since: "0.1",
        doc: "How many gets and lists of sessions are taken a minute, for each project and location.\n\n`0` takes \
              as many as come; the hosted service takes 7500.",
    },
    Setting {
        key: "spark.masters",
        kind: Kind::Masters(|config| &mut config.spark_masters),
        flag: None,
        since: "0.1",
        doc: "Where executors of Apache Spark may run, for sessions and templates to choose from with the property \
              `spark.master`.\n\nEach is `spark://HOST:PORT`, `yarn`, `k8s://ADDRESS` or `local[N]`. The empty list \
              leaves the choice to the runtime: its entry in the catalogue may set `spark.master` for all its \
              sessions, and without that executors run in the session's own process.",
    },
    Setting {
        key: "spark.metastores",
        kind: Kind::Metastores(|config| &mut config.metastores),
        flag: None,
        since: "0.1",
        doc: "Metastores that sessions on Apache Spark may name in `metastoreService`, by the last part of the name \
              there.\n\nEach is `NAME=thrift://HOST:PORT`, a Hive metastore that runs elsewhere, or `NAME=managed`, \
              one that the service runs from the jars of an installed Spark when a session first asks for it. With \
              the empty list `metastoreService` is kept and shown and has no effect.",
    },
    Setting {
        key: "spark.history-servers",
        kind: Kind::HistoryServers(|config| &mut config.history_servers),
        flag: None,
        since: "0.1",
        doc: "Spark history servers that sessions may name in `sparkHistoryServerConfig.dataprocCluster`, by the last \
              part of the name there.\n\nEach is `NAME=EVENTS PAGES`: where it looks for event logs, as \
              `file:///DIRECTORY`, `s3://BUCKET/PREFIX` or `gs://BUCKET/PREFIX` with the credentials of `staging.uri`, \
              and the address of its web pages. A session that names one leaves its event logs there at its end, and \
              its link leads there then. With the empty list `dataprocCluster` is kept and shown and has no effect: \
              the service's own history server shows every session.",
    },
    Setting {
        key: "log.filter",
        kind: Kind::Filter(|config| &mut config.log.filter),
        flag: Some("--log"),
        since: "0.1",
        doc: "Which events the server logs.\n\nA level (`error`, `warn`, `info`, `debug`, `trace`), or \
              directives such as `info,hearth_gateway=debug`.",
    },
    Setting {
        key: "log.format",
        kind: Kind::Choice {
            words: LogFormat::WORDS,
            get: |config| config.log.format.word(),
            set: |config, word| LogFormat::from_word(word).map(|format| config.log.format = format).is_some(),
        },
        flag: None,
        since: "0.1",
        doc: "The form of a log line.\n\n`text` is for people, `json` for programs: one object a line.",
    },
];
