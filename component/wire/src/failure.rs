//! Why an exchange failed.

use crate::wit::exports::wasi::http::types::{
    DnsErrorPayload, ErrorCode, FieldSizePayload, TlsAlertReceivedPayload,
};

/// A case of `wasi:http/types.error-code` by its WIT name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The name of the case.
    pub code: String,
    /// What the case's payload is made of.
    pub detail: String,
}

impl Failure {
    /// A failure without a payload.
    pub fn new(code: &str) -> Self {
        Self::detailed(code, String::new())
    }

    /// A failure whose payload is a size.
    pub fn sized(code: &str, size: u64) -> Self {
        Self::detailed(code, size.to_string())
    }

    /// A failure for which there is no other code.
    pub fn internal(detail: &str) -> Self {
        Self::detailed("internal-error", detail.to_owned())
    }

    #[inline(never)]
    fn detailed(code: &str, detail: String) -> Self {
        Self {
            code: code.to_owned(),
            detail,
        }
    }

    /// Name and detail.
    pub fn describe(&self) -> String {
        let separator = if self.detail.is_empty() { "" } else { " " };
        [&self.code, separator, &self.detail].concat()
    }

    /// The detail as a text and the number that is its last word: each if there is one.
    fn parts(&self) -> (Option<String>, Option<u64>) {
        let detail = self.detail.as_str();
        let space = detail.bytes().rposition(|b| b == b' ');
        let (text, last) = space.map_or(("", detail), |at| (&detail[..at], &detail[at + 1..]));
        match ron_abi::number("detail", last) {
            Ok(number) => (some(text), Some(number)),
            Err(_) => (some(detail), None),
        }
    }

    /// The typed case. A name that this version doesn't know is an internal error that says so.
    pub fn error_code(&self) -> ErrorCode {
        let text = || some(&self.detail);
        let size = || self.parts().1;
        let size32 = || narrow(self.parts().1);
        let field = || {
            let (field_name, size) = self.parts();
            FieldSizePayload {
                field_name,
                field_size: narrow(size),
            }
        };
        match self.code.as_str() {
            "DNS-timeout" => ErrorCode::DnsTimeout,
            "DNS-error" => {
                let (rcode, info_code) = self.parts();
                ErrorCode::DnsError(DnsErrorPayload {
                    rcode,
                    info_code: narrow(info_code),
                })
            }
            "destination-not-found" => ErrorCode::DestinationNotFound,
            "destination-unavailable" => ErrorCode::DestinationUnavailable,
            "destination-IP-prohibited" => ErrorCode::DestinationIpProhibited,
            "destination-IP-unroutable" => ErrorCode::DestinationIpUnroutable,
            "connection-refused" => ErrorCode::ConnectionRefused,
            "connection-terminated" => ErrorCode::ConnectionTerminated,
            "connection-timeout" => ErrorCode::ConnectionTimeout,
            "connection-read-timeout" => ErrorCode::ConnectionReadTimeout,
            "connection-write-timeout" => ErrorCode::ConnectionWriteTimeout,
            "connection-limit-reached" => ErrorCode::ConnectionLimitReached,
            "TLS-protocol-error" => ErrorCode::TlsProtocolError,
            "TLS-certificate-error" => ErrorCode::TlsCertificateError,
            "TLS-alert-received" => {
                let (alert_message, alert_id) = self.parts();
                ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload {
                    alert_id: narrow(alert_id),
                    alert_message,
                })
            }
            "HTTP-request-denied" => ErrorCode::HttpRequestDenied,
            "HTTP-request-length-required" => ErrorCode::HttpRequestLengthRequired,
            "HTTP-request-body-size" => ErrorCode::HttpRequestBodySize(size()),
            "HTTP-request-method-invalid" => ErrorCode::HttpRequestMethodInvalid,
            "HTTP-request-URI-invalid" => ErrorCode::HttpRequestUriInvalid,
            "HTTP-request-URI-too-long" => ErrorCode::HttpRequestUriTooLong,
            "HTTP-request-header-section-size" => ErrorCode::HttpRequestHeaderSectionSize(size32()),
            "HTTP-request-header-size" => {
                let given = !self.detail.is_empty();
                ErrorCode::HttpRequestHeaderSize(given.then(field))
            }
            "HTTP-request-trailer-section-size" => {
                ErrorCode::HttpRequestTrailerSectionSize(size32())
            }
            "HTTP-request-trailer-size" => ErrorCode::HttpRequestTrailerSize(field()),
            "HTTP-response-incomplete" => ErrorCode::HttpResponseIncomplete,
            "HTTP-response-header-section-size" => {
                ErrorCode::HttpResponseHeaderSectionSize(size32())
            }
            "HTTP-response-header-size" => ErrorCode::HttpResponseHeaderSize(field()),
            "HTTP-response-body-size" => ErrorCode::HttpResponseBodySize(size()),
            "HTTP-response-trailer-section-size" => {
                ErrorCode::HttpResponseTrailerSectionSize(size32())
            }
            "HTTP-response-trailer-size" => ErrorCode::HttpResponseTrailerSize(field()),
            "HTTP-response-transfer-coding" => ErrorCode::HttpResponseTransferCoding(text()),
            "HTTP-response-content-coding" => ErrorCode::HttpResponseContentCoding(text()),
            "HTTP-response-timeout" => ErrorCode::HttpResponseTimeout,
            "HTTP-upgrade-failed" => ErrorCode::HttpUpgradeFailed,
            "HTTP-protocol-error" => ErrorCode::HttpProtocolError,
            "loop-detected" => ErrorCode::LoopDetected,
            "configuration-error" => ErrorCode::ConfigurationError,
            "internal-error" => ErrorCode::InternalError(text()),
            _ => ErrorCode::InternalError(Some(self.describe())),
        }
    }
}

fn some(text: &str) -> Option<String> {
    Some(text)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// A number that the payload has no room for is left out.
fn narrow<T: TryFrom<u64>>(number: Option<u64>) -> Option<T> {
    number.and_then(|number| T::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and payloads of all cases, as the WIT has them.
    fn cases() -> Vec<(&'static str, &'static str)> {
        let wit = include_str!("../../../wit/deps/http.wit");
        let (_, variant) = wit.split_once("variant error-code {").unwrap();
        let (cases, _) = variant.split_once("\n  }").unwrap();
        cases
            .lines()
            .map(|line| line.trim().trim_end_matches(','))
            .filter(|line| !line.is_empty() && !line.starts_with("//"))
            .map(|case| {
                case.split_once('(').map_or((case, ""), |(name, payload)| {
                    (name, &payload[..payload.len() - 1])
                })
            })
            .collect()
    }

    fn failure(code: &str, detail: &str) -> Failure {
        Failure::detailed(code, detail.to_owned())
    }

    #[test]
    fn each_case_of_the_wit_is_reached_by_its_name() {
        assert_eq!(cases().len(), 39);
        for (name, _) in cases() {
            let shown = format!("{:?}", failure(name, "").error_code());
            let (case, _) = shown.split_once('(').unwrap_or((&shown, ""));
            let expected = name.replace('-', "").to_lowercase();
            assert_eq!(case.rsplit(':').next().unwrap().to_lowercase(), expected);
        }
    }

    #[test]
    fn each_payload_of_the_wit_is_made_of_the_detail() {
        for (name, payload) in cases() {
            let shown = |detail| format!("{:?}", failure(name, detail).error_code());
            let (bare, text, number) = (shown(""), shown("word"), shown("word 77"));
            match payload {
                "" => assert_eq!((&bare, &bare), (&text, &number), "{name}"),
                "option<u64>" | "option<u32>" => {
                    assert!(bare.contains("None") && text.contains("None"), "{name}");
                    assert!(number.contains("Some(77)"), "{number}");
                }
                "option<string>" => {
                    assert!(bare.contains("None"), "{bare}");
                    assert!(number.contains("Some(\"word 77\")"), "{number}");
                }
                "DNS-error-payload"
                | "TLS-alert-received-payload"
                | "field-size-payload"
                | "option<field-size-payload>" => {
                    assert!(text.contains("Some(\"word\")"), "{text}");
                    assert!(text.contains("None") && bare.contains("None"), "{text}");
                    assert!(number.contains("Some(\"word\")"), "{number}");
                    assert!(number.contains("Some(77)"), "{number}");
                }
                other => panic!("{name} has the payload {other}, which nobody makes"),
            }
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_left_out_and_unknown_names_are_internal_errors() {
        let alert = failure("TLS-alert-received", "handshake failure 256");
        let ErrorCode::TlsAlertReceived(payload) = alert.error_code() else {
            panic!("{alert:?}");
        };
        assert_eq!(payload.alert_id, None);
        assert_eq!(payload.alert_message.as_deref(), Some("handshake failure"));
        let big = failure("HTTP-response-header-section-size", "4294967296");
        assert_eq!(
            big.error_code(),
            ErrorCode::HttpResponseHeaderSectionSize(None)
        );
        assert_eq!(
            failure("gremlins", "two").error_code(),
            ErrorCode::InternalError(Some("gremlins two".to_owned()))
        );
        assert_eq!(Failure::new("gremlins").describe(), "gremlins");
    }
}
