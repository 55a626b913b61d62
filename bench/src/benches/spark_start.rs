//! A session on Apache Spark: from the create request to the first row of `SELECT 1`, cold and handed over warm, against
//! the same launch line without Hearth, and against Spark's Connect server started as its documentation says.
//!
//! All are asked the same by the same client, over a new connection each time, and take turns. The bare engine's clock
//! starts with its process, Hearth's with the POST.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;
use uuid::Uuid;

use super::session::{QUERY, to_row, warm_to_row};
use crate::bench::Bench;
use crate::grpc::Grpc;
use crate::process;
use crate::report::{Quantity, Row};
use crate::server::{ENGINE_TOKEN, Engines, Server};
use crate::spark::Spark;
use crate::stats::median;

const RUNTIME: &str = "spark-4.0";
const RUNS: usize = 5;
const POLL: Duration = Duration::from_millis(5);
const START_LIMIT: Duration = Duration::from_secs(120);
/// What the server writes directly before its address.
const LISTENING: &str = "Spark Connect server started at: ";
/// Stands for the engine's own directory in what it was started with.
const WORK: &str = "{work}";

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let environment = bench.environment_of(RUNTIME)?;
    let state_dir = bench.directory()?;
    let server = Server::start(bench, state_dir.path(), Engines::Real, &[]).await?;
    let launch = launch_of(&server).await?;
    let stock = stock(&environment)?;
    let runs = bench.scaled(RUNS);
    let (mut cold, mut bare, mut documented) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..runs {
        cold.push(to_row(&server, &format!("cold-{number}"), RUNTIME).await?);
        bare.push(start_to_row(bench, &launch).await?);
        documented.push(start_to_row(bench, &stock).await?);
    }
    let (cold, bare, documented) = (median(cold)?, median(bare)?, median(documented)?);
    let how = format!("medians of {runs}, taking turns");
    let row = Row::new("Spark session, create to first row, cold", cold, &how);
    bench
        .report
        .add(row.against("stock Connect server, start to first row", documented).target("0.45 of stock"));
    let added = Quantity::Seconds(cold.as_secs_f64() - bare.as_secs_f64());
    let row = Row::new("added to the same launch line", added, &how);
    bench.report.add(row.against("that line, start to first row", bare).target("0.3 s"));
    drop(server);

    let warm = warm_to_row(bench, RUNTIME, runs).await?;
    let row = Row::new("Spark session, create to first row, warm", warm, format!("median of {runs}"));
    bench.report.add(row.against("cold", cold).target("0.5 s"));
    Ok(())
}

/// How a server is started without Hearth.
struct Launch {
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    files: Vec<(String, String)>,
    token: Option<String>,
}

/// What Hearth starts for a session, as it was written down for the supervisor.
async fn launch_of(server: &Server) -> anyhow::Result<Launch> {
    let uuid = server.rest().create_on("line", RUNTIME).await?;
    let path = server.state_dir().join("engines").join(&uuid).join("spec.json");
    let written: Value = serde_json::from_slice(&fs::read(path)?)?;
    let spec = &written["spec"];
    let pairs = |value: &Value| -> Vec<(String, String)> {
        let entries = value.as_object().into_iter().flatten();
        entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    };
    let args = spec["args"].as_array().into_iter().flatten();
    let env = pairs(&spec["env"]);
    let token = env.iter().find(|(key, _)| key == ENGINE_TOKEN);
    let launch = Launch {
        program: spec["program"].as_str().context("the engine has no program")?.into(),
        args: args.filter_map(|arg| Some(arg.as_str()?.to_owned())).collect(),
        token: token.map(|(_, value)| value.clone()),
        env,
        files: pairs(&spec["files"]),
    };
    server.rest().delete("line").await?;
    // Where it writes what happened. The session's own went away with it.
    fs::create_dir_all(server.state_dir().join("events").join(&uuid))?;
    Ok(launch)
}

/// As Spark's documentation starts it: `spark-submit` with the server's class.
fn stock(environment: &Path) -> anyhow::Result<Launch> {
    let marker: Value = serde_json::from_slice(&fs::read(environment.join("hearth-environment.json"))?)?;
    let site = marker["site-packages"].as_str().context("the environment has no packages")?;
    let home = environment.join(site).join("pyspark");
    let java = marker["java-home"].as_str().context("the environment has no Java")?;
    let args = [
        "--master",
        "local[2]",
        "--conf",
        "spark.connect.grpc.binding.address=127.0.0.1",
        "--conf",
        "spark.connect.grpc.binding.port=0",
        "--conf",
        "spark.ui.port=0",
        "--class",
        "org.apache.spark.sql.connect.service.SparkConnectServer",
        "spark-internal",
    ];
    let shown = |path: &Path| path.display().to_string();
    Ok(Launch {
        program: home.join("bin/spark-submit"),
        args: args.map(str::to_owned).to_vec(),
        env: vec![
            ("SPARK_HOME".to_owned(), shown(&home)),
            ("JAVA_HOME".to_owned(), java.to_owned()),
            ("PYSPARK_PYTHON".to_owned(), shown(&environment.join("bin/python"))),
            ("SPARK_LOCAL_IP".to_owned(), "127.0.0.1".to_owned()),
        ],
        files: Vec::new(),
        token: None,
    })
}

/// A server of its own, ended when dropped.
struct Started {
    child: Child,
    log: PathBuf,
    _work: TempDir,
}

impl Drop for Started {
    fn drop(&mut self) {
        process::end(&mut self.child);
    }
}

/// From starting a server to a row.
async fn start_to_row(bench: &Bench, launch: &Launch) -> anyhow::Result<Duration> {
    let work = bench.directory()?;
    let here = |text: &str| text.replace(WORK, &work.path().display().to_string());
    for (name, text) in &launch.files {
        let path = work.path().join(name);
        fs::create_dir_all(path.parent().context("a file is in a directory")?)?;
        fs::write(path, here(text))?;
    }
    let log = work.path().join("server.log");
    let output = fs::File::create(&log)?;
    let mut command = Command::new(here(&launch.program.display().to_string()));
    command.args(launch.args.iter().map(|arg| here(arg))).current_dir(work.path());
    command.envs(launch.env.iter().map(|(key, value)| (key, here(value))));
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let start = Instant::now();
    let child = command.spawn().with_context(|| format!("could not run {}", launch.program.display()))?;
    let mut started = Started { child, log, _work: work };
    let port = loop {
        let said = fs::read_to_string(&started.log).unwrap_or_default();
        if let Some((_, rest)) = said.split_once(LISTENING)
            && let Some(line) = rest.lines().next().filter(|_| rest.contains('\n'))
        {
            let (_, port) = line.trim().rsplit_once(':').context("the server said no port")?;
            break port.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u16>()?;
        }
        if started.child.try_wait()?.is_some() || start.elapsed() > START_LIMIT {
            bail!("the server did not start:\n{said}");
        }
        sleep(POLL).await;
    };
    let grpc = Grpc::connect(([127, 0, 0, 1], port).into(), launch.token.as_deref()).await?;
    Spark::new(grpc, &Uuid::new_v4().to_string()).first_row(QUERY).await?;
    Ok(start.elapsed())
}
