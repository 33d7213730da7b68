//! A way in, and a record of what came out.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use oauth_testkit::http::{Answer, Call};

/// What takes a request and answers it.
pub(crate) trait Adapter {
    async fn answer(&self, request: Request<Vec<u8>>, delivery: Delivery) -> Response<Vec<u8>>;
}

/// How a body arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delivery {
    AtOnce,
    ByteByByte,
    /// Without its end.
    BrokenOff,
}

/// A body that arrives in pieces, and never two of them without a pause.
pub(crate) struct Pieces<E> {
    left: VecDeque<Result<Bytes, E>>,
    pause: bool,
}

impl<E: From<io::Error>> Pieces<E> {
    pub(crate) fn of(body: &[u8], delivery: Delivery) -> Self {
        let piece = |piece: &[u8]| Ok(Bytes::copy_from_slice(piece));
        let mut left: VecDeque<_> = match delivery {
            Delivery::AtOnce => body.chunks(usize::MAX).map(piece).collect(),
            Delivery::ByteByByte => body.chunks(1).map(piece).collect(),
            Delivery::BrokenOff => body[..body.len() / 2].chunks(7).map(piece).collect(),
        };
        if matches!(delivery, Delivery::BrokenOff) {
            left.push_back(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
        }
        Self { left, pause: false }
    }
}

impl<E: Unpin> Body for Pieces<E> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        self.pause = !self.pause;
        if self.pause {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.left.pop_front().map(|piece| piece.map(Frame::data)))
    }
}

/// What a story was told, in order.
#[derive(Debug, Default)]
pub(crate) struct Transcript(Vec<Entry>);

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    asked: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Transcript {
    fn note(&mut self, request: &Request<Vec<u8>>, response: &mut Response<Vec<u8>>) {
        // Frameworks and those who write to the wire add these, each in its own place.
        let owned_by_frameworks = |name: &str| matches!(name, "content-length" | "date" | "connection");
        let mut headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), format!("{value:?}")))
            .filter(|(name, _)| !owned_by_frameworks(name))
            .collect();
        headers.sort();
        // The answer to HEAD loses its body there too; `sockets.rs` looks at the wire.
        if request.method() == http::Method::HEAD {
            response.body_mut().clear();
        }
        self.0.push(Entry {
            asked: format!("{} {}", request.method(), request.uri()),
            status: response.status().as_u16(),
            headers,
            body: String::from_utf8(response.body().clone()).unwrap(),
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Insists that two adapters answered the same.
    #[track_caller]
    pub(crate) fn assert_is(&self, other: &Self) {
        assert_eq!(self.statuses(), other.statuses());
        for (own, other) in self.0.iter().zip(&other.0) {
            assert_eq!(own, other);
        }
    }

    /// Every status with what was asked, to see at a glance where two differ.
    fn statuses(&self) -> Vec<(&str, u16)> {
        self.0
            .iter()
            .map(|entry| (entry.asked.as_str(), entry.status))
            .collect()
    }
}

/// Somebody who tells a story to an adapter and writes down the answers.
pub(crate) struct Teller<'a, A> {
    adapter: &'a A,
    pub(crate) transcript: Transcript,
}

impl<'a, A: Adapter> Teller<'a, A> {
    pub(crate) fn to(adapter: &'a A) -> Self {
        Self {
            adapter,
            transcript: Transcript::default(),
        }
    }

    pub(crate) async fn send(&mut self, call: &Call) -> Answer {
        self.send_so(call, Delivery::AtOnce).await
    }

    pub(crate) async fn send_so(&mut self, call: &Call, delivery: Delivery) -> Answer {
        let request = call.request();
        let mut response = self.adapter.answer(call.request(), delivery).await;
        self.transcript.note(&request, &mut response);
        Answer::of(response)
    }
}

/// The value of a result that cannot fail.
pub(crate) fn certain<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}
