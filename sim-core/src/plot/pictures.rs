//! Every picture of a run by its name: for the command line, the report and the page.

use super::{PortMapPicture, SequencePicture, StateGraph, port_map, sequence, state_graph};
use crate::observe::charts::{self, ChartName, Watch};
use crate::plot::{PortMapWord, SequenceWord};
use crate::scenario::Run;
use crate::text::{Lang, nearest};
use crate::units::Port;

/// A picture of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Picture {
    /// A chart over time or attempts.
    Chart(ChartName),
    /// One connection, packet by packet.
    Sequence,
    /// The port range and the way of one connect().
    PortMap,
    /// The state graph with what the run did.
    States,
}

impl Picture {
    /// All of them, in the order of a telling.
    pub const ALL: [Self; 9] = [
        Self::Chart(ChartName::Sockets),
        Self::Chart(ChartName::Ports),
        Self::Chart(ChartName::ConnectCost),
        Self::Chart(ChartName::ConnectRate),
        Self::Chart(ChartName::Descriptors),
        Self::Chart(ChartName::Server),
        Self::Sequence,
        Self::PortMap,
        Self::States,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chart(chart) => chart.name(),
            Self::Sequence => "sequence",
            Self::PortMap => "portmap",
            Self::States => "states",
        }
    }

    /// What it shows.
    #[must_use]
    pub const fn title(self, lang: Lang) -> &'static str {
        match self {
            Self::Chart(chart) => chart.title().texts().text(lang),
            Self::Sequence => SequenceWord::Title.texts().text(lang),
            Self::PortMap => PortMapWord::Title.texts().text(lang),
            Self::States => super::GraphWord::Title.texts().text(lang),
        }
    }

    /// The picture of this name.
    ///
    /// # Errors
    /// If there is none: the nearest name, if one is near.
    pub fn parse(name: &str) -> Result<Self, Option<&'static str>> {
        let found = Self::ALL.into_iter().find(|picture| picture.name() == name);
        found.ok_or_else(|| nearest(name, Self::ALL.map(Self::name)))
    }

    /// Draws it; `None` if the run has nothing to show there. `port` chooses the
    /// connection of the sequence diagram by its client's port.
    #[must_use]
    pub fn draw(self, watch: &Watch, run: &Run, port: Option<Port>, lang: Lang) -> Option<String> {
        let scenario = match lang {
            Lang::En => &run.scenario().title,
            Lang::Zh => &run.scenario().title_zh,
        };
        match self {
            Self::Chart(name) => charts::chart(name, watch, run).map(|chart| super::chart(&chart, lang)),
            Self::Sequence => {
                let hosts: Vec<String> = run.world().hosts().map(|host| host.name().to_owned()).collect();
                let conversation = watch.conversations.chosen(port)?;
                let now = run.world().now();
                Some(sequence(&SequencePicture { conversation, hosts: &hosts, scenario, now, lang }))
            }
            Self::PortMap => {
                let seen = watch.port_map(run)?;
                let host = run.world().kernel(seen.host).name();
                Some(port_map(&PortMapPicture { map: &seen.map, host, scenario, at: seen.at, lang }))
            }
            Self::States => Some(state_graph(&StateGraph { visits: Some(&watch.visits(run)), scenario, lang })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for picture in Picture::ALL {
            assert_eq!(Picture::parse(picture.name()), Ok(picture));
        }
        assert_eq!(Picture::parse("socket"), Err(Some("sockets")));
    }
}
