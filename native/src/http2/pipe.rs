//! A stream in memory: what was received waits to be read, what is written waits to be taken.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Both ends of it.
#[derive(Clone, Default)]
pub struct Pipe(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    received: BytesMut,
    written: Vec<u8>,
}

impl Pipe {
    pub fn put(&self, data: &[u8]) {
        self.held().received.extend_from_slice(data);
    }

    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.held().written)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let received = &mut self.held().received;
        if received.is_empty() {
            return Poll::Pending;
        }
        let count = received.len().min(out.remaining());
        out.put_slice(&received[..count]);
        received.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.held().written.extend_from_slice(data);
        Poll::Ready(Ok(data.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = &mut self.held().written;
        let before = written.len();
        for piece in pieces {
            written.extend_from_slice(piece);
        }
        Poll::Ready(Ok(written.len() - before))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
