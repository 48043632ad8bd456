//! A reader of manifests with the rules of the node's loader and no others (`protocol.md` 6.1), made as
//! it is said to be made: an untagged enum of both forms for serde, and what it checks then. It shares
//! nothing with what is tested but the names of the protocol.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(untagged)]
enum AnyForm {
    Current(Current),
    Legacy(Legacy),
}

#[derive(Deserialize)]
struct Current {
    facet: Facet,
    upstream: Option<Upstream>,
    #[serde(default)]
    route: Vec<Route>,
}

#[derive(Deserialize)]
struct Legacy {
    id: String,
    kind: Kind,
    routes: Vec<LegacyRoute>,
}

#[derive(Deserialize)]
struct LegacyRoute {
    path: String,
    file: String,
}

#[derive(Deserialize)]
struct Facet {
    id: String,
    kind: Kind,
}

/// The kinds.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Static,
    Echo,
    Proxy,
}

/// An upstream as it is written.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct Upstream {
    pub scheme: String,
    pub host: String,
    pub port: u16,
    pub base_path: Option<String>,
}

/// A route as it is written.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct Route {
    pub method: String,
    pub path: String,
    pub file: Option<String>,
    pub upstream_path: Option<String>,
}

/// What the node would mount.
#[derive(Debug, PartialEq, Eq)]
pub struct Loaded {
    pub id: String,
    pub kind: Kind,
    pub upstream: Option<Upstream>,
    pub routes: Vec<Route>,
}

/// What a text says, if the loader takes it.
pub fn load(text: &str) -> Result<Loaded, String> {
    let form = toml::from_str(text).map_err(|error| error.to_string())?;
    let loaded = match form {
        AnyForm::Current(current) => Loaded {
            id: current.facet.id,
            kind: current.facet.kind,
            upstream: current.upstream,
            routes: current.route,
        },
        AnyForm::Legacy(legacy) => Loaded {
            id: legacy.id,
            kind: legacy.kind,
            upstream: None,
            routes: legacy.routes.into_iter().map(Route::from).collect(),
        },
    };
    loaded.validate()?;
    Ok(loaded)
}

impl From<LegacyRoute> for Route {
    fn from(route: LegacyRoute) -> Self {
        Self {
            method: "GET".to_owned(),
            path: route.path,
            file: Some(route.file),
            upstream_path: None,
        }
    }
}

impl Loaded {
    fn validate(&self) -> Result<(), String> {
        check(!self.id.trim().is_empty(), "a blank id")?;
        if self.kind == Kind::Proxy {
            let upstream = self.upstream.as_ref();
            let upstream = upstream.ok_or("proxy facet requires [upstream]")?;
            let scheme = upstream.scheme.to_ascii_lowercase();
            check(matches!(scheme.as_str(), "http" | "https"), "the scheme")?;
            check(!upstream.host.trim().is_empty(), "a blank host")?;
            check(upstream.port > 0, "port 0")?;
            let base_path = upstream.base_path.as_deref().unwrap_or_default();
            check(
                base_path.is_empty() || base_path.starts_with('/'),
                "the base path",
            )?;
        }
        for route in &self.routes {
            let method = route.method.to_ascii_uppercase();
            let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
            check(methods.contains(&method.as_str()), "the method")?;
            check(route.path.starts_with('/'), "the path")?;
            if self.kind == Kind::Static {
                check(method == "GET", "a static route that is no GET")?;
                let file = route.file.as_deref().unwrap_or_default();
                check(!file.is_empty(), "a static route without a file")?;
            }
            let upstream_path = route.upstream_path.as_deref().unwrap_or("/");
            check(upstream_path.starts_with('/'), "the upstream path")?;
        }
        Ok(())
    }
}

fn check(holds: bool, what: &str) -> Result<(), String> {
    holds.then_some(()).ok_or_else(|| what.to_owned())
}
