//! Pictures of made-up results: what is in them, and what is said of them.

use super::*;
use crate::capacity::sweep::{Finished, Found, Outcome, Plan, Search, Unit};

const HEAD: &str = "format = 1\ntitle = \"T\"\nscenario = \"tiny\"\n";
const MEASURE: &str = "[[measure]]\nname = \"ms\"\ntime_of = \"exhausted\"\n";

fn vary(key: &str, values: &str) -> String {
    format!("[[vary]]\nkey = \"process.a.b.{key}\"\nvalues = {values}\n")
}

/// A plan's figures, with a value for each unit.
fn drawn(text: &str, value: impl Fn(&Unit) -> Option<i64>) -> Vec<Figure> {
    let plan = Plan::parse(text, &|_| None).unwrap();
    let finish = |unit: Unit| {
        let outcome = outcome(&unit, value(&unit));
        Finished { unit, outcomes: vec![outcome], found: None }
    };
    let finished: Vec<Finished> = plan.units().into_iter().map(finish).collect();
    figures(&Survey::new(&plan, &finished))
}

fn outcome(unit: &Unit, value: Option<i64>) -> Outcome {
    Outcome {
        unit: unit.index,
        key: String::new(),
        set: unit.settings.clone(),
        seed: unit.seed.unwrap_or(1),
        measures: vec![("ms".to_owned(), value)],
        digest: String::new(),
        events: 0,
        virtual_ns: 0,
    }
}

fn number(unit: &Unit, at: usize) -> i64 {
    unit.settings[at].1.parse().unwrap()
}

fn names(figures: &[Figure]) -> Vec<&str> {
    figures.iter().map(|figure| figure.name.as_str()).collect()
}

#[test]
fn two_keys_make_a_heat_map_and_curves() {
    let text = format!("{HEAD}seeds = [1, 2, 3]\n{}{}{MEASURE}", vary("x", "[30, 10, 20]"), vary("y", "[1, 2]"));
    // The less of both, in seconds; one corner never comes.
    let figures = drawn(&text, |unit| {
        let (x, y) = (number(unit, 0), number(unit, 1));
        let seed = i64::try_from(unit.seed.unwrap_or(0)).unwrap();
        (x + y < 32).then(|| (x.min(y * 20) * 1_000) + seed)
    });
    assert_eq!(names(&figures), ["heat-ms", "curve-ms"]);
    let Shape::Heat(heat) = &figures[0].shape else { panic!("a heat map") };
    assert_eq!(heat.axes.x.values, ["10", "20", "30"], "numbers ascend");
    assert_eq!(heat.rows, [[Some(10.002), Some(20.002), Some(20.002)], [Some(10.002), Some(20.002), None]]);
    let caption = &figures[0].caption;
    assert!(caption.en.contains("The least is 10.0 s at 10 / 1; the greatest 20.0 s at 20 / 1."), "{}", caption.en);
    assert!(
        caption.en.contains("x (a) alone changes it up to 2.0-fold, y (a) alone up to 1.0-fold."),
        "{}",
        caption.en
    );
    assert!(caption.en.contains("In 3 of 5 neighbouring pairs"), "{}", caption.en);
    assert!(caption.en.contains("in 1 of 6 cells") && caption.zh.contains("6 个格子中有 1 个"), "{caption:?}");
    let Shape::Curves(curves) = &figures[1].shape else { panic!("curves") };
    assert_eq!((curves.lines.len(), curves.lines[1].points.len()), (2, 3));
    assert!(!curves.lines[1].points[2].1.came());
    assert!(figures[1].caption.en.contains("All seeds agree within 1 %."), "{}", figures[1].caption.en);
}

#[test]
fn one_key_makes_a_curve_and_three_make_pairs() {
    let one = format!("{HEAD}{}{MEASURE}", vary("x", "[1, 2]"));
    assert_eq!(names(&drawn(&one, |unit| Some(number(unit, 0)))), ["curve-ms"]);
    let three = format!("{HEAD}{}{}{}{MEASURE}", vary("x", "[1, 2]"), vary("y", "[1, 2]"), vary("z", "[5, 9]"));
    let figures = drawn(&three, |unit| Some(number(unit, 0) * 1_000 + number(unit, 2)));
    assert_eq!(names(&figures), ["heat-ms-x-y", "heat-ms-x-z", "heat-ms-y-z", "tornado-ms"]);
    let Shape::Tornado(tornado) = &figures[3].shape else { panic!("a tornado") };
    assert_eq!(tornado.bars[0].key.en, "x (a)");
    assert!(figures[3].caption.en.contains("Less than 1 % is moved by z (a), y (a)."), "{}", figures[3].caption.en);
    assert_eq!(drawn(&format!("{HEAD}{}{MEASURE}", vary("x", "[1]")), |_| Some(1)), []);
}

#[test]
fn one_at_a_time_makes_a_tornado() {
    let text = format!(
        "{HEAD}mode = \"one-at-a-time\"\nseeds = [1, 2]\n{}{}{MEASURE}",
        vary("x", "[1, 9]"),
        vary("y", "[1, 2, 3]")
    );
    let figures = drawn(&text, |unit| match unit.settings.first() {
        None => Some(5_000),
        Some((key, value)) if key.ends_with('x') => (value == "1").then_some(2_000),
        Some(_) => Some(5_000),
    });
    assert_eq!(names(&figures), ["tornado-ms", "curve-ms-y"]);
    let Shape::Tornado(tornado) = &figures[0].shape else { panic!("a tornado") };
    assert_eq!(tornado.middle, 5.0);
    let ends = tornado.bars[0].ends.each_ref().map(|(value, spread)| (value.en.as_str(), spread.median));
    assert_eq!(ends, [("1", 2.0), ("9", f64::INFINITY)]);
    let caption = &figures[0].caption.en;
    assert!(caption.contains("Most is moved by x (a): 2 s with 1, not within the run with 9."), "{caption}");
    assert!(caption.contains("Less than 1 % is moved by y (a)."), "{caption}");
}

#[test]
fn samples_make_points_and_ranks() {
    let random = |key: &str, seed: u64| {
        format!(
            "[[vary]]\nkey = \"process.a.b.{key}\"\nrandom = {{ from = 1, to = 1000, points = 30, seed = {seed} }}\n"
        )
    };
    let text = format!("{HEAD}mode = \"zip\"\n{}{}{MEASURE}", random("x", 1), random("y", 2));
    let figures = drawn(&text, |unit| Some(-number(unit, 1)));
    assert_eq!(names(&figures), ["scatter-ms-x", "scatter-ms-y", "ranks-ms"]);
    let Shape::Tornado(ranks) = &figures[2].shape else { panic!("bars") };
    assert_eq!((ranks.bars[0].key.en.as_str(), ranks.bars[0].ends[1].1.median), ("y (a)", -1.0));
    assert!(figures[2].caption.en.contains("Strongest: y (a) (−1)."), "{}", figures[2].caption.en);
}

#[test]
fn bisections_show_what_was_tried() {
    let text = format!(
        "{HEAD}seeds = [1, 2]\n{}{MEASURE}[threshold]\nkey = \"process.a.b.pace\"\nfrom = 1\nto = 64\nunit = \"ms\"\n\
         measure = \"ms\"\nat_most = 0\nfind = \"smallest\"\n",
        vary("x", "[10, 20, 99]")
    );
    let plan = Plan::parse(&text, &|_| None).unwrap();
    let finish = |unit: Unit| {
        let mut search = Search::new(&plan, &unit).unwrap();
        let mut outcomes = Vec::new();
        while let Some(value) = search.next_value() {
            let tried = vec![outcome(&unit, Some(i64::from(value < number(&unit, 0)))); 2];
            search.learn(value, &tried);
            outcomes.extend(tried);
        }
        let found = Some(search.found());
        Finished { unit: unit.clone(), outcomes, found }
    };
    let finished: Vec<Finished> = plan.units().into_iter().map(finish).collect();
    assert_eq!(finished[2].found, Some(Found::Nowhere));
    let figures = figures(&Survey::new(&plan, &finished));
    assert_eq!(names(&figures), ["threshold"]);
    let Shape::Trials(trials) = &figures[0].shape else { panic!("bisections") };
    let column = &trials.columns[0];
    assert_eq!(
        (column.found, column.holds, column.tries.len() * 2),
        (Some(10.0), Some((10.0, 64.0)), finished[0].outcomes.len())
    );
    assert!(column.tries.iter().all(|tried| tried.holds == (tried.value >= 10.0)), "{column:?}");
    assert_eq!((trials.columns[2].found, trials.columns[2].holds), (None, None));
    let caption = &figures[0].caption.en;
    assert!(caption.contains("10: 10 ms. 20: 20 ms. 99: it holds nowhere in the range."), "{caption}");
    assert!(caption.contains("runs instead of 384."), "{caption}");
}

#[test]
fn numbers_have_three_digits() {
    let all = [0.0, 0.5, 1.0, 6.3132, 38.07, 116.08, 28_231.0, -0.5, -3.0, f64::INFINITY].map(told);
    assert_eq!(all, ["0", "0.500", "1", "6.31", "38.1", "116", "28,231", "−0.500", "−3", "–"]);
    let units = ["time [s]", "recvq[77] at end", "recvq[77]"].map(|label| with_unit(2.0, label));
    assert_eq!(units, ["2 s", "2", "2"]);
    assert_eq!(file_name(&["heat", "a/b c", ""]), "heat-a-b-c");
}
