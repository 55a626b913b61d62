//! A connection whose bytes come and go in large pieces.
//!
//! The library for HTTP/2 reads 8 KiB at a time, and writes each frame by itself; a client that takes no frames above
//! 16 KiB, as most, so costs a system call for each 16 KiB of a result, and an engine with small batches one for each
//! batch. Here a read takes whatever has come, and what is written leaves together, at the end of the turn of the
//! connection's task: what [`Outbox::carry`] sees to.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

/// The most bytes that are read at once, or wait to be written: what TCP over loopback moves in one go. Whoever reads
/// or writes more at a time does so directly.
const PIECE: usize = 64 * 1024;

/// A read of as many bytes shows that more are coming: what the library reads at once.
const MUCH: usize = 8 * 1024;

/// How much memory a connection keeps while it rests, in bytes; enough for the messages of a call.
const KEPT: usize = 4 * 1024;

/// What HTTP/2 begins with, and no other request (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// A connection to read from and write to. What was written may wait until the end of the task's turn.
#[derive(Debug)]
pub struct Pieces<T>(Arc<Mutex<State<T>>>);

/// What was written to a connection and waits to leave.
#[derive(Debug)]
pub struct Outbox<T>(Arc<Mutex<State<T>>>);

#[derive(Debug)]
struct State<T> {
    io: T,
    mode: Mode,
    /// Read, and not asked for yet.
    read: BytesMut,
    /// Whether the last read shows that much is coming.
    flood: bool,
    /// Written, and sent up to `sent`.
    written: Vec<u8>,
    sent: usize,
    /// Why sending failed, until somebody was told.
    failed: Option<io::Error>,
}

/// Whether bytes are gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Gather,
    /// As HTTP/1 wants it, which gathers itself; its connections may go on as others, with nobody to send for them.
    Pass,
    /// By the first bytes that are read.
    Undecided,
}

/// A connection that speaks HTTP/2.
pub(crate) fn http2<T>(io: T) -> (Pieces<T>, Outbox<T>) {
    new(io, Mode::Gather)
}

/// A connection of a client. Only if it turns out to speak HTTP/2 its bytes are gathered.
pub fn any_http<T>(io: T) -> (Pieces<T>, Outbox<T>) {
    new(io, Mode::Undecided)
}

fn new<T>(io: T, mode: Mode) -> (Pieces<T>, Outbox<T>) {
    let (read, flood, written, sent, failed) = (BytesMut::new(), false, Vec::new(), 0, None);
    let state = Arc::new(Mutex::new(State { io, mode, read, flood, written, sent, failed }));
    (Pieces(Arc::clone(&state)), Outbox(state))
}

impl<T: AsyncRead + AsyncWrite + Unpin> Outbox<T> {
    /// Runs what works on the connection to its end, and sends what it has written at the end of each of its turns.
    pub async fn carry<F: Future>(&self, mut connection: Pin<&mut F>) -> F::Output {
        poll_fn(|cx| {
            let polled = connection.as_mut().poll(cx);
            let mut state = lock(&self.0);
            if let Poll::Ready(Err(error)) = state.poll_send(cx) {
                state.failed = Some(error);
                // The connection hears of it in another turn.
                cx.waker().wake_by_ref();
            }
            polled
        })
        .await
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> State<T> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.failure()?;
        if self.read.is_empty() {
            if !self.flood || buffer.remaining() >= PIECE {
                let before = buffer.filled().len();
                ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
                self.decide(&buffer.filled()[before..]);
                self.flood = self.mode == Mode::Gather && buffer.remaining() == 0;
                return Poll::Ready(Ok(()));
            }
            self.read.reserve(PIECE);
            match poll_read_buf(Pin::new(&mut self.io), cx, &mut self.read) {
                Poll::Ready(length) => self.flood = length? >= MUCH,
                Poll::Pending => {
                    self.read = BytesMut::new();
                    return Poll::Pending;
                }
            }
        }
        let length = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read[..length]);
        self.read.advance(length);
        if self.read.is_empty() && !self.flood {
            self.read = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }

    fn decide(&mut self, read: &[u8]) {
        if self.mode == Mode::Undecided && !read.is_empty() {
            // Requests of HTTP/1 have other methods. One that comes byte by byte is taken to be of that kind.
            let http2 = read.len() >= 4 && read.iter().zip(PREFACE).all(|(byte, expected)| byte == expected);
            self.mode = if http2 { Mode::Gather } else { Mode::Pass };
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.failure()?;
        if self.written.len() >= PIECE {
            ready!(self.poll_send(cx))?;
        }
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if self.written.is_empty() && (self.mode != Mode::Gather || length >= PIECE) {
            return Pin::new(&mut self.io).poll_write_vectored(cx, parts);
        }
        let room = PIECE.saturating_sub(self.written.len());
        if self.written.len() + length > self.written.capacity().max(KEPT) {
            self.written.reserve_exact(room);
        }
        let mut left = room;
        for part in parts {
            let taken = &part[..part.len().min(left)];
            self.written.extend_from_slice(taken);
            left -= taken.len();
        }
        Poll::Ready(Ok(room - left))
    }

    /// Sends all that was written.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.written.len() {
            let sent = ready!(Pin::new(&mut self.io).poll_write(cx, &self.written[self.sent..]))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        self.sent = 0;
        self.written.clear();
        if self.written.capacity() > KEPT {
            self.written = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    fn failure(&mut self) -> io::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Pieces<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        lock(&self.0).poll_read(cx, buffer)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Pieces<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        lock(&self.0).poll_write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        lock(&self.0).poll_write(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        lock(&self.0).io.is_write_vectored()
    }

    /// Says that all has left while it waits for the end of the turn: HTTP/2 asks for this after each frame.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = lock(&self.0);
        state.failure()?;
        if state.mode == Mode::Gather {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut state.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = lock(&self.0);
        ready!(state.poll_send(cx))?;
        Pin::new(&mut state.io).poll_shutdown(cx)
    }
}

/// Only the connection's task comes here, so nobody waits; no statement panics between two that belong together.
fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn run<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test)
    }

    /// Bytes that show when one is lost or twice there.
    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn all_that_is_written_arrives_in_order(
            lengths in proptest::collection::vec(prop_oneof![1_usize..200, 1_usize..150_000], 1..20),
            pipe in prop_oneof![Just(100_usize), Just(8_192), Just(1 << 20)],
        ) {
            let all = bytes(lengths.iter().sum());
            let arrived = run(async {
                let (near, mut far) = tokio::io::duplex(pipe);
                let (mut pieces, outbox) = http2(near);
                let writing = async {
                    let mut rest = &all[..];
                    for length in &lengths {
                        let (part, after) = rest.split_at(*length);
                        pieces.write_all(part).await.unwrap();
                        rest = after;
                    }
                    pieces.shutdown().await.unwrap();
                };
                let mut writing = std::pin::pin!(writing);
                let mut arrived = Vec::new();
                tokio::join!(outbox.carry(writing.as_mut()), async {
                    far.read_to_end(&mut arrived).await.unwrap();
                });
                arrived
            });
            prop_assert!(arrived == all);
        }

        #[test]
        fn all_that_arrives_is_read_in_order(
            length in 0_usize..400_000,
            reads in proptest::collection::vec(prop_oneof![1_usize..200, 1_usize..150_000], 1..10),
            pipe in prop_oneof![Just(100_usize), Just(8_192), Just(1 << 20)],
        ) {
            let all = bytes(length);
            let read = run(async {
                let (near, mut far) = tokio::io::duplex(pipe);
                let (mut pieces, _outbox) = http2(near);
                let mut read = Vec::new();
                tokio::join!(
                    async {
                        far.write_all(&all).await.unwrap();
                        far.shutdown().await.unwrap();
                    },
                    async {
                        for room in reads.iter().cycle() {
                            let mut buffer = vec![0; *room];
                            match pieces.read(&mut buffer).await.unwrap() {
                                0 => break,
                                length => read.extend_from_slice(&buffer[..length]),
                            }
                        }
                    }
                );
                read
            });
            prop_assert!(read == all);
        }
    }

    #[test]
    fn what_is_written_leaves_at_the_end_of_the_turn_although_nobody_flushes() {
        run(async {
            let (near, mut far) = tokio::io::duplex(1024);
            let (mut pieces, outbox) = http2(near);
            let speaking = async {
                pieces.write_all(b"hel").await.unwrap();
                pieces.write_all(b"lo").await.unwrap();
                std::future::pending::<()>().await;
            };
            let mut speaking = std::pin::pin!(speaking);
            let mut heard = [0; 1024];
            tokio::select! {
                () = outbox.carry(speaking.as_mut()) => unreachable!("it never ends"),
                length = far.read(&mut heard) => assert_eq!(&heard[..length.unwrap()], b"hello", "in one piece"),
            }
        });
    }

    #[test]
    fn a_connection_hears_that_its_bytes_did_not_leave() {
        run(async {
            let (near, far) = tokio::io::duplex(1024);
            drop(far);
            let (mut pieces, outbox) = http2(near);
            let speaking = async {
                pieces.write_all(b"hello").await.unwrap();
                let mut turns = 0;
                poll_fn(|cx| {
                    turns += 1;
                    if turns > 1 { pieces_failed(&mut pieces, cx) } else { Poll::Pending }
                })
                .await
            };
            let error = outbox.carry(std::pin::pin!(speaking)).await;
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        });
    }

    fn pieces_failed<T: AsyncRead + AsyncWrite + Unpin>(
        pieces: &mut Pieces<T>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Error> {
        Pin::new(pieces).poll_flush(cx).map(|flushed| flushed.expect_err("the other end is gone"))
    }

    #[test]
    fn only_http2_waits_for_the_end_of_the_turn() {
        for (first, waits) in
            [(&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], true), (b"POST / HTTP/1.1\r\n", false), (b"P", false)]
        {
            run(async {
                let (near, mut far) = tokio::io::duplex(1024);
                let (mut pieces, outbox) = any_http(near);
                far.write_all(first).await.unwrap();
                let mut read = [0; 100];
                assert_eq!(pieces.read(&mut read).await.unwrap(), first.len());
                pieces.write_all(b"answer").await.unwrap();
                pieces.flush().await.unwrap();
                drop(pieces);
                drop(outbox);
                let mut heard = Vec::new();
                far.read_to_end(&mut heard).await.unwrap();
                assert_eq!(heard.is_empty(), waits, "{first:?}");
            });
        }
    }
}
