//! What the engine writes: its last lines, and the line that says where it listens.

use std::net::IpAddr;

use hearth_core::engine::{Endpoint, PortSource};

use crate::tail::Tail;

/// Where a port without an address is.
const LOOPBACK: &str = "127.0.0.1";

/// Reads along with the engine's output.
#[derive(Debug)]
pub(super) struct Output {
    tail: Tail,
    endpoint: Place,
    ui: Option<Place>,
}

/// An address that the engine is to tell.
#[derive(Debug)]
struct Place {
    marker: String,
    found: Option<Endpoint>,
}

impl Output {
    pub(super) fn new(port: &PortSource, ui: Option<&PortSource>) -> Self {
        Self { tail: Tail::default(), endpoint: Place::new(port), ui: ui.map(Place::new) }
    }

    /// Takes in a piece of output.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let (endpoint, ui) = (&mut self.endpoint, &mut self.ui);
        self.tail.feed(bytes, |line| {
            endpoint.look_at(line);
            if let Some(ui) = ui {
                ui.look_at(line);
            }
        });
    }

    /// Where the engine said first that it listens.
    pub(super) fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.found.as_ref()
    }

    /// Where it said first that its web pages are.
    pub(super) fn ui(&self) -> Option<&Endpoint> {
        self.ui.as_ref()?.found.as_ref()
    }

    /// The last lines.
    pub(super) fn finish(self) -> Vec<String> {
        self.tail.finish()
    }
}

impl Place {
    fn new(source: &PortSource) -> Self {
        let PortSource::LogLine(marker) = source;
        Self { marker: marker.clone(), found: None }
    }

    fn look_at(&mut self, line: &str) {
        if self.found.is_none() {
            self.found = find_endpoint(line, &self.marker);
        }
    }
}

/// The address and port, or the port alone, that directly follow `marker`. What comes after the digits of the port does
/// not matter: engines end the sentence with dots.
fn find_endpoint(line: &str, marker: &str) -> Option<Endpoint> {
    let (_, rest) = line.split_once(marker)?;
    let text = rest.split_whitespace().next().filter(|text| rest.starts_with(text))?;
    let Some((host, port)) = text.rsplit_once(':') else {
        // A port alone is a whole number and nothing else, or an address would be taken for one.
        let port = text.trim_end_matches('.').parse().ok().filter(|port| *port != 0)?;
        return Some(Endpoint { host: LOOPBACK.to_owned(), port });
    };
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
        assert_eq!(found(&format!("{MARKER}4040.")).as_deref(), Some("127.0.0.1:4040"));
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
        let pages = PortSource::LogLine("pages on port ".to_owned());
        let mut output = Output::new(&PortSource::LogLine(MARKER.to_owned()), Some(&pages));
        for port in [1, 2] {
            output.feed(format!("pages on port {}\n{MARKER}127.0.0.1:{port}\n", port + 2).as_bytes());
        }
        assert_eq!((output.endpoint().unwrap().port, output.ui().unwrap().port), (1, 3));
    }
}
