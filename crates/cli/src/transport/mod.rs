//! HTTP: one client for the service, for token endpoints and for metadata servers.
//!
//! It knows time limits, proxies, certificates and what `--debug` shows; not what requests mean.

pub mod debug;
pub mod retry;

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use ureq::http;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::config::{ConfigError, endpoint};
use crate::options::Options;

/// Larger answers than this are refused; a page of the API is far smaller.
const LARGEST_ANSWER: u64 = 512 << 20;

/// A request that got no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Nothing was sent: no such host, connection refused, TLS refused.
    #[error("could not connect to {host}")]
    Connect {
        /// Host of the request.
        host: String,
        /// What happened.
        #[source]
        source: ureq::Error,
    },
    /// A time limit was over.
    #[error("no answer from {host} in time")]
    Timeout {
        /// Host of the request.
        host: String,
        /// Whether the request was not sent yet.
        connecting: bool,
    },
    /// The connection broke, or the answer is no HTTP.
    #[error("could not read the answer of {host}")]
    Broken {
        /// Host of the request.
        host: String,
        /// What happened.
        #[source]
        source: ureq::Error,
    },
    /// The certificates to trust cannot be read.
    #[error("{0}")]
    Certificates(String),
    /// The request itself is impossible.
    #[error("cannot make a request to \"{0}\"")]
    Request(String),
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers with lower-case names.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the status is a success.
    pub fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text, with replacement characters for what is none.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A request as this module sees it.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// HTTP method.
    pub http: &'static str,
    /// Whole address.
    pub url: &'a str,
    /// Headers.
    pub headers: &'a [(&'a str, String)],
    /// Body; `None` for a method that has none.
    pub body: Option<&'a [u8]>,
}

/// The HTTP client.
pub struct Client {
    /// Made when they are first needed: by encryption and by whether the address is this machine.
    agents: [OnceCell<ureq::Agent>; 4],
    timeout: Duration,
    connect_timeout: Duration,
    proxy: Option<ureq::Proxy>,
    ca_file: Option<String>,
    debug: bool,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("debug", &self.debug).finish_non_exhaustive()
    }
}

impl Client {
    /// A client with the options' limits, proxy and certificates.
    ///
    /// # Errors
    /// A proxy address that is none.
    pub fn new(options: &Options, ca_file: Option<String>) -> Result<Self, ConfigError> {
        let proxy = match &options.proxy {
            None => ureq::Proxy::try_from_env(),
            Some(address) => Some(
                ureq::Proxy::new(address)
                    .map_err(|_| ConfigError::Transport("The address of --proxy is no proxy.".to_owned()))?,
            ),
        };
        Ok(Self {
            agents: Default::default(),
            timeout: options.timeout,
            connect_timeout: options.connect_timeout,
            proxy,
            ca_file: ca_file.or_else(|| options.ca_file.clone()),
            debug: options.debug,
        })
    }

    fn agent(&self, url: &str, host: &str) -> Result<&ureq::Agent, TransportError> {
        let secure = url.starts_with("https:");
        let bare = match host.strip_prefix('[') {
            Some(inner) => inner.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        let local = endpoint::loopback(bare);
        let cell = &self.agents[usize::from(secure) * 2 + usize::from(local)];
        if let Some(agent) = cell.get() {
            return Ok(agent);
        }
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // As the original: an API does not redirect, and a token must not follow one.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(self.timeout))
            .timeout_connect(Some(self.connect_timeout))
            // A proxy on the way to this machine would be a mistake, and could read the token.
            .proxy(self.proxy.clone().filter(|_| !local))
            .user_agent(concat!("dataproc1/", env!("CARGO_PKG_VERSION"), " hearth"));
        // Reading the system's certificates takes milliseconds, so only when they are needed.
        if secure {
            let roots = roots(self.ca_file.as_deref()).map_err(TransportError::Certificates)?;
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(cell.get_or_init(|| config.build().new_agent()))
    }

    /// Sends one request and reads the whole answer.
    ///
    /// # Errors
    /// There is no answer; an answer with an error status is none of these errors.
    pub fn send(&self, outgoing: &Outgoing<'_>) -> Result<Response, TransportError> {
        let host = host_of(outgoing.url);
        if self.debug {
            debug::request(outgoing);
        }
        let mut request = http::Request::builder().method(outgoing.http).uri(outgoing.url);
        for (name, value) in outgoing.headers {
            request = request.header(*name, value);
        }
        let agent = self.agent(outgoing.url, &host)?;
        let impossible = |_| TransportError::Request(debug::url(outgoing.url));
        let result = match outgoing.body {
            Some(body) => agent.run(request.body(body).map_err(impossible)?),
            // A POST without a body still says that it has none.
            None if outgoing.http == "POST" => agent.run(request.body(&[][..]).map_err(impossible)?),
            None => agent.run(request.body(()).map_err(impossible)?),
        };
        let mut answer = result.map_err(|error| classify(error, &host))?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let body = answer
            .body_mut()
            .with_config()
            .limit(LARGEST_ANSWER)
            .read_to_vec()
            .map_err(|error| broken(error, &host))?;
        let response = Response { status, headers, body };
        if self.debug {
            debug::response(&response);
        }
        Ok(response)
    }
}

/// Certificates to trust: the given file, else the system's, else the ones compiled in.
fn roots(ca_file: Option<&str>) -> Result<RootCerts, String> {
    let Some(path) = ca_file else {
        let found = rustls_native_certs::load_native_certs().certs;
        if found.is_empty() {
            return Ok(RootCerts::WebPki);
        }
        let certificates = found.iter().map(|der| Certificate::from_der(der.as_ref()).to_owned()).collect();
        return Ok(RootCerts::Specific(Arc::new(certificates)));
    };
    let pem =
        std::fs::read(path).map_err(|why| format!("certificate file '{path}' could not be read: {why}"))?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(format!("certificate file '{path}' holds no certificate in PEM form"));
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}

/// `host:port` of an address.
fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default().to_owned()
}

fn classify(error: ureq::Error, host: &str) -> TransportError {
    use ureq::Timeout as T;
    let host = host.to_owned();
    match error {
        ureq::Error::Timeout(which) => {
            TransportError::Timeout { host, connecting: matches!(which, T::Resolve | T::Connect) }
        }
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_)
        | ureq::Error::Tls(_)
        | ureq::Error::Rustls(_) => TransportError::Connect { host, source: error },
        ureq::Error::Io(ref io) if refused(io) => TransportError::Connect { host, source: error },
        error => broken(error, &host),
    }
}

/// Whether the connection was never made: refused, unreachable, or an untrusted certificate.
fn refused(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as K;
    matches!(
        error.kind(),
        K::ConnectionRefused
            | K::HostUnreachable
            | K::NetworkUnreachable
            | K::NetworkDown
            | K::AddrNotAvailable
    ) || error.to_string().contains("certificate")
}

fn broken(error: ureq::Error, host: &str) -> TransportError {
    match error {
        ureq::Error::Timeout(_) => TransportError::Timeout { host: host.to_owned(), connecting: false },
        source => TransportError::Broken { host: host.to_owned(), source },
    }
}
