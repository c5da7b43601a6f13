//! What each connect() costs: the candidates its search inspects.
#![allow(clippy::float_arithmetic, reason = "means are no part of the model")]

use super::attempts::{Bucket, Searched};
use super::make::{Seen, joined, rounded};
use super::messages::ChartText;
use super::{Chart, ChartName, Line, Mark, Paint, Panel, Shape, XAxis, XUnit};
use crate::kernel::cost::CandidateCounts;
use crate::observe::findings::{Said, said};
use crate::text::grouped;

/// Below this many buckets each is drawn as a point.
const FEW: usize = 60;

pub(super) fn connect_cost(seen: &Seen<'_>) -> Option<Chart> {
    let client = seen.client?;
    let destination = seen.destination(client)?;
    let (host, _) = seen.run.process(client);
    let searched = seen.watch.attempts.towards(host, destination)?;
    // Once nothing is left every attempt is like the other: a fifth of the width shows it.
    let last_before = searched.first_vain.unwrap_or(searched.total);
    let to = if searched.total > last_before {
        searched.total.min(last_before + last_before.div_ceil(4).max(2))
    } else {
        last_before
    };
    let x = XAxis { unit: XUnit::Attempt, from: 0, to: to.max(1) + 1 };
    let mean = points(searched, to, |bucket| ratio(bucket.sum, bucket.count));
    let most = points(searched, to, |bucket| ratio(bucket.max, 1));
    let shape = if searched.before.all().len() <= FEW { Shape::Points } else { Shape::Joined };
    let single = searched.before.all().iter().all(|bucket| bucket.count == 1);
    let key = |word: &str| seen.key(client, word);
    let mut lines =
        vec![Line { key: key("inspected.mean"), name: mean_name(single), paint: Paint::Blue, shape, points: mean }];
    if !single {
        let name = said!(ChartText::Most);
        lines.insert(0, Line { key: key("inspected.max"), name, paint: Paint::Orange, shape, points: most });
    }
    let log = searched.before.all().iter().chain(searched.after.all()).any(|bucket| bucket.max > 100);
    let title = said!(ChartText::Towards, seen.name(client), seen.host_name(client), destination);
    let panel = Panel { title, y: said!(ChartText::YCandidates), log, lines };
    let mut marks = Vec::new();
    let knee = seen.run.world().stats(host, seen.run.process(client).1);
    let at_knee = knee.knee.map(|_| knee.early_searches.count + 1).filter(|&at| at <= to);
    marks.extend(at_knee.map(|x| Mark { x, name: said!(ChartText::Knee) }));
    marks.extend(searched.first_vain.map(|x| Mark { x, name: said!(ChartText::FirstVain) }));
    marks.sort_by_key(|mark| mark.x);
    Some(Chart {
        name: ChartName::ConnectCost,
        of: seen.title(),
        caption: caption(seen, searched, to),
        x,
        panels: vec![panel],
        marks,
    })
}

fn mean_name(single: bool) -> Said {
    if single { said!(ChartText::YCandidates) } else { said!(ChartText::Mean) }
}

/// The middle of each bucket, and its value.
fn points(searched: &Searched, to: u64, value: impl Fn(&Bucket) -> f64) -> Vec<(u64, f64)> {
    let mut points = Vec::new();
    for bucket in searched.before.all().iter().chain(searched.after.all()) {
        let middle = bucket.first + bucket.count / 2;
        if middle <= to {
            points.push((middle, value(bucket)));
        } else {
            // The first bucket past the edge stands for what goes on there.
            points.push((to, value(bucket)));
            break;
        }
    }
    points
}

fn ratio(sum: u64, count: u64) -> f64 {
    rounded(sum as f64 / count.max(1) as f64)
}

fn caption(seen: &Seen<'_>, searched: &Searched, to: u64) -> Said {
    let Some(client) = seen.client else { return Said::default() };
    let (host, process) = seen.run.process(client);
    let kernel = seen.run.world().kernel(host);
    let stats = seen.run.world().stats(host, process);
    let price = kernel.config().cost.search_ns(&CandidateCounts { taken: 1, ..CandidateCounts::default() });
    let mut told = vec![match price {
        0 => said!(ChartText::CostFree, grouped(searched.total)),
        ns => said!(ChartText::CostOf, grouped(searched.total), ns, kernel.config().cost.name),
    }];
    let mean = |searches: crate::sim::Searches| grouped(searches.inspected / searches.count.max(1));
    if stats.knee.is_some() {
        let (before, after) = (mean(stats.early_searches), mean(stats.late_searches));
        // Ports that come back out of TIME_WAIT make some of the later ones short.
        let half = seen.facts.ports.range_size() / 2 * stats.late_searches.count;
        told.push(match stats.late_searches.inspected < half {
            true => said!(ChartText::CostEased, before, after),
            false => said!(ChartText::CostKnee, before, after),
        });
    } else if stats.early_searches.count > 0 {
        told.push(said!(ChartText::CostMean, mean(stats.early_searches)));
    }
    if let Some(first) = searched.first_vain {
        let all = mean(stats.vain_searches);
        told.push(said!(ChartText::CostVain, grouped(first), all, grouped(searched.vain)));
    }
    if to < searched.total - searched.total / 10 {
        told.push(said!(ChartText::CostEnds, grouped(to)));
    }
    joined(&told)
}
