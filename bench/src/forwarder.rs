//! The least that can stand between a client and an engine: it copies bytes, and looks at none of them.

use std::net::SocketAddr;
use std::thread;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Copies between the one connection it takes and an engine until either side ends it. On a thread of its own, as
/// something in between is no part of the client.
pub(crate) async fn before(engine: SocketAddr) -> anyhow::Result<SocketAddr> {
    let (tell, told) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("forwarder".to_owned()).spawn(move || {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            // Who asked may have given up.
            let _ = tell.send(listener.local_addr()?);
            let (mut client, _) = listener.accept().await?;
            let mut server = TcpStream::connect(engine).await?;
            client.set_nodelay(true)?;
            server.set_nodelay(true)?;
            copy_bidirectional(&mut client, &mut server).await
        })
    })?;
    Ok(told.await?)
}
