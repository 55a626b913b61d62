//! The connection, and how one call is made over it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

use crate::bearer::Bearer;
use crate::error::ClientError;
use crate::retry::RetryPolicy;

/// How long a connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one call may take. Above all that the service does before it answers: a create may be held for a second
/// or so, everything else is answered at once.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest answer that is read, in bytes: a full page of 1,000 sessions with many labels and properties each.
pub(crate) const LARGEST_ANSWER: usize = 64 << 20;

/// What carries the calls.
pub(crate) type Service = InterceptedService<Channel, Bearer>;

/// A client of the API. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct Client {
    service: Service,
    endpoint: Arc<str>,
    retry: RetryPolicy,
}

impl Client {
    /// A client of the service at `endpoint`, such as `http://127.0.0.1:8470`. Connects with the first call.
    ///
    /// # Errors
    /// When the endpoint is no `http://` address or the token has characters that cannot be sent.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect(endpoint: &str, token: Option<&str>) -> Result<Self, ClientError> {
        let invalid = |reason| ClientError::InvalidEndpoint { endpoint: endpoint.to_owned(), reason };
        let uri: Uri = endpoint.trim_end_matches('/').parse().map_err(|_| invalid("it is not an address"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(invalid("TLS is not spoken here; use an \"http://\" address")),
            _ => return Err(invalid("it must begin with \"http://\"")),
        }
        if uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
            return Err(invalid("nothing may follow host and port"));
        }
        let bearer = Bearer::new(token).ok_or(ClientError::InvalidToken)?;
        let channel = Endpoint::from(uri)
            .user_agent(concat!("hearth/", env!("CARGO_PKG_VERSION")))
            .map_err(|_| invalid("it cannot be used"))?
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .connect_lazy();
        Ok(Self {
            service: InterceptedService::new(channel, bearer),
            endpoint: endpoint.trim_end_matches('/').into(),
            retry: RetryPolicy::default(),
        })
    }

    /// The same client with another way of trying again.
    #[must_use]
    pub fn with_retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// Where the service is.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn service(&self) -> Service {
        self.service.clone()
    }

    pub(crate) fn retry(&self) -> &RetryPolicy {
        &self.retry
    }

    /// Makes a call once.
    pub(crate) async fn once<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, ClientError> {
        match call.await {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => Err(ClientError::from_status(status, &self.endpoint)),
        }
    }

    /// Makes a call that may be repeated, and repeats it while that can help. A service that was never there is not
    /// waited for; one that went away during the call is.
    pub(crate) async fn repeat<Q: Clone, T, F>(
        &self,
        request: Q,
        call: impl Fn(Service, Q) -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut pauses = self.retry.pauses();
        let mut was_there = false;
        loop {
            let failure = match self.once(call(self.service(), request.clone())).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            was_there |= !matches!(failure, ClientError::Unreachable { .. });
            let Some(pause) = pauses.next().filter(|_| was_there && failure.may_pass()) else {
                return Err(failure);
            };
            tokio::time::sleep(pause).await;
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
