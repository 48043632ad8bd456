//! What a subscription to an event stream may ask for, and what its answers mean.

use std::time::Duration;

use crate::defaults::{
    IDLE_TIMEOUT, LARGEST_EVENT_BYTES, MAX_EVENT_BYTES, MAX_LINE_BYTES, MAX_RECONNECT_SCALE,
    MAX_SENT_ID_BYTES, MIN_RECONNECT_SCALE, RECONNECT_DELAY, RECONNECT_TIMEOUT,
};
use crate::error::{Error, ErrorKind};
use crate::event_stream::Limits;
use crate::header::Field;
use crate::header::LAST_EVENT_ID;
use crate::message::{quoted_whole, seconds};
use crate::reconnect::Persistence;
use crate::redirect::is_redirect;

/// What a caller asks for; the defaults where there is none.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The id of the last event that the caller has, or empty.
    pub last_event_id: String,
    /// Whether a lost connection is made again.
    pub reconnect: bool,
    /// The scale of the waits before that.
    pub reconnect_delay: Option<Duration>,
    /// How long to try without a fruitful connection; zero for ever.
    pub reconnect_timeout: Option<Duration>,
    /// How many connections in a row may be tried in vain.
    pub max_reconnects: Option<u32>,
    /// How long the server may be silent; zero for ever.
    pub idle_timeout: Option<Duration>,
    /// When it ends, counted from its start.
    pub max_duration: Option<Duration>,
    /// After how many events it ends.
    pub max_events: Option<u64>,
    /// The longest line in bytes.
    pub max_line_bytes: Option<u64>,
    /// The largest event in bytes.
    pub max_event_bytes: Option<u64>,
    /// Whether comments are wanted.
    pub comments: bool,
    /// Whether heartbeats are dropped.
    pub drop_heartbeats: bool,
}

/// What holds for a subscription.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The id of the last event that the caller has, or empty.
    pub last_event_id: String,
    /// When to go on trying.
    pub persistence: Persistence,
    /// How long the server may be silent, if not for ever.
    pub idle_timeout: Option<Duration>,
    /// When it ends, counted from its start.
    pub max_duration: Option<Duration>,
    /// After how many events it ends.
    pub max_events: Option<u64>,
    /// What the parser bounds and leaves out.
    pub limits: Limits,
    /// Whether heartbeats are dropped.
    pub drop_heartbeats: bool,
}

impl Settings {
    /// Checks the settings and completes them.
    ///
    /// # Errors
    ///
    /// Kind `request`, naming the setting.
    pub fn checked(self) -> Result<Rules, Error> {
        let refused = |message: String| Err(Error::request("invalid_option", message));
        if !self.last_event_id.is_empty() && last_event_id(&self.last_event_id).is_none() {
            return refused(
                "last_event_id holds a control character or has more than 4096 bytes, and can't be sent; leave it out".to_owned(),
            );
        }
        let delays = MIN_RECONNECT_SCALE..=MAX_RECONNECT_SCALE;
        let delay = self.reconnect_delay.unwrap_or(RECONNECT_DELAY);
        if !delays.contains(&delay) {
            return refused(format!(
                "reconnect_delay is {}; give 0.1 s to 60 s",
                seconds(delay)
            ));
        }
        let largest = LARGEST_EVENT_BYTES as u64;
        let counts = [
            ("max_events", self.max_events, u64::MAX),
            ("max_line_bytes", self.max_line_bytes, largest),
            ("max_event_bytes", self.max_event_bytes, largest),
            (
                "max_duration",
                self.max_duration.map(|time| time.as_nanos() as u64),
                u64::MAX,
            ),
        ];
        for (name, count, most) in counts {
            if count.is_some_and(|count| count == 0 || count > most) {
                return refused(format!("{name} is 0 or above {most}; give another"));
            }
        }
        let bound = |given: Option<u64>, default: usize| match given {
            None => default,
            Some(given) => usize::try_from(given).unwrap_or(usize::MAX),
        };
        let unless_zero = |given: Option<Duration>, default| {
            Some(given.unwrap_or(default)).filter(|time| !time.is_zero())
        };
        Ok(Rules {
            persistence: Persistence {
                reconnect: self.reconnect,
                delay,
                timeout: unless_zero(self.reconnect_timeout, RECONNECT_TIMEOUT),
                max_reconnects: self.max_reconnects,
            },
            idle_timeout: unless_zero(self.idle_timeout, IDLE_TIMEOUT),
            max_duration: self.max_duration,
            max_events: self.max_events,
            limits: Limits {
                max_line_bytes: bound(self.max_line_bytes, MAX_LINE_BYTES),
                max_event_bytes: bound(self.max_event_bytes, MAX_EVENT_BYTES),
                comments: self.comments,
            },
            last_event_id: self.last_event_id,
            drop_heartbeats: self.drop_heartbeats,
        })
    }
}

/// What the head of an answer means.
#[derive(Debug, Clone, PartialEq)]
pub enum Head {
    /// An event stream.
    Open {
        /// Whether its length was known before it was sent: something held it until it was whole.
        buffered: bool,
    },
    /// The server has no more events: the subscription ends for good.
    NoContent,
    /// The stream is elsewhere.
    Redirect(String),
    /// Something else that another request would meet again.
    Unusable(Error),
    /// An error answer.
    Refused,
}

/// Judges the head of an answer.
pub fn judge(status: u16, headers: &[Field]) -> Head {
    match status {
        200 => open(headers),
        204 => Head::NoContent,
        _ if is_redirect(status) => match last(headers, "location") {
            Some(location) => Head::Redirect(location),
            None => Head::Refused,
        },
        300.. => Head::Refused,
        _ => unusable(
            "unexpected_status",
            format!("the server answered {status}; an event stream has the status 200"),
        ),
    }
}

fn open(headers: &[Field]) -> Head {
    let content_type = last(headers, "content-type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("text/event-stream") {
        return unusable(
            "wrong_content_type",
            format!(
                "the answer's content type is {}, not text/event-stream; check the path",
                quoted_whole(media_type)
            ),
        );
    }
    match last(headers, "content-encoding") {
        Some(coding) if !coding.eq_ignore_ascii_case("identity") => unusable(
            "wrong_content_coding",
            format!(
                "the answer is encoded as {}; switch that off",
                quoted_whole(&coding)
            ),
        ),
        _ => Head::Open {
            buffered: last(headers, "content-length").is_some(),
        },
    }
}

fn unusable(code: &str, message: String) -> Head {
    Head::Unusable(Error::new(ErrorKind::Stream, code, message))
}

/// The value of the last field of this name.
fn last(headers: &[Field], name: &str) -> Option<String> {
    let mut values = headers.iter().rev();
    let (_, value) = values.find(|(given, _)| given.eq_ignore_ascii_case(name))?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// The `Last-Event-ID` field, without white space at its ends, which no field keeps (RFC 9110, section
/// 5.5); none if there is no id, or one that a field can't hold or no server takes.
pub fn last_event_id(id: &str) -> Option<Field> {
    let id = id.trim_matches([' ', '\t']);
    let is_short = !id.is_empty() && id.len() <= MAX_SENT_ID_BYTES;
    let fits = is_short && !id.contains(|c: char| c.is_ascii_control() && c != '\t');
    fits.then(|| (LAST_EVENT_ID.to_owned(), id.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "secret-0123456789";

    fn head(status: u16, headers: &[(&str, &str)]) -> Head {
        let fields = headers.iter();
        let fields: Vec<Field> = fields
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect();
        judge(status, &fields)
    }

    fn code(head: Head) -> String {
        match head {
            Head::Unusable(error) => error.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_200_of_the_right_type_opens() {
        for content_type in [
            "text/event-stream",
            "Text/Event-Stream",
            "text/event-stream; charset=utf-8",
            "text/event-stream;charset=x",
            " text/event-stream ; a=b",
        ] {
            let open = head(200, &[("Content-Type", content_type)]);
            assert_eq!(open, Head::Open { buffered: false }, "{content_type}");
        }
        let type_field = ("content-type", "text/event-stream");
        let whole = head(200, &[type_field, ("content-length", "10")]);
        assert_eq!(whole, Head::Open { buffered: true });
        let plain = head(200, &[type_field, ("content-encoding", "Identity")]);
        assert_eq!(plain, Head::Open { buffered: false });
    }

    #[test]
    fn whatever_is_no_event_stream_is_unusable() {
        for content_type in [
            "text/html",
            "text/event-streams",
            "",
            "text/event-stream, text/html",
        ] {
            let wrong = head(200, &[("content-type", content_type)]);
            assert_eq!(code(wrong), "wrong_content_type", "{content_type}");
        }
        assert_eq!(code(head(200, &[])), "wrong_content_type");
        let stream = ("content-type", "text/event-stream");
        let encoded = head(200, &[stream, ("content-encoding", "gzip")]);
        assert_eq!(code(encoded), "wrong_content_coding");
        for status in [100, 201, 205, 206, 299] {
            assert_eq!(
                code(head(status, &[stream])),
                "unexpected_status",
                "{status}"
            );
        }
    }

    #[test]
    fn what_a_server_sends_is_shown_whole_or_not_so_that_a_secret_is_found() {
        for count in 0..100 {
            let value = ["x".repeat(count), SECRET.to_owned()].concat();
            let wrong = head(200, &[("content-type", &value)]);
            let stream = ("content-type", "text/event-stream");
            let encoded = head(200, &[stream, ("content-encoding", &value)]);
            for head in [wrong, encoded] {
                let Head::Unusable(error) = head else {
                    panic!("{head:?}");
                };
                let message = error.message.replace(SECRET, "");
                assert!(!message.contains("secret"), "{message}");
            }
        }
    }

    #[test]
    fn ends_redirects_and_refusals_are_told_apart() {
        assert_eq!(head(204, &[]), Head::NoContent);
        for status in [301, 302, 303, 307, 308] {
            let location = head(status, &[("Location", "/x")]);
            assert_eq!(location, Head::Redirect("/x".to_owned()), "{status}");
            assert_eq!(head(status, &[]), Head::Refused, "{status}");
        }
        for status in [300, 304, 400, 401, 429, 500, 503] {
            assert_eq!(
                head(status, &[("location", "/x")]),
                Head::Refused,
                "{status}"
            );
        }
    }

    #[test]
    fn an_id_is_sent_where_a_field_can_hold_it() {
        assert_eq!(last_event_id(""), None);
        assert_eq!(last_event_id("a\u{1}"), None);
        assert_eq!(last_event_id("a\u{7f}"), None);
        assert_eq!(last_event_id(&"a".repeat(MAX_SENT_ID_BYTES + 1)), None);
        assert_eq!(last_event_id(" \t"), None);
        let sent = last_event_id(" \u{e9}\t1\t").map(|(_, value)| value);
        assert_eq!(sent.as_deref(), Some("\u{e9}\t1".as_bytes()));
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        let settings = Settings::default;
        let cases = [
            (
                "last_event_id",
                Settings {
                    last_event_id: "a\nb".to_owned(),
                    ..settings()
                },
            ),
            (
                "reconnect_delay",
                Settings {
                    reconnect_delay: Some(Duration::ZERO),
                    ..settings()
                },
            ),
            (
                "reconnect_delay",
                Settings {
                    reconnect_delay: Some(Duration::from_secs(61)),
                    ..settings()
                },
            ),
            (
                "max_events",
                Settings {
                    max_events: Some(0),
                    ..settings()
                },
            ),
            (
                "max_duration",
                Settings {
                    max_duration: Some(Duration::ZERO),
                    ..settings()
                },
            ),
            (
                "max_line_bytes",
                Settings {
                    max_line_bytes: Some(0),
                    ..settings()
                },
            ),
            (
                "max_event_bytes",
                Settings {
                    max_event_bytes: Some(LARGEST_EVENT_BYTES as u64 + 1),
                    ..settings()
                },
            ),
        ];
        for (name, settings) in cases {
            let error = settings.checked().err().unwrap_or_else(|| panic!("{name}"));
            assert_eq!(error.kind, ErrorKind::Request);
            assert!(error.message.contains(name), "{}", error.message);
        }
    }

    #[test]
    fn zero_means_without_a_time_out_and_nothing_means_the_default() {
        let rules = Settings::default()
            .checked()
            .unwrap_or_else(|e| panic!("{}", e.message));
        assert_eq!(rules.idle_timeout, Some(IDLE_TIMEOUT));
        assert_eq!(rules.persistence.timeout, Some(RECONNECT_TIMEOUT));
        let zero = Settings {
            idle_timeout: Some(Duration::ZERO),
            reconnect_timeout: Some(Duration::ZERO),
            ..Settings::default()
        };
        let rules = zero.checked().unwrap_or_else(|e| panic!("{}", e.message));
        assert_eq!(
            (rules.idle_timeout, rules.persistence.timeout),
            (None, None)
        );
    }
}
