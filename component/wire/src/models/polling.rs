//! `poll` over any mix: the model knows when each thing will be ready.

use proptest::prelude::*;

use super::host::{Host, Script};
use super::{request, unblocked};
use crate::outgoing::handle;
use crate::pollable::{Pollable, after, poll};
use crate::wait::start;

#[derive(Debug, Clone)]
enum Thing {
    Ready,
    /// A point on the clock, which shows 1,000 when polling starts.
    At(u64),
    /// The head of the exchange of that number.
    Head(usize),
    /// The body of the exchange of that number.
    Body(usize),
    /// What was dropped.
    Gone,
}

fn thing(exchanges: usize) -> impl Strategy<Value = Thing> {
    prop_oneof![
        1 => Just(Thing::Ready),
        6 => prop_oneof![Just(0u64), 990..1_010u64, 1_000..3_000u64, Just(u64::MAX)]
            .prop_map(Thing::At),
        6 => (0..exchanges).prop_map(Thing::Head),
        6 => (0..exchanges).prop_map(Thing::Body),
        1 => Just(Thing::Gone),
    ]
}

proptest! {
    #[test]
    fn poll_waits_for_the_first_that_is_ready_and_names_all_that_are(
        // Two for each exchange: until its head, then until the first bytes of its body.
        delays in prop::collection::vec((0..200u64, 0..200u64), 3),
        things in prop::collection::vec(thing(3), 1..8),
    ) {
        // No two events at one time: a wait brings one.
        let unique = |delay: u64, number: usize| 1 + delay * 8 + number as u64;
        let scripts = delays.iter().enumerate().map(|(number, (head, body))| Script {
            head_after: unique(*head, number),
            body: vec![(unique(*body, number + 3), vec![7])],
            breaks: false,
        });
        // The first three are waited for by their heads, the others are answered already.
        let answered: Vec<Script> = scripts.clone().collect();
        let at_once = answered.iter().map(|script| Script { head_after: 0, ..script.clone() });
        let (host, instance) = Host::with(at_once.chain(answered.iter().cloned()).collect());
        let bodies: Vec<_> = (0..3)
            .map(|_| {
                let future = handle(instance, request(&[]), None).unwrap();
                poll(instance, &[&future.subscribe()]);
                future.get().unwrap().unwrap().unwrap().consume().unwrap()
            })
            .collect();
        let streams: Vec<_> = bodies.iter().map(|body| body.stream().unwrap()).collect();
        let futures: Vec<_> = (0..3)
            .map(|_| handle(instance, request(&[]), None).unwrap())
            .collect();
        let gone = handle(unblocked(), request(&[]), None).unwrap().subscribe();
        prop_assert_eq!(host.now.get(), 1_000);
        host.waits.take();

        let never = u64::MAX;
        let (pollables, times): (Vec<_>, Vec<_>) = things
            .iter()
            .map(|thing| match thing {
                Thing::Ready => (Pollable::Ready, 0),
                Thing::At(when) => (Pollable::At(*when), *when),
                Thing::Head(number) => {
                    let time = 1_000 + answered[*number].head_after;
                    (futures[*number].subscribe(), time)
                }
                Thing::Body(number) => {
                    (streams[*number].subscribe(), 1_000 + answered[*number].body[0].0)
                }
                Thing::Gone => match &gone {
                    Pollable::Head(exchange) => (Pollable::Head(exchange.clone()), 0),
                    _ => unreachable!(),
                },
            })
            .unzip();
        let timers = things.iter().filter_map(|thing| match thing {
            Thing::At(when) if *when != never => Some(*when),
            _ => None,
        });
        let first = times.iter().copied().min().unwrap();
        // Nothing but what never comes: heads that nobody polls still end the wait.
        prop_assume!(first != never);

        let ready = poll(instance, &pollables.iter().collect::<Vec<_>>());
        let expected: Vec<u32> = (0u32..)
            .zip(&times)
            .filter(|(_, time)| **time <= first.max(1_000))
            .map(|(index, _)| index)
            .collect();
        prop_assert_eq!(ready, expected);
        prop_assert_eq!(host.now.get(), first.max(1_000));
        let timer = timers.min();
        for wake_at in host.waits.take() {
            prop_assert_eq!(wake_at, timer);
        }
    }

    #[test]
    fn a_duration_from_now_ends_when_it_has_passed_and_never_wraps(
        now in any::<u64>(), duration in any::<u64>(), later in any::<u64>()
    ) {
        let instance = unblocked();
        instance.clocks.set(now, 0);
        let timer = after(instance, duration);
        prop_assert_eq!(timer.is_ready(instance), duration == 0 || now == u64::MAX);
        instance.clocks.set(later, 0);
        let passed = later.max(now) >= now.saturating_add(duration);
        prop_assert_eq!(timer.is_ready(instance), passed);
    }
}

#[test]
#[should_panic(expected = "the list is empty")]
fn polling_nothing_traps() {
    poll(unblocked(), &[]);
}

#[test]
fn time_and_randomness_are_asked_for_before_anything_else_is_done() {
    let (host, instance) = Host::with(vec![Script::default()]);
    let future = handle(instance, request(&[]), None).unwrap();
    start(instance);
    assert_eq!(host.waits.take(), [None]);
    assert!(host.sent.borrow().is_empty() && instance.generator.is_seeded());
    assert_eq!(instance.clocks.monotonic(), 1_000);
    poll(instance, &[&future.subscribe()]);
    assert_eq!(host.sent.borrow().len(), 1);
}

#[test]
#[should_panic(expected = "malformed event: there is no event nonsense")]
fn a_malformed_event_traps_where_it_is_waited_for() {
    let instance = crate::instance::Instance::new(|_| "1\x000\x000\x00nonsense\0".to_owned());
    poll(instance, &[&Pollable::At(1 << 40)]);
}
