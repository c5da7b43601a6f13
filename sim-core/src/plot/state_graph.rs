//! The state graph, laid out as Figure 5 of RFC 9293: the ways of an orderly
//! connection as a diagram, the others that end in CLOSED as a list below.

use super::svg::{Anchor, Page, Svg, wrapped};
use crate::say;
use crate::tcp::graph::{ELSEWHERE, EdgeKind, TRANSITIONS, Transition, Visits};
use crate::tcp::state::TcpState;
use crate::text::{Lang, grouped};

crate::messages! {
    /// The words of the picture.
    pub enum GraphWord {
        Title { en: "States of a TCP connection", zh: "TCP 连接的状态" }
        Plain { en: "Laid out as Figure 5 of RFC 9293, with what Linux does", zh: "布局同 RFC 9293 图 5，行为按 Linux" }
        Counts { en: "{0}: how often each edge was taken, and the sockets in each state at the end", zh: "{0}：每条边走过的次数，以及结束时各状态的套接字数" }
        Call { en: "by a system call", zh: "由系统调用引起" }
        Segment { en: "by a segment", zh: "由报文段引起" }
        Kernel { en: "by a timer or limit of the kernel", zh: "由内核定时器或上限引起" }
        RfcOnly { en: "in RFC 9293 only", zh: "仅 RFC 9293 中有" }
        Never { en: "grey: never taken", zh: "灰色：从未走过" }
        Others { en: "Other ways to CLOSED, and what else the figure leaves out", zh: "其他到达 CLOSED 的途径，以及图中未画出的边" }
        Describe { en: "{0} states and {1} edges. {2}", zh: "{0} 个状态，{1} 条边。{2}" }
        Now { en: "now {0}", zh: "现有 {0}" }
        See {
            en: "Wider lines were taken more often; shaded states hold sockets at the end.",
            zh: "线越宽，走过的次数越多；着色的状态在结束时仍有套接字。"
        }
        Most { en: "Beside LISTEN most of them, {0}, are in {1}.", zh: "除 LISTEN 外最多的是 {1}，有 {0} 个。" }
        Leak {
            en: "CLOSE-WAIT was entered {0} time{0:|s} and left {1} time{1:|s}: it waits for the program's own close().",
            zh: "到达 CLOSE-WAIT {0} 次，离开 {1} 次：它等的是程序自己的 close()。"
        }
        Times { en: "{0} time{0:|s}", zh: "{0} 次" }
    }
}

/// What to draw.
#[derive(Clone, Copy, Debug)]
pub struct StateGraph<'a> {
    /// What a run did; `None` draws the graph alone.
    pub visits: Option<&'a Visits>,
    /// Name of the run's scenario.
    pub scenario: &'a str,
    /// Language of the words around the names.
    pub lang: Lang,
}

const WIDTH: i32 = 1_160;
const BOX: (i32, i32) = (150, 52);
/// Line height of labels.
const LINE: i32 = 15;
/// Where the list begins.
const LIST_Y: i32 = 1_110;
const LIST_LINE: i32 = 17;
/// Font size and line height of the caption.
const CAPTION: i32 = 13;
const CAPTION_LINE: i32 = 19;

/// Okabe and Ito's palette, darkened where text must be read on white; each
/// kind has its own dash too.
const STYLE: &str = "\
& text.hc-title{font-size:21px;font-weight:bold}& text.hc-sub{font-size:13px;fill:#444}& text.hc-head{font-size:14px;font-weight:bold}\
& text.hc-state{font-size:14px;font-weight:bold}& text.hc-small{font-size:12px;fill:#444}\
& .hc-label{paint-order:stroke;stroke:#fff;stroke-width:5px;stroke-linejoin:round}\
& text.hc-action{paint-order:stroke;stroke:#fff;stroke-width:5px;stroke-linejoin:round;fill:#555;font-style:italic}\
& text.hc-count{paint-order:stroke;stroke:#fff;stroke-width:5px;stroke-linejoin:round;font-weight:bold}\
& .hc-box{fill:#f4f6f8;stroke:#333;stroke-width:1.5}& .hc-busy{fill:#fff3d6;stroke:#333;stroke-width:2.5}\
& .hc-call,& .hc-segment,& .hc-kernel,& .hc-rfc,& .hc-never{fill:none}\
& .hc-call{stroke:#0072B2;marker-end:url(#hc-a-call)}\
& .hc-segment{stroke:#B34700;stroke-dasharray:9 4;marker-end:url(#hc-a-segment)}\
& .hc-kernel{stroke:#111;stroke-dasharray:2 4;marker-end:url(#hc-a-kernel)}\
& .hc-rfc{stroke:#999;stroke-dasharray:1 5;stroke-linecap:round;marker-end:url(#hc-a-rfc)}\
& .hc-never{stroke:#bbb;marker-end:url(#hc-a-rfc)}\
& text.hc-faint{fill:#767676}& .hc-rule{stroke:#ccc;fill:none}";

impl EdgeKind {
    const fn class(self) -> &'static str {
        match self {
            Self::Call => "hc-call",
            Self::Segment => "hc-segment",
            Self::Kernel => "hc-kernel",
        }
    }
}

/// Width and height of the figure without the list below it.
pub const FIGURE: (i32, i32) = (1_160, 1_090);

/// Where a state's box stands. CLOSED stands twice, as in the figure.
#[must_use]
pub const fn center(state: TcpState) -> (i32, i32) {
    match state {
        TcpState::Closed => (580, 130),
        TcpState::Listen => (580, 270),
        TcpState::SynReceived => (200, 420),
        TcpState::SynSent => (960, 420),
        TcpState::Established => (580, 580),
        TcpState::FinWait1 => (200, 730),
        TcpState::CloseWait => (960, 730),
        TcpState::FinWait2 => (200, 880),
        TcpState::Closing => (580, 880),
        TcpState::LastAck => (960, 880),
        TcpState::TimeWait => (580, 1_030),
    }
}
/// The second CLOSED.
pub const CLOSED_BELOW: (i32, i32) = (960, 1_030);

/// An edge of the figure: its line, and where its label stands.
struct Line {
    from: TcpState,
    to: TcpState,
    /// Which row, where several share the ends.
    row: usize,
    points: &'static [(i32, i32)],
    label: (i32, i32),
    anchor: Anchor,
}

macro_rules! lines {
    ($($from:ident $row:literal $to:ident [$($point:expr),+] $label:expr, $anchor:ident;)*) => {
        /// The edges Linux has; the number is the row's place among those that
        /// share the ends.
        const LINES: &[Line] = &[$(Line {
            from: TcpState::$from, to: TcpState::$to, row: $row, points: &[$($point),+], label: $label,
            anchor: Anchor::$anchor,
        },)*];
    };
}

lines! {
    Closed 0 Listen [(560, 156), (560, 242)] (550, 196), End;
    Listen 0 Closed [(600, 244), (600, 158)] (610, 205), Start;
    Closed 0 SynSent [(655, 120), (985, 120), (985, 392)] (996, 220), Start;
    SynSent 0 Closed [(935, 394), (935, 142), (657, 142)] (925, 330), End;
    Listen 0 SynReceived [(515, 296), (269, 393)] (362, 312), End;
    SynSent 0 SynReceived [(885, 420), (277, 420)] (580, 398), Middle;
    SynReceived 0 Established [(269, 446), (513, 553)] (378, 515), End;
    SynSent 0 Established [(891, 446), (647, 553)] (786, 515), Start;
    SynReceived 0 FinWait1 [(160, 446), (160, 702)] (170, 565), Start;
    Established 0 FinWait1 [(513, 606), (269, 703)] (360, 622), End;
    Established 0 CloseWait [(647, 606), (891, 703)] (802, 622), Start;
    FinWait1 0 FinWait2 [(160, 756), (160, 852)] (150, 800), End;
    FinWait1 0 Closing [(275, 738), (515, 852)] (400, 772), Start;
    FinWait2 0 TimeWait [(160, 906), (160, 1_030), (503, 1_030)] (290, 992), Start;
    CloseWait 0 LastAck [(960, 756), (960, 852)] (970, 800), Start;
    Closing 0 TimeWait [(580, 906), (580, 1_002)] (590, 950), Start;
    LastAck 0 Closed [(960, 906), (960, 1_002)] (970, 950), Start;
    TimeWait 0 Closed [(655, 1_030), (883, 1_030)] (769, 1_018), Middle;
}

/// What the figure has and Linux has not, by place in [`ELSEWHERE`].
struct Dotted {
    other: usize,
    points: &'static [(i32, i32)],
    label: (i32, i32),
    anchor: Anchor,
}

const DOTTED: &[Dotted] = &[
    Dotted { other: 0, points: &[(645, 296), (889, 393)], label: (700, 348), anchor: Anchor::End },
    Dotted { other: 1, points: &[(200, 394), (200, 270), (503, 270)], label: (350, 263), anchor: Anchor::Middle },
    Dotted { other: 3, points: &[(255, 756), (522, 1_003)], label: (402, 922), anchor: Anchor::End },
];

/// Draws the graph.
#[must_use]
pub fn state_graph(graph: &StateGraph<'_>) -> String {
    let listed = listed();
    let rows = i32::try_from(listed.len().div_ceil(2)).expect("a few dozen rows");
    let lang = graph.lang;
    let caption = graph.visits.map_or(String::new(), |visits| caption(visits, lang));
    let lines = if caption.is_empty() { Vec::new() } else { wrapped(&caption, CAPTION, WIDTH - 60) };
    let caption_y = LIST_Y + 30 + rows * LIST_LINE + 20;
    let height = caption_y + i32::try_from(lines.len()).unwrap_or(0) * CAPTION_LINE;
    let subtitle = match graph.visits {
        Some(_) => say!(lang, GraphWord::Counts, graph.scenario),
        None => say!(lang, GraphWord::Plain),
    };
    let mut description = say!(lang, GraphWord::Describe, TcpState::ALL.len(), TRANSITIONS.len(), subtitle);
    if !caption.is_empty() {
        description.push_str(if lang == Lang::En { ". " } else { "。" });
        description.push_str(&caption);
    }
    let mut svg = Svg::new(&Page {
        scope: "hc-states",
        size: (WIDTH, height),
        title: GraphWord::Title.texts().text(lang),
        description: &description,
        style: STYLE,
        lang,
    });
    svg.raw("<defs>\n");
    for (name, color) in [("call", "#0072B2"), ("segment", "#B34700"), ("kernel", "#111"), ("rfc", "#999")] {
        svg.raw(&format!(
            "<marker id=\"hc-a-{name}\" viewBox=\"0 0 10 10\" refX=\"8\" refY=\"5\" markerWidth=\"9\" \
             markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0 L10 5 L0 10 z\" \
             fill=\"{color}\"/></marker>\n"
        ));
    }
    svg.raw("</defs>\n");
    svg.text((30, 40), Anchor::Start, "hc-title", GraphWord::Title.texts().text(lang));
    svg.text((30, 62), Anchor::Start, "hc-sub", &subtitle);
    legend(&mut svg, graph);
    for dotted in DOTTED {
        let other = &ELSEWHERE[dotted.other];
        let told = format!("{} → {}: {}. {}", other.from, other.to, other.event.text(lang), other.instead.text(lang));
        svg.group(&told);
        svg.line(dotted.points, "hc-rfc", 18);
        svg.text(dotted.label, dotted.anchor, "hc-label hc-faint", other.event.text(lang));
        svg.end_group();
    }
    for line in LINES {
        edge(&mut svg, line, graph);
    }
    for state in TcpState::ALL {
        state_box(&mut svg, state, center(state), graph);
    }
    state_box(&mut svg, TcpState::Closed, CLOSED_BELOW, graph);
    list(&mut svg, &listed, graph);
    for (line, text) in (0..).zip(&lines) {
        svg.text((30, caption_y + line * CAPTION_LINE), Anchor::Start, "hc-sub", text);
    }
    svg.finish()
}

/// What to see in a run's graph.
fn caption(visits: &Visits, lang: Lang) -> String {
    let mut told = vec![say!(lang, GraphWord::See)];
    let open = TcpState::ALL.into_iter().filter(|state| !matches!(state, TcpState::Closed | TcpState::Listen));
    if let Some(most) = open.rev().max_by_key(|&state| visits.now(state)).filter(|&state| visits.now(state) > 0) {
        told.push(say!(lang, GraphWord::Most, grouped(visits.now(most)), most));
    }
    let taken = |is: &dyn Fn(&Transition) -> bool| -> u64 {
        (0..TRANSITIONS.len()).filter(|&row| is(&TRANSITIONS[row])).map(|row| visits.of(row)).sum()
    };
    if visits.now(TcpState::CloseWait) > 0 {
        let entered = taken(&|edge| edge.to == TcpState::CloseWait);
        let left = taken(&|edge| edge.from == TcpState::CloseWait);
        told.push(say!(lang, GraphWord::Leak, grouped(entered), grouped(left)));
    }
    told.join(if lang == Lang::En { " " } else { "" })
}

fn legend(svg: &mut Svg, graph: &StateGraph<'_>) {
    let lang = graph.lang;
    let rows = [
        ("hc-call", GraphWord::Call),
        ("hc-segment", GraphWord::Segment),
        ("hc-kernel", GraphWord::Kernel),
        ("hc-rfc", GraphWord::RfcOnly),
    ];
    let mut y = 96;
    for (class, word) in rows {
        svg.line(&[(30, y), (80, y)], class, 18);
        svg.text((92, y + 4), Anchor::Start, "hc-small", word.texts().text(lang));
        y += 20;
    }
    if graph.visits.is_some() {
        svg.line(&[(30, y), (80, y)], "hc-never", 15);
        svg.text((92, y + 4), Anchor::Start, "hc-small", GraphWord::Never.texts().text(lang));
    }
}

/// The lines of the figure: the row of [`TRANSITIONS`] each stands for, and its points.
pub fn figure_lines() -> impl Iterator<Item = (usize, &'static [(i32, i32)])> {
    LINES.iter().map(|line| (row_of(line), line.points))
}

/// The row a line stands for.
fn row_of(line: &Line) -> usize {
    let mut rows = (0..TRANSITIONS.len()).filter(|&row| {
        let edge = &TRANSITIONS[row];
        edge.from == line.from && edge.to == line.to
    });
    rows.nth(line.row).expect("each line of the figure is a row of the table")
}

fn edge(svg: &mut Svg, line: &Line, graph: &StateGraph<'_>) {
    let row = row_of(line);
    let edge = &TRANSITIONS[row];
    let count = graph.visits.map(|visits| visits.of(row));
    let (class, width) = match count {
        None => (edge.kind().class(), 18),
        Some(0) => ("hc-never", 15),
        // Wider by half a pixel for each power of ten.
        Some(count) => (edge.kind().class(), 18 + 5 * count.ilog10()),
    };
    svg.group(&told(edge, count, graph.lang));
    svg.line(line.points, class, width);
    let faint = if count == Some(0) { " hc-faint" } else { "" };
    let mut y = line.label.1;
    let mut say = |class: &str, text: &str| {
        svg.text((line.label.0, y), line.anchor, class, text);
        y += LINE;
    };
    if line.anchor == Anchor::Middle {
        // On a horizontal line there is room for one line above it, and one below.
        let event = edge.event.text(graph.lang);
        let action = edge.action.text(graph.lang);
        let both = if action.is_empty() { event.to_owned() } else { format!("{event} / {action}") };
        say(&format!("hc-label{faint}"), &both);
        if let Some(count) = count.filter(|&count| count > 0) {
            svg.text((line.label.0, line.label.1 + 42), line.anchor, "hc-count", &times(count));
        }
    } else {
        say(&format!("hc-label{faint}"), edge.event.text(graph.lang));
        if !edge.action.en.is_empty() {
            say(&format!("hc-action{faint}"), edge.action.text(graph.lang));
        }
        if let Some(count) = count.filter(|&count| count > 0) {
            say("hc-count", &times(count));
        }
    }
    svg.end_group();
}

/// An edge in one sentence, for those who cannot see the line.
fn told(edge: &Transition, count: Option<u64>, lang: Lang) -> String {
    let step = format!("{} → {}: {}", edge.from, edge.to, edge.event.text(lang));
    let action = edge.action.text(lang);
    let step = if action.is_empty() { step } else { format!("{step}; {action}") };
    match count {
        Some(count) => format!("{step}. {}", say!(lang, GraphWord::Times, grouped(count))),
        None => format!("{step}. {}", edge.source),
    }
}

fn state_box(svg: &mut Svg, state: TcpState, (x, y): (i32, i32), graph: &StateGraph<'_>) {
    let now = graph.visits.filter(|_| state != TcpState::Closed).map(|visits| visits.now(state));
    let busy = now.is_some_and(|now| now > 0);
    svg.group(state.rfc_name());
    svg.rect((x, y), BOX, if busy { "hc-busy" } else { "hc-box" });
    match now {
        None => svg.text((x, y + 5), Anchor::Middle, "hc-state", state.rfc_name()),
        Some(now) => {
            svg.text((x, y - 3), Anchor::Middle, "hc-state", state.rfc_name());
            let text = say!(graph.lang, GraphWord::Now, grouped(now));
            svg.text((x, y + 16), Anchor::Middle, if busy { "hc-small" } else { "hc-small hc-faint" }, &text);
        }
    }
    svg.end_group();
}

/// The rows that are no line of the figure.
fn listed() -> Vec<usize> {
    let drawn: Vec<usize> = LINES.iter().map(row_of).collect();
    (0..TRANSITIONS.len()).filter(|row| !drawn.contains(row)).collect()
}

fn list(svg: &mut Svg, rows: &[usize], graph: &StateGraph<'_>) {
    let lang = graph.lang;
    svg.line(&[(30, LIST_Y - 26), (WIDTH - 30, LIST_Y - 26)], "hc-rule", 10);
    svg.text((30, LIST_Y), Anchor::Start, "hc-head", GraphWord::Others.texts().text(lang));
    let half = rows.len().div_ceil(2);
    for (number, &row) in rows.iter().enumerate() {
        let edge = &TRANSITIONS[row];
        let (column, line) = if number < half { (0, number) } else { (1, number - half) };
        let x = 30 + column * (WIDTH - 60) / 2;
        let y = LIST_Y + 26 + i32::try_from(line).expect("a few dozen rows") * LIST_LINE;
        let count = graph.visits.map(|visits| visits.of(row));
        let faint = if count == Some(0) { "hc-small hc-faint" } else { "hc-small" };
        svg.line(&[(x, y - 4), (x + 26, y - 4)], if count == Some(0) { "hc-never" } else { edge.kind().class() }, 15);
        svg.text((x + 36, y), Anchor::Start, faint, edge.from.rfc_name());
        let aim = if edge.to == TcpState::Closed { String::new() } else { format!("→ {}: ", edge.to) };
        let action = edge.action.text(lang);
        let action = if action.is_empty() { String::new() } else { format!(" / {action}") };
        let event = format!("{aim}{}{action}", edge.event.text(lang));
        svg.text((x + 140, y), Anchor::Start, faint, &event);
        if let Some(count) = count.filter(|&count| count > 0) {
            svg.text((x + 535, y), Anchor::End, "hc-count", &times(count));
        }
    }
}

fn times(count: u64) -> String {
    format!("×{}", grouped(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::state::Cause;

    fn counted() -> Visits {
        let mut visits = Visits::default();
        visits.count(TcpState::Established, TcpState::CloseWait, Cause::FinArrived);
        visits.add_sockets(&[0, 1, 0, 0, 0, 0, 0, 28_231, 0, 0, 0]);
        visits
    }

    #[test]
    fn every_row_is_drawn_or_listed_once() {
        let mut rows: Vec<usize> = LINES.iter().map(row_of).chain(listed()).collect();
        rows.sort_unstable();
        assert_eq!(rows, (0..TRANSITIONS.len()).collect::<Vec<_>>());
        for dotted in DOTTED {
            assert!(!dotted.points.is_empty() && dotted.other < ELSEWHERE.len());
        }
    }

    #[test]
    fn nothing_leaves_the_page_and_every_tag_is_closed() {
        for (lang, visits) in [(Lang::En, None), (Lang::Zh, Some(counted()))] {
            let text = state_graph(&StateGraph { visits: visits.as_ref(), scenario: "x", lang });
            for tag in ["g", "svg", "defs", "style", "title", "desc", "marker"] {
                let opened = text.matches(&format!("<{tag}>")).count() + text.matches(&format!("<{tag} ")).count();
                assert_eq!(opened, text.matches(&format!("</{tag}>")).count(), "{tag}");
            }
            for line in LINES {
                assert!(line.points.iter().all(|&(x, y)| (0..WIDTH).contains(&x) && (0..LIST_Y).contains(&y)));
            }
            assert_eq!(text.matches("class=\"hc-state\"").count(), TcpState::ALL.len() + 1);
        }
    }

    #[test]
    fn lines_begin_and_end_at_their_boxes() {
        let near = |state: TcpState, point: (i32, i32)| {
            let boxes: &[(i32, i32)] =
                if state == TcpState::Closed { &[center(TcpState::Closed), CLOSED_BELOW] } else { &[center(state)] };
            boxes.iter().any(|&(x, y)| (point.0 - x).abs() <= BOX.0 / 2 + 3 && (point.1 - y).abs() <= BOX.1 / 2 + 3)
        };
        for line in LINES {
            let last = line.points.len() - 1;
            assert!(near(line.from, line.points[0]), "{} to {}", line.from, line.to);
            assert!(near(line.to, line.points[last]), "{} to {}", line.from, line.to);
        }
    }

    #[test]
    fn counts_are_told() {
        let text = state_graph(&StateGraph { visits: Some(&counted()), scenario: "two-hosts", lang: Lang::En });
        assert!(text.contains("now 28,231") && text.contains("two-hosts: how often") && text.contains(">×1<"));
        let zh = state_graph(&StateGraph { visits: Some(&counted()), scenario: "two-hosts", lang: Lang::Zh });
        assert!(zh.contains("现有 28,231") && zh.contains("CLOSE-WAIT"));
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
