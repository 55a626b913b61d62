//! A call from its words to its printed answer.

use std::io::IsTerminal as _;
use std::time::Duration;

use serde_json::Value;

use crate::auth::{self, AuthError, SignIn};
use crate::config::endpoint::{self, Endpoint};
use crate::config::{self, ConfigError};
use crate::exit::{Cause, of_status};
use crate::failure::Failure;
use crate::grammar::Call;
use crate::options::{Color, Options};
use crate::output::{self, Sink};
use crate::problem::{self, Findings, Problem};
use crate::request::{self, Request};
use crate::sources::Real;
use crate::transport::{Client, Outgoing, Response, TransportError, debug, retry};
use crate::{api, env, pages, terminal, wait};

/// Makes the call.
///
/// # Errors
/// Anything that went wrong, with its cause for the exit code.
pub fn run(call: &Call, options: &Options) -> Result<(), Failure> {
    let folder = config::folder(options.config_dir.as_deref())?;
    let mut findings = Findings::default();
    let mut request = request::build(call, options, &mut Real::default(), &mut findings);
    check(findings, options)?;
    if options.retries.asked || options.wait {
        request.add_request_id(&request_id()?);
    }
    let endpoint = endpoint::choose(options)?;
    if options.dry_run {
        return print(&dry_run(&request, &endpoint));
    }
    let sink = Sink::open(call.out.as_deref()).map_err(|(path, why)| {
        Failure::plain(Cause::Output, format!("Failed to open output file '{path}': {why}"))
    })?;
    let sign_in = auth::choose(options, &endpoint, &folder)?;
    let mut service = Service::new(endpoint, sign_in, options)?;
    let mut answer = service.call(&request)?;
    if options.all_pages && request.method.paged() {
        answer = pages::collect(&mut service, &request, answer)?;
    }
    if options.wait && call.method.answers_operation() {
        answer = wait::finish(&mut service, answer, options)?;
    }
    let text = output::render(
        answer,
        options.output,
        call.method,
        color(options.color, std::io::stdout().is_terminal()),
    );
    let on_terminal =
        matches!(sink, Sink::Stdout) && std::io::stdout().is_terminal() && !text.ends_with('\n');
    let text = if on_terminal && !text.is_empty() { text + "\n" } else { text };
    let name = sink.name();
    sink.write(&text).map_err(|why| {
        Failure::new(
            Cause::Output,
            format!("the call was made, but its answer could not be written to {name}"),
        )
        .because(&why)
    })
}

/// Stops a call whose words have problems, shows notes of one that has none.
fn check(mut findings: Findings, options: &Options) -> Result<(), Failure> {
    if options.strict {
        findings.problems.extend(findings.notes.drain(..).map(Problem::new));
    }
    if !findings.problems.is_empty() {
        return Err(Failure::plain(Cause::Usage, problem::report(&findings.problems)));
    }
    if !options.quiet {
        for note in &findings.notes {
            terminal::say_line(&format!("note: {note}"));
        }
    }
    Ok(())
}

/// Prints to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    output::print(text)
        .map_err(|why| Failure::new(Cause::Output, "could not write to standard output").because(&why))
}

/// Whether to use color where `terminal` says what the stream is.
pub fn color(choice: Color, terminal: bool) -> bool {
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            terminal && env::var("NO_COLOR").is_none() && env::var("TERM").as_deref() != Some("dumb")
        }
    }
}

/// The request as it would be sent, secrets removed.
fn dry_run(request: &Request, endpoint: &Endpoint) -> String {
    let mut out = format!(
        "{} {}\n",
        request.http.name(),
        debug::url(&format!("{}{}", endpoint.base, request.target()))
    );
    if let Some(body) = &request.body {
        let mut body = body.clone();
        debug::remove(&mut body);
        out.push_str("content-type: application/json\n\n");
        out.push_str(&serde_json::to_string_pretty(&body).unwrap_or_default());
        out.push('\n');
    }
    out
}

/// A fresh request id: a random UUID, which has the 36 of at most 40 characters that the API takes.
fn request_id() -> Result<String, Failure> {
    let mut raw = [0_u8; 16];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut raw)
        .map_err(|_| Failure::new(Cause::Configuration, "the system has no randomness for a request id"))?;
    raw[6] = raw[6] & 0x0f | 0x40;
    raw[8] = raw[8] & 0x3f | 0x80;
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

/// A service and a sign-in, for one call and what follows from it.
pub struct Service {
    endpoint: Endpoint,
    client: Client,
    sign_in: SignIn,
    token: Option<auth::Secret>,
    limit: u32,
    asked: bool,
    quiet: bool,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("endpoint", &self.endpoint.base).finish_non_exhaustive()
    }
}

impl Service {
    /// Ready to call; nothing is sent yet.
    ///
    /// # Errors
    /// A proxy or certificates that cannot be used.
    pub fn new(endpoint: Endpoint, sign_in: SignIn, options: &Options) -> Result<Self, Failure> {
        let ca_file = endpoint.context.as_ref().and_then(|context| context.ca_file.as_ref());
        let client = Client::new(options, ca_file.map(|path| path.display().to_string()))?;
        if options.debug {
            terminal::say_line(&format!("* endpoint {} (chosen by {})", endpoint.base, endpoint.chosen_by));
            terminal::say_line(&format!("* sign-in by {}", sign_in.chosen_by));
        }
        let Options { retries, quiet, .. } = options;
        Ok(Self {
            endpoint,
            client,
            sign_in,
            token: None,
            limit: retries.count,
            asked: retries.asked,
            quiet: *quiet,
        })
    }

    /// Makes one request, repeated where that is safe, and returns the JSON of a success.
    ///
    /// # Errors
    /// No token, no answer, or a refusal.
    pub fn call(&mut self, request: &Request) -> Result<Value, Failure> {
        let url = format!("{}{}", self.endpoint.base, request.target());
        let body = request.body.as_ref().map(Value::to_string);
        let mut tries = 0;
        let mut renewed = false;
        loop {
            let token = match &self.token {
                Some(token) => token.clone(),
                None => self.token.insert(self.sign_in.token(&self.client, renewed)?).clone(),
            };
            let mut headers = vec![
                ("authorization", format!("Bearer {}", token.expose())),
                ("accept", "application/json".to_owned()),
            ];
            if body.is_some() {
                headers.push(("content-type", "application/json".to_owned()));
            }
            if let Some(project) = self.sign_in.quota_project() {
                headers.push(("x-goog-user-project", project.to_owned()));
            }
            let outgoing = Outgoing {
                http: request.http.name(),
                url: &url,
                headers: &headers,
                body: body.as_ref().map(String::as_bytes),
            };
            let outcome = self.client.send(&outgoing);
            tries += 1;
            if matches!(&outcome, Ok(answer) if answer.status == 401) && !renewed && self.sign_in.renewable()
            {
                renewed = true;
                let old = self.token.take();
                // Only a different token is worth another try.
                match self.sign_in.token(&self.client, true) {
                    Ok(token) if Some(&token) != old.as_ref() => {
                        self.token = Some(token);
                        continue;
                    }
                    _ => {}
                }
            }
            let pause =
                retry::pause(outcome.as_ref(), tries, self.limit, request.repeatable(), self.asked, jitter());
            if let Some(pause) = pause {
                self.tell_pause(&outcome, pause);
                std::thread::sleep(pause);
                continue;
            }
            return read(request, outcome?);
        }
    }

    fn tell_pause(&self, outcome: &Result<Response, TransportError>, pause: Duration) {
        if self.quiet {
            return;
        }
        let why = match outcome {
            Ok(answer) => format!("the service answered {}", answer.status),
            Err(why) => why.to_string(),
        };
        terminal::say_line(&format!("note: {why}; trying again in {:.1} s", pause.as_secs_f64()));
    }
}

/// A number between 0 and 1 that differs from process to process.
fn jitter() -> f64 {
    let nanos =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    f64::from(nanos % 1000) / 1000.0
}

/// The JSON of a success, or the failure that the answer tells.
fn read(request: &Request, answer: Response) -> Result<Value, Failure> {
    if !answer.ok() {
        return Err(refusal(request, &answer));
    }
    if answer.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(&answer.body).map_err(|why| {
        let shown: String = problem::printable(&answer.text()).chars().take(500).collect();
        Failure::plain(Cause::Server, format!("{why}: {shown}"))
    })
}

/// The failure of an HTTP status that is no success.
fn refusal(request: &Request, answer: &Response) -> Failure {
    let cause = of_status(answer.status);
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    // Streaming front ends wrap errors in a list of one.
    let error = value.pointer("/error").or_else(|| value.pointer("/0/error")).unwrap_or(&Value::Null);
    let mut failure = match error.get("message").and_then(Value::as_str).filter(|message| !message.is_empty())
    {
        Some(message) => {
            let status = error.get("status").and_then(Value::as_str).unwrap_or("");
            let gap = if status.is_empty() { "" } else { " " };
            let text = format!(
                "the service answered {}{gap}{status}: {}",
                answer.status,
                problem::printable(message)
            );
            Failure::new(cause, text)
        }
        None => {
            let status = error.get("status").and_then(Value::as_str).unwrap_or("").to_owned();
            let shown = if status.is_empty() { answer.text() } else { status };
            let shown: String = problem::printable(shown.trim()).chars().take(500).collect();
            let gap = if shown.is_empty() { "" } else { ": " };
            Failure::new(cause, format!("the service answered {}{gap}{shown}", answer.status))
        }
    };
    for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
        for violation in detail.get("fieldViolations").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| violation.get(name).and_then(Value::as_str).unwrap_or("");
            let line = format!("{}: {}", text("field"), text("description"));
            if !failure.text.contains(text("description")) {
                failure.chain.push(problem::printable(line.trim_start_matches(": ")));
            }
        }
    }
    match cause {
        Cause::SignIn => failure.hint("Run the call with --debug to see which sign-in was used, and `dataproc1 help sign-in` for the others."),
        Cause::NotFound if request.http == api::Http::Get => failure.hint(list_hint(request)),
        _ => failure,
    }
}

/// The command that lists what there is.
fn list_hint(request: &Request) -> String {
    let list = request.method.command.rsplit_once('-').map(|(start, _)| format!("{start}-list"));
    match list.as_deref().and_then(api::method) {
        Some(method) => format!("Run `dataproc1 projects {} …` to see what there is.", method.command),
        None => "Check the project and the location in the name.".to_owned(),
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::plain(Cause::Configuration, error.to_string())
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        match &error {
            AuthError::ClientFile(_) => Self::plain(Cause::Secret, error.to_string()),
            AuthError::Config(_) => Self::plain(Cause::Configuration, error.to_string()),
            AuthError::Nothing => Self::new(
                Cause::SignIn,
                "Token retrieval failed: there is no sign-in for this call",
            )
            .hint(
                "Choose one: a running Hearth (--context local), a key file (--credentials FILE), a token \
                 (DATAPROC1_ACCESS_TOKEN), or `dataproc1 login`; see `dataproc1 help sign-in`.",
            ),
            AuthError::Transport(TransportError::Timeout { .. }) => {
                Self::new(Cause::Timeout, "Token retrieval failed").because(&error)
            }
            _ => Self::new(Cause::SignIn, format!("Token retrieval failed: {error}")).because(&error),
        }
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        let cause = match &error {
            TransportError::Connect { .. } => Cause::Unreachable,
            TransportError::Timeout { .. } => Cause::Timeout,
            TransportError::Broken { .. } => Cause::Server,
            TransportError::Certificates(_) => Cause::Configuration,
            TransportError::Request(_) => Cause::Usage,
        };
        let failure = Self::new(cause, error.to_string()).because(&error);
        match &error {
            TransportError::Connect { source, .. } if source.to_string().contains("certificate") => failure
                .hint("Trust the service's certificate authority with --ca-file FILE or SSL_CERT_FILE."),
            TransportError::Connect { .. } => failure
                .hint("Choose another service with --endpoint URL or --context NAME; is this one running?"),
            TransportError::Timeout { .. } => {
                failure.hint("Allow more time with --timeout, such as --timeout 10m.")
            }
            _ => failure,
        }
    }
}
