//! What the client commands write: data to standard output, everything else to standard error.

use std::env;
use std::io::{self, IsTerminal, Write};

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use hearth_wire::dataproc::session::State;
use hearth_wire::json::{self, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use prost::{Message, Name};

use super::failure::CommandError;
use super::global::{Format, Global};

/// Where a command writes and how.
pub(crate) struct Screen {
    data: Box<dyn Write + Send>,
    notes: Box<dyn Write + Send>,
    /// The form of data.
    pub(crate) format: Format,
    /// Whether notes and progress are left out.
    pub(crate) quiet: bool,
    /// Whether a person looks at the notes.
    pub(crate) lively: bool,
    /// Whether a person looks at the data.
    pub(crate) data_on_terminal: bool,
    /// Whether data may have colors.
    pub(crate) colors: bool,
    /// The time that ages are counted to.
    pub(crate) now: Timestamp,
    /// The zone that times are shown in.
    pub(crate) zone: TimeZone,
}

impl Screen {
    /// That of this process.
    pub(crate) fn of_process(global: &Global) -> Self {
        let data_on_terminal = io::stdout().is_terminal();
        Self {
            data: Box::new(io::stdout()),
            notes: Box::new(io::stderr()),
            format: global.output,
            quiet: global.quiet,
            lively: io::stderr().is_terminal(),
            data_on_terminal,
            // https://no-color.org: set to anything but nothing, it holds.
            colors: data_on_terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            now: Timestamp::now(),
            zone: TimeZone::system(),
        }
    }

    /// Writes data as it is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        self.data.write_all(bytes).and_then(|()| self.data.flush()).map_err(CommandError::Write)
    }

    /// Writes a line of data.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), CommandError> {
        self.bytes(format!("{text}\n").as_bytes())
    }

    /// Writes a table as data.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn table(&mut self, mut table: Table) -> Result<(), CommandError> {
        // Nothing at the left edge, two spaces between columns.
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        if self.colors {
            table.enforce_styling().style_text_only();
        } else {
            table.force_no_tty();
        }
        self.line(&table.trim_fmt())
    }

    /// Writes a message in the JSON of the API, or as the same in YAML.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn message<M: Message + Name>(&mut self, message: &M) -> Result<(), CommandError> {
        let pretty = Style { pretty: true, ..Style::default() };
        let text = json::to_string(message, pretty)
            .map_err(|source| CommandError::Encode { format: "JSON", source: source.into() })?;
        match self.format {
            Format::Yaml => {
                let value: serde_json::Value = serde_json::from_str(&text)
                    .map_err(|source| CommandError::Encode { format: "YAML", source: source.into() })?;
                self.value(&value)
            }
            Format::Table | Format::Json => self.line(text.trim_end()),
        }
    }

    /// Writes a value of our own as JSON or YAML.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn value(&mut self, value: &serde_json::Value) -> Result<(), CommandError> {
        let text = match self.format {
            Format::Yaml => serde_norway::to_string(value)
                .map_err(|source| CommandError::Encode { format: "YAML", source: source.into() })?,
            Format::Table | Format::Json => format!("{value:#}"),
        };
        self.line(text.trim_end())
    }

    /// Tells something beside the data. That it cannot be told is no reason to fail.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.quiet {
            self.insist(text);
        }
    }

    /// Tells something beside the data even when quiet.
    pub(crate) fn insist(&mut self, text: &str) {
        let _ = writeln!(self.notes, "{text}");
    }

    /// Tells of a failure without ending.
    pub(crate) fn failure(&mut self, failure: &CommandError) {
        let _ = failure.tell(&mut *self.notes);
    }
}

/// A table with plain columns, which is easy to read and to cut.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if !header.is_empty() {
        table.set_header(header.to_vec());
    }
    table
}

/// A state of a session as a cell.
pub(crate) fn state_cell(state: State) -> Cell {
    let cell = Cell::new(state.as_str_name());
    match state {
        State::Active => cell.fg(Color::Green),
        State::Failed => cell.fg(Color::Red),
        State::Creating | State::Terminating => cell.fg(Color::Yellow),
        State::Terminated | State::Unspecified => cell,
    }
}

#[cfg(test)]
pub(crate) mod captured {
    //! A screen whose text can be read back.

    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was written.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Text(Arc<Mutex<Vec<u8>>>);

    impl Text {
        pub(crate) fn read(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Text {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A screen, its data and its notes. It is five minutes after the double's time, in UTC.
    pub(crate) fn screen(format: Format) -> (Screen, Text, Text) {
        let (data, notes) = (Text::default(), Text::default());
        let screen = Screen {
            data: Box::new(data.clone()),
            notes: Box::new(notes.clone()),
            format,
            quiet: false,
            lively: false,
            data_on_terminal: false,
            colors: false,
            now: Timestamp::from_second(hearth_client::double::THEN + 300).unwrap(),
            zone: TimeZone::UTC,
        };
        (screen, data, notes)
    }
}
