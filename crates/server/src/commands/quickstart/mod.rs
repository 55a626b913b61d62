//! `hearth quickstart`: from nothing to the answer to a question about real data.

mod question;
mod service;

use std::time::{Duration, Instant};

use clap::Args;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use hearth_client::{Client, ClientError};
use hearth_wire::dataproc as pb;
use jiff::Timestamp;
use pb::session::SessionConfig;

use self::question::Question;
use self::service::Service;
use super::failure::CommandError;
use super::runtimes::{catalogue, find, install, make_archive};
use crate::config::{Config, ConfigArgs};

/// How long an engine may take to be ready for a session to come: as long as most starts that have to do with many others.
const MADE_READY: Duration = Duration::from_secs(120);
/// How long to wait between looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Start the service, create a session, and ask it a question about 336,776 flights
#[derive(Debug, Args)]
pub(crate) struct QuickstartCommand {
    /// Leaves the service and the session running.
    #[arg(long)]
    keep: bool,
    /// The runtime to run on, by name or version.
    #[arg(long, value_name = "VERSION", default_value = "")]
    runtime: String,
    #[command(flatten)]
    config: ConfigArgs,
}

impl QuickstartCommand {
    /// Does all of it, and takes down what it started unless told to keep it.
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let config = self.config.load().map_err(|errors| CommandError::own(errors, ""))?.config;
        super::block_on(self.demonstrate(&config))
    }

    async fn demonstrate(&self, config: &Config) -> Result<(), CommandError> {
        let catalogue = catalogue(config)?;
        let runtime = find(&catalogue, &self.runtime)?;
        let full_name = runtime.full_name();
        let environment = install(config, runtime)?;
        make_archive(config, runtime, &environment);
        let mut service = Service::find_or_start(&self.config, config, &runtime.name).await?;
        match service.started_in {
            Some(time) => eprintln!("The service answers at {} after {}.", service.endpoint, seconds(time)),
            None => eprintln!("The service at {} was running already.", service.endpoint),
        }
        let client = Client::connect(&service.endpoint, Some(&service.token)).map_err(failure)?;
        let name = format!(
            "projects/{}/locations/{}/sessions/quickstart-{}",
            config.project,
            config.default_location,
            Timestamp::now().strftime("%Y%m%d-%H%M%S")
        );
        let question = Question::prepare(&environment, &service.token, &config.state_dir)?;
        let asked = tokio::select! {
            asked = self.ask(&client, &name, &full_name, question) => asked,
            Ok(()) = tokio::signal::ctrl_c() => Err(CommandError::own("interrupted", "")),
        };
        if self.keep && asked.is_ok() {
            service.keep();
            self.tell_how_to_connect(&service, &name);
            return Ok(());
        }
        // Taken down whatever came of the question; the first failure is the one to tell.
        let deleted = delete(&client, &name).await;
        let second = delete(&client, &warm(&name)).await;
        let stopped = service.take_down(&self.config, config).await;
        asked.and(deleted).and(second).and(stopped)?;
        println!("Everything was taken down again; with --keep it is left running.\n");
        self.tell_how_to_connect(&service, &name);
        Ok(())
    }

    async fn ask(
        &self,
        client: &Client,
        name: &str,
        runtime: &str,
        mut question: Question,
    ) -> Result<(), CommandError> {
        question.imported().await?;
        self.ask_session(client, name, &mut question).await?;
        self.show_timeline(client, name, "How the session came up, from the request to the first row:")
            .await?;
        if ready(client, runtime).await {
            let name = warm(name);
            self.ask_session(client, &name, &mut question).await?;
            let title = "And one more session, which got an engine that was ready:";
            self.show_timeline(client, &name, title).await?;
        } else {
            eprintln!(
                "No engine was ready for one more session: `{} pools` tells of which they are.",
                program()
            );
        }
        question.end().await;
        Ok(())
    }

    async fn ask_session(
        &self,
        client: &Client,
        name: &str,
        question: &mut Question,
    ) -> Result<(), CommandError> {
        let session = self.create(client, name).await?;
        let mut endpoints = session.runtime_info.unwrap_or_default().endpoints.into_values();
        let endpoint = endpoints.find(|endpoint| endpoint.starts_with("sc://")).unwrap_or_default();
        eprintln!("Session {} is {}.\n", short(name), session_state(session.state));
        question.ask(&format!("{endpoint}/;x-dataproc-session={}", short(name))).await
    }

    async fn create(&self, client: &Client, name: &str) -> Result<pb::Session, CommandError> {
        let (parent, id) = name.split_once("/sessions/").unwrap_or_default();
        let request = pb::CreateSessionRequest {
            parent: parent.to_owned(),
            session_id: id.to_owned(),
            session: Some(pb::Session {
                name: name.to_owned(),
                session_config: Some(SessionConfig::SparkConnectSession(pb::SparkConnectConfig {})),
                runtime_config: Some(pb::RuntimeConfig {
                    version: self.runtime.clone(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            request_id: hearth_client::new_request_id(),
        };
        let accepted = client.create_session(request).await.map_err(failure)?;
        let done = client.wait(accepted, |_| {}).await.map_err(failure)?;
        hearth_client::session_of(&done).map_err(failure)
    }

    async fn show_timeline(&self, client: &Client, name: &str, title: &str) -> Result<(), CommandError> {
        let timeline = client.timeline(name).await.map_err(failure)?;
        let mut table = Table::new();
        table.load_style(NOTHING);
        let mut before = Duration::ZERO;
        for entry in timeline.entries {
            let elapsed =
                entry.elapsed.and_then(|elapsed| Duration::try_from(elapsed).ok()).unwrap_or_default();
            table.add_row([
                entry.step,
                seconds(elapsed),
                format!("+{}", seconds(elapsed.saturating_sub(before))),
            ]);
            before = elapsed;
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        println!("{title}");
        println!("{table}\n");
        Ok(())
    }

    fn tell_how_to_connect(&self, service: &Service, name: &str) {
        let hearth = program();
        let port = service.endpoint.rsplit(':').next().unwrap_or_default();
        let session = if self.keep { short(name) } else { "demo" };
        println!("To use it yourself:");
        if !self.keep {
            println!("  {hearth} serve                       # or: {hearth} quickstart --keep");
            println!("  {hearth} sessions create {session}        # in another terminal");
        }
        println!("  {hearth} sessions connect {session}       # tells the lines below, and more");
        println!();
        println!("from PySpark or a notebook (pip install pyspark-client):");
        println!("  import os; from pyspark.sql import SparkSession");
        println!(
            "  os.environ[\"SPARK_CONNECT_AUTHENTICATE_TOKEN\"] = os.popen(\"{hearth} token -q\").read().strip()"
        );
        let address = format!("sc://localhost:{port}/;x-dataproc-session={session}");
        println!("  spark = SparkSession.builder.remote(\"{address}\").getOrCreate()");
        println!();
        println!("from anything that speaks HTTP:");
        let sessions = format!("{}/v1/projects/local/locations/local/sessions", service.endpoint);
        println!("  curl -H \"Authorization: Bearer $({hearth} token -q)\" {sessions}");
    }
}

/// The name of the session that gets an engine that was ready.
fn warm(name: &str) -> String {
    format!("{name}-warm")
}

/// Whether the service has an engine of this runtime ready, now or soon. One that keeps none never has.
async fn ready(client: &Client, runtime: &str) -> bool {
    let until = Instant::now() + MADE_READY;
    while Instant::now() < until {
        let Ok(pools) = client.pools().await else { return false };
        let Some(pool) = pools.iter().find(|pool| pool.name == runtime) else { return false };
        if pool.ready > 0 || pool.most == 0 || !pool.trouble.is_empty() {
            return pool.ready > 0;
        }
        tokio::time::sleep(PAUSE).await;
    }
    false
}

/// What to type for this program: its name if the shell finds it, else where it is.
fn program() -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::current_exe().unwrap_or_default();
    let found = std::env::split_paths(&path).any(|directory| directory.join("hearth") == own);
    if found { "hearth".to_owned() } else { own.display().to_string() }
}

async fn delete(client: &Client, name: &str) -> Result<(), CommandError> {
    let accepted = match client.delete_session(name, None).await {
        Ok(accepted) => accepted,
        // It was never created.
        Err(error) if error.kind() == hearth_client::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failure(error)),
    };
    client.wait(accepted, |_| {}).await.map_err(failure).map(drop)
}

fn session_state(state: i32) -> &'static str {
    pb::session::State::try_from(state).unwrap_or_default().as_str_name()
}

fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

fn failure(error: ClientError) -> CommandError {
    let hint = error.hint().unwrap_or_default();
    CommandError::own(error, hint)
}
