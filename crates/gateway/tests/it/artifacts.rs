//! Lists of packages among the artifacts of a call, and everything else, which is the engine's.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use hearth_core::id::SessionUuid;
use hearth_gateway::{Artifacts, Caller, Code, Refusal};
use http_body_util::StreamBody;
use tokio::sync::Semaphore;

use crate::support::{World, eventually, framed};

const LIST: &str = "files/add-artifacts-1729-<dataproc.PyPiArtifacts object at 0x7f>.json";

/// Notes what is to be installed, and installs it when the test lets it.
struct Shelf {
    asked: Mutex<Vec<(String, SessionUuid, Vec<String>)>>,
    may: Semaphore,
}

impl Shelf {
    fn new(may: usize) -> Arc<Self> {
        Arc::new(Self { asked: Mutex::default(), may: Semaphore::new(may) })
    }

    fn packages(&self) -> Vec<Vec<String>> {
        self.asked.lock().unwrap().iter().map(|(_, _, packages)| packages.clone()).collect()
    }
}

#[async_trait]
impl Artifacts for Shelf {
    async fn add_packages(
        &self,
        caller: &Caller,
        session: SessionUuid,
        packages: &[String],
    ) -> Result<(), Refusal> {
        self.asked.lock().unwrap().push((caller.name.clone(), session, packages.to_vec()));
        self.may.acquire().await.unwrap().forget();
        match packages.iter().find(|package| package.starts_with("nowhere")) {
            Some(package) => Err(Refusal::new(Code::NotFound, format!("no package \"{package}\""))),
            None => Ok(()),
        }
    }
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let (low, high) = (content.len() & 0x7f, content.len() >> 7);
    let mut field = vec![number << 3 | 2];
    match u8::try_from(high).unwrap() {
        0 => field.push(u8::try_from(low).unwrap()),
        high => field.extend([u8::try_from(low).unwrap() | 0x80, high]),
    }
    field.extend_from_slice(content);
    field
}

fn chunk(data: &[u8]) -> Vec<u8> {
    let mut sum = crc32fast::hash(data);
    let mut chunk = [field(1, data), vec![2 << 3]].concat();
    while sum >= 0x80 {
        chunk.push(u8::try_from(sum & 0x7f).unwrap() | 0x80);
        sum >>= 7;
    }
    chunk.push(u8::try_from(sum).unwrap());
    chunk
}

fn artifact(name: &str, data: &[u8]) -> Vec<u8> {
    field(1, &[field(1, name.as_bytes()), field(2, &chunk(data))].concat())
}

fn list(packages: &str) -> Vec<u8> {
    artifact(LIST, format!(r#"{{"version":"0.5","packageType":"PYPI","packages":[{packages}]}}"#).as_bytes())
}

fn batch(world: &World, artifacts: &[Vec<u8>]) -> Vec<u8> {
    let message = [field(1, world.uuid.to_string().as_bytes()), field(3, &artifacts.concat())];
    framed(0, &message.concat())
}

#[tokio::test]
async fn a_list_alone_is_answered_by_the_gateway_once_its_packages_are_installed() {
    let shelf = Shelf::new(0);
    let world = World::with_artifacts(Arc::<Shelf>::clone(&shelf)).await;
    let client = world.client().await;
    let body = batch(&world, &[list(r#""polars==1.0","six""#), list(r#""geopy""#)]);
    let calling = tokio::spawn(async move { client.call("AddArtifacts", &[], body).await });
    eventually("the packages are asked for", || !shelf.packages().is_empty()).await;
    assert!(!calling.is_finished());
    assert_eq!(world.sessions.running.load(Ordering::SeqCst), 1, "installing is activity");
    shelf.may.add_permits(1);
    let reply = calling.await.unwrap();
    assert_eq!(reply.status(), "0");
    let summary = field(1, &[field(1, LIST.as_bytes()), vec![0x10, 1]].concat());
    let uuid = world.uuid.to_string();
    let expected = [field(2, uuid.as_bytes()), field(3, b"server-side"), summary.clone(), summary];
    assert_eq!(reply.body, framed(0, &expected.concat()));
    let asked = shelf.asked.lock().unwrap().clone();
    assert_eq!(
        asked,
        [("ann".to_owned(), world.uuid, ["polars==1.0", "six", "geopy"].map(str::to_owned).to_vec())]
    );
    assert_eq!(world.engine.seen.count("AddArtifacts"), 0);
    assert_eq!(*world.sessions.answered.lock().unwrap(), ["AddArtifacts"]);
}

#[tokio::test]
async fn other_artifacts_reach_the_engine_unchanged() {
    let shelf = Shelf::new(0);
    let world = World::with_artifacts(Arc::<Shelf>::clone(&shelf)).await;
    let client = world.client().await;
    let bodies =
        [batch(&world, &[artifact("jars/a.jar", b"jar"), artifact("files/x.json", b"{}")]), world.message()];
    for body in bodies {
        let reply = client.call("AddArtifacts", &[], body.clone()).await;
        assert_eq!((reply.status(), &reply.body[..]), ("0", &framed(0, b"\x0a\x05\x0a\x03jar")[..]));
        assert_eq!(*world.engine.seen.artifacts.lock().unwrap(), body);
    }
    let refused = client.call("AddArtifacts", &[], batch(&world, &[artifact("refuse", b"")])).await;
    assert_eq!((refused.status(), refused.text()), ("12", "no artifacts"));
    assert_eq!(shelf.packages().len(), 0);
}

#[tokio::test]
async fn of_a_batch_with_both_the_engine_gets_its_part_first_and_the_answer_has_all() {
    let shelf = Shelf::new(1);
    let world = World::with_artifacts(Arc::<Shelf>::clone(&shelf)).await;
    let client = world.client().await;
    let jar = artifact("jars/a.jar", b"jar");
    let reply = client.call("AddArtifacts", &[], batch(&world, &[list(r#""six""#), jar.clone()])).await;
    assert_eq!(reply.status(), "0", "{reply:?}");
    assert_eq!(reply.trailers["x-engine"], "done");
    let summary = field(1, &[field(1, LIST.as_bytes()), vec![0x10, 1]].concat());
    assert_eq!(reply.body, framed(0, &[&b"\x0a\x05\x0a\x03jar"[..], &summary].concat()));
    assert_eq!(*world.engine.seen.artifacts.lock().unwrap(), batch(&world, &[jar]));
    assert_eq!(shelf.packages(), [["six"]]);

    let refused =
        client.call("AddArtifacts", &[], batch(&world, &[list(r#""seven""#), artifact("refuse", b"")])).await;
    assert_eq!((refused.status(), refused.text()), ("12", "no artifacts"));
    assert_eq!(shelf.packages(), [["six"]], "nothing is installed when the engine refuses");
}

#[tokio::test]
async fn a_list_that_cannot_be_read_or_installed_is_an_error_of_the_call() {
    let shelf = Shelf::new(9);
    let world = World::with_artifacts(Arc::<Shelf>::clone(&shelf)).await;
    let client = world.client().await;
    let nowhere = client.call("AddArtifacts", &[], batch(&world, &[list(r#""nowhere""#)])).await;
    assert_eq!((nowhere.status(), nowhere.text()), ("5", "no package \"nowhere\""));
    let broken = client.call("AddArtifacts", &[], batch(&world, &[artifact(LIST, b"{")])).await;
    assert_eq!(broken.status(), "3");
    assert!(broken.text().contains("Invalid list of packages"), "{}", broken.text());

    // After the engine has begun to take its part.
    let mut damaged = batch(&world, &[list(r#""six""#)]);
    let last = damaged.len() - 3;
    damaged[last] ^= 1;
    let stream = [batch(&world, &[artifact("jars/a.jar", b"jar")]), damaged];
    let chunks = stream.map(|chunk| Ok::<_, std::convert::Infallible>(http_body::Frame::data(chunk.into())));
    let body = Body::new(StreamBody::new(futures::stream::iter::<
        [Result<http_body::Frame<bytes::Bytes>, _>; 2],
    >(chunks)));
    let reply = client.call("AddArtifacts", &[], body).await;
    assert_eq!(reply.status(), "15", "{:?}", reply);
    assert!(reply.text().contains("arrived damaged"), "{}", reply.text());
    assert_eq!(shelf.packages(), [["nowhere"]]);
}
