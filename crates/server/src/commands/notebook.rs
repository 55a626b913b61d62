//! `hearth notebook`: JupyterLab, pointed at the service and signed in.

mod folder;

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use super::exit::{EXIT_CODES, Exit};
use super::failure::CommandError;
use super::global::Global;
use super::local::{Surroundings, TOKEN_VARIABLE};
use folder::Folder;

/// The JupyterLab that is run where the user has none, from the index that `uv` is set up for.
const PRIVATE: &str = "jupyterlab==4.6.6";

/// Open JupyterLab with the kernels of the service
///
/// Runs the `jupyter-lab` on the PATH, or a private one by `uv` where there is none. It takes the place of this command, so
/// it is ended as always, with Ctrl-C; its kernels go on in their sessions.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct NotebookCommand {
    /// The JupyterLab to run instead
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) jupyter: Option<PathBuf>,
    /// What JupyterLab itself is told, such as `--no-browser` or a folder
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub(crate) arguments: Vec<OsString>,
    /// The flags of all client commands.
    #[command(flatten)]
    pub(crate) global: Global,
}

impl NotebookCommand {
    /// Becomes JupyterLab.
    ///
    /// # Errors
    /// When there is no service or no JupyterLab, or what it needs cannot be written. Else it does not return.
    #[expect(clippy::unused_async, reason = "all commands are run the same way")]
    pub(crate) async fn run(self) -> Result<Exit, CommandError> {
        let surroundings = Surroundings::read();
        let found = surroundings.find(&self.global)?;
        let dir = surroundings.state_dir(&self.global)?;
        let folder = Folder::write(&dir, &found).map_err(|error| {
            let text = format!("could not write what JupyterLab needs into \"{}\": {error}", dir.display());
            CommandError::own(text, "Name a directory that you may write with `--state-dir`.")
        })?;
        let mut command = self.lab(&std::env::var_os("PATH").unwrap_or_default());
        // JupyterLab writes its environment into its log.
        command.args(&self.arguments).envs(folder.variables()).env_remove(TOKEN_VARIABLE);
        let program = command.get_program().to_owned();
        let error = command.exec();
        let text = format!("could not run \"{}\": {error}", program.display());
        Err(CommandError::own(
            text,
            "Install JupyterLab with `pip install jupyterlab`, or name it with `--jupyter`.",
        ))
    }

    fn lab(&self, path: &OsString) -> Command {
        let on_path =
            |name: &str| std::env::split_paths(path).map(|dir| dir.join(name)).find(|file| file.is_file());
        if let Some(program) = self.jupyter.clone().or_else(|| on_path("jupyter-lab")) {
            return Command::new(program);
        }
        match on_path("uv") {
            Some(uv) => {
                let mut command = Command::new(uv);
                command.args(["tool", "run", "--from", PRIVATE, "jupyter-lab"]);
                command
            }
            None => Command::new("jupyter-lab"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(jupyter: Option<&str>, path: &std::path::Path) -> Command {
        let command = NotebookCommand {
            jupyter: jupyter.map(PathBuf::from),
            arguments: Vec::new(),
            global: Global::default(),
        };
        command.lab(&path.as_os_str().to_owned())
    }

    #[test]
    fn the_users_own_jupyterlab_comes_before_a_private_one() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(command(None, dir.path()).get_program(), "jupyter-lab", "none: the error names it");
        std::fs::write(dir.path().join("uv"), "").unwrap();
        let private = command(None, dir.path());
        assert_eq!(private.get_program(), dir.path().join("uv"));
        assert!(private.get_args().any(|word| word == PRIVATE));
        std::fs::write(dir.path().join("jupyter-lab"), "").unwrap();
        assert_eq!(command(None, dir.path()).get_program(), dir.path().join("jupyter-lab"));
        assert_eq!(command(Some("/mine"), dir.path()).get_program(), "/mine");
    }
}
