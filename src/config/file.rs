//! The config file, `$XDG_CONFIG_HOME/ttg-tui/config.toml`: what a person sets once. Flags and the environment win over it.
//!
//! Pure: the text comes in. A key that nobody knows is an error, since it would otherwise be ignored.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::plan::{fields, image};
use crate::ui::keymap::{Key, Keymap};
use crate::ui::theme::Look;

/// What the file says; everything in it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// `dark`, `light`, `high-contrast` or `mono`.
    pub theme: Option<Look>,
    /// The cluster that is meant where no flag says so: `local`, or a context of the kubeconfig.
    pub cluster: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The workers' image.
    pub image: Option<String>,
    /// Whether clicks are reported; the terminal's own selection then needs Shift.
    pub mouse: Option<bool>,
    /// Other keys for commands, by the word that the footer has for them, such as `suspend = ["z"]`.
    pub keys: BTreeMap<String, Vec<String>>,
}

impl ConfigFile {
    /// Reads the text of the file. An error says what is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().replace('\n', "; "))?;
        let namespace = file.namespace.as_deref().map(fields::namespace).transpose();
        namespace.map_err(|error| format!("namespace: {error}"))?;
        let image = file.image.as_deref().map(image::parse).transpose();
        image.map_err(|error| format!("image: {error}"))?;
        file.keymap()?;
        Ok(file)
    }

    /// Returns the keymap with the person's own keys in it.
    pub fn keymap(&self) -> Result<Keymap, String> {
        let mut keymap = Keymap::default();
        for (word, names) in &self.keys {
            let keys = names.iter().map(|name| {
                let unknown = || format!("keys.{word}: there is no key {name:?}; keys are written as in the help, such as \"z\", \"F9\" or \"Ctrl-T\"");
                Key::parse(name).ok_or_else(unknown)
            });
            let keys: Vec<Key> = keys.collect::<Result<_, _>>()?;
            keymap.rebind(word, &keys).map_err(|why| format!("keys.{why}"))?;
        }
        Ok(keymap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_what_is_wrong_in_it_is_named() {
        let text =
            "theme = \"high-contrast\"\ncluster = \"kind-ttg\"\nnamespace = \"lab\"\n[keys]\nsuspend = [\"z\"]\n";
        let file = ConfigFile::parse(text).unwrap();
        assert_eq!(file.theme, Some(Look::HighContrast));
        assert_eq!(file.cluster.as_deref(), Some("kind-ttg"));
        assert_eq!(ConfigFile::parse("").unwrap(), ConfigFile::default());
        for (text, want) in [
            ("them = \"dark\"", "unknown field `them`"),
            ("theme = \"pink\"", "high-contrast"),
            ("namespace = \"Not A Name\"", "namespace: "),
            ("image = \"a b\"", "image: "),
            ("[keys]\nsuspend = [\"Hyper-Z\"]", "no key \"Hyper-Z\""),
            ("[keys]\nnothing = [\"z\"]", "there are:"),
            ("[keys]\nsuspend = [\"y\"]", "taken"),
        ] {
            let why = ConfigFile::parse(text).unwrap_err();
            assert!(why.contains(want), "{text}: {why}");
        }
    }
}
