use std::path::PathBuf;

use hearth_core::Timestamp;
use hearth_core::config::{RuntimeConfig, SessionConfig};
use hearth_core::id::{OperationId, SessionUuid};
use hearth_core::policy::SessionPolicy;

use super::*;
use crate::Secret;

const UUID: &str = "0190a3c2-0000-4000-8000-000000000001";

fn map<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
    BTreeMap::from(entries.map(|(key, value)| (key.to_owned(), value.to_owned())))
}

fn config(properties: BTreeMap<String, String>) -> SessionConfig {
    SessionConfig {
        labels: map([("team", "blue")]),
        runtime: Some(RuntimeConfig { properties, ..RuntimeConfig::default() }),
        user: "ana@example.com".to_owned(),
        ..SessionConfig::default()
    }
}

fn start(properties: BTreeMap<String, String>, layer: Option<&str>) -> EngineSpec {
    start_under(map([]), properties, layer)
}

fn start_under(
    policy: BTreeMap<String, String>,
    properties: BTreeMap<String, String>,
    layer: Option<&str>,
) -> EngineSpec {
    start_with(policy, properties, layer, spec)
}

fn start_with(
    policy: BTreeMap<String, String>,
    properties: BTreeMap<String, String>,
    layer: Option<&str>,
    spec: fn(&Session, Launch, &Jvm) -> EngineSpec,
) -> EngineSpec {
    let session = Session::new(
        "projects/p/locations/l/sessions/etl".parse().unwrap(),
        SessionUuid(UUID.parse().unwrap()),
        config(properties),
        "bob@example.com".to_owned(),
        OperationId("0190a3c2-0000-4000-8000-000000000002".parse().unwrap()),
        Timestamp::UNIX_EPOCH,
        &SessionPolicy::default(),
    );
    let launch = Launch {
        runtime: "spark-4.0.5".to_owned(),
        environment: PathBuf::from("/base"),
        layer: layer.map(PathBuf::from),
        site_packages: PathBuf::from("/base/lib/site-packages"),
        secret: Secret::new("hush".to_owned()),
        events: Some(PathBuf::from("/events/session")),
        variables: map([("FROM_RUNTIME", "1")]),
        properties: policy,
        cores: 2,
        log_limit: 1 << 20,
        deadline: Timestamp::UNIX_EPOCH,
    };
    let jvm = Jvm { program: PathBuf::from("/java/bin/java"), major: 17, archive: None };
    spec(&session, launch, &jvm)
}

/// The flags in the file, without their quotes.
fn flags(spec: &EngineSpec) -> Vec<String> {
    spec.files[ARGUMENTS].lines().map(|line| line.trim_matches('"').to_owned()).collect()
}

#[test]
fn properties_and_secrets_are_in_files_and_variables_and_never_in_arguments() {
    let spec = start(map([("spark.ssl.keyPassword", "swordfish"), ("dataproc.tier", "premium")]), None);
    assert_eq!(spec.args, ["@{work}/java.args", MAIN]);
    let flags = flags(&spec);
    assert!(flags.contains(&"-Dspark.ssl.keyPassword=swordfish".to_owned()));
    assert!(!flags.iter().any(|flag| flag.contains("dataproc.tier")), "not Spark's");
    assert_eq!(spec.env["SPARK_CONNECT_AUTHENTICATE_TOKEN"], "hush");
    assert!(!spec.files.values().any(|text| text.contains("hush")), "a client could read it as a property");
}

#[test]
fn a_driver_for_a_kernel_has_all_but_the_server() {
    let properties =
        map([("spark.ssl.keyPassword", "swordfish"), ("spark.connect.grpc.arrow.maxBatchSize", "1m")]);
    let server = start(properties.clone(), None);
    let driver = start_with(map([]), properties, None, driver);
    let [mut own, server_flags] = [&driver, &server].map(flags);
    assert!(!own.iter().any(|flag| flag.contains("spark.connect.")), "{own:#?}");
    own.extend(server_flags.iter().filter(|flag| flag.contains("spark.connect.")).cloned());
    assert!(server_flags.iter().all(|flag| own.contains(flag)) && own.len() == server_flags.len());
    assert_eq!(driver.args, server.args[..1], "which program runs is the kernel's business");
    assert!(!format!("{driver:?}").contains("hush"), "nobody asks for it");
}

#[test]
fn what_the_service_relies_on_wins_and_the_rest_is_the_sessions_choice() {
    let spec = start(
        map([
            ("spark.driver.host", "0.0.0.0"),
            ("spark.ui.port", "4040"),
            ("spark.eventLog.compress", "true"),
            ("spark.eventLog.dir", "/elsewhere"),
            ("spark.hearth.uuid", "another"),
            ("spark.app.name", "mine"),
            ("spark.sql.warehouse.dir", "/data"),
            ("spark.dataproc.driverEnv.GREETING", "hello"),
            ("spark.dataproc.driverEnv.SPARK_HOME", "/elsewhere"),
        ]),
        None,
    );
    let flags = flags(&spec);
    for flag in [
        "-Dspark.master=local[2]",
        "-Dspark.driver.host=127.0.0.1",
        "-Dspark.ui.port=0",
        "-Dspark.connect.grpc.binding.port=0",
        &format!("-Dspark.ui.proxyBase=/sessions/{UUID}/ui"),
        &format!("-Dspark.hearth.uuid={UUID}"),
        "-Dspark.hearth.label.team=blue",
        "-Dspark.app.name=mine",
        &format!("-Dspark.test.appId=local-{UUID}"),
        "-Dspark.eventLog.enabled=true",
        "-Dspark.eventLog.dir=/events/session",
        "-Dspark.eventLog.compress=false",
        "-Dspark.sql.warehouse.dir=/data",
    ] {
        assert_eq!(flags.iter().filter(|found| *found == flag).count(), 1, "{flag}");
        let key = &flag[..=flag.find('=').unwrap()];
        assert_eq!(flags.iter().filter(|found| found.starts_with(key)).count(), 1, "{key} once");
    }
    assert_eq!(spec.env["SPARK_HOME"], "/base/lib/site-packages/pyspark");
    assert_eq!((spec.env["GREETING"].as_str(), spec.env["FROM_RUNTIME"].as_str()), ("hello", "1"));
    assert_eq!(spec.env["HEARTH_SESSION_UUID"], UUID);
    assert!(start(map([]), None).files[ARGUMENTS].contains("-Dspark.sql.warehouse.dir={work}/warehouse"));
}

#[test]
fn the_operators_properties_win_and_a_cluster_elsewhere_is_reached_by_the_machines_own_name() {
    let flag_of = |spec: &EngineSpec, key: &str| {
        let start = format!("-D{key}=");
        flags(spec).iter().find_map(|flag| flag.strip_prefix(&start).map(str::to_owned))
    };
    let near = map([("spark.master", "spark://127.0.0.1:7077"), ("spark.executor.memory", "800m")]);
    let spec = start_under(near, map([("spark.master", "local[7]"), ("spark.executor.memory", "9g")]), None);
    assert_eq!(flag_of(&spec, "spark.master").as_deref(), Some("spark://127.0.0.1:7077"));
    assert_eq!(flag_of(&spec, "spark.executor.memory").as_deref(), Some("800m"));
    assert_eq!(flag_of(&spec, "spark.driver.host").as_deref(), Some("127.0.0.1"));
    assert_eq!(spec.env["SPARK_LOCAL_IP"], "127.0.0.1");

    let spec = start(map([("spark.master", "spark://head.example:7077")]), None);
    assert_eq!(flag_of(&spec, "spark.master").as_deref(), Some("spark://head.example:7077"));
    assert_eq!((flag_of(&spec, "spark.driver.host"), spec.env.get("SPARK_LOCAL_IP")), (None, None));
    // Clients reach it through the gateway alone, wherever its executors are.
    assert_eq!(flag_of(&spec, "spark.connect.grpc.binding.address").as_deref(), Some("127.0.0.1"));
    for (master, near) in [
        ("local[*]", true),
        ("local-cluster[2,1,1024]", true),
        ("spark://localhost:7077,127.0.0.3:7077", true),
        ("spark://[::1]:7077", true),
        ("spark://127.0.0.1:7077,head:7077", false),
        ("spark://127.example:7077", false),
        ("yarn", false),
        ("k8s://https://127.0.0.1:6443", false),
    ] {
        assert_eq!(settings::is_near(master), near, "{master}");
    }
}

#[test]
fn heap_options_and_class_path_come_from_the_properties() {
    for (size, flag) in [("4g", "-Xmx4g"), ("12200m", "-Xmx12200m"), ("700", "-Xmx700m"), ("big", "-Xmx1g")] {
        let flags = flags(&start(map([("spark.driver.memory", size)]), None));
        assert_eq!(flags[0], flag);
    }
    let spec = start(
        map([
            ("spark.driver.extraJavaOptions", "-Dx='a b' -XX:+UseG1GC"),
            ("spark.driver.extraClassPath", "/extra/*"),
            ("spark.jars", "/a.jar, file:///b.jar,gs://bucket/c.jar"),
        ]),
        None,
    );
    let flags = flags(&spec);
    assert!(flags.contains(&"-Dx=a b".to_owned()) && flags.contains(&"-XX:+UseG1GC".to_owned()));
    let path = "/base/lib/site-packages/pyspark/jars/*:/extra/*:/a.jar:/b.jar";
    assert!(flags.contains(&path.to_owned()), "{flags:#?}");
}

#[test]
fn python_functions_run_in_the_layer_where_there_is_one() {
    assert_eq!(start(map([]), None).env["PYSPARK_PYTHON"], "/base/bin/python");
    assert_eq!(start(map([]), Some("/layer")).env["PYSPARK_PYTHON"], "/layer/bin/python");
}

#[test]
fn a_rehearsal_is_started_as_a_session_is() {
    let real = start(map([("spark.driver.memory", "1g")]), None);
    let launch = Launch {
        runtime: "spark-4.0.5".to_owned(),
        environment: PathBuf::from("/base"),
        layer: None,
        site_packages: PathBuf::from("/base/lib/site-packages"),
        secret: Secret::new("hush".to_owned()),
        events: None,
        variables: BTreeMap::new(),
        properties: BTreeMap::new(),
        cores: 2,
        log_limit: 1 << 20,
        deadline: Timestamp::UNIX_EPOCH,
    };
    let archive = Some(crate::jvm::Archive::Make("/a.jsa".into()));
    let spec = rehearsal(launch, &Jvm { program: PathBuf::from("/java/bin/java"), major: 17, archive });
    let made = flags(&spec);
    assert!(made.contains(&"-XX:ArchiveClassesAtExit=/a.jsa".to_owned()));
    let class_path =
        |flags: &[String]| flags.iter().position(|flag| flag == "-cp").map(|at| flags[at + 1].clone());
    // The JVM takes an archive only for the class path that it was made with.
    assert_eq!(class_path(&made), class_path(&flags(&real)));
    assert_eq!(spec.args, real.args);
}

#[test]
fn a_driver_that_the_machine_cannot_hold_is_refused_with_the_numbers() {
    let problems = |properties| {
        let violations = check(&config(properties), 16 << 30);
        violations.into_iter().map(|violation| violation.description).collect::<Vec<_>>()
    };
    assert_eq!(problems(map([("spark.driver.memory", "14g")])), Vec::<String>::new());
    assert_eq!(
        problems(map([("spark.driver.memory", "15g")])),
        [
            "Invalid properties: spark:spark.driver.memory of 15g needs 16.5 GiB with its overhead, and this machine \
          has 16.0 GiB"
        ]
    );
    assert_eq!(
        problems(map([("spark.driver.memory", "15g"), ("spark.driver.memoryOverhead", "512m")])).len(),
        0
    );
    assert!(problems(map([("spark.driver.extraJavaOptions", "-Dx='y")]))[0].contains("quotes"));
    assert!(problems(map([("spark.driver.extraJavaOptions", "-Xmx9g")]))[0].contains("-Xmx9g"));
}
