//! What a run looked like over time, as plain data: for the charts, for JSON
//! and for the page, which draws the same data.
//!
//! A [`Watch`] goes along with a run: it is the run's observer and is asked to
//! look at the world now and then. [`charts`] makes the charts of what it saw.
//! No line has more than [`MAX_POINTS`] points, however long the run.

mod attempts;
mod costs;
mod make;
mod messages;
mod overlay;
mod sampler;
mod servers;
mod watch;

pub use attempts::{Attempts, Bucket, Buckets, Searched};
pub use make::{chart, charts};
pub use messages::ChartText;
pub use overlay::overlay;
pub use sampler::{Column, MAX_POINTS, ProcessColumn, Sampler};
pub use watch::{PortsSeen, Watch, drive};

use serde::{Deserialize, Serialize};

use super::findings::Said;
use crate::text::Lang;

/// Which chart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChartName {
    /// Sockets by state, a panel for each host.
    Sockets,
    /// Source ports in use towards the server, by parity.
    Ports,
    /// Candidates that each connect() inspects.
    ConnectCost,
    /// Attempts to connect a second.
    ConnectRate,
    /// Open descriptors against their limits.
    Descriptors,
    /// Sessions of the server, and whom it turned away.
    Server,
}

impl ChartName {
    /// All of them, in the order of a telling.
    pub const ALL: &'static [Self] =
        &[Self::Sockets, Self::Ports, Self::ConnectCost, Self::ConnectRate, Self::Descriptors, Self::Server];

    /// The name on the command line and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sockets => "sockets",
            Self::Ports => "ports",
            Self::ConnectCost => "connect-cost",
            Self::ConnectRate => "connect-rate",
            Self::Descriptors => "descriptors",
            Self::Server => "server",
        }
    }

    /// What it shows, in a few words.
    #[must_use]
    pub const fn title(self) -> ChartText {
        match self {
            Self::Sockets => ChartText::Sockets,
            Self::Ports => ChartText::Ports,
            Self::ConnectCost => ChartText::ConnectCost,
            Self::ConnectRate => ChartText::ConnectRate,
            Self::Descriptors => ChartText::Descriptors,
            Self::Server => ChartText::Server,
        }
    }
}

/// A chart: panels one above the other over a common x axis.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Chart {
    /// Which.
    pub name: ChartName,
    /// Title of the run's scenario.
    pub of: Said,
    /// What to see, with the run's numbers.
    pub caption: Said,
    /// The x axis.
    pub x: XAxis,
    /// The panels, at least one.
    pub panels: Vec<Panel>,
    /// Moments of note, in order.
    pub marks: Vec<Mark>,
}

impl Chart {
    /// The title.
    #[must_use]
    pub fn title(&self, lang: Lang) -> &'static str {
        self.name.title().texts().text(lang)
    }
}

/// What x is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum XUnit {
    /// Virtual time in ns.
    TimeNs,
    /// Number of an attempt to connect.
    Attempt,
}

/// The x axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct XAxis {
    /// What it counts.
    pub unit: XUnit,
    /// Its left end.
    pub from: u64,
    /// Its right end, above `from`.
    pub to: u64,
}

/// One diagram of a chart.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Panel {
    /// What it is of: a host, a server.
    pub title: Said,
    /// What y counts, with its unit.
    pub y: Said,
    /// y is logarithmic, from 1.
    pub log: bool,
    /// The lines.
    pub lines: Vec<Line>,
}

/// How a line is drawn: a colour of its own, with a dash of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paint {
    /// Blue, solid.
    Blue,
    /// Vermillion, solid.
    Vermillion,
    /// Green, long dashes.
    Green,
    /// Sky blue, short dashes.
    Sky,
    /// Orange, dash and dot.
    Orange,
    /// Purple, dots.
    Purple,
    /// Black, solid.
    Black,
    /// Brown, dash and two dots.
    Brown,
    /// Grey, fine dashes: a limit.
    Limit,
}

/// How the points of a line belong together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A value holds until the next point.
    Steps,
    /// Points are joined.
    Joined,
    /// Each point by itself.
    Points,
}

/// A line of a panel.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// Its name for programs: the metric it follows, where it is one.
    pub key: String,
    /// Its name for people.
    pub name: Said,
    /// Its look.
    pub paint: Paint,
    /// Its form.
    pub shape: Shape,
    /// x and y, ascending in x.
    pub points: Vec<(u64, f64)>,
}

impl Line {
    /// Its greatest value; 0 without points.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.points.iter().map(|&(_, y)| y).fold(0.0, f64::max)
    }
    /// Its last value; 0 without points.
    #[must_use]
    pub fn last(&self) -> f64 {
        self.points.last().map_or(0.0, |&(_, y)| y)
    }
}

/// A moment of note.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Where.
    pub x: u64,
    /// What it is called.
    pub name: Said,
}
