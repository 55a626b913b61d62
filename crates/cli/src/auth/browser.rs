//! Browser sign-in: authorization code with PKCE and state, answered on a loopback port.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;

use super::oauth::{self, Granted};
use super::stored::OauthClient;
use super::{AuthError, Secret};
use crate::request::form;
use crate::terminal;
use crate::transport::Client;

/// The most that is read of a browser's request, in bytes. Ours is a few hundred; browsers add their headers.
const LONGEST_REQUEST: u64 = 64 << 10;
/// How often the port is looked at while waiting.
const LOOK: Duration = Duration::from_millis(50);

/// Signs in; the prompt is on standard error.
///
/// # Errors
/// The user refused, the time is over, or the issuer does not take the code.
pub fn sign_in(
    client: &Client,
    oauth_client: &OauthClient,
    scopes: &[String],
    limit: Duration,
) -> Result<Granted, AuthError> {
    let cannot = |why: std::io::Error| AuthError::Browser(format!("could not listen for the browser: {why}"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(cannot)?;
    listener.set_nonblocking(true).map_err(cannot)?;
    let redirect = format!("http://127.0.0.1:{}", listener.local_addr().map_err(cannot)?.port());
    let state = oauth::random(16)?;
    let verifier = oauth::random(32)?;
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    let pairs = [
        ("scope", scopes.join(" ")),
        ("access_type", "offline".to_owned()),
        ("redirect_uri", redirect.clone()),
        ("response_type", "code".to_owned()),
        ("client_id", oauth_client.id.clone()),
        ("state", state.clone()),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256".to_owned()),
    ];
    let query =
        pairs.iter().map(|(name, value)| format!("{name}={}", form(value))).collect::<Vec<_>>().join("&");
    let mark = if oauth_client.auth_uri.contains('?') { '&' } else { '?' };
    terminal::say_line(&format!(
        "Please direct your browser to {}{mark}{query} and follow the instructions displayed there.",
        oauth_client.auth_uri
    ));
    let code = wait(&listener, &state, limit)?;
    let pairs = [
        ("code", code.expose()),
        ("client_id", oauth_client.id.as_str()),
        ("client_secret", oauth_client.secret.expose()),
        ("redirect_uri", redirect.as_str()),
        ("grant_type", "authorization_code"),
        ("code_verifier", verifier.as_str()),
    ];
    oauth::ask(client, &oauth_client.token_uri, &pairs, None)
}

fn wait(listener: &TcpListener, state: &str, limit: Duration) -> Result<Secret, AuthError> {
    let deadline = Instant::now() + limit;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                if let Some(result) = answer(stream, state) {
                    return result;
                }
            }
            Err(why) if why.kind() == std::io::ErrorKind::WouldBlock => std::thread::sleep(LOOK),
            Err(why) => return Err(AuthError::Browser(format!("could not listen for the browser: {why}"))),
        }
        if Instant::now() >= deadline {
            return Err(AuthError::Browser(format!("nobody signed in within {} s", limit.as_secs())));
        }
    }
}

/// Answers one request of the browser; `None` for what is not the redirection.
fn answer(mut stream: TcpStream, state: &str) -> Option<Result<Secret, AuthError>> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let mut lines = BufReader::new((&stream).take(LONGEST_REQUEST)).lines();
    let line = lines.next()?.ok()?;
    // To its end: a browser whose request is cut off shows an error instead of the answer.
    while let Some(Ok(header)) = lines.next()
        && !header.is_empty()
    {}
    let outcome = redirected(&line, state);
    let (status, text) = match &outcome {
        Some(Ok(_)) => ("200 OK", "You may now close this window."),
        Some(Err(_)) => ("400 Bad Request", "Signing in did not work; the terminal says why."),
        None => ("404 Not Found", "There is nothing here."),
    };
    // The browser may have gone away; the code counts all the same.
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    outcome
}

/// What the first line of a request says about the sign-in.
fn redirected(line: &str, state: &str) -> Option<Result<Secret, AuthError>> {
    let query = line.strip_prefix("GET /?")?.split(' ').next()?;
    let get = |wanted: &str| {
        query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            (name == wanted).then(|| decode(value))
        })
    };
    if get("code").is_none() && get("error").is_none() {
        return None;
    }
    // Someone else's redirection must neither sign us in nor stop us.
    if get("state").as_deref() != Some(state) {
        return None;
    }
    if let Some(error) = get("error") {
        return Some(Err(AuthError::Browser(format!(
            "the sign-in was refused: {}",
            crate::problem::printable(&error)
        ))));
    }
    get("code").map(|code| Ok(Secret::new(code)))
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (bytes[at], hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (b'+', _) => {
                out.push(b' ');
                at += 1;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_redirection_with_our_state_counts() {
        let code = |line: &str| {
            redirected(line, "s1").map(|result| result.map(|secret| secret.expose().to_owned()).ok())
        };
        assert_eq!(code("GET /?state=s1&code=4%2Fx HTTP/1.1"), Some(Some("4/x".to_owned())));
        assert_eq!(code("GET /?state=s2&code=x HTTP/1.1"), None);
        assert_eq!(code("GET /?code=x HTTP/1.1"), None);
        assert_eq!(code("GET /favicon.ico HTTP/1.1"), None);
        assert_eq!(code("GET /?error=access_denied&state=s1 HTTP/1.1"), Some(None));
    }
}
