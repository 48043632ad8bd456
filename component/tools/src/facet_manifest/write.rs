//! A manifest as TOML, in the order and layout of the JVM SDK's writer (`protocol.md` 6.4), which has no
//! `[upstream]`: it stands between the tables of the facet and the routes.

use std::fmt::{Result, Write as _};

use toml_writer::{TomlStringBuilder, TomlWrite as _, WriteTomlValue};

use super::model::Manifest;

impl Manifest {
    /// The text of a manifest, which is the same for the same manifest in every host.
    pub fn to_toml(&self) -> String {
        let mut writer = Writer(String::new());
        // A String takes everything.
        let _ = writer.manifest(self);
        writer.0
    }
}

struct Writer(String);

impl Writer {
    fn manifest(&mut self, manifest: &Manifest) -> Result {
        let facet = &manifest.facet;
        self.header(&["facet"])?;
        self.text("id", &facet.id)?;
        self.text("kind", facet.kind.name())?;
        self.header(&["facet", "security"])?;
        self.entry("public", facet.security.public)?;
        self.entry("requires_auth", facet.security.requires_auth)?;
        if let Some(meta) = &facet.meta {
            self.header(&["facet", "meta"])?;
            self.optional_text("description", meta.description.as_deref())?;
            self.optional_text("owner", meta.owner.as_deref())?;
            self.optional_text("version", meta.version.as_deref())?;
        }
        if let Some(limits) = &facet.limits {
            self.header(&["facet", "limits"])?;
            self.optional_number("max_rps", limits.max_rps)?;
            self.optional_number("max_concurrency", limits.max_concurrency)?;
        }
        if let Some(upstream) = &manifest.upstream {
            self.header(&["upstream"])?;
            self.text("scheme", upstream.scheme.name())?;
            self.text("host", &upstream.host)?;
            self.entry("port", upstream.port)?;
            self.optional_text("base_path", upstream.base_path.as_deref())?;
        }
        for route in &manifest.route {
            self.blank_line()?;
            self.0.open_array_of_tables_header()?;
            self.0.key("route")?;
            self.0.close_array_of_tables_header()?;
            self.0.newline()?;
            self.text("method", route.method.name())?;
            self.text("path", &route.path)?;
            self.optional_text("file", route.file.as_deref())?;
            self.optional_text("upstream_path", route.upstream_path.as_deref())?;
            if let Some(integrity) = &route.integrity {
                self.key("integrity")?;
                self.0.open_inline_table()?;
                self.0.space()?;
                self.key("algo")?;
                self.quoted(integrity.algo.name())?;
                self.0.val_sep()?;
                self.0.space()?;
                self.key("value")?;
                self.quoted(&integrity.value)?;
                self.0.space()?;
                self.0.close_inline_table()?;
                self.0.newline()?;
            }
        }
        Ok(())
    }

    fn header(&mut self, keys: &[&str]) -> Result {
        self.blank_line()?;
        self.0.open_table_header()?;
        for (index, key) in keys.iter().enumerate() {
            if index > 0 {
                self.0.key_sep()?;
            }
            self.0.key(*key)?;
        }
        self.0.close_table_header()?;
        self.0.newline()
    }

    fn blank_line(&mut self) -> Result {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.newline()
    }

    fn text(&mut self, key: &str, text: &str) -> Result {
        self.key(key)?;
        self.quoted(text)?;
        self.0.newline()
    }

    fn optional_text(&mut self, key: &str, text: Option<&str>) -> Result {
        text.map_or(Ok(()), |text| self.text(key, text))
    }

    fn optional_number(&mut self, key: &str, number: Option<u64>) -> Result {
        number.map_or(Ok(()), |number| self.entry(key, number))
    }

    fn entry(&mut self, key: &str, value: impl WriteTomlValue) -> Result {
        self.key(key)?;
        self.0.value(value)?;
        self.0.newline()
    }

    fn key(&mut self, key: &str) -> Result {
        self.0.key(key)?;
        self.0.write_str(" ")?;
        self.0.keyval_sep()?;
        self.0.space()
    }

    /// In double quotes whatever it holds: the layout does not depend on the text.
    fn quoted(&mut self, text: &str) -> Result {
        self.0.value(TomlStringBuilder::new(text).as_basic())
    }
}
