//! Connections of clients that do not begin, and of those that stop reading, are ended.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// The bytes with which clients of HTTP/2 begin. One that has sent a part of them could be waited for for ever.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose client must say within a time which version of HTTP it speaks, and take some bytes within a time
/// whenever there are any.
pub struct Guarded<S> {
    stream: S,
    time: Duration,
    /// The time that runs until the version is known, and the number of bytes that have come of the preface.
    opening: Option<(Pin<Box<Sleep>>, usize)>,
    /// The time that runs while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Guarded<S> {
    /// Guards a connection.
    pub fn new(stream: S, opening_time: Duration, stall_time: Duration) -> Self {
        let opening = Some((Box::pin(sleep(opening_time)), 0));
        Guarded { stream, time: stall_time, opening, stalled: None }
    }

    /// Notes what has come of the preface.
    fn open(&mut self, bytes: &[u8]) {
        if let Some((_, come)) = &mut self.opening {
            let goes_on = PREFACE[*come..].starts_with(bytes) && !bytes.is_empty();
            *come += bytes.len();
            if !goes_on || *come == PREFACE.len() {
                self.opening = None;
            }
        }
    }

    /// Watches what became of a write.
    fn watch<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(self.time)));
        match stalled.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        match (&mut self.opening, &read) {
            (Some((opening, _)), Poll::Pending) => match opening.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            },
            (Some(_), Poll::Ready(Ok(()))) => {
                self.open(&buffer.filled()[before..]);
                read
            }
            _ => read,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(shut, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    /// A client that takes a byte at every so many looks, or none.
    struct Client {
        every: usize,
        looks: usize,
    }

    impl AsyncWrite for Client {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.looks += 1;
            if self.every > 0 && self.looks.is_multiple_of(self.every) {
                return Poll::Ready(Ok(1));
            }
            let waker = context.waker().clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(20)).await;
                waker.wake();
            });
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_client_that_takes_nothing_is_left_and_a_slow_one_is_not() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
        runtime.unwrap().block_on(async {
            let time = Duration::from_millis(500);
            let mut slow = Guarded::new(Client { every: 5, looks: 0 }, time, time);
            let start = std::time::Instant::now();
            while start.elapsed() < 2 * time {
                poll_fn(|context| Pin::new(&mut slow).poll_write(context, b"x")).await.unwrap();
            }
            let mut stuck = Guarded::new(Client { every: 0, looks: 0 }, time, time);
            let stalled =
                poll_fn(|context| Pin::new(&mut stuck).poll_write(context, b"x")).await.unwrap_err();
            assert_eq!(stalled.kind(), io::ErrorKind::TimedOut);
        });
    }
    #[test]
    fn a_client_that_does_not_say_what_it_speaks_is_left() {
        use tokio::io::AsyncReadExt as _;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
        runtime.unwrap().block_on(async {
            let time = Duration::from_millis(100);
            for (first, is_left) in [
                (&b""[..], true),
                (&PREFACE[..23], true),
                (PREFACE, false),
                (b"GET /", false),
                (b"PRI x", false),
            ] {
                let (mut client, server) = tokio::io::duplex(64);
                tokio::io::AsyncWriteExt::write_all(&mut client, first).await.unwrap();
                let mut guarded = Guarded::new(server, time, time);
                let mut byte = [0];
                // One byte after the other, as slow clients send them.
                for _ in first {
                    guarded.read_exact(&mut byte).await.unwrap();
                }
                let more = tokio::time::timeout(5 * time, guarded.read(&mut byte)).await;
                assert_eq!(more.is_ok_and(|read| read.is_err()), is_left, "{first:?}");
            }
        });
    }
}
