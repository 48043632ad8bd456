//! Finds a compiler for `wasm32-unknown-unknown`: the active one if it has the target, else
//! Debian's, which brings the source of std.
//!
//! This target is right even where `wasm32-wasip2` exists: a component built for it imports only
//! what its world names.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The target of all guests.
pub const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LINKER: &str = "wasm-ld-22";

/// The cargo that runs this program.
pub fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// How guests are compiled.
pub enum Toolchain {
    /// The active compiler has the target.
    Installed {
        /// What `rustc --version` says.
        version: String,
    },
    /// Debian's `rustc-web` builds std from `rust-web-src` and links with `lld-22`.
    BuildStd {
        /// What `rustc --version` says.
        version: String,
    },
}

impl Toolchain {
    /// Finds one.
    pub fn find() -> Result<Self> {
        let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        if let Ok(libdir) = first_line(&rustc, &["--print", "target-libdir", "--target", TARGET])
            && Path::new(&libdir).is_dir()
        {
            let version = first_line(&rustc, &["--version"])?;
            return Ok(Self::Installed { version });
        }
        let missing = "needs Debian's packages rustc-web, rust-web-src and lld-22 (make toolchain installs them), or `rustup target add wasm32-unknown-unknown` where rustup can download it";
        let version = first_line(DEBIAN_RUSTC, &["--version"]).context(missing)?;
        let sysroot = first_line(DEBIAN_RUSTC, &["--print", "sysroot"])?;
        let source = Path::new(&sysroot).join("lib/rustlib/src/rust/library/Cargo.lock");
        if !source.is_file() || first_line(DEBIAN_LINKER, &["--version"]).is_err() {
            bail!("{version} is here, but without the source of std or its linker; it {missing}");
        }
        Ok(Self::BuildStd { version })
    }

    /// What the compiler says of itself.
    pub fn version(&self) -> &str {
        match self {
            Self::Installed { version } | Self::BuildStd { version } => version,
        }
    }

    /// The release alone, such as `1.96.0`.
    pub fn release(&self) -> Result<&str> {
        let mut words = self.version().split(' ');
        words.nth(1).context("rustc --version has no number")
    }

    /// How std comes: for the manifest.
    pub fn std(&self) -> &'static str {
        match self {
            Self::Installed { .. } => "installed",
            Self::BuildStd { .. } => "built from source",
        }
    }

    /// Makes cargo ask this compiler.
    pub fn apply_compiler(&self, cargo: &mut Command) {
        if let Self::BuildStd { .. } = self {
            cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
        }
    }

    /// Makes cargo compile guests with it.
    pub fn apply(&self, cargo: &mut Command) {
        self.apply_compiler(cargo);
        if let Self::BuildStd { .. } = self {
            cargo
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER)
                .arg("-Zbuild-std=std,panic_abort");
        }
    }

    /// Compiler flags that only a std built from source can take: panics trap at once, since the
    /// guests have nowhere to print a message. That saves a tenth of the size.
    pub fn flags(&self) -> &'static [&'static str] {
        match self {
            Self::Installed { .. } => &[],
            Self::BuildStd { .. } => &["-Zunstable-options", "-Cpanic=immediate-abort"],
        }
    }

    /// The folder whose name must not reach the artifacts.
    pub fn sysroot(&self) -> Result<String> {
        let rustc = match self {
            Self::Installed { .. } => env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()),
            Self::BuildStd { .. } => DEBIAN_RUSTC.to_owned(),
        };
        first_line(&rustc, &["--print", "sysroot"])
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {TARGET}, std {}", self.version(), self.std())
    }
}

fn first_line(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("{program} is not here"))?;
    if !output.status.success() {
        bail!(
            "{program} {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
