//! `hearth sessions diagnose`.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::which_there_are;
use crate::commands::context::Context;
use crate::commands::exit::Exit;
use crate::commands::failure::CommandError;
use crate::commands::global::Format;

/// Which session, and where its archive goes.
#[derive(Debug, Args)]
pub(crate) struct Diagnose {
    /// The session: its id, or its full name
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
    /// Where to write the archive, `-` for the output; by default to SESSION-diagnostics.tar.gz
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

impl Diagnose {
    /// Has the archive written and downloads it.
    ///
    /// # Errors
    /// When it cannot be had, or not be written here.
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit, CommandError> {
        let text = self.session;
        let name = context.session_name(&text).await?;
        let failed = |failure| {
            CommandError::call(format!("diagnose session \"{text}\""))(failure)
                .or_hint(Exit::NotFound, which_there_are)
        };
        let told = context.client.diagnose(&name).await.map_err(failed)?;
        let archive = context.client.diagnostics(&name).await.map_err(failed)?;
        let id = hearth_client::last_segment(&name);
        let out = self.out.unwrap_or_else(|| format!("{id}-diagnostics.tar.gz").into());
        let screen = &mut context.screen;
        if out == Path::new("-") {
            screen.bytes(&archive)?;
            return Ok(Exit::Done);
        }
        let path = out.display().to_string();
        write(&out, &archive).map_err(|source| CommandError::WriteFile { path: path.clone(), source })?;
        if screen.format == Format::Table {
            screen.line(&path)?;
            screen.note(
                "Secrets were taken out as far as they are known for that; look before you hand it on.",
            );
        } else {
            screen.message(&told)?;
        }
        Ok(Exit::Done)
    }
}

/// For its owner only.
fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)
}
