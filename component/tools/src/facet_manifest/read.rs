//! What a manifest says, after the rules of the node's loader (`protocol.md` 6.1, 6.2). Stricter than
//! the loader are the rules for ids, paths, files, hosts and digests, that no route stands twice, that
//! no public proxy passes everything on, and that what the node ignores has its type.

use std::collections::BTreeMap;

use super::RouteFile;
use super::finding::Findings;
use super::model::{
    Algo, Facet, Integrity, Kind, Limits, Manifest, Meta, Method, Route, Scheme, Security, Upstream,
};
use super::rules;
use super::table::{Place, Table};
use super::tree::Value;

/// Reads JSON. Where something is wrong there is an error among the findings; what comes out then is
/// not the manifest that was meant.
pub fn manifest(root: &Value, findings: &mut Findings) -> (Option<Manifest>, Vec<RouteFile>) {
    let mut reader = Reader {
        findings,
        files: Vec::new(),
        taken: BTreeMap::new(),
        told_of_integrity: false,
    };
    let manifest = reader.manifest(root);
    (manifest, reader.files)
}

struct Reader<'f> {
    findings: &'f mut Findings,
    files: Vec<RouteFile>,
    /// What routes have taken, for what, and the field of the first that has.
    taken: BTreeMap<String, (String, String)>,
    told_of_integrity: bool,
}

/// What is known of a facet when its other parts are read.
struct Head {
    id: Option<String>,
    kind: Option<Kind>,
    security: Security,
    meta: Option<Meta>,
    limits: Option<Limits>,
}

impl Reader<'_> {
    fn manifest(&mut self, root: &Value) -> Option<Manifest> {
        let mut root = Place::root(root).table(self.findings)?;
        let manifest = if let Some(facet) = root.get("facet") {
            self.current(&mut root, &facet)
        } else if root.has_any(&["id", "kind", "routes"]) {
            self.legacy(&mut root)
        } else {
            root.error(
                "facet",
                "is missing; write a table [facet] with id and kind",
                self.findings,
            );
            None
        };
        root.end(self.findings);
        manifest
    }

    fn current(&mut self, root: &mut Table<'_>, facet: &Place<'_>) -> Option<Manifest> {
        let head = facet.table(self.findings).map(|facet| self.head(facet));
        let kind = head.as_ref().and_then(|head| head.kind);
        let security = head.as_ref().map(|head| head.security).unwrap_or_default();
        let upstream = self.upstream(root, kind);
        let routes = match root.get("route") {
            Some(place) => place.list(self.findings),
            None => Some(Vec::new()),
        };
        self.tell_if_empty(root, "route", routes.as_deref());
        let mut route = Vec::new();
        for place in routes.iter().flatten() {
            if self.findings.suffice() {
                break;
            }
            route.extend(self.route(place, kind, security));
        }
        let head = head?;
        let facet = Facet {
            id: head.id?,
            kind: head.kind?,
            security,
            meta: head.meta,
            limits: head.limits,
        };
        Some(Manifest {
            facet,
            upstream,
            route,
        })
    }

    /// The form before the first: everything at the top level, and every route a GET.
    fn legacy(&mut self, root: &mut Table<'_>) -> Option<Manifest> {
        let (id, kind) = self.id_and_kind(root);
        if kind == Some(Kind::Proxy) {
            let message = "is 'proxy', for which the legacy form has no upstream; write [facet]";
            root.error("kind", message, self.findings);
        }
        let list = root.require("routes", "routes = [{ path = …, file = … }]", self.findings)?;
        let message = "has the legacy form, in which each is a GET; write [facet] and [[route]]";
        list.warn(message, self.findings);
        let routes = list.list(self.findings);
        self.tell_if_empty(root, "routes", routes.as_deref());
        let mut route = Vec::new();
        for place in routes.iter().flatten() {
            if self.findings.suffice() {
                break;
            }
            route.extend(self.legacy_route(place, kind));
        }
        let facet = Facet {
            id: id?,
            kind: kind?,
            security: Security::default(),
            meta: None,
            limits: None,
        };
        Some(Manifest {
            facet,
            upstream: None,
            route,
        })
    }

    fn legacy_route(&mut self, place: &Place<'_>, kind: Option<Kind>) -> Option<Route> {
        let mut table = place.table(self.findings)?;
        let path = table.require("path", "path = \"/…\"", self.findings);
        let path = path.and_then(|place| self.path(&place, kind));
        let file = table.require("file", "file = \"…\"", self.findings);
        let file = file.and_then(|place| self.file(&place, kind));
        table.end(self.findings);
        let path = path?;
        self.take(place, Method::Get, &path);
        Some(Route {
            method: Method::Get,
            path,
            file,
            upstream_path: None,
            integrity: None,
        })
    }

    fn head(&mut self, mut facet: Table<'_>) -> Head {
        let (id, kind) = self.id_and_kind(&mut facet);
        let security = facet
            .get("security")
            .and_then(|place| self.security(&place));
        let meta = facet.get("meta").and_then(|place| self.meta(&place));
        let limits = facet.get("limits").and_then(|place| self.limits(&place));
        if let Some(place) = facet.get("upstream") {
            place.warn(
                "is ignored by the node; write the table as [upstream], at the top level",
                self.findings,
            );
        }
        facet.end(self.findings);
        Head {
            id,
            kind,
            security: security.unwrap_or_default(),
            meta,
            limits,
        }
    }

    fn id_and_kind(&mut self, table: &mut Table<'_>) -> (Option<String>, Option<Kind>) {
        let findings = &mut *self.findings;
        let id = table.require("id", "id = \"…\"", findings);
        let id = id.and_then(|place| place.checked(rules::id, findings));
        let kind = table.require("kind", "kind = \"static\", \"echo\" or \"proxy\"", findings);
        let kind = kind.and_then(|place| place.one_of(&Kind::ALL, Kind::name, false, findings));
        (id, kind)
    }

    fn security(&mut self, place: &Place<'_>) -> Option<Security> {
        let findings = &mut *self.findings;
        let mut table = place.table(findings)?;
        let mut security = Security::default();
        if let Some(public) = table.get("public") {
            security.public = public.boolean(findings)?;
        }
        if let Some(requires_auth) = table.get("requires_auth") {
            security.requires_auth = requires_auth.boolean(findings)?;
        }
        table.end(findings);
        if security.is_open() {
            place.warn(
                "asks for an open facet, which the node ignores: whom it lets in is its own setting",
                findings,
            );
        }
        Some(security)
    }

    fn meta(&mut self, place: &Place<'_>) -> Option<Meta> {
        let findings = &mut *self.findings;
        let mut table = place.table(findings)?;
        let mut text = |key| Some(table.get(key)?.text(findings)?.to_owned());
        let meta = Meta {
            description: text("description"),
            owner: text("owner"),
            version: text("version"),
        };
        table.end(findings);
        place.warn("is ignored by the node; it is for readers", findings);
        Some(meta)
    }

    fn limits(&mut self, place: &Place<'_>) -> Option<Limits> {
        let findings = &mut *self.findings;
        let mut table = place.table(findings)?;
        let mut number = |key| {
            let integer = table.get(key)?.integer(0..=i64::MAX, findings)?;
            u64::try_from(integer).ok()
        };
        let limits = Limits {
            max_rps: number("max_rps"),
            max_concurrency: number("max_concurrency"),
        };
        table.end(findings);
        place.warn("is ignored by the node; nothing is limited by it", findings);
        Some(limits)
    }

    fn upstream(&mut self, root: &mut Table<'_>, kind: Option<Kind>) -> Option<Upstream> {
        let findings = &mut *self.findings;
        let Some(place) = root.get("upstream") else {
            if kind == Some(Kind::Proxy) {
                let message = "is missing; a proxy needs a table [upstream], at the top level";
                root.error("upstream", message, findings);
            }
            return None;
        };
        if matches!(kind, Some(Kind::Static | Kind::Echo)) {
            place.warn("is ignored by the node; only proxies have one", findings);
        }
        let mut table = place.table(findings)?;
        let scheme = table.require("scheme", "scheme = \"http\" or \"https\"", findings);
        let scheme = scheme.and_then(|p| p.one_of(&Scheme::ALL, Scheme::name, true, findings));
        let host = table.require("host", "host = \"…\"", findings);
        let host = host.and_then(|p| p.checked(rules::host, findings));
        let port = table.require("port", "port = 80", findings);
        let port = port.and_then(|p| p.integer(1..=i64::from(u16::MAX), findings));
        let base_path = table.get("base_path");
        let base_path = base_path.and_then(|p| p.checked(rules::base_path, findings));
        table.end(findings);
        Some(Upstream {
            scheme: scheme?,
            host: host?,
            port: u16::try_from(port?).ok()?,
            base_path,
        })
    }

    fn route(
        &mut self,
        place: &Place<'_>,
        kind: Option<Kind>,
        security: Security,
    ) -> Option<Route> {
        let mut table = place.table(self.findings)?;
        let method = table.require("method", "method = \"GET\"", self.findings);
        let method = method.and_then(|place| self.method(&place, kind));
        let path = table.require("path", "path = \"/…\"", self.findings);
        let path = path.and_then(|place| self.path(&place, kind));
        let file = table.get("file");
        if file.is_none() && kind == Some(Kind::Static) {
            let message = "is missing; a static route answers with a file, write file = \"…\"";
            table.error("file", message, self.findings);
        }
        let file = file.and_then(|place| self.file(&place, kind));
        let upstream_path = table.get("upstream_path");
        let upstream_path = upstream_path.and_then(|place| self.upstream_path(&place, kind));
        let integrity = table.get("integrity");
        let integrity = integrity.and_then(|place| self.integrity(&place));
        table.end(self.findings);

        let path = path?;
        if kind == Some(Kind::Proxy)
            && security.is_open()
            && rules::passes_everything(&path, upstream_path.as_deref())
        {
            let message = "passes everything on in a facet that asks to be open: an open proxy; name the paths, or have [facet.security] say public = false and requires_auth = true";
            place.error(message, self.findings);
        }
        let method = method?;
        self.take(place, method, &path);
        Some(Route {
            method,
            path,
            file,
            upstream_path,
            integrity,
        })
    }

    fn method(&mut self, place: &Place<'_>, kind: Option<Kind>) -> Option<Method> {
        let findings = &mut *self.findings;
        let method = place.one_of(&Method::ALL, Method::name, true, findings)?;
        match kind {
            Some(Kind::Static) if method != Method::Get => {
                place.error("must be 'GET' in a static facet", findings);
            }
            Some(Kind::Echo | Kind::Proxy) if !matches!(method, Method::Get | Method::Post) => {
                let message = "makes the node leave out the route: it mounts GET and POST only";
                place.warn(message, findings);
            }
            _ => {}
        }
        Some(method)
    }

    fn path(&mut self, place: &Place<'_>, kind: Option<Kind>) -> Option<String> {
        place.checked(|path| rules::route_path(path, kind), self.findings)
    }

    fn upstream_path(&mut self, place: &Place<'_>, kind: Option<Kind>) -> Option<String> {
        if matches!(kind, Some(Kind::Static | Kind::Echo)) {
            place.warn(
                "is ignored by the node; only proxies have one",
                self.findings,
            );
        }
        place.checked(rules::upstream_path, self.findings)
    }

    fn file(&mut self, place: &Place<'_>, kind: Option<Kind>) -> Option<String> {
        if matches!(kind, Some(Kind::Echo | Kind::Proxy)) {
            place.warn(
                "is ignored by the node; only static facets have one",
                self.findings,
            );
            return place.text(self.findings).map(str::to_owned);
        }
        let path = place.checked(rules::file, self.findings)?;
        if self.files.is_empty() {
            let message = "is looked for in the folder in which the node is started, as all files";
            place.warn(message, self.findings);
        }
        self.files.push(RouteFile {
            field: place.field.clone(),
            path: path.clone(),
        });
        Some(path)
    }

    fn integrity(&mut self, place: &Place<'_>) -> Option<Integrity> {
        let findings = &mut *self.findings;
        let mut table = place.table(findings)?;
        let algo = table.require("algo", "algo = \"sha256\"", findings);
        let algo = algo.and_then(|place| place.one_of(&Algo::ALL, Algo::name, false, findings));
        let value = table.require("value", "value = \"…\", the digest in base64", findings);
        let rule = |value: &str| algo.map_or(Ok(()), |algo| rules::digest(value, algo));
        let value = value.and_then(|place| place.checked(rule, findings));
        table.end(findings);
        if !self.told_of_integrity {
            self.told_of_integrity = true;
            place.warn(
                "is ignored by the node; no file is compared with it",
                findings,
            );
        }
        Some(Integrity {
            algo: algo?,
            value: value?,
        })
    }

    /// The node's router has room for one route of a method and path, and for one capture at a place,
    /// but for captures of the same kind before different rests. It ends the node for more.
    fn take(&mut self, place: &Place<'_>, method: Method, path: &str) {
        let without_names = rules::without_names(path);
        let route = [method.name(), " ", &without_names].concat();
        let captures = rules::whole_captures(&without_names);
        let message = if let Some(other) = self.claim(place, &without_names, path) {
            format!("has the path of {other} with another name in it; use one name")
        } else if let Some(other) = self.claim(place, &route, &place.field) {
            format!("has the method and path of {other}; remove one of them")
        } else if let Some(other) = captures
            .into_iter()
            .find_map(|(before, capture)| self.claim(place, &before, capture))
        {
            format!(
                "has a ':' where {other} has a '*', or the other way round; the node's router takes one of them"
            )
        } else {
            return;
        };
        place.error(message, self.findings);
    }

    /// The field of the first route that has claimed the same for another purpose.
    fn claim(&mut self, place: &Place<'_>, what: &str, purpose: &str) -> Option<String> {
        let mine = || (purpose.to_owned(), place.field.clone());
        let (first, field) = self.taken.entry(what.to_owned()).or_insert_with(mine);
        (first != purpose).then(|| field.clone())
    }

    fn tell_if_empty(&mut self, root: &Table<'_>, key: &str, routes: Option<&[Place<'_>]>) {
        if routes.is_some_and(<[_]>::is_empty) {
            root.warn(
                key,
                "has nothing in it; the node mounts nothing",
                self.findings,
            );
        }
    }
}
