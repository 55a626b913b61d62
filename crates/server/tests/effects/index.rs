//! A package index of the test's own, which remembers what it was asked for.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use hearth_testkit::Python;

use crate::script;

/// An index over a folder of wheels, in the simple form that installers read (PEP 503).
pub(crate) struct Index {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Index {
    /// An index of one package with one module of the same name, whose `whence()` returns `word`.
    pub(crate) fn with_package(folder: &Path, package: &str, version: &str, word: &str) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        // The runtime has pandas, and the index has not.
        add_wheel(folder, package, version, word, "pandas>=1");
        Self::over(folder.to_owned())
    }

    fn over(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (asked, over) = (Arc::clone(&asked), Arc::clone(&over));
            move || {
                for stream in listener.incoming() {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    // Who goes away early is not of interest.
                    let _ = stream.and_then(|stream| answer(stream, &folder, &asked));
                }
            }
        });
        Self { address, asked, over, thread: Some(thread) }
    }

    /// What a session names as its PyPI repository.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/simple", self.address)
    }

    /// Every path it was asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes it from waiting for the next caller.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Puts one more package into the folder of an index: as the others, and it depends on something.
pub(crate) fn add_wheel(folder: &Path, package: &str, version: &str, word: &str, requires: &str) {
    let arguments = [folder.to_str().unwrap(), package, version, word, requires];
    Python::client("pyspark-4.2").run(&script("make_wheel.py"), &arguments).succeeded();
}

/// Answers one request and hangs up.
fn answer(mut stream: TcpStream, folder: &Path, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines.by_ref() {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    asked.lock().unwrap().push(path.clone());
    let (status, kind, body) = match found(&path, folder) {
        Some((kind, body)) => ("200 OK", kind, body),
        None => ("404 Not Found", "text/plain", b"not here\n".to_vec()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    if !request.starts_with("HEAD") {
        stream.write_all(&body)?;
    }
    stream.flush()
}

fn found(path: &str, folder: &Path) -> Option<(&'static str, Vec<u8>)> {
    if let Some(file) = path.strip_prefix("/files/") {
        return Some(("application/octet-stream", std::fs::read(folder.join(file)).ok()?));
    }
    let package = path.strip_prefix("/simple/")?.strip_suffix('/')?.replace('-', "_");
    let wheels =
        std::fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let links: String = wheels
        .filter(|wheel| wheel.starts_with(&format!("{package}-")))
        .map(|wheel| format!("<a href=\"/files/{wheel}\">{wheel}</a>\n"))
        .collect();
    if links.is_empty() {
        None
    } else {
        Some(("text/html", format!("<html><body>{links}</body></html>").into()))
    }
}
