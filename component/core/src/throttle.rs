//! How far an answer that says "too much to do" slows a whole client down.
//!
//! For a while no exchange begins, and afterwards half as many as were under way may be under way
//! at once; each success allows one more again.

use std::time::Duration;

use crate::defaults::{MAX_BACKOFF, MAX_PAUSE, THROTTLE_BACKOFF};
use crate::retry::Backoff;

/// The pace of a root session and those derived from it. Times are nanoseconds of one clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttle {
    max_concurrency: u32,
    concurrency: u32,
    /// No exchange begins before.
    paused_until: u64,
    /// When it was last slowed down.
    slowed_at: Option<u64>,
    /// Answers of that kind since the last success.
    in_a_row: u32,
}

impl Throttle {
    /// At full pace.
    pub fn new(max_concurrency: u32) -> Self {
        Self {
            max_concurrency,
            concurrency: max_concurrency,
            paused_until: 0,
            slowed_at: None,
            in_a_row: 0,
        }
    }

    /// How many exchanges may be under way at once.
    pub fn concurrency(&self) -> u32 {
        self.concurrency
    }

    /// When the next exchange may begin, if not now.
    pub fn paused_until(&self, now: u64) -> Option<u64> {
        (self.paused_until > now).then_some(self.paused_until)
    }

    /// A server has too much to do: it said so to an exchange that began at `started`, while
    /// `under_way` were under way, and asks for a wait of `asked`. `random` is evenly distributed.
    pub fn slow_down(
        &mut self,
        now: u64,
        started: u64,
        under_way: u32,
        asked: Option<Duration>,
        random: u64,
    ) {
        // Half of it is certain, so that the server does get a pause.
        let drawn = |random| {
            Backoff::Exponential.wait(THROTTLE_BACKOFF, self.in_a_row, MAX_BACKOFF, random)
        };
        let pause = asked.unwrap_or_else(|| (drawn(u64::MAX) + drawn(random)) / 2);
        let pause = pause.min(MAX_PAUSE).as_nanos() as u64;
        self.paused_until = self.paused_until.max(now.saturating_add(pause));
        if self.began_since(started) {
            self.concurrency = (self.concurrency.min(under_way) / 2).max(1);
            self.slowed_at = Some(now);
            self.in_a_row = self.in_a_row.saturating_add(1);
        }
    }

    /// An exchange that began at `started` succeeded.
    pub fn speed_up(&mut self, started: u64) {
        if self.began_since(started) {
            self.in_a_row = 0;
            self.concurrency = self.concurrency.saturating_add(1).min(self.max_concurrency);
        }
    }

    /// Whether an exchange began since the last cut: what became of earlier ones tells nothing of
    /// the pace since.
    fn began_since(&self, started: u64) -> bool {
        self.slowed_at.is_none_or(|slowed_at| started > slowed_at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn many_refusals_of_one_burst_slow_down_once() {
        let mut throttle = Throttle::new(100);
        for at in 0..100 {
            throttle.slow_down(SECOND + at, at, 100, Some(Duration::ZERO), 0);
        }
        assert_eq!(throttle.concurrency(), 50);
        throttle.slow_down(3 * SECOND, 2 * SECOND, 50, Some(Duration::ZERO), 0);
        assert_eq!(throttle.concurrency(), 25);
    }

    #[test]
    fn successes_bring_the_pace_back_but_not_those_of_exchanges_that_began_before() {
        let mut throttle = Throttle::new(100);
        throttle.slow_down(SECOND, 0, 3, None, u64::MAX);
        assert_eq!(throttle.concurrency(), 1);
        for _ in 0..200 {
            throttle.speed_up(SECOND);
        }
        assert_eq!(throttle.concurrency(), 1);
        throttle.speed_up(2 * SECOND);
        assert_eq!(throttle.concurrency(), 2);
        for _ in 0..200 {
            throttle.speed_up(2 * SECOND);
        }
        assert_eq!(throttle.concurrency(), 100);
    }

    #[test]
    fn a_shorter_pause_does_not_end_a_longer_one() {
        let mut throttle = Throttle::new(100);
        for asked in [3, 1] {
            let asked = Some(Duration::from_secs(asked));
            throttle.slow_down(SECOND, 0, 3, asked, 0);
        }
        assert_eq!(throttle.paused_until(SECOND), Some(4 * SECOND));
    }

    #[test]
    fn the_pause_is_what_the_server_asks_for_and_else_grows() {
        let pause = |throttle: &mut Throttle, now: u64, asked| {
            throttle.slow_down(now, now, 1, asked, u64::MAX);
            throttle.paused_until(now).map_or(0, |until| until - now)
        };
        let mut throttle = Throttle::new(1);
        let asked = Some(Duration::from_millis(50));
        assert_eq!(pause(&mut throttle, SECOND, asked), SECOND / 20);
        assert!(pause(&mut throttle, 10 * SECOND, None) > 19 * SECOND / 10);
        let mut lucky = Throttle::new(1);
        lucky.slow_down(SECOND, SECOND, 1, None, 0);
        let shortest = 14 * SECOND / 10..=15 * SECOND / 10;
        assert!(
            lucky
                .paused_until(SECOND)
                .is_some_and(|until| shortest.contains(&until))
        );
        assert!(pause(&mut throttle, 20 * SECOND, None) > 39 * SECOND / 10);
        let hour = Some(Duration::from_secs(3_600));
        assert_eq!(pause(&mut throttle, 30 * SECOND, hour), 5 * SECOND);
        assert_eq!(throttle.paused_until(35 * SECOND), None);
        throttle.speed_up(40 * SECOND);
        assert!(pause(&mut throttle, 50 * SECOND, None) < SECOND);
    }

    proptest! {
        /// Whatever a server says, at least one exchange may be under way, and no pause is longer
        /// than its bound.
        #[test]
        fn a_throttled_client_never_stands_still(
            max in 1u32..200,
            steps in prop::collection::vec(
                (any::<bool>(), 0u64..SECOND, 0u32..200, any::<Option<u64>>(), any::<u64>()), 0..50),
        ) {
            let mut throttle = Throttle::new(max);
            let mut now = 0;
            for (fine, passed, under_way, asked, random) in steps {
                now += passed;
                if fine {
                    throttle.speed_up(now);
                } else {
                    let asked = asked.map(Duration::from_millis);
                    throttle.slow_down(now, now, under_way, asked, random);
                }
                prop_assert!((1..=max).contains(&throttle.concurrency()));
                let pause = throttle.paused_until(now).unwrap_or(now) - now;
                prop_assert!(u128::from(pause) <= MAX_PAUSE.as_nanos());
            }
        }
    }
}
