//! `hearth pools`: the engines that are started ahead.

use clap::Args;
use comfy_table::Cell;
use hearth_wire::hearth::{ListPoolsResponse, Pool};

use super::context::Context;
use super::exit::{EXIT_CODES, Exit};
use super::failure::CommandError;
use super::global::{Format, Global};
use super::output::{Screen, table};
use super::times;

/// Show the engines that are ready for sessions to come
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct PoolsCommand {
    /// The flags of all client commands.
    #[command(flatten)]
    global: Global,
}

impl PoolsCommand {
    /// Does it.
    ///
    /// # Errors
    /// As [`CommandError`] has it.
    pub(crate) async fn run(self) -> Result<Exit, CommandError> {
        let mut context = Context::open(&self.global)?;
        let pools = context.client.pools().await.map_err(CommandError::call("list the pools".to_owned()))?;
        let screen = &mut context.screen;
        if screen.format != Format::Table {
            screen.message(&ListPoolsResponse { pools })?;
        } else if pools.is_empty() {
            screen.note("no engines are kept ready: the setting `pools.engines` says of which");
        } else {
            show(&pools, screen)?;
        }
        Ok(Exit::Done)
    }
}

fn show(pools: &[Pool], screen: &mut Screen) -> Result<(), CommandError> {
    let mut rows = table(&["POOL", "READY", "STARTING", "TARGET", "LEAST..MOST", "MEMORY EACH", "HITS"]);
    for pool in pools {
        let memory = u64::try_from(pool.memory_bytes_each).unwrap_or_default();
        rows.add_row(vec![
            Cell::new(&pool.name),
            Cell::new(pool.ready),
            Cell::new(pool.starting),
            Cell::new(pool.target),
            Cell::new(format!("{}..{}", pool.least, pool.most)),
            Cell::new(indicatif::BinaryBytes(memory)),
            Cell::new(hits(pool)),
        ]);
    }
    screen.table(rows)?;
    for pool in pools {
        if pool.runtime.is_empty() {
            let why = "its runtime is not installed, or its template is not there";
            screen.note(&format!("\nno engines of {} can be made: {why}", pool.name));
        } else if !pool.trouble.is_empty() {
            let again = times::timestamp(pool.retry_time.as_ref())
                .map(|at| format!(" (tried again {})", times::local_and_ago(at, screen.now, &screen.zone)));
            let again = again.unwrap_or_default();
            screen.note(&format!("\nthe last engine of {} went wrong{again}: {}", pool.name, pool.trouble));
        }
    }
    Ok(())
}

/// How many sessions that could have had an engine got one.
fn hits(pool: &Pool) -> String {
    let asked = pool.handed_over + pool.missed;
    match (pool.handed_over * 100).checked_div(asked) {
        Some(percent) => format!("{} of {asked} ({percent} %)", pool.handed_over),
        None => "none asked".to_owned(),
    }
}
