//! Streams both ways, blocking, in virtual time: what goes in on one side comes out on the other.

use proptest::prelude::*;

use super::host::{Host, Script};
use super::request;
use crate::incoming::IncomingBody;
use crate::instance::Instance;
use crate::outgoing::handle;
use crate::pollable::poll;
use crate::stream_error::{IoError, StreamError};

fn body() -> impl Strategy<Value = Vec<(u64, Vec<u8>)>> {
    let piece = (0..1_000u64, prop::collection::vec(any::<u8>(), 1..40));
    prop::collection::vec(piece, 0..6)
}

fn get(instance: &'static Instance) -> IncomingBody {
    let future = handle(instance, request(&[]), None).unwrap();
    poll(instance, &[&future.subscribe()]);
    future.get().unwrap().unwrap().unwrap().consume().unwrap()
}

fn whole(body: &[(u64, Vec<u8>)]) -> Vec<u8> {
    body.iter().flat_map(|(_, piece)| piece.clone()).collect()
}

proptest! {
    #[test]
    fn a_body_is_read_whole_in_any_pieces_and_its_failure_told_once(
        body in body(), breaks in any::<bool>(), sizes in prop::collection::vec(1..50u64, 1..5)
    ) {
        let script = Script { head_after: 5, body: body.clone(), breaks };
        let (host, instance) = Host::with(vec![script]);
        let incoming = get(instance);
        let stream = incoming.stream().unwrap();
        let mut read = Vec::new();
        let error = sizes.iter().cycle().find_map(|size| {
            stream.block(instance);
            match stream.read(*size) {
                Ok(bytes) => {
                    assert!(!bytes.is_empty() && bytes.len() as u64 <= *size);
                    read.extend(bytes);
                    None
                }
                Err(error) => Some(error),
            }
        });
        prop_assert_eq!(read, whole(&body));
        let told = matches!(error, Some(StreamError::Failed(IoError::Http(_))));
        prop_assert_eq!(told, breaks);
        prop_assert_eq!(stream.read(1), Err(StreamError::Closed));
        let passed: u64 = body.iter().map(|(after, _)| after).sum();
        prop_assert_eq!(host.now.get(), 1_005 + passed);
    }

    #[test]
    fn an_answer_is_spliced_into_a_request_whole_or_breaks_it(
        body in body(), breaks in any::<bool>(), sizes in prop::collection::vec(1..50u64, 1..5)
    ) {
        let source = Script { head_after: 5, body: body.clone(), breaks };
        let (host, instance) = Host::with(vec![source, Script::default()]);
        let incoming = get(instance);
        let from = incoming.stream().unwrap();
        let made = request(&[]);
        let outgoing = made.body().unwrap();
        let future = handle(instance, made, None).unwrap();
        let to = outgoing.write().unwrap();
        let mut moved = 0;
        let error = sizes.iter().cycle().find_map(|size| {
            from.block(instance);
            match to.splice(&from, *size) {
                Ok(now) => {
                    moved += now;
                    None
                }
                Err(error) => Some(error),
            }
        });
        prop_assert_eq!(moved, whole(&body).len() as u64);
        prop_assert_eq!(error == Some(StreamError::Closed), !breaks);
        prop_assert_eq!(host.sent.borrow().len(), 1);
        drop(to);
        if breaks {
            drop(outgoing);
            prop_assert!(matches!(future.get(), Some(Ok(Err(_)))));
        } else {
            outgoing.finish(None).unwrap();
            poll(instance, &[&future.subscribe()]);
            let sent = host.sent.take().pop().unwrap().bytes();
            prop_assert_eq!(sent, whole(&body).into_iter().map(Some).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_rest_of_a_body_is_thrown_away_until_its_end(
        body in body(), breaks in any::<bool>(), first in 0..50u64
    ) {
        let script = Script { head_after: 5, body, breaks };
        let (_host, instance) = Host::with(vec![script]);
        let incoming = get(instance);
        let stream = incoming.stream().unwrap();
        stream.block(instance);
        let _ = stream.skip(first);
        drop(stream);
        let trailers = incoming.finish();
        poll(instance, &[&trailers.subscribe()]);
        let end = trailers.get().unwrap().unwrap();
        prop_assert_eq!(end.is_err(), breaks);
        prop_assert_eq!(instance.exchanges.drain(), "");
    }
}
