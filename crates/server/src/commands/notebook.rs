//! `hearth notebook`: JupyterLab, pointed at the service and signed in.

mod folder;

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use super::context::Context;
use super::exit::{EXIT_CODES, Exit};
use super::failure::CommandError;
use super::global::Global;
use super::local::{Surroundings, TOKEN_VARIABLE};
use folder::Folder;

/// The JupyterLab that is run where the user has none, from the index that `uv` is set up for.
const PRIVATE: &str = "jupyterlab==4.6.6";

/// What the endpoint of a session's kernel is called.
const ENDPOINT: &str = "Jupyter";

/// Open JupyterLab with the kernels of the service
///
/// Runs the `jupyter-lab` on the PATH, or a private one by `uv` where there is none. It takes the place of this command, so
/// it is ended as always, with Ctrl-C; its kernels go on in their sessions.
///
/// With the name of a session, every notebook runs on the kernel of that session, and shutting a kernel down ends nothing.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct NotebookCommand {
    /// The session whose kernel all notebooks share: its id, or its full name
    #[arg(value_name = "SESSION")]
    pub(crate) session: Option<String>,
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
    /// When there is no service, no such session or no JupyterLab, or what it needs cannot be written. Else it does not return.
    pub(crate) async fn run(self) -> Result<Exit, CommandError> {
        let surroundings = Surroundings::read();
        let mut found = surroundings.find(&self.global)?;
        if let Some(session) = &self.session {
            found.endpoint.push_str(&path_of(session, &self.global).await?);
        }
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

/// Where the service has the kernel of a session, below its own address.
async fn path_of(session: &str, global: &Global) -> Result<String, CommandError> {
    let mut context = Context::open(global)?;
    let name = context.session_name(session).await?;
    let asked = context.client.session(&name).await;
    let found = asked.map_err(CommandError::call(format!("get session \"{session}\"")))?;
    let endpoint = found.runtime_info.and_then(|info| info.endpoints.get(ENDPOINT).cloned());
    // Its own address may be one that this machine does not have: what leads to the service leads to the session.
    let path = endpoint.and_then(|endpoint| Some(endpoint.parse::<http::Uri>().ok()?.path().to_owned()));
    path.ok_or_else(|| {
        CommandError::own(
            format!("session \"{session}\" has no kernel that could be used"),
            "Run `hearth sessions get` to see its state, or create one with `hearth sessions create --kernel python`.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(jupyter: Option<&str>, path: &std::path::Path) -> Command {
        let command = NotebookCommand {
            session: None,
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
