//! A checked scenario as bytes, for a program that runs scenarios and does not
//! carry the reader of their language: the page's simulation module.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::spec::{PoolName, Scenario};
use crate::app::mysql::{Flavour, Vars};
use crate::app::pool::PoolConfig;

/// The bytes are not those of a scenario packed by this version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a packed scenario of this version: {0}")]
pub struct UnpackError(String);

impl Scenario {
    /// The scenario as bytes. Where its fields stand in the text is left out.
    ///
    /// # Panics
    /// Never: every value of a scenario has a form in bytes.
    #[must_use]
    pub fn pack(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("a scenario is plain data")
    }

    /// The scenario that [`Scenario::pack`] made these bytes of.
    ///
    /// # Errors
    /// If they are no such bytes. They are not checked beyond their form.
    pub fn unpack(bytes: &[u8]) -> Result<Self, UnpackError> {
        postcard::from_bytes(bytes).map_err(|error| UnpackError(error.to_string()))
    }
}

/// Server variables, under names that this program knows.
pub(super) mod variables {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(
        vars: &[(&'static str, u64)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        vars.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(&'static str, u64)>, D::Error> {
        let flavours = [Flavour::of("8.3.0"), Flavour::of("10.11.8-MariaDB"), Flavour::of("5.7.44")].map(Vars::new);
        let named: Vec<(String, u64)> = Deserialize::deserialize(deserializer)?;
        let known = |name: &str| {
            let spec = flavours.iter().find_map(|vars| vars.find(name));
            spec.map(|spec| spec.name).ok_or_else(|| D::Error::custom(format_args!("no variable {name}")))
        };
        named.into_iter().map(|(name, value)| Ok((known(&name)?, value))).collect()
    }
}

/// The name of a pool whose defaults this program knows.
pub(super) mod pool_preset {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(
        name: &Option<PoolName>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        name.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PoolName>, D::Error> {
        let Some(name): Option<String> = Deserialize::deserialize(deserializer)? else { return Ok(None) };
        let known = PoolConfig::PRESETS.iter().find(|known| **known == name).copied();
        known.map(Some).ok_or_else(|| D::Error::custom(format_args!("no pool {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::preset;

    #[test]
    fn every_preset_comes_back_as_it_was() {
        for one in preset::ALL {
            let scenario = one.scenario();
            let bytes = scenario.pack();
            let mut back = Scenario::unpack(&bytes).unwrap();
            back.places = scenario.places.clone();
            assert_eq!(format!("{back:?}"), format!("{scenario:?}"), "{}", one.name);
            assert!(Scenario::unpack(&bytes[..bytes.len() - 1]).is_err());
        }
    }
}
