//! What a session is configured with.

use std::time::Duration;

use crate::caveats::Caveats;
use crate::credential::{Credential, Source};
use crate::defaults;
use crate::error::{Error, ErrorKind};
use crate::header;
use crate::message::seconds;
use crate::origin::Origin;
use crate::retry::Backoff;

/// What a client is configured with, as far as the component takes it. Absent members, and those that
/// are null, take the defaults of `docs/defaults.md`.
#[derive(Clone, Default)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(
        deny_unknown_fields,
        extend("not" = {
            "required": ["token", "macaroon"],
            "properties": {"token": {"type": "string"}, "macaroon": {"type": "string"}},
        })
    )
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
    /// See [`CredentialSettings`].
    #[cfg_attr(feature = "schema", schemars(flatten))]
    pub credential: CredentialSettings,
    /// Whom requests are for: sent as `x-ron-passport` wherever the credential is (`protocol.md` 1.12).
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = r"^[!-~]([\t -~]*[!-~])?$"))
    )]
    pub passport: Option<String>,
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

/// The credential as the caller gave it: one of these, or none.
#[derive(Clone, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CredentialSettings {
    /// A credential, sent to the origin of `base_url` only: printable ASCII without spaces, as `Bearer`
    /// but where the path asks for another scheme (`protocol.md` 10, row 7).
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[!-~]+$")))]
    pub token: Option<String>,
    /// Likewise, but its scheme is learned from the server (`protocol.md` 10, row 7).
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[!-~]+$")))]
    pub macaroon: Option<String>,
    /// Whether the host is asked for tokens.
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub token_provider: bool,
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
#[derive(Clone, Default)]
pub struct Overrides {
    /// A credential of its own.
    pub credential: CredentialSettings,
    /// Whether no passport is sent: the credential is another's.
    pub without_passport: bool,
    /// What narrows it.
    pub caveats: Caveats,
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

/// A checked configuration.
#[derive(Clone)]
pub struct Config {
    /// Where requests go.
    pub origin: Origin,
    /// Where the credential comes from.
    pub source: Source,
    /// Whom requests are for.
    pub passport: Option<String>,
    /// What narrows it.
    pub caveats: Caveats,
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
        let source = settings.credential.checked(&mut faults);
        if let Some(passport) = &settings.passport
            && let Err(fault) = check_passport(passport)
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
            source: source.unwrap_or_default(),
            passport: settings.passport,
            caveats: Caveats::default(),
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
        })
    }

    /// This configuration with other values; those not given stay. `now` is the wall clock in
    /// nanoseconds.
    ///
    /// # Errors
    ///
    /// As [`Config::new`], and as [`Caveats::narrowed`].
    pub fn derive(&self, overrides: Overrides, now: u64) -> Result<Self, Error> {
        let mut faults = Vec::new();
        let source = overrides.credential.checked(&mut faults);
        let given_timeouts = self.given_timeouts.overridden(overrides.timeouts);
        let timeouts = Timeouts::new(given_timeouts)
            .map_err(|mut found| faults.append(&mut found))
            .ok();
        faults.extend(zero("max_request_bytes", overrides.max_request_bytes));
        faults.extend(too_many_retries(overrides.retries));
        let (Some(timeouts), true) = (timeouts, faults.is_empty()) else {
            return Err(invalid(faults));
        };
        let passport = self.passport.clone();
        Ok(Self {
            passport: passport.filter(|_| !overrides.without_passport),
            source: source.unwrap_or_else(|| self.source.clone()),
            caveats: self.caveats.narrowed(overrides.caveats, now)?,
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

impl CredentialSettings {
    /// Whether there is one.
    pub fn is_given(&self) -> bool {
        self.token.is_some() || self.macaroon.is_some() || self.token_provider
    }

    /// The source that they name, or none.
    fn checked(self, faults: &mut Vec<String>) -> Option<Source> {
        let mut checked = |what: &str, token: &str| match Credential::new(what, token) {
            Ok(credential) => Some(credential),
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        match (self.token, self.macaroon, self.token_provider) {
            (None, None, false) => None,
            (Some(token), None, false) => checked("the token", &token).map(Source::Token),
            (None, Some(token), false) => checked("the macaroon", &token).map(Source::Macaroon),
            (None, None, true) => Some(Source::Provided),
            _ => {
                let fault =
                    "of token, macaroon and token_provider more than one is given; give one";
                faults.push(fault.to_owned());
                None
            }
        }
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

/// It is a secret, and is not repeated.
fn check_passport(passport: &str) -> Result<(), String> {
    if passport.is_empty() {
        return Err("passport is empty; leave it out to send none".to_owned());
    }
    if !passport.is_ascii() {
        return Err("passport holds characters beyond ASCII; field values are ASCII".to_owned());
    }
    header::check_value("passport", passport)
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
            credential: CredentialSettings {
                token: Some("secret with\nspaces".to_owned()),
                ..CredentialSettings::default()
            },
            passport: Some("secret with\nspaces".to_owned()),
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
            "passport",
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
                .derive(overrides, 0)
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
        assert!(given.derive(seconds(2, Some(3)), 0).is_err());
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
