//! REST, as little of it as shows everything.

use std::time::Duration;

use serde_json::Value;
use ureq::Body;
use ureq::http::{HeaderMap, Method, Request, Response};

/// Longer than the service holds any answer.
const LIMIT: Duration = Duration::from_secs(120);

/// A caller of one server.
#[derive(Debug, Clone)]
pub struct Rest {
    base: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
    agent: ureq::Agent,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub json: Value,
}

impl Rest {
    /// Calls `base`, such as `http://127.0.0.1:8470`, with a bearer token or without.
    pub fn new(base: &str, token: Option<&str>) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(LIMIT))
            .proxy(None)
            .build();
        Self {
            base: base.to_owned(),
            token: token.map(str::to_owned),
            headers: Vec::new(),
            agent: config.into(),
        }
    }

    /// The same with another token, or none.
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// The same with one more header on every call.
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut changed = self.clone();
        changed.headers.push((name.to_owned(), value.to_owned()));
        changed
    }

    /// GET. `path` is everything after the port.
    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "")
    }

    /// GET of what is no text.
    ///
    /// # Panics
    /// When it fails.
    pub fn get_bytes(&self, path: &str) -> Vec<u8> {
        let mut response = self.send("GET", path, "").unwrap_or_else(|error| panic!("GET {path}: {error}"));
        assert_eq!(response.status().as_u16(), 200);
        response.body_mut().read_to_vec().unwrap()
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, "")
    }

    /// POST of a JSON value; null posts nothing at all.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, &if body.is_null() { String::new() } else { body.to_string() })
    }

    /// Any call with any text, which need not be JSON.
    ///
    /// # Panics
    /// When no answer came.
    pub fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        self.try_call(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Any call. Without an answer, as from a server that is being killed: why.
    ///
    /// # Errors
    /// When no whole answer came.
    pub fn try_call(&self, method: &str, path: &str, body: &str) -> Result<Answer, ureq::Error> {
        let mut response = self.send(method, path, body)?;
        let text = response.body_mut().read_to_string()?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), text, json })
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Result<Response<Body>, ureq::Error> {
        let mut request = Request::builder()
            .method(method.parse::<Method>().expect("a method"))
            .uri(format!("{}{path}", self.base))
            .header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(body.to_owned()).expect("a request");
        self.agent.run(request)
    }
}

impl Answer {
    /// The JSON of a success.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        assert!(!self.json.is_null(), "not JSON: {}", self.text);
        self.json
    }

    /// The text of an error, which has this HTTP status and this canonical name.
    ///
    /// # Panics
    /// When it is another one, or its form is not that of the API's errors.
    #[track_caller]
    pub fn error(&self, status: u16, name: &str) -> String {
        let error = &self.json["error"];
        assert_eq!(
            (self.status, error["code"].as_u64(), error["status"].as_str()),
            (status, Some(status.into()), Some(name)),
            "{}",
            self.text
        );
        error["message"].as_str().unwrap_or_else(|| panic!("no message: {}", self.text)).to_owned()
    }

    /// The `field` and `description` of each field violation of an error.
    pub fn violations(&self) -> Vec<(String, String)> {
        let details = self.json["error"]["details"].as_array().cloned().unwrap_or_default();
        let violations = details.iter().filter_map(|detail| detail["fieldViolations"].as_array()).flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        violations.map(|violation| (text(&violation["field"]), text(&violation["description"]))).collect()
    }
}
