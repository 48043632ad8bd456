//! Which messages of a stream are passed on: after a resume, not those that the caller has.

use std::rc::Rc;

use crate::event_stream::Message;

/// Where messages are dropped, and how many of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Whether heartbeats are dropped.
    pub drop_heartbeats: bool,
    /// The id of the last event that the caller has.
    delivered: Rc<str>,
    /// Whether no event was passed on since the connection was made.
    leading: bool,
    /// How many events came again.
    pub duplicates: u32,
    /// How many heartbeats there were.
    pub heartbeats: u32,
}

impl Filter {
    /// For a caller that has the event `last_event_id`, if that is not empty.
    pub fn new(last_event_id: &str, drop_heartbeats: bool) -> Self {
        Self {
            drop_heartbeats,
            delivered: last_event_id.into(),
            leading: true,
            ..Self::default()
        }
    }

    /// There is a new connection.
    pub fn resume(&mut self) {
        self.leading = true;
    }

    /// The id of the last event that was passed on.
    pub fn delivered(&self) -> &Rc<str> {
        &self.delivered
    }

    /// Whether a message is passed on: not a heartbeat nobody wants, and none of the first events of a
    /// connection that say themselves that they are the last one which was passed on.
    pub fn passes(&mut self, message: &Message) -> bool {
        let Message::Event(event) = message else {
            return true;
        };
        // svc-registry sends these beside its comments (`protocol.md` 7).
        if self.drop_heartbeats && event.kind == "heartbeat" {
            self.heartbeats += 1;
            return false;
        }
        let known =
            self.leading && event.has_id && !event.id.is_empty() && event.id == self.delivered;
        if known {
            self.duplicates += 1;
            return false;
        }
        self.leading = false;
        self.delivered = event.id.clone();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_stream::Event;

    fn event(kind: &str, id: &str, has_id: bool) -> Message {
        Message::Event(Event {
            kind: kind.to_owned().into(),
            data: String::new(),
            id: id.into(),
            has_id,
            retry: None,
        })
    }

    fn message(id: &str, has_id: bool) -> Message {
        event("message", id, has_id)
    }

    #[test]
    fn leading_events_that_repeat_the_last_one_are_dropped_after_a_resume() {
        let mut filter = Filter::new("", false);
        assert!(filter.passes(&message("1", true)));
        assert!(
            filter.passes(&message("1", true)),
            "no resume, no repetition"
        );
        filter.resume();
        assert!(!filter.passes(&message("1", true)));
        assert!(!filter.passes(&message("1", true)));
        assert!(filter.passes(&message("2", true)));
        assert!(
            filter.passes(&message("1", true)),
            "it is not leading any more"
        );
        assert_eq!(filter.duplicates, 2);
    }

    #[test]
    fn an_event_that_does_not_say_its_id_is_passed_on() {
        let mut filter = Filter::new("1", false);
        assert!(filter.passes(&message("1", false)));
        assert!(filter.passes(&message("1", true)));
        assert_eq!(filter.duplicates, 0);
    }

    #[test]
    fn the_event_that_the_caller_has_is_dropped_on_the_first_connection_too() {
        let mut filter = Filter::new("1", false);
        assert!(!filter.passes(&message("1", true)));
        assert!(filter.passes(&message("2", true)));
    }

    #[test]
    fn an_empty_id_repeats_nothing() {
        let mut filter = Filter::new("", false);
        assert!(filter.passes(&message("", true)));
        filter.resume();
        assert!(filter.passes(&message("", true)));
    }

    #[test]
    fn heartbeats_are_dropped_on_request_only_and_are_no_leading_events() {
        assert!(Filter::new("", false).passes(&event("heartbeat", "", false)));
        let mut filter = Filter::new("1", true);
        assert!(!filter.passes(&event("heartbeat", "1", false)));
        assert!(!filter.passes(&message("1", true)));
        assert!(filter.passes(&event("Heartbeat", "1", false)));
        assert!(filter.passes(&Message::Comment("heartbeat".to_owned())));
        assert_eq!((filter.heartbeats, filter.duplicates), (1, 1));
    }
}
