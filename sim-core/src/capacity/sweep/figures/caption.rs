//! What to see in a picture, in both languages.

use super::{Bar, Curves, Heat, Said, SweepWord, bare_said, said, with_unit};
use crate::capacity::sweep::survey::Spread;

/// Sentences one after the other.
pub(super) fn joined(parts: &[Said]) -> Said {
    let en: Vec<&str> = parts.iter().map(|part| part.en.as_str()).collect();
    Said { en: en.join(" "), zh: parts.iter().map(|part| part.zh.as_str()).collect() }
}

/// A value with its unit, in both languages' labels.
pub(super) fn value(value: f64, label: &Said, absent: &Said) -> Said {
    if !value.is_finite() {
        return absent.clone();
    }
    Said { en: with_unit(value, &label.en), zh: with_unit(value, &label.zh) }
}

/// `said!` for arguments that are texts in both languages themselves.
macro_rules! both {
    ($message:expr $(, $arg:expr)* $(,)?) => {
        Said {
            en: crate::say!(crate::text::Lang::En, $message $(, $arg.en)*),
            zh: crate::say!(crate::text::Lang::Zh, $message $(, $arg.zh)*),
        }
    };
}
pub(super) use both;

/// How many seeds a number stands for.
pub(super) fn seeds(count: usize, many: impl Fn(usize) -> Said, one: Said) -> Said {
    if count > 1 { many(count) } else { one }
}

/// The corners of a heat map, who changes it most, and where nothing changes.
pub(super) fn heat(heat: &Heat, searched: bool) -> Vec<Said> {
    let mut parts = Vec::new();
    let cells: Vec<(usize, usize, f64)> = (heat.rows.iter().enumerate())
        .flat_map(|(y, row)| row.iter().enumerate().filter_map(move |(x, cell)| cell.map(|value| (x, y, value))))
        .collect();
    let least = cells.iter().min_by(|a, b| a.2.total_cmp(&b.2));
    // The first of several that are equally great.
    let greatest = cells.iter().rev().max_by(|a, b| a.2.total_cmp(&b.2));
    let all = heat.rows.iter().map(Vec::len).sum::<usize>();
    let number = |at: f64| value(at, &heat.label, &heat.absent);
    let place = |&(x, y, _): &(usize, usize, f64)| {
        let one = |axis: &super::Axis, at: usize| axis.values[at].clone();
        Said::same(format!("{} / {}", one(&heat.axes.x, x), one(&heat.axes.y, y)))
    };
    match (least, greatest) {
        (Some(least), Some(greatest)) if least.2 < greatest.2 => {
            let (low, high) = (number(least.2), number(greatest.2));
            parts.push(both!(SweepWord::Extremes, low, place(least), high, place(greatest)));
            parts.extend(folds(heat));
            parts.extend(unchanged(heat));
        }
        (Some(only), _) => parts.push(both!(SweepWord::AllSame, number(only.2))),
        (None, _) => parts.push(said!(SweepWord::AllNever)),
    }
    let missing = all - cells.len();
    if missing > 0 && !cells.is_empty() {
        parts.push(if searched {
            said!(SweepWord::OutsideCells, missing, all)
        } else {
            said!(SweepWord::NeverCells, missing, all)
        });
    }
    parts
}

/// The rows and, second, the columns.
fn lines(heat: &Heat) -> [Vec<Vec<Option<f64>>>; 2] {
    let columns = (0..heat.axes.x.len()).map(|x| heat.rows.iter().map(|row| row[x]).collect()).collect();
    [heat.rows.clone(), columns]
}

fn folds(heat: &Heat) -> Option<Said> {
    let fold = |lines: &Vec<Vec<Option<f64>>>| {
        let one = |line: &Vec<Option<f64>>| {
            let numbers: Vec<f64> = line.iter().flatten().copied().collect();
            let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let most = numbers.iter().copied().fold(0.0, f64::max);
            (least > 0.0 && numbers.len() > 1).then_some(most / least)
        };
        lines.iter().filter_map(one).fold(1.0, f64::max)
    };
    if heat.rows.iter().flatten().flatten().any(|&value| value <= 0.0) {
        return None;
    }
    let [along_x, along_y] = lines(heat).map(|lines| format!("{:.1}", fold(&lines)));
    let (x, y) = (bare_said(&heat.axes.x.label), bare_said(&heat.axes.y.label));
    Some(both!(SweepWord::Fold, x, Said::same(&along_x), y, Said::same(&along_y)))
}

/// Neighbours that are the same within a hundredth.
fn unchanged(heat: &Heat) -> Option<Said> {
    let pairs = lines(heat).into_iter().flatten().flat_map(|line| {
        let pairs: Vec<(f64, f64)> = line.windows(2).filter_map(|pair| Some((pair[0]?, pair[1]?))).collect();
        pairs
    });
    let (mut same, mut all) = (0, 0);
    for (a, b) in pairs {
        all += 1;
        same += usize::from(alike(a, b));
    }
    (same > 0).then(|| said!(SweepWord::Same, same, all))
}

/// Equal within a hundredth.
pub(super) fn alike(a: f64, b: f64) -> bool {
    a == b || (a.is_finite() && b.is_finite() && (a - b).abs() <= 0.01 * a.abs().max(b.abs()))
}

/// Where lines begin and end, and where the seeds differ.
pub(super) fn curves(curves: &Curves, seeds: usize) -> Vec<Said> {
    let mut parts = Vec::new();
    let number = |at: f64| value(at, &curves.label, &curves.absent);
    let place = |at: usize| Said::same(curves.x.values[at].clone());
    for line in curves.lines.iter().take(3) {
        if let (Some((first, a)), Some((last, b))) = (line.points.first(), line.points.last()) {
            let (a, b) = (number(a.median), number(b.median));
            parts.push(if curves.lines.len() == 1 {
                both!(SweepWord::AlongOne, a, place(*first), b, place(*last))
            } else {
                both!(SweepWord::Along, line.name, a, place(*first), b, place(*last))
            });
        }
    }
    let points: Vec<&(usize, Spread)> = curves.lines.iter().flat_map(|line| &line.points).collect();
    let known = points.iter().filter(|(_, spread)| spread.came() && spread.high.is_finite());
    let width = |spread: &Spread| spread.high - spread.low;
    let widest = known.max_by(|a, b| width(&a.1).total_cmp(&width(&b.1)));
    match widest {
        Some((at, spread)) if seeds > 1 && !alike(spread.low, spread.high) => {
            parts.push(both!(SweepWord::Widest, place(*at), number(spread.low), number(spread.high)));
        }
        Some(_) if seeds > 1 => parts.push(said!(SweepWord::Agreed)),
        Some(_) | None => {}
    }
    let never = points.iter().filter(|(_, spread)| !spread.came()).count();
    if never > 0 {
        parts.push(said!(SweepWord::NeverPoints, never, points.len()));
    }
    parts
}

/// The longest bar, and those that are none.
pub(super) fn bars(bars: &[Bar], label: &Said, absent: &Said) -> Vec<Said> {
    let mut parts = Vec::new();
    let number = |spread: &Spread| value(spread.median, label, absent);
    let idle = |bar: &&Bar| alike(bar.ends[0].1.median, bar.ends[1].1.median);
    if let Some(bar) = bars.first().filter(|bar| !idle(bar)) {
        let [(low, a), (high, b)] = &bar.ends;
        let key = bare_said(&bar.key);
        parts.push(both!(SweepWord::Most, key, number(a), low, number(b), high));
    }
    let unmoved: Vec<Said> = bars.iter().filter(idle).map(|bar| bare_said(&bar.key)).collect();
    if !unmoved.is_empty() {
        let list = Said {
            en: unmoved.iter().map(|key| key.en.clone()).collect::<Vec<_>>().join(", "),
            zh: unmoved.iter().map(|key| key.zh.clone()).collect::<Vec<_>>().join("、"),
        };
        parts.push(both!(SweepWord::Idle, list));
    }
    parts
}
