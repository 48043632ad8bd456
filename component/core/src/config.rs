//! What a session is configured with.

use std::time::Duration;

use crate::defaults;
use crate::error::{Error, ErrorKind};
use crate::header;
use crate::message::seconds;
use crate::origin::Origin;
use crate::redact::Redactor;
use crate::retry::Backoff;

/// What a client is configured with, as far as the component takes it. Absent members, and those that
/// are null, take the defaults of `docs/defaults.md`.
#[derive(Clone, Default)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields)
)]
pub struct Settings {
    /// The gateway: an absolute http or https URL, spelled as the URL standard spells it, without user
    /// name, query and fragment; plain http only to this machine unless `allow_insecure_http` says
    /// otherwise (`protocol.md` 4.3, row 30; WHATWG URL, section 4).
    #[cfg_attr(
        feature = "schema",
        schemars(regex(
            pattern = r"^[Hh][Tt][Tt][Pp][Ss]?://[!$&'()*+,.0-9:;=A-Z\[\]_a-z~-]+(/[!\x22$->@-\[\]-~]*)?$"
        ))
    )]
    pub base_url: String,
    /// Allow plain http beyond loopback (`protocol.md` 4.3, row 30).
    #[cfg_attr(feature = "schema", schemars(default))]
    pub allow_insecure_http: bool,
    /// The credential, sent to the origin of `base_url` only: printable ASCII without spaces
    /// (`protocol.md` 10, row 7).
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[!-~]+$")))]
    pub token: Option<String>,
    /// The `User-Agent` (RFC 9110, section 10.1.5).
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = r"^([!-~]([\t -~]*[!-~])?)?$"))
    )]
    pub user_agent: Option<String>,
    /// See [`Timeouts`].
    #[cfg_attr(feature = "schema", schemars(flatten))]
    pub timeouts: TimeoutSettings,
    /// Exchanges under way at once (`protocol.md` 4.3, row 38).
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = 1, max = u32::MAX),
            extend("default" = defaults::MAX_CONCURRENCY)
        )
    )]
    pub max_concurrency: Option<u32>,
    /// Calls waiting for a place (`protocol.md` 4.3, row 38).
    #[cfg_attr(
        feature = "schema",
        schemars(range(max = u32::MAX), extend("default" = defaults::MAX_QUEUE))
    )]
    pub max_queue: Option<u32>,
    /// Largest request content in bytes (`protocol.md` 10, row 15).
    // More bytes are no memory's.
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(min = 1, max = u32::MAX),
            extend("default" = defaults::MAX_REQUEST_BYTES)
        )
    )]
    pub max_request_bytes: Option<u64>,
    /// Attempts after the first (`protocol.md` 4.3, row 33).
    #[cfg_attr(
        feature = "schema",
        schemars(
            range(max = defaults::MAX_RETRIES),
            extend("default" = defaults::RETRIES)
        )
    )]
    pub retries: Option<u32>,
    /// How the waits between attempts grow (`protocol.md` 4.3, row 33).
    #[cfg_attr(feature = "schema", schemars(extend("default" = Backoff::default())))]
    pub backoff: Option<Backoff>,
}

/// Time-outs as the caller gave them.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimeoutSettings {
    /// For the whole call, in seconds (`protocol.md` 4.3, row 32).
    #[cfg_attr(
        feature = "schema",
        schemars(
            rename = "timeout",
            with = "Option<f64>",
            extend("exclusiveMinimum" = 0, "default" = defaults::OVERALL_TIMEOUT.as_secs_f64())
        )
    )]
    pub overall: Option<Duration>,
    /// For connecting, DNS and TLS included, in seconds; no more than `timeout` (`protocol.md` 4.3,
    /// row 32).
    #[cfg_attr(
        feature = "schema",
        schemars(
            rename = "connect_timeout",
            with = "Option<f64>",
            extend("exclusiveMinimum" = 0, "default" = defaults::CONNECT_TIMEOUT.as_secs_f64())
        )
    )]
    pub connect: Option<Duration>,
    /// For the server's silence, in seconds; no more than `timeout` (`protocol.md` 4.3, row 32).
    #[cfg_attr(
        feature = "schema",
        schemars(
            rename = "read_timeout",
            with = "Option<f64>",
            extend("exclusiveMinimum" = 0, "default" = defaults::READ_TIMEOUT.as_secs_f64())
        )
    )]
    pub read: Option<Duration>,
    /// For a server that takes no bytes, in seconds; no more than `timeout` (`protocol.md` 4.3, row
    /// 32).
    #[cfg_attr(
        feature = "schema",
        schemars(
            rename = "write_timeout",
            with = "Option<f64>",
            extend("exclusiveMinimum" = 0, "default" = defaults::WRITE_TIMEOUT.as_secs_f64())
        )
    )]
    pub write: Option<Duration>,
}

/// What a derived session does otherwise. Absent members stay as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Overrides {
    /// See [`Timeouts`].
    pub timeouts: TimeoutSettings,
    /// Largest request content in bytes.
    pub max_request_bytes: Option<u64>,
    /// Attempts after the first.
    pub retries: Option<u32>,
    /// How the waits between attempts grow.
    pub backoff: Option<Backoff>,
}

/// Time-outs in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the whole call.
    pub overall: Duration,
    /// For connecting.
    pub connect: Duration,
    /// For the server's silence.
    pub read: Duration,
    /// For a server that takes no bytes.
    pub write: Duration,
}

/// A credential as the values of `Authorization` that carry it (`protocol.md` 10, row 7).
#[derive(Clone)]
pub struct Credential {
    bearer: String,
    macaroon: String,
}

impl Credential {
    fn new(token: &str) -> Self {
        Self {
            bearer: ["Bearer ", token].concat(),
            macaroon: ["Macro ", token].concat(),
        }
    }

    /// The value for a path of the app plane, and for most of the node's.
    pub fn bearer(&self) -> &str {
        &self.bearer
    }

    /// The value for a path behind the base URL: micronodes and their facets know no other scheme
    /// than their own.
    pub fn for_node(&self, path: &str) -> &str {
        match path.starts_with("/v1/kv/") || path.starts_with("/facets/") {
            true => &self.macaroon,
            false => &self.bearer,
        }
    }
}

/// A checked configuration.
#[derive(Clone)]
pub struct Config {
    /// Where requests go.
    pub origin: Origin,
    /// The credential, as it is sent.
    pub credential: Option<Credential>,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
    /// Time-outs in force.
    pub timeouts: Timeouts,
    /// Those that the caller gave.
    given_timeouts: TimeoutSettings,
    /// Exchanges under way at once.
    pub max_concurrency: u32,
    /// Calls waiting for a place.
    pub max_queue: u32,
    /// Largest request content in bytes.
    pub max_request_bytes: u64,
    /// Attempts after the first.
    pub retries: u32,
    /// How the waits between attempts grow.
    pub backoff: Backoff,
    /// Keeps the credential out of texts.
    pub redactor: Redactor,
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// One error of kind `config` that names every fault.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let mut faults = Vec::new();
        let origin = Origin::parse(&settings.base_url, settings.allow_insecure_http)
            .map_err(|fault| faults.push(fault))
            .ok();
        let timeouts = Timeouts::new(settings.timeouts)
            .map_err(|mut found| faults.append(&mut found))
            .ok();
        if let Some(token) = &settings.token
            && let Err(fault) = check_token(token)
        {
            faults.push(fault);
        }
        if let Some(agent) = &settings.user_agent
            && let Err(fault) = header::check_value("user_agent", agent)
        {
            faults.push(fault);
        }
        faults.extend(zero("max_concurrency", settings.max_concurrency));
        faults.extend(zero("max_request_bytes", settings.max_request_bytes));
        faults.extend(too_many_retries(settings.retries));
        let (Some(origin), Some(timeouts), true) = (origin, timeouts, faults.is_empty()) else {
            return Err(invalid(faults));
        };
        Ok(Self {
            origin,
            credential: settings.token.as_deref().map(Credential::new),
            user_agent: settings.user_agent,
            timeouts,
            given_timeouts: settings.timeouts,
            max_concurrency: settings
                .max_concurrency
                .unwrap_or(defaults::MAX_CONCURRENCY),
            max_queue: settings.max_queue.unwrap_or(defaults::MAX_QUEUE),
            max_request_bytes: settings
                .max_request_bytes
                .unwrap_or(defaults::MAX_REQUEST_BYTES),
            retries: settings.retries.unwrap_or(defaults::RETRIES),
            backoff: settings.backoff.unwrap_or_default(),
            redactor: Redactor::new(settings.token),
        })
    }

    /// This configuration with other values; those not given stay.
    ///
    /// # Errors
    ///
    /// As [`Config::new`].
    pub fn derive(&self, overrides: Overrides) -> Result<Self, Error> {
        let mut faults = Vec::new();
        let given_timeouts = self.given_timeouts.overridden(overrides.timeouts);
        let timeouts = Timeouts::new(given_timeouts)
            .map_err(|mut found| faults.append(&mut found))
            .ok();
        faults.extend(zero("max_request_bytes", overrides.max_request_bytes));
        faults.extend(too_many_retries(overrides.retries));
        let (Some(timeouts), true) = (timeouts, faults.is_empty()) else {
            return Err(invalid(faults));
        };
        Ok(Self {
            timeouts,
            given_timeouts,
            max_request_bytes: overrides
                .max_request_bytes
                .unwrap_or(self.max_request_bytes),
            retries: overrides.retries.unwrap_or(self.retries),
            backoff: overrides.backoff.unwrap_or(self.backoff),
            ..self.clone()
        })
    }
}

impl TimeoutSettings {
    /// These, but for what `later` gives. What was given first gives way to a shorter overall time-out.
    fn overridden(self, later: Self) -> Self {
        let overall = later.overall.or(self.overall);
        let shorter = |given: Option<Duration>| match (given, overall) {
            (Some(given), Some(overall)) => Some(given.min(overall)),
            _ => given,
        };
        Self {
            overall,
            connect: later.connect.or(shorter(self.connect)),
            read: later.read.or(shorter(self.read)),
            write: later.write.or(shorter(self.write)),
        }
    }
}

impl Timeouts {
    /// Defaults give way to a shorter overall time-out; values that the caller gave do not.
    fn new(settings: TimeoutSettings) -> Result<Self, Vec<String>> {
        let overall = settings.overall.unwrap_or(defaults::OVERALL_TIMEOUT);
        let mut faults = Vec::new();
        if overall.is_zero() {
            faults.push("the overall time-out is 0; give a positive time".to_owned());
        }
        let mut part = |name: &str, given: Option<Duration>, default: Duration| match given {
            None => default.min(overall),
            Some(Duration::ZERO) => {
                faults.push(format!("the {name} time-out is 0; give a positive time"));
                default
            }
            Some(given) if given > overall => {
                faults.push(format!(
                    "the {name} time-out ({}) is longer than the overall time-out ({}); lower it or raise the other",
                    seconds(given),
                    seconds(overall)
                ));
                given
            }
            Some(given) => given,
        };
        let connect = part("connect", settings.connect, defaults::CONNECT_TIMEOUT);
        let read = part("read", settings.read, defaults::READ_TIMEOUT);
        let write = part("write", settings.write, defaults::WRITE_TIMEOUT);
        if faults.is_empty() {
            Ok(Self {
                overall,
                connect,
                read,
                write,
            })
        } else {
            Err(faults)
        }
    }
}

fn zero<T: Into<u64>>(name: &str, value: Option<T>) -> Option<String> {
    (value?.into() == 0).then(|| format!("{name} is 0; give at least 1"))
}

/// What is wrong with a number of retries.
pub fn too_many_retries(retries: Option<u32>) -> Option<String> {
    let max = defaults::MAX_RETRIES;
    let retries = retries.filter(|retries| *retries > max)?;
    Some(format!("retries is {retries}; give at most {max}"))
}

fn check_token(token: &str) -> Result<(), String> {
    if token.is_empty() {
        return Err("the token is empty; leave it out to send none".to_owned());
    }
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(
            "the token holds white space, control or non-ASCII characters; check how it was copied (a line end is common)"
                .to_owned(),
        );
    }
    Ok(())
}

fn invalid(faults: Vec<String>) -> Error {
    Error::new(ErrorKind::Config, "invalid_config", faults.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_in_one_error() {
        let error = Config::new(Settings {
            base_url: "ftp://e".to_owned(),
            token: Some("secret with\nspaces".to_owned()),
            max_concurrency: Some(0),
            retries: Some(defaults::MAX_RETRIES + 1),
            timeouts: TimeoutSettings {
                connect: Some(Duration::ZERO),
                read: Some(Duration::from_secs(60)),
                ..TimeoutSettings::default()
            },
            ..Settings::default()
        })
        .map(|_| ())
        .unwrap_err();
        for part in [
            "base_url",
            "token",
            "max_concurrency",
            "retries",
            "connect",
            "read",
        ] {
            assert!(error.message.contains(part), "{part}: {}", error.message);
        }
        assert!(!error.message.contains("secret with"));
    }

    #[test]
    fn a_derived_configuration_starts_from_what_was_given() {
        let seconds = |overall: u64, read: Option<u64>| Overrides {
            timeouts: TimeoutSettings {
                overall: Some(Duration::from_secs(overall)),
                read: read.map(Duration::from_secs),
                ..TimeoutSettings::default()
            },
            ..Overrides::default()
        };
        let derive = |config: &Config, overrides: Overrides| {
            config
                .derive(overrides)
                .unwrap_or_else(|error| panic!("{}", error.message))
        };
        let root = Config::new(Settings {
            base_url: "https://e".to_owned(),
            ..Settings::default()
        })
        .unwrap_or_else(|error| panic!("{}", error.message));
        let short = derive(&root, seconds(1, None));
        assert_eq!(short.timeouts.read, Duration::from_secs(1));
        let longer = derive(&short, seconds(60, None));
        assert_eq!(longer.timeouts.read, defaults::READ_TIMEOUT);
        let given = derive(&longer, seconds(60, Some(30)));
        assert_eq!(given.timeouts.read, Duration::from_secs(30));
        assert_eq!(
            derive(&given, seconds(2, None)).timeouts.read,
            Duration::from_secs(2)
        );
        assert!(given.derive(seconds(2, Some(3))).is_err());
    }

    #[test]
    fn defaults_give_way_to_a_shorter_overall_time_out_and_given_values_conflict() {
        let short = TimeoutSettings {
            overall: Some(Duration::from_millis(500)),
            ..TimeoutSettings::default()
        };
        let timeouts = Timeouts::new(short).unwrap();
        assert_eq!(timeouts.connect, Duration::from_millis(500));
        assert_eq!(timeouts.read, Duration::from_millis(500));
        Timeouts::new(TimeoutSettings {
            read: Some(Duration::from_secs(1)),
            ..short
        })
        .unwrap_err();
    }
}
