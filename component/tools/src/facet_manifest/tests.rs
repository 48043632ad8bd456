//! The shared vectors, and properties against a reader with the loader's rules.

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::finding::Severity;
use super::loader::{self, load};
use super::model::{
    Algo, Facet, Integrity, Kind, Limits, Manifest, Meta, Method, Route, Scheme, Security, Upstream,
};
use super::{Reading, RouteFile};
use crate::defaults::{MAX_FINDINGS, MAX_MANIFEST_JSON_BYTES};

#[derive(Deserialize)]
struct Vectors {
    accepted: Vec<Case>,
    refused: Vec<Case>,
    written: Vec<Golden>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    toml: String,
    findings: Vec<Words>,
    written: Option<String>,
    loads: Option<bool>,
}

#[derive(Deserialize)]
struct Words {
    severity: String,
    field: String,
    named: Vec<String>,
}

#[derive(Deserialize)]
struct Golden {
    manifest: Value,
    file: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(&file("manifests.json")).unwrap()
}

fn file(name: &str) -> String {
    let path = format!("{}/../../tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The JSON form of a TOML text.
fn json_of(text: &str) -> Option<String> {
    fn plain(value: toml::Value) -> Value {
        match value {
            toml::Value::String(text) => json!(text),
            toml::Value::Integer(integer) => json!(integer),
            toml::Value::Float(float) if float.is_finite() => json!(float),
            toml::Value::Float(_) => json!(0.5),
            toml::Value::Boolean(boolean) => json!(boolean),
            toml::Value::Datetime(date) => json!({ "date": date.to_string() }),
            toml::Value::Array(items) => items.into_iter().map(plain).collect(),
            toml::Value::Table(table) => Value::Object(
                table
                    .into_iter()
                    .map(|(key, item)| (key, plain(item)))
                    .collect(),
            ),
        }
    }
    let value: toml::Value = toml::from_str(text).ok()?;
    Some(plain(value).to_string())
}

fn read(json: &Value) -> Reading {
    Manifest::from_json(&json.to_string())
}

fn assert_found(case: &Case, reading: &Reading) {
    let mut expected: Vec<_> = case.findings.iter().collect();
    for finding in &reading.findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let at = expected.iter().position(|words| {
            words.severity == severity
                && words.field == finding.field
                && words
                    .named
                    .iter()
                    .all(|word| finding.message.contains(word))
        });
        let at = at.unwrap_or_else(|| panic!("{}: {finding:?}", case.name));
        expected.remove(at);
        assert!(!finding.message.contains("hunter22"), "{finding:?}");
    }
    let left: Vec<_> = expected.iter().map(|words| &words.field).collect();
    assert!(left.is_empty(), "{}: nothing of {left:?}", case.name);
}

#[test]
fn what_the_loader_takes_is_read_with_a_warning_for_what_the_node_ignores() {
    for case in vectors().accepted {
        load(&case.toml).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let reading = Manifest::from_json(&json_of(&case.toml).unwrap());
        assert_found(&case, &reading);
        let written = reading.manifest.unwrap().to_toml();
        load(&written).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        if let Some(expected) = case.written {
            assert_eq!(written, expected, "{}", case.name);
        }
    }
}

#[test]
fn each_mistake_is_an_error_with_its_field_and_the_mend() {
    for case in vectors().refused {
        assert_eq!(
            load(&case.toml).is_ok(),
            case.loads.unwrap(),
            "{}",
            case.name
        );
        // Whether a text is TOML is for whoever has a reader of it.
        let Some(json) = json_of(&case.toml) else {
            assert!(case.findings[0].field.is_empty(), "{}", case.name);
            continue;
        };
        let reading = Manifest::from_json(&json);
        assert_found(&case, &reading);
        assert!(reading.manifest.is_none(), "{}", case.name);
    }
}

#[test]
fn the_text_is_that_of_the_golden_files() {
    for golden in vectors().written {
        let text = file(&format!("manifests/{}", golden.file));
        assert_eq!(read(&golden.manifest).manifest.unwrap().to_toml(), text);
        load(&text).unwrap();
    }
}

#[test]
fn the_files_of_a_static_facet_are_told_and_no_others() {
    let route = |file: &str| json!({ "method": "GET", "path": format!("/{file}"), "file": file });
    let routes = json!([route("a"), route("../b"), route("c/d")]);
    let files = |kind: &str| read(&json!({ "facet": { "kind": kind }, "route": routes })).files;
    let told = |at: usize, path: &str| RouteFile {
        field: format!("route[{at}].file"),
        path: path.to_owned(),
    };
    assert_eq!(files("static"), [told(0, "a"), told(2, "c/d")]);
    assert_eq!(files("echo"), []);
}

#[test]
fn no_more_than_so_many_findings_are_told_and_the_last_tells_of_the_others() {
    let routes: Vec<_> = (0..1000).map(|_| json!({})).collect();
    let findings = read(&json!({ "route": routes, "facet": {} })).findings;
    assert_eq!(findings.len(), MAX_FINDINGS + 1);
    let last = findings.last().unwrap();
    assert_eq!(last.severity, Severity::Error);
    assert!(last.message.contains("perhaps errors"), "{last:?}");
    let routes: Vec<_> = (0..1000)
        .map(|n| json!({ "method": "PUT", "path": format!("/{n}") }))
        .collect();
    let facet = json!({ "id": "e", "kind": "echo" });
    let reading = read(&json!({ "route": routes, "facet": facet }));
    assert_eq!(reading.findings.len(), MAX_FINDINGS + 1);
    assert_eq!(reading.manifest.unwrap().route.len(), 1000);
}

#[test]
fn what_is_no_json_or_too_large_is_one_error() {
    for (json, words) in [
        ("", "line 1, column 0"),
        ("{\n\"a\" 1", "line 2, column 5"),
        ("[]", "must be a table"),
        (&"[".repeat(500), "nests too deep"),
        (&" ".repeat(MAX_MANIFEST_JSON_BYTES + 1), "more than 262144"),
    ] {
        let reading = Manifest::from_json(json);
        assert_eq!(reading.findings.len(), 1, "{words}");
        assert!(
            reading.findings[0].message.contains(words),
            "{:?}",
            reading.findings
        );
        assert!(reading.manifest.is_none());
    }
}

fn text() -> impl Strategy<Value = String> {
    ".{0,20}"
}

fn path() -> impl Strategy<Value = String> {
    let segment = "[a-zA-Z0-9~!$&'()+,;=@_-][a-zA-Z0-9~!$&'()+,;=@._-]{0,6}";
    prop::collection::vec(segment, 0..4).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn facet(kind: Kind) -> impl Strategy<Value = Facet> {
    let number = || prop::option::of(0..=i64::MAX.unsigned_abs());
    let meta = [
        prop::option::of(text()),
        prop::option::of(text()),
        prop::option::of(text()),
    ];
    (
        "[A-Za-z0-9_-][A-Za-z0-9._-]{0,9}",
        any::<(bool, bool)>(),
        prop::option::of(meta),
        prop::option::of((number(), number())),
    )
        .prop_map(move |(id, (public, requires_auth), meta, limits)| Facet {
            id,
            kind,
            security: Security {
                public,
                requires_auth,
            },
            meta: meta.map(|[description, owner, version]| Meta {
                description,
                owner,
                version,
            }),
            limits: limits.map(|(max_rps, max_concurrency)| Limits {
                max_rps,
                max_concurrency,
            }),
        })
}

fn routes(kind: Kind) -> impl Strategy<Value = Vec<Route>> {
    let methods = if kind == Kind::Static {
        &Method::ALL[..1]
    } else {
        &Method::ALL
    };
    let digest = "[A-Za-z0-9+/]{43}=".prop_map(|value| Integrity {
        algo: Algo::Sha256,
        value,
    });
    let file = "site/[^\\x00-\\x1f\\x7f\\\\/.]{1,8}";
    let route = (
        prop::sample::select(methods),
        path(),
        file,
        prop::option::of(path()),
        prop::option::of(digest),
    )
        .prop_map(
            move |(method, path, file, upstream_path, integrity)| Route {
                method,
                path,
                file: (kind == Kind::Static).then_some(file),
                upstream_path: upstream_path.filter(|_| kind == Kind::Proxy),
                integrity,
            },
        );
    prop::collection::vec(route, 0..5).prop_map(|mut routes| {
        routes.sort_by(|a, b| (a.method, &a.path).cmp(&(b.method, &b.path)));
        routes.dedup_by(|a, b| (a.method, &a.path) == (b.method, &b.path));
        routes
    })
}

fn upstream(kind: Kind) -> BoxedStrategy<Option<Upstream>> {
    if kind != Kind::Proxy {
        return Just(None).boxed();
    }
    let host = prop_oneof![
        "[a-z0-9]{1,8}(\\.[a-z0-9-]{1,8}){0,2}\\.?",
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|address| format!("[{address}]")),
    ];
    let base_path = prop_oneof![Just(None), Just(Some(String::new())), path().prop_map(Some)];
    (
        prop::sample::select(&Scheme::ALL[..]),
        host,
        1..=u16::MAX,
        base_path,
    )
        .prop_map(|(scheme, host, port, base_path)| {
            Some(Upstream {
                scheme,
                host,
                port,
                base_path,
            })
        })
        .boxed()
}

fn manifest() -> impl Strategy<Value = Manifest> {
    prop::sample::select(&Kind::ALL[..]).prop_flat_map(|kind| {
        (facet(kind), upstream(kind), routes(kind)).prop_map(|(facet, upstream, route)| Manifest {
            facet,
            upstream,
            route,
        })
    })
}

proptest! {
    #[test]
    fn what_is_written_the_loader_takes_and_it_says_the_same(manifest in manifest()) {
        let json = serde_json::to_string(&manifest).unwrap();
        let reading = Manifest::from_json(&json);
        prop_assert_eq!(reading.manifest.as_ref(), Some(&manifest), "{:?}", reading.findings);

        let text = manifest.to_toml();
        let loaded = load(&text).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&loaded.id, &manifest.facet.id);
        let kind = match loaded.kind {
            loader::Kind::Static => Kind::Static,
            loader::Kind::Echo => Kind::Echo,
            loader::Kind::Proxy => Kind::Proxy,
        };
        prop_assert_eq!(kind, manifest.facet.kind);
        let upstream = manifest.upstream.as_ref().map(|upstream| loader::Upstream {
            scheme: upstream.scheme.name().to_owned(),
            host: upstream.host.clone(),
            port: upstream.port,
            base_path: upstream.base_path.clone(),
        });
        prop_assert_eq!(loaded.upstream, upstream);
        let routes: Vec<_> = manifest.route.iter().map(|route| loader::Route {
            method: route.method.name().to_owned(),
            path: route.path.clone(),
            file: route.file.clone(),
            upstream_path: route.upstream_path.clone(),
        }).collect();
        prop_assert_eq!(loaded.routes, routes);

        // What the node ignores says the same too.
        let again = Manifest::from_json(&json_of(&text).unwrap()).manifest;
        prop_assert_eq!(again, Some(manifest));
    }

    #[test]
    fn no_text_at_all_ends_otherwise_than_with_findings(text in ".{0,100}", deep in 0_usize..300) {
        Manifest::from_json(&text);
        Manifest::from_json(&format!("{}{text}", "{\"facet\":".repeat(deep)));
    }
}
