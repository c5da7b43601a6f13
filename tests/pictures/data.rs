//! What the charts show is what the metrics say.

use halfclose::observe::charts::{Chart, ChartName, Line, MAX_POINTS, Shape, XUnit, charts, overlay};
use halfclose::observe::{Happening, Side, roles};
use halfclose::scenario::{MarkRef, Run};
use halfclose::tcp::TcpState;
use halfclose::time::Instant;
use halfclose::trace::NoObserver;

use super::watched;

fn lines(chart: &Chart) -> impl Iterator<Item = &Line> {
    chart.panels.iter().flat_map(|panel| &panel.lines)
}

/// A line's last value is its metric at the end; the integral of a rate is the
/// counter's growth.
fn expect_the_metrics(run: &Run, charts: &[Chart]) -> usize {
    let mut compared = 0;
    for line in charts.iter().flat_map(lines) {
        let Some(value) = run.scenario().metric(&line.key).ok().and_then(|metric| run.metric(&metric)) else {
            continue;
        };
        let value = value as f64;
        let rate = line.key.contains("connect.") || line.key.contains("Connection_errors");
        let shown = if rate { integral(line) } else { line.last() };
        // "EMFILE or ENFILE" is the sum of two metrics; here ENFILE is none.
        assert!((shown - value).abs() < 0.5, "{}: {shown} shown, {value} counted", line.key);
        compared += 1;
    }
    compared
}

fn integral(line: &Line) -> f64 {
    line.points.windows(2).map(|pair| pair[0].1 * (pair[1].0 - pair[0].0) as f64 / 1e9).sum()
}

#[test]
fn charts_end_at_the_metrics() {
    for (name, least) in [("tiny", 10), ("one-connection", 8)] {
        let (run, watch) = watched(name);
        let charts = charts(&watch, &run);
        assert_eq!(charts.len(), ChartName::ALL.len(), "{name}");
        let compared = expect_the_metrics(&run, &charts);
        assert!(compared >= least, "{name}: only {compared} lines were compared");
    }
}

#[test]
fn charts_are_bounded_and_in_order() {
    let (run, watch) = watched("tiny");
    for chart in charts(&watch, &run) {
        assert!(chart.x.from < chart.x.to && !chart.panels.is_empty() && !chart.caption.en.is_empty());
        assert!(chart.marks.iter().all(|mark| mark.x <= chart.x.to));
        for line in lines(&chart) {
            // One more where the line is drawn on to the edge.
            assert!(!line.points.is_empty() && line.points.len() <= MAX_POINTS + 1, "{}", line.key);
            assert!(line.points.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{}", line.key);
            assert!(line.points.iter().all(|&(x, y)| x <= chart.x.to && y.is_finite() && y >= 0.0), "{}", line.key);
        }
    }
}

/// Watching is looking: the digest is that of a run nobody watched.
#[test]
fn a_watched_run_is_the_same_run() {
    let (run, _) = watched("tiny");
    let mut alone = Run::new(run.scenario().clone(), run.seed()).expect("it builds");
    let end = run.scenario().end;
    alone.run_until(end, &mut NoObserver).expect("within its budgets");
    assert_eq!(alone.world().digest(), run.world().digest());
}

#[test]
fn every_search_is_in_a_bucket() {
    let (run, watch) = watched("tiny");
    let client = roles(&run).0.expect("sysbench");
    let (host, process) = run.process(client);
    let stats = run.world().stats(host, process);
    let searched = watch.attempts.towards(host, stats.destination.expect("it connected")).expect("it searched");
    let sum: u64 = searched.before.all().iter().chain(searched.after.all()).map(|bucket| bucket.sum).sum();
    assert_eq!((searched.total, sum, searched.vain), (stats.tcp_connects, stats.inspected, stats.vain_searches.count));
    assert_eq!(searched.before.count() + searched.after.count(), searched.total);
    let chart =
        charts(&watch, &run).into_iter().find(|chart| chart.name == ChartName::ConnectCost).expect("it searched");
    assert_eq!((chart.x.unit, lines(&chart).next().expect("a line").shape), (XUnit::Attempt, Shape::Points));
}

/// Greeting, ten seconds, error, FIN, its acknowledgment, silence.
#[test]
fn the_conversation_of_one_connection() {
    let (run, watch) = watched("one-connection");
    let one = watch.conversations.chosen(None).expect("a connection");
    assert_eq!((one.client_state, one.server_state), (TcpState::CloseWait, TcpState::Closed));
    let segments: Vec<String> = one
        .head
        .iter()
        .filter_map(|event| match &event.what {
            Happening::Segment { from, flags, len, content, code, arrived, .. } => {
                assert!(arrived.is_some_and(|arrived| arrived > event.at), "a link takes time");
                let from = if *from == Side::Client { '>' } else { '<' };
                let code = code.map_or(String::new(), |code| code.to_string());
                Some(format!("{from}{flags}{len}{}{code}", content.unwrap_or_default()))
            }
            Happening::State { .. } => None,
        })
        .collect();
    let wanted = [">S0", "<S.0", ">.0", "<P.77MySQL greeting", ">.0", "<P.54ERR1159", ">.0", "<F.0", ">.0"];
    assert_eq!(segments, wanted);
    assert_eq!((one.left_out, one.tail.len()), (0, 0));
    assert!(run.world().now() > Instant::from_nanos(7_000_000_000_000));
}

/// The map's next connect() is the one the run makes.
#[test]
fn the_probe_path_is_the_search() {
    let (run, watch) = watched("tiny");
    let seen = watch.port_map(&run).expect("sysbench connects");
    let map = &seen.map;
    assert_eq!((map.uses.len(), map.inspected.total, map.taken), (16, 16, None));
    let probed: u32 = map.probed.iter().map(|run| run.count).sum();
    assert_eq!(probed, map.inspected.total);
    let mut ports: Vec<u16> = map
        .probed
        .iter()
        .flat_map(|run| (0..run.count).map(|n| run.first.0 + u16::try_from(n * run.step).expect("a port")))
        .collect();
    assert!(ports[..8].iter().all(|port| port % 2 == 0) && ports[8..].iter().all(|port| port % 2 == 1));
    ports.sort_unstable();
    assert_eq!(ports, (40_000..=40_015).collect::<Vec<u16>>());
}

#[test]
fn an_overlay_of_a_chart_with_itself_is_that_chart() {
    let (run, watch) = watched("tiny");
    for chart in charts(&watch, &run) {
        let both = overlay(&chart, &chart, ["a", "b"], true);
        // The three greatest of each panel.
        let wanted: usize = chart.panels.iter().map(|panel| panel.lines.len().min(3)).sum();
        assert_eq!(lines(&both).count(), wanted, "{:?}", chart.name);
        assert_eq!(both.marks, chart.marks);
    }
}

#[test]
fn charts_travel_as_json() {
    let (run, watch) = watched("tiny");
    let all = charts(&watch, &run);
    let text = serde_json::to_string(&all).expect("plain data");
    assert!(serde_json::from_str::<Vec<Chart>>(&text).expect("the same") == all);
}

/// What a moment brought about is drawn from that moment on, not before it:
/// nobody is refused before the KILL, nothing fails before it is exhausted.
#[test]
fn rates_begin_where_their_cause_is() {
    for name in ["tiny", "max-connections", "incident"] {
        let (run, watch) = watched(name);
        let charts = charts(&watch, &run);
        let mark = |mark| run.mark(mark).map(Instant::nanos);
        let kill = mark(MarkRef::Kill).expect("a session is killed");
        let mut seen = 0;
        for line in charts.iter().flat_map(lines) {
            let cause = match line.key.rsplit('.').next() {
                Some("Connection_errors_max_connections") => Some(kill),
                Some("EADDRNOTAVAIL") => mark(MarkRef::Exhausted),
                Some(_) | None => continue,
            }
            .expect("it ran out");
            let first = line.points.iter().find(|&&(_, rate)| rate > 0.0).expect("it happened");
            assert!(first.0 >= cause, "{name}: {} from {} on, its cause is at {cause}", line.key, first.0);
            seen += 1;
        }
        let started = charts.iter().flat_map(lines).find(|line| line.key.ends_with("connect.ok")).expect("connects");
        let level =
            |at: u64| started.points.iter().take_while(|point| point.0 <= at).last().map_or(0.0, |point| point.1);
        assert!(level(kill) > level(kill - 1), "{name}: the reconnects begin with the KILL");
        assert!(seen > 0, "{name}");
    }
}
