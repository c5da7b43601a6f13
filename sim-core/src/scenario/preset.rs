//! The scenarios that come with halfclose, embedded.

/// A scenario under its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preset {
    /// File name without `.toml`.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

macro_rules! presets {
    ($($name:literal,)*) => {
        /// All of them, in the order they are best met.
        pub const ALL: &[Preset] =
            &[$(Preset { name: $name, text: include_str!(concat!("../../scenarios/", $name, ".toml")) },)*];
    };
}

presets! {
    "tiny",
    "one-connection",
    "incident",
    "two-hosts",
    "wide-range",
    "nofile",
    "max-connections",
    "old-server",
    "longer-timeout",
    "traced",
    "restart-client",
    "fixed-client",
    "mariadb",
    "time-wait",
    "file-max",
}

/// The preset of that name.
#[must_use]
pub fn find(name: &str) -> Option<Preset> {
    ALL.iter().copied().find(|p| p.name == name)
}

impl Preset {
    /// The preset, checked.
    ///
    /// # Panics
    /// Never: a test reads every preset.
    #[must_use]
    pub fn scenario(&self) -> super::Scenario {
        super::Scenario::parse(self.text).expect("every preset is read by a test")
    }
}
