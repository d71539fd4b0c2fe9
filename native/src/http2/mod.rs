//! The server's end of an HTTP/2 connection without a socket: bytes in, whole requests out; responses in, bytes out.
//!
//! The crate `h2` speaks the protocol and bounds what a peer can make it hold; here it is polled over a [`Pipe`], by a
//! waker that does nothing, whenever there is something to read or to write.

mod pipe;
#[cfg(feature = "python")]
pub(crate) mod python;

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::server::{Builder, Connection, Handshake, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};

use pipe::Pipe;

/// What a peer may have under way.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Requests that are not answered.
    pub streams: u32,
    /// Of a request's fields, as HPACK counts them.
    pub head_bytes: u32,
    /// A larger body is not held, and said to be too large.
    pub body_bytes: usize,
    /// A longer field of a request counts as not given.
    pub field_bytes: usize,
    /// Requests that the peer takes back before they are whole, in a row.
    pub broken: u32,
}

/// A request; `body` is `None` where it was too large.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    pub stream: u32,
    pub method: Vec<u8>,
    pub path: Vec<u8>,
    pub content_type: Vec<u8>,
    pub authorization: Vec<u8>,
    pub body: Option<Vec<u8>>,
}

/// A name or a value of a field is none.
#[derive(Debug, PartialEq, Eq)]
pub struct NoField;

pub struct Server {
    pipe: Pipe,
    state: State,
    limits: Limits,
    coming: Vec<Coming>,
    asked: Vec<(u32, SendResponse<Bytes>)>,
    going: Vec<Going>,
    broken: u32,
}

enum State {
    Beginning(Box<Handshake<Pipe, Bytes>>),
    Open(Box<Connection<Pipe, Bytes>>),
    Over,
}

struct Coming {
    call: Call,
    held: Vec<u8>,
    body: RecvStream,
    respond: SendResponse<Bytes>,
}

/// A response under way. Without `trailers` it stays open when all is sent.
struct Going {
    stream: u32,
    send: SendStream<Bytes>,
    left: Bytes,
    trailers: Option<HeaderMap>,
}

impl Server {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let pipe = Pipe::default();
        let handshake = Builder::new()
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(limits.head_bytes)
            .handshake(pipe.clone());
        let state = State::Beginning(Box::new(handshake));
        let (coming, asked, going) = (Vec::new(), Vec::new(), Vec::new());
        Self { pipe, state, limits, coming, asked, going, broken: 0 }
    }

    /// The requests that are whole now, in the order of their ends.
    pub fn receive(&mut self, data: &[u8]) -> Vec<Call> {
        if self.is_over() {
            return Vec::new();
        }
        self.pipe.put(data);
        self.advance();
        let calls = self.whole();
        if !calls.is_empty() {
            self.broken = 0;
        } else if self.broken > self.limits.broken {
            self.break_off();
        }
        self.push();
        calls
    }

    /// Answer with a status and fields; with `body`, and `trailers` after it, or without them to go on with `end`.
    /// Nothing is sent where the peer has taken its request back.
    pub fn respond(
        &mut self,
        stream: u32,
        status: StatusCode,
        fields: HeaderMap,
        body: Option<Bytes>,
        trailers: Option<HeaderMap>,
    ) {
        let Some(place) = self.asked.iter().position(|(id, _)| *id == stream) else { return };
        let (_, mut respond) = self.asked.swap_remove(place);
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = fields;
        let sent = respond.send_response(response, body.is_none());
        if let (Ok(send), Some(left)) = (sent, body) {
            let mut going = Going { stream, send, left, trailers };
            if going.push() {
                self.going.push(going);
            }
        }
    }

    /// End the responses that were left open.
    pub fn end(&mut self, body: &[u8], trailers: &HeaderMap) {
        for going in self.going.iter_mut().filter(|going| going.trailers.is_none()) {
            going.left = [&going.left, body].concat().into();
            going.trailers = Some(trailers.clone());
        }
        self.push();
    }

    /// What is to be sent.
    pub fn take(&mut self) -> Vec<u8> {
        self.advance();
        self.pipe.take()
    }

    /// Ask the peer to begin no more requests; it is over when the present ones are.
    pub fn finish(&mut self) {
        match &mut self.state {
            State::Open(connection) => connection.graceful_shutdown(),
            _ => self.state = State::Over,
        }
    }

    /// End everything at once; the peer is told that it asked too much.
    pub fn break_off(&mut self) {
        if let State::Open(connection) = &mut self.state {
            connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            self.advance();
        }
        self.close();
    }

    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// The requests that are not whole.
    #[must_use]
    pub fn coming(&self) -> usize {
        self.coming.len()
    }

    /// What has waited for the peer the longest: a request that is not whole or an answer that is not taken; 0 for none.
    #[must_use]
    pub fn oldest(&self) -> u32 {
        let coming = self.coming.first().map(|one| one.call.stream);
        let going = self.going.iter().filter(|one| !one.left.is_empty()).map(|one| one.stream).min();
        coming.into_iter().chain(going).min().unwrap_or(0)
    }

    fn advance(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match &mut self.state {
                State::Beginning(handshake) => match Pin::new(handshake).poll(&mut context) {
                    Poll::Ready(Ok(connection)) => self.state = State::Open(Box::new(connection)),
                    Poll::Ready(Err(_)) => return self.close(),
                    Poll::Pending => return,
                },
                State::Open(connection) => match connection.poll_accept(&mut context) {
                    Poll::Ready(Some(Ok((request, respond)))) => {
                        let coming = Coming::new(request, respond, self.limits.field_bytes);
                        self.coming.push(coming);
                    }
                    Poll::Ready(_) => return self.close(),
                    Poll::Pending => return,
                },
                State::Over => return,
            }
        }
    }

    fn whole(&mut self) -> Vec<Call> {
        let mut calls = Vec::new();
        for mut one in mem::take(&mut self.coming) {
            match one.read(self.limits.body_bytes) {
                Poll::Pending => self.coming.push(one),
                Poll::Ready(false) => self.broken += 1,
                Poll::Ready(true) => {
                    self.asked.push((one.call.stream, one.respond));
                    calls.push(one.call);
                }
            }
        }
        calls
    }

    fn push(&mut self) {
        self.going.retain_mut(Going::push);
    }

    fn close(&mut self) {
        self.state = State::Over;
        self.coming.clear();
        self.asked.clear();
        self.going.clear();
    }
}

impl Coming {
    fn new(request: Request<RecvStream>, respond: SendResponse<Bytes>, longest: usize) -> Self {
        let (head, body) = request.into_parts();
        let kept = |value: &[u8]| if value.len() > longest { Vec::new() } else { value.to_vec() };
        let field = |name: &HeaderName| head.headers.get(name).map_or_else(Vec::new, |value| kept(value.as_bytes()));
        let call = Call {
            stream: respond.stream_id().as_u32(),
            method: kept(head.method.as_str().as_bytes()),
            path: kept(head.uri.path_and_query().map_or("", PathAndQuery::as_str).as_bytes()),
            content_type: field(&CONTENT_TYPE),
            authorization: field(&AUTHORIZATION),
            body: None,
        };
        Self { call, held: Vec::new(), body, respond }
    }

    /// Whether it is whole, or taken back by the peer.
    fn read(&mut self, largest: usize) -> Poll<bool> {
        let mut context = Context::from_waker(Waker::noop());
        if self.respond.poll_reset(&mut context).is_ready() {
            return Poll::Ready(false);
        }
        loop {
            match self.body.poll_data(&mut context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(data))) if self.held.len() + data.len() <= largest => {
                    self.held.extend_from_slice(&data);
                }
                Poll::Ready(Some(Ok(_))) => return Poll::Ready(true),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                Poll::Ready(None) => {
                    self.call.body = Some(mem::take(&mut self.held));
                    return Poll::Ready(true);
                }
            }
        }
    }
}

impl Going {
    /// Send as much as the peer's window has room for; whether the response goes on.
    fn push(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        if self.send.poll_reset(&mut context).is_ready() {
            return false;
        }
        if !self.left.is_empty() {
            self.send.reserve_capacity(self.left.len());
            let room = self.send.capacity().min(self.left.len());
            if room > 0 && self.send.send_data(self.left.split_to(room), false).is_err() {
                return false;
            }
        }
        match &mut self.trailers {
            Some(trailers) if self.left.is_empty() => {
                let _taken_back = self.send.send_trailers(mem::take(trailers));
                false
            }
            _ => true,
        }
    }
}

/// Fields of a response.
///
/// # Errors
///
/// A name or a value is none.
pub fn fields<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Result<HeaderMap, NoField> {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name).map_err(|_| NoField)?;
        map.append(name, value.try_into().map_err(|_| NoField)?);
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { streams: 2, head_bytes: 1024, body_bytes: 5, field_bytes: 64, broken: 1 };
    /// POST, http, /, and an authority.
    const HEAD: &[u8] = b"\x83\x86\x84\x41\x01a";

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
    }

    fn begun() -> Server {
        let mut server = Server::new(LIMITS);
        assert!(
            server.receive(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(4, 0, 0, b"")].concat()).is_empty()
        );
        assert!(server.take().starts_with(b"\0\0"));
        server
    }

    #[test]
    fn a_request_is_answered() {
        let mut server = begun();
        let calls = server.receive(&[frame(1, 4, 1, HEAD), frame(0, 1, 1, b"hello")].concat());
        assert_eq!(calls.len(), 1);
        assert_eq!((calls[0].path.as_slice(), calls[0].body.as_deref()), (b"/".as_slice(), Some(b"hello".as_slice())));
        server.respond(1, StatusCode::OK, HeaderMap::new(), Some(Bytes::from_static(b"world")), Some(HeaderMap::new()));
        let sent = server.take();
        assert!(sent.windows(5).any(|five| five == b"world"));
        assert!(!server.is_over() && server.oldest() == 0);
    }

    #[test]
    fn a_body_beyond_the_limit_is_none() {
        let mut server = begun();
        let calls = server.receive(&[frame(1, 4, 1, HEAD), frame(0, 0, 1, b"hello!")].concat());
        assert_eq!(calls.into_iter().map(|call| call.body).collect::<Vec<_>>(), [None]);
    }

    #[test]
    fn what_is_taken_back_too_often_is_the_end() {
        let mut server = begun();
        for stream in [1, 3] {
            assert!(!server.is_over());
            server.receive(&frame(1, 4, stream, HEAD));
            server.receive(&frame(3, 0, stream, &[0; 4]));
        }
        assert!(server.is_over());
    }

    #[test]
    fn names_and_values_that_are_none_are_refused() {
        assert!(fields([(b"grpc-status".as_slice(), b"0".as_slice())]).is_ok());
        for pair in [(b"".as_slice(), b"0".as_slice()), (b"a b", b"0"), (b"a", b"\n")] {
            assert_eq!(fields([pair]), Err(NoField));
        }
    }
}
