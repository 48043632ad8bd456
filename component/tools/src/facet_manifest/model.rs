//! What a manifest says. Names and nesting are those of the TOML text, so the JSON form of these
//! types, which crosses between a host and the component, has the same.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::Serialize;

/// A facet manifest as a micronode loads it (`protocol.md` 6.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Manifest {
    /// What the facet is (`protocol.md` 6.1).
    pub facet: Facet,
    /// Where a proxy sends requests: at the top level, not in `facet` (`protocol.md` 6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Upstream"))]
    pub upstream: Option<Upstream>,
    /// What is mounted, each below `/facets/{id}`; there may be none (`protocol.md` 6.1, 6.2).
    #[serde(default)]
    pub route: Vec<Route>,
}

/// The table `[facet]` (`protocol.md` 6.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Facet {
    /// The facet's name, unique on its node. The node pastes it into a route (`protocol.md` 6.1), so
    /// it has letters, digits, `.`, `_` and `-` only (`protocol.md` 10, row 19) and is neither `.`
    /// nor `..`.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = r"^(?!\.{1,2}$)[A-Za-z0-9._-]+$"))
    )]
    pub id: String,
    /// What the node does with requests (`protocol.md` 6.1).
    pub kind: Kind,
    /// Who is meant to be let in: the node ignores it (`protocol.md` 6.3).
    #[serde(default)]
    pub security: Security,
    /// What people are told: the node ignores it (`protocol.md` 6.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Meta"))]
    pub meta: Option<Meta>,
    /// How much is meant to be let in: the node ignores it (`protocol.md` 6.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Limits"))]
    pub limits: Option<Limits>,
}

/// The kinds of facets, in lower case (`protocol.md` 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Answers with the bytes of files (`protocol.md` 6.2).
    Static,
    /// Answers with `{"echo":"ok"}` (`protocol.md` 6.2).
    Echo,
    /// Passes requests on to an upstream (`protocol.md` 6.2).
    Proxy,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Static, Self::Echo, Self::Proxy];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Echo => "echo",
            Self::Proxy => "proxy",
        }
    }
}

/// The table `[facet.security]` (`protocol.md` 6.3). A facet is never public unless that is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(default)]
pub struct Security {
    /// Whether anybody may call it (`protocol.md` 6.3).
    pub public: bool,
    /// Whether callers must show who they are (`protocol.md` 6.3).
    pub requires_auth: bool,
}

impl Security {
    /// Whether anybody is meant to be let in.
    pub const fn is_open(self) -> bool {
        self.public || !self.requires_auth
    }
}

impl Default for Security {
    fn default() -> Self {
        Self {
            public: false,
            requires_auth: true,
        }
    }
}

/// The table `[facet.meta]` (`protocol.md` 6.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Meta {
    /// What the facet is for (`protocol.md` 6.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub description: Option<String>,
    /// Who answers for it (`protocol.md` 6.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub owner: Option<String>,
    /// Its version (`protocol.md` 6.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub version: Option<String>,
}

/// The table `[facet.limits]` (`protocol.md` 6.3). TOML's integers end at 63 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Limits {
    /// Requests a second (`protocol.md` 6.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "u64", range(max = 9_223_372_036_854_775_807_u64))
    )]
    pub max_rps: Option<u64>,
    /// Requests at once (`protocol.md` 6.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "u64", range(max = 9_223_372_036_854_775_807_u64))
    )]
    pub max_concurrency: Option<u64>,
}

/// The table `[upstream]` of a proxy (`protocol.md` 6.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Upstream {
    /// How the upstream is spoken to (`protocol.md` 6.1).
    pub scheme: Scheme,
    /// A name, an IPv4 address or an IPv6 address in brackets (`protocol.md` 6.1).
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub host: String,
    /// The port, from 1 (`protocol.md` 6.1).
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub port: u16,
    /// What stands before each path there: empty, or with a slash in front (`protocol.md` 6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "String", regex(pattern = r"^(/.*)?$"))
    )]
    pub base_path: Option<String>,
}

/// The schemes of an upstream, which the node reads in any case (`protocol.md` 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Http, Self::Https];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A table of `[[route]]` (`protocol.md` 6.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Route {
    /// The method; a static facet has GET only (`protocol.md` 6.1).
    pub method: Method,
    /// The path below `/facets/{id}`; that of a proxy may end in `/*tail` (`protocol.md` 6.1).
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^/")))]
    pub path: String,
    /// The file that a static facet answers with, relative to the node's working directory
    /// (`protocol.md` 6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub file: Option<String>,
    /// The path at the upstream, if it is another (`protocol.md` 6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String", regex(pattern = "^/")))]
    pub upstream_path: Option<String>,
    /// The file's digest: the node does not look at it (`protocol.md` 6.2, 6.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Integrity"))]
    pub integrity: Option<Integrity>,
}

/// The methods of routes, which the node reads in any case (`protocol.md` 6.1). Echo and proxy facets
/// mount GET and POST only (`protocol.md` 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// The inline table `integrity` of a route (`protocol.md` 6.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Integrity {
    /// The digest's algorithm (`protocol.md` 6.3).
    pub algo: Algo,
    /// The digest in base64 (`protocol.md` 6.3).
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Za-z0-9+/]+=*$")))]
    pub value: String,
}

/// Algorithms of digests (`protocol.md` 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Algo {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algo {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// How long a digest is, in bytes.
    pub const fn digest_bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}
