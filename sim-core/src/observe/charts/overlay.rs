//! The same chart of two runs, one over the other.

use super::messages::ChartText;
use super::{Chart, Line, Mark, Paint, Panel, XAxis};
use crate::observe::findings::{Said, said};

/// Lines of each run that an overlay shows in a panel: more cannot be told apart.
const LINES: usize = 3;

/// Both charts in one: the first run's lines in solid colours of their own, the
/// second's dashed, panel by panel. Lines that show the same are drawn once.
#[must_use]
pub fn overlay(first: &Chart, second: &Chart, names: [&str; 2], same_seed: bool) -> Chart {
    let count = first.panels.len().max(second.panels.len());
    let panels = (0..count).filter_map(|at| panel(first.panels.get(at), second.panels.get(at), names)).collect();
    let [a, b] = names;
    let caption = match same_seed {
        true => said!(ChartText::OverlayCaption, a, b),
        false => said!(ChartText::OverlayCaptionSeeds, a, b),
    };
    let told = |name: &str, caption: &Said| Said {
        en: format!("{name}: {}", caption.en),
        zh: format!("{name}：{}", caption.zh),
    };
    let caption = super::make::joined(&[caption, told(a, &first.caption), told(b, &second.caption)]);
    let mut marks: Vec<Mark> = Vec::new();
    for (chart, name) in [(first, a), (second, b)] {
        marks.extend(chart.marks.iter().map(|mark| Mark { x: mark.x, name: tagged(&mark.name, name) }));
    }
    // What both have at the same place has no owner.
    let common: Vec<Mark> = first.marks.iter().filter(|mark| second.marks.contains(mark)).cloned().collect();
    marks.retain(|mark| !common.iter().any(|one| one.x == mark.x && mark.name.en.starts_with(&one.name.en)));
    marks.extend(common);
    marks.sort_by_key(|mark| mark.x);
    let x = XAxis { to: first.x.to.max(second.x.to), ..first.x };
    Chart { name: first.name, of: Said::same(format!("{a} / {b}")), caption, x, panels, marks }
}

fn tagged(text: &Said, name: &str) -> Said {
    Said { en: format!("{} ({name})", text.en), zh: format!("{}（{name}）", text.zh) }
}

fn panel(first: Option<&Panel>, second: Option<&Panel>, [a, b]: [&str; 2]) -> Option<Panel> {
    let either = first.or(second)?;
    let mut lines = Vec::new();
    let (ours, theirs) = (most_telling(first), most_telling(second));
    let solid = [Paint::Blue, Paint::Vermillion, Paint::Black];
    let dashed = [Paint::Sky, Paint::Orange, Paint::Green];
    for (line, paint) in ours.iter().zip(solid) {
        let shared = theirs.iter().any(|other| other.key == line.key && other.points == line.points);
        let name = if shared { line.name.clone() } else { tagged(&line.name, a) };
        let paint = if line.paint == Paint::Limit { Paint::Limit } else { paint };
        lines.push(Line { name, paint, ..(*line).clone() });
    }
    // The same line of both runs has partner colours; the host may have another name in the other scenario.
    let partner = |line: &Line| {
        let of_key = ours.iter().position(|other| other.key == line.key);
        of_key.or_else(|| ours.iter().position(|other| other.name == line.name))
    };
    let taken: Vec<usize> = theirs.iter().filter_map(|line| partner(line)).collect();
    let mut free = (0..LINES).filter(|place| !taken.contains(place));
    for line in &theirs {
        if ours.iter().any(|other| other.key == line.key && other.points == line.points) {
            continue;
        }
        let place = partner(line).or_else(|| free.next()).unwrap_or(LINES - 1);
        let paint = if line.paint == Paint::Limit { Paint::Purple } else { dashed[place] };
        lines.push(Line { name: tagged(&line.name, b), paint, ..(*line).clone() });
    }
    Some(Panel { title: either.title.clone(), y: either.y.clone(), log: either.log, lines })
}

/// The greatest lines of a panel.
fn most_telling(panel: Option<&Panel>) -> Vec<&Line> {
    let Some(panel) = panel else { return Vec::new() };
    let mut lines: Vec<&Line> = panel.lines.iter().collect();
    if lines.len() > LINES {
        lines.sort_by(|a, b| b.peak().total_cmp(&a.peak()));
        lines.truncate(LINES);
    }
    lines
}
