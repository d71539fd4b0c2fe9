//! Whatever frames a peer sends, in whatever pieces: no panic, at most so many requests, bodies within their limit, and
//! nothing after the end.
#![no_main]

use http::{HeaderMap, StatusCode};
use libfuzzer_sys::fuzz_target;
use miyun_native::http2::{Limits, Server};

const LIMITS: Limits = Limits { streams: 8, head_bytes: 1024, body_bytes: 100, field_bytes: 64, broken: 10 };
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

fuzz_target!(|input: (bool, Vec<(u8, u8, u8, Vec<u8>)>)| {
    let (begun, frames) = input;
    let mut server = Server::new(LIMITS);
    if begun {
        server.receive(BEGINNING);
    }
    for (kind, flags, stream, payload) in frames {
        // Half of the heads are right, and anything may stand where a frame should.
        let data = match kind % 16 {
            10 => frame(1, flags | 4, stream | 1, &[b"\x83\x86\x84\x41\x01a", payload.as_slice()].concat()),
            11 => frame(1, flags | 4, stream | 1, b"\x83\x86\x84\x41\x01a"),
            12 => payload,
            13 => {
                server.finish();
                continue;
            }
            14 => {
                server.end(&payload, &HeaderMap::new());
                continue;
            }
            kind => frame(kind, flags, stream, &payload),
        };
        let over = server.is_over();
        let calls = server.receive(&data);
        assert!(!over || calls.is_empty());
        for call in calls {
            assert!(call.body.as_ref().is_none_or(|body| body.len() <= LIMITS.body_bytes));
            assert!(call.path.len() <= LIMITS.field_bytes);
            let trailers = (call.stream % 3 > 0).then(HeaderMap::new);
            let body = (call.stream % 5 > 0).then(|| call.path.into());
            server.respond(call.stream, StatusCode::OK, HeaderMap::new(), body, trailers);
        }
        assert!(server.coming() <= LIMITS.streams as usize);
        server.take();
    }
    server.break_off();
    assert!(server.is_over());
});
