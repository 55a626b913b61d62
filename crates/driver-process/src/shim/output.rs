//! What the engine writes: its last lines, and the line that says where it listens.

use std::net::IpAddr;

use hearth_core::engine::{Endpoint, PortSource};

use crate::tail::Tail;

/// Reads along with the engine's output.
#[derive(Debug)]
pub(super) struct Output {
    marker: String,
    tail: Tail,
    endpoint: Option<Endpoint>,
}

impl Output {
    pub(super) fn new(port: &PortSource) -> Self {
        let PortSource::LogLine(marker) = port;
        Self { marker: marker.clone(), tail: Tail::default(), endpoint: None }
    }

    /// Takes in a piece of output.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let (marker, endpoint) = (&self.marker, &mut self.endpoint);
        self.tail.feed(bytes, |line| {
            if endpoint.is_none() {
                *endpoint = find_endpoint(line, marker);
            }
        });
    }

    /// Where the engine said first that it listens.
    pub(super) fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref()
    }

    /// The last lines.
    pub(super) fn finish(self) -> Vec<String> {
        self.tail.finish()
    }
}

/// The address and port that directly follow `marker`. What comes after the digits of the port does not matter:
/// engines end the sentence with dots.
fn find_endpoint(line: &str, marker: &str) -> Option<Endpoint> {
    let (_, rest) = line.split_once(marker)?;
    let text = rest.split_whitespace().next().filter(|text| rest.starts_with(text))?;
    let (host, port) = text.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.parse::<IpAddr>().ok()?;
    let digits = port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len());
    let port = port[..digits].parse().ok().filter(|port| *port != 0)?;
    Some(Endpoint { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: &str = "Starting the Spark Connect server on ";

    fn found(line: &str) -> Option<String> {
        find_endpoint(line, MARKER).map(|endpoint| endpoint.to_string())
    }

    #[test]
    fn the_address_is_read_from_the_line_with_the_marker() {
        let line = "[2026-01-01T00:00:00Z INFO] Starting the Spark Connect server on 127.0.0.1:34567...";
        assert_eq!(found(line).as_deref(), Some("127.0.0.1:34567"));
        assert_eq!(found(&format!("{MARKER}127.0.0.1:80 (pid 7)")).as_deref(), Some("127.0.0.1:80"));
        let v6 = find_endpoint(&format!("{MARKER}[::1]:9"), MARKER).unwrap();
        assert_eq!((v6.host.as_str(), v6.port), ("::1", 9));
    }

    #[test]
    fn lines_that_only_look_like_it_are_passed_over() {
        for line in
            ["127.0.0.1:5", "on port 5", "on 127.0.0.1", "on 127.0.0.1:0", "on localhost:70000", "on  ::"]
        {
            assert_eq!(found(&line.replace("on ", MARKER)), None, "{line}");
        }
        assert_eq!(found(&format!("{MARKER} 127.0.0.1:5")), None, "not directly after the marker");
    }

    #[test]
    fn the_first_address_stays() {
        let mut output = Output::new(&PortSource::LogLine(MARKER.to_owned()));
        for port in [1, 2] {
            output.feed(format!("{MARKER}127.0.0.1:{port}\n").as_bytes());
        }
        assert_eq!(output.endpoint().unwrap().port, 1);
    }
}
