//! Settings that an engine was not launched with.

use uuid::Uuid;

use crate::support::{World, framed, message};

#[tokio::test]
async fn each_spark_session_gets_them_once_before_its_first_call() {
    let world = World::with_settings(&[("spark.sql.shuffle.partitions", "3")]).await;
    let client = world.client().await;
    let shared = world.message();
    for _ in 0..2 {
        let reply = client.call("Echo", &[], shared.clone()).await;
        assert_eq!((reply.status(), &reply.body[..]), ("0", &shared[..]), "as it was sent");
    }
    let seen = world.engine.seen.methods.lock().unwrap().clone();
    assert_eq!(seen, ["Config", "Config", "Echo", "Echo"], "asked whether, set, and never again");
    let own = message(&Uuid::new_v4().to_string(), b"");
    client.call("Echo", &[("x-dataproc-session", "etl")], own).await;
    assert_eq!(world.engine.seen.count("Config"), 4, "another Spark session has its own");
}

#[tokio::test]
async fn an_engine_without_any_is_asked_nothing() {
    let world = World::new().await;
    world.client().await.call("Echo", &[], world.message()).await;
    assert_eq!(world.engine.seen.count("Config"), 0);
}

#[tokio::test]
async fn what_is_sent_in_pieces_arrives_whole_and_what_is_compressed_is_refused() {
    let world = World::with_settings(&[("spark.sql.shuffle.partitions", "3")]).await;
    let client = world.client().await;
    let whole = world.message();
    let pieces = whole.chunks(7).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>();
    let body = axum::body::Body::from_stream(futures::stream::iter(pieces));
    let reply = client.call("Echo", &[], body).await;
    assert_eq!((reply.status(), &reply.body[..]), ("0", &whole[..]));
    let headers = [("x-dataproc-session", "etl")];
    let refused = client.call("Echo", &headers, framed(1, &[31, 139])).await;
    assert_eq!(refused.status(), "12");
    assert_eq!(world.engine.seen.count("Echo"), 1);
}
