//! `hearth usage`: what sessions have used.

use clap::Args;
use comfy_table::{Cell, CellAlignment};
use hearth_wire::hearth::{GetUsageRequest, Usage, UsageGroup};

use super::context::Context;
use super::exit::{EXIT_CODES, Exit};
use super::failure::CommandError;
use super::global::{Format, Global};
use super::output::{Screen, table};
use super::times::{self, Past};

/// Show what sessions have used, by user, label, project or session
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct UsageCommand {
    /// The flags of all client commands.
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(flatten)]
    pub(crate) asked: Asked,
}

/// Whose use to show, and how.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// What to put sessions together by: user, label:KEY, project (of all projects) or session
    #[arg(long, value_name = "WHAT", default_value = "user")]
    pub(crate) by: String,
    /// From then on: a time, a day, or how long ago, such as 30d [default: all that is known]
    #[arg(long, value_name = "TIME", value_parser = times::parse_past)]
    pub(crate) since: Option<Past>,
    /// Up to then [default: now]
    #[arg(long, value_name = "TIME", value_parser = times::parse_past)]
    pub(crate) until: Option<Past>,
    /// Sessions of all projects and locations
    #[arg(long)]
    pub(crate) all_projects: bool,
}

impl UsageCommand {
    /// Shows it.
    ///
    /// # Errors
    /// As [`CommandError`] has it.
    pub(crate) async fn run(self) -> Result<Exit, CommandError> {
        let mut context = Context::open(&self.global)?;
        self.asked.run(&mut context).await
    }
}

impl Asked {
    /// Shows it with what is at hand.
    ///
    /// # Errors
    /// When the service does not answer or refuses.
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit, CommandError> {
        let parent = if self.all_projects || self.by == "project" {
            "projects/-/locations/-".to_owned()
        } else {
            context.place().await?.to_string()
        };
        let request = GetUsageRequest {
            parent,
            group_by: self.by.clone(),
            start_time: moment(self.since, &context.screen)?,
            end_time: moment(self.until, &context.screen)?,
        };
        let usage = context.client.usage(request).await.map_err(CommandError::call("tell what was used"))?;
        self.show(&usage, &mut context.screen)?;
        Ok(Exit::Done)
    }

    fn show(&self, usage: &Usage, screen: &mut Screen) -> Result<(), CommandError> {
        match screen.format {
            Format::Json | Format::Yaml => return screen.message(usage),
            Format::Table if usage.groups.is_empty() => {
                screen.note("No session was active in that time.");
                return Ok(());
            }
            Format::Table if screen.quiet => {
                return usage.groups.iter().try_for_each(|group| screen.line(&key(group)));
            }
            Format::Table => {}
        }
        let what = self.by.strip_prefix("label:").unwrap_or(&self.by).to_uppercase();
        let mut header = vec![
            what.as_str(),
            "SESSIONS",
            "TIME",
            "IDLE",
            "DCU SECONDS",
            "IDLE DCU SECONDS",
            "CPU",
            "MEMORY GIB HOURS",
            "PEAK MEMORY",
        ];
        if !usage.currency.is_empty() {
            header.extend(["COST", "IDLE COST"]);
        }
        let mut rows = table(&header);
        for group in &usage.groups {
            rows.add_row(row(key(group), group, &usage.currency));
        }
        if let Some(total) = usage.total.as_ref().filter(|_| usage.groups.len() > 1) {
            rows.add_row(row("total".to_owned(), total, &usage.currency));
        }
        for column in rows.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        screen.table(rows)?;
        if usage.omitted_groups > 0 {
            let more = usage.omitted_groups;
            screen.note(&format!("\n{more} more are left out, which used less; the total has them."));
        }
        Ok(())
    }
}

fn moment(past: Option<Past>, screen: &Screen) -> Result<Option<prost_types::Timestamp>, CommandError> {
    let at = past.map(|past| past.moment(screen.now, &screen.zone)).transpose();
    let at = at.map_err(|_| CommandError::usage("the calendar does not go back that far"))?;
    Ok(at.map(times::time_message))
}

/// What the sessions of a group have in common, in words.
fn key(group: &UsageGroup) -> String {
    match group.key.as_str() {
        _ if group.without_label => "(without)".to_owned(),
        "" => "(empty)".to_owned(),
        key => key.to_owned(),
    }
}

fn row(key: String, group: &UsageGroup, currency: &str) -> Vec<Cell> {
    let time =
        |time: Option<&prost_types::Duration>| times::exact(time.map(times::duration).unwrap_or_default());
    let seconds = |thousandths: i64| format!("{}.{}", thousandths / 1000, thousandths % 1000 / 100);
    let mut cells = vec![
        key,
        group.sessions.to_string(),
        time(group.active_time.as_ref()),
        time(group.idle_time.as_ref()),
        seconds(group.milli_dcu_seconds),
        seconds(group.idle_milli_dcu_seconds),
        time(group.cpu_time.as_ref()),
        hundredths(group.memory_mib_seconds, 1024 * 3600),
        indicatif::HumanBytes(u64::try_from(group.peak_memory_bytes).unwrap_or_default()).to_string(),
    ];
    if !currency.is_empty() {
        let money = |micros| format!("{} {currency}", hundredths(micros, 1_000_000));
        cells.extend([money(group.cost_micros), money(group.idle_cost_micros)]);
    }
    cells.into_iter().map(Cell::new).collect()
}

/// A count in a larger unit of so many, rounded to two decimals.
fn hundredths(count: i64, unit: i64) -> String {
    let all = (i128::from(count) * 100 + i128::from(unit) / 2) / i128::from(unit);
    format!("{}.{:02}", all / 100, all % 100)
}

#[cfg(test)]
mod tests {
    use hearth_client::double::{Double, THEN};

    use super::*;
    use crate::commands::context::trial::run;

    fn group(key: &str, sessions: i64) -> UsageGroup {
        let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        UsageGroup {
            key: key.to_owned(),
            sessions,
            active_time: seconds(9000 * sessions),
            idle_time: seconds(1800 * sessions),
            milli_dcu_seconds: 36_000_500 * sessions,
            idle_milli_dcu_seconds: 7_200_100 * sessions,
            cpu_time: seconds(3000),
            memory_mib_seconds: 2048 * 5400,
            peak_memory_bytes: 3 << 29,
            cost_micros: 890_012 * sessions,
            idle_cost_micros: 178_000 * sessions,
            ..UsageGroup::default()
        }
    }

    async fn double(usage: Usage) -> Double {
        let double = Double::start().await;
        double.state().usage = usage;
        double
    }

    #[tokio::test]
    async fn a_table_has_a_row_for_each_group_and_one_for_all_together() {
        let groups = vec![group("ada@example.org", 3), UsageGroup { without_label: true, ..group("", 1) }];
        let total = Some(group("", 4));
        let double = double(Usage { groups, total, currency: "USD".to_owned(), ..Usage::default() }).await;
        let ran = run(&double, "usage --by label:team").await;
        assert_eq!((ran.notes.as_str(), ran.code), ("", 0));
        let expected = "\
TEAM             SESSIONS        TIME        IDLE  DCU SECONDS  IDLE DCU SECONDS     CPU  MEMORY GIB HOURS  PEAK MEMORY      COST  IDLE COST
ada@example.org         3  7 h 30 min  1 h 30 min     108001.5           21600.3  50 min              3.00     1.50 GiB  2.67 USD   0.53 USD
(without)               1  2 h 30 min      30 min      36000.5            7200.1  50 min              3.00     1.50 GiB  0.89 USD   0.18 USD
total                   4        10 h         2 h     144002.0           28800.4  50 min              3.00     1.50 GiB  3.56 USD   0.71 USD
";
        assert_eq!(ran.data, expected);
    }

    #[tokio::test]
    async fn without_a_price_no_costs_are_shown() {
        let double =
            double(Usage { groups: vec![group("ada", 1)], total: Some(group("", 1)), ..Usage::default() })
                .await;
        let ran = run(&double, "usage").await;
        assert!(ran.data.starts_with("USER ") && !ran.data.contains("COST"), "{}", ran.data);
        assert_eq!(ran.data.lines().count(), 2, "the total of one is no news: {}", ran.data);
        assert_eq!(run(&double, "usage -q").await.data, "ada\n");
    }

    #[tokio::test]
    async fn the_service_is_asked_for_what_was_typed() {
        let double = double(Usage::default()).await;
        let ran = run(&double, "usage --by session --since 1d --until 2026-01-02").await;
        assert_eq!((ran.data.as_str(), ran.notes.as_str()), ("", "No session was active in that time.\n"));
        let asked = double.state().usage_asked.pop().unwrap();
        assert_eq!(
            (asked.parent.as_str(), asked.group_by.as_str()),
            ("projects/local/locations/local", "session")
        );
        // The screen's time is five minutes after the double's.
        assert_eq!(asked.start_time.map(|at| at.seconds), Some(THEN + 300 - 86_400));
        assert_eq!(asked.end_time.map(|at| at.seconds), Some(1_767_312_000));
        for line in ["usage --by project", "usage --all-projects"] {
            run(&double, line).await;
            assert_eq!(double.state().usage_asked.pop().unwrap().parent, "projects/-/locations/-", "{line}");
        }
        let refused = run(&double, "usage --since 6000000d").await;
        assert!(refused.notes.contains("calendar"), "{}", refused.notes);
    }

    #[tokio::test]
    async fn programs_get_the_answer_of_the_service() {
        let total = Some(group("", 1));
        let double =
            double(Usage { groups: vec![group("ada", 1)], total, omitted_groups: 7, ..Usage::default() })
                .await;
        let data = run(&double, "usage -o json").await.data;
        let json: serde_json::Value = serde_json::from_str(&data).unwrap();
        assert_eq!(json["groups"][0]["key"], "ada");
        assert_eq!(json["total"]["activeTime"], "9000s");
        assert_eq!(json["omittedGroups"], "7");
        assert!(run(&double, "usage").await.notes.contains("7 more are left out"));
    }
}
