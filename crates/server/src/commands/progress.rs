//! Showing that something is waited for: a spinner for people, a line per change otherwise.

use std::time::Duration;

use hearth_client::Tick;
use indicatif::{ProgressBar, ProgressStyle};

use super::output::Screen;

/// How often the spinner turns: smooth to the eye, cheap to draw.
const TURN: Duration = Duration::from_millis(80);

/// Something is waited for. The spinner goes when this is dropped.
pub(crate) struct Progress<'s> {
    screen: &'s mut Screen,
    doing: String,
    spinner: Option<ProgressBar>,
    away: bool,
}

impl<'s> Progress<'s> {
    /// Says what is waited for, such as `starting session "etl"`.
    pub(crate) fn start(screen: &'s mut Screen, doing: impl Into<String>) -> Self {
        let doing = doing.into();
        let spinner = (screen.lively && !screen.quiet).then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
                .expect("the template names known parts only");
            let spinner = ProgressBar::new_spinner().with_style(style).with_message(doing.clone());
            spinner.enable_steady_tick(TURN);
            spinner
        });
        if spinner.is_none() {
            screen.note(&format!("{doing} ..."));
        }
        Self { screen, doing, spinner, away: false }
    }

    /// Shows what was seen.
    pub(crate) fn tick(&mut self, tick: &Tick<'_>) {
        let away = matches!(tick, Tick::Away(_));
        if away == self.away {
            return;
        }
        self.away = away;
        let text = if away { "the service does not answer; trying again" } else { &self.doing };
        match &self.spinner {
            Some(spinner) => spinner.set_message(text.to_owned()),
            None => self.screen.note(&format!("{text} ...")),
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}
