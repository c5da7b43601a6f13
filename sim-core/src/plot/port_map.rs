//! The range of local ports as a map, and the way one connect() takes through it.

use super::svg::{Anchor, Page, Svg, text_width, wrapped};
use crate::kernel::ports::ProbedRun;
use crate::kernel::{PortMap, PortUse};
use crate::say;
use crate::text::{Both, Lang, grouped};
use crate::time::Instant;
use crate::units::Port;

crate::messages! {
    /// The words of the picture.
    pub enum PortMapWord {
        Title { en: "Ports of the range, and the way of one connect()", zh: "端口范围与一次 connect() 的搜索路径" }
        Sub { en: "{0} · from {1} towards {2} · at {3} s", zh: "{0} · 从 {1} 到 {2} · 时刻 {3} 秒" }
        Same { en: "ports {0}, {1}, … {2}: the parity that connect() tries first", zh: "端口 {0}、{1}……{2}：connect() 先试的一半" }
        Other { en: "ports {0}, {1}, … {2}: the other parity", zh: "端口 {0}、{1}……{2}：另一半" }
        Free { en: "free", zh: "空闲" }
        InUse { en: "in use by a connection", zh: "被连接占用" }
        TimeWait { en: "held by a minisock", zh: "被 minisock 占用" }
        Reusable { en: "minisock to be taken over", zh: "可被接管的 minisock" }
        Bound { en: "bound or listening", zh: "被 bind 或监听占用" }
        Reserved { en: "reserved by sysctl", zh: "被 sysctl 保留" }
        Probe { en: "inspected by this connect(): {0}", zh: "本次 connect() 查看：{0}" }
        Starts { en: "start", zh: "起点" }
        Takes { en: "taken", zh: "取得" }
        Found {
            en: "This connect() starts at port {0}, inspects {1} of {2} and takes {3}, the first that is free.",
            zh: "这次 connect() 从端口 {0} 开始，在 {2} 个中查看 {1} 个，取得第一个空闲的 {3}。"
        }
        Vain {
            en: "This connect() starts at port {0}, inspects all {1} and finds none: EADDRNOTAVAIL.",
            zh: "这次 connect() 从端口 {0} 开始，查遍 {1} 个仍无空闲：EADDRNOTAVAIL。"
        }
        First { en: "It finds one at once.", zh: "第一个就可用。" }
        PassesHalf {
            en: "It walks the whole first half before it may try the other one.",
            zh: "它要先走完前一半，才能试另一半。"
        }
        Counts { en: "{0} in use, {1} held by minisocks, {2} bound or reserved, {3} free.", zh: "占用 {0} 个，minisock 占 {1} 个，绑定或保留 {2} 个，空闲 {3} 个。" }
    }
}

/// What to draw.
#[derive(Clone, Copy, Debug)]
pub struct PortMapPicture<'a> {
    /// The map.
    pub map: &'a PortMap,
    /// The host.
    pub host: &'a str,
    /// Name of the scenario.
    pub scenario: &'a str,
    /// When.
    pub at: Instant,
    /// Language of the words around the names.
    pub lang: Lang,
}

const WIDTH: i32 = 960;
const LEFT: i32 = 30;
/// Height that a half of the range may take.
const HALF: i32 = 300;
/// Largest and smallest side of a port's square.
const LARGEST: i32 = 50;
const SMALLEST: i32 = 2;
/// A square that holds a port's number.
const ROOMY: i32 = 44;

const STYLE: &str = "\
& text.hc-title{font-size:20px;font-weight:bold}& text.hc-sub{font-size:13px;fill:#444}\
& text.hc-band{font-size:13px;font-weight:bold}& text.hc-number{font-size:11px}& text.hc-caption{font-size:13px}\
& text.hc-tag{font-weight:bold;paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}\
& .hc-way{fill:none;stroke:#111;stroke-width:1;stroke-opacity:.75}\
& .hc-ring{fill:none;stroke:#111;stroke-width:2}";

const PATTERNS: &str = "\
<defs>\n<pattern id=\"hc-portmap-tw\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"4\" height=\"4\" fill=\"#c5e8dd\"/><path d=\"M-1 1l2 -2M0 4l4 -4M3 5l2 -2\" stroke=\"#57b596\" stroke-width=\".8\"/></pattern>\n\
<pattern id=\"hc-portmap-reuse\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"4\" height=\"4\" fill=\"#e3f4ee\"/><path d=\"M1 1h1v1h-1z\" fill=\"#00664b\"/></pattern>\n\
<pattern id=\"hc-portmap-reserved\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"4\" height=\"4\" fill=\"#f3d9b1\"/><path d=\"M0 2h4\" stroke=\"#8a5a00\"/></pattern>\n</defs>\n";

const fn look(of: PortUse) -> (PortMapWord, &'static str) {
    match of {
        PortUse::Free => (PortMapWord::Free, "#eceff1"),
        PortUse::InUse => (PortMapWord::InUse, "#56a5d8"),
        PortUse::TimeWait => (PortMapWord::TimeWait, "url(#hc-portmap-tw)"),
        PortUse::Reusable => (PortMapWord::Reusable, "url(#hc-portmap-reuse)"),
        PortUse::Bound => (PortMapWord::Bound, "#111111"),
        PortUse::Reserved => (PortMapWord::Reserved, "url(#hc-portmap-reserved)"),
    }
}

/// One half of the range: ports of one parity, row by row.
struct Band {
    first: u16,
    count: i32,
    top: i32,
    cell: i32,
    columns: i32,
}

impl Band {
    fn place(&self, port: Port) -> (i32, i32) {
        let index = (i32::from(port.0) - i32::from(self.first)) / 2;
        (LEFT + index % self.columns * self.cell, self.top + index / self.columns * self.cell)
    }
    fn holds(&self, port: Port) -> bool {
        port.0 & 1 == self.first & 1
    }
    fn height(&self) -> i32 {
        (self.count + self.columns - 1) / self.columns * self.cell
    }
    fn last(&self) -> i32 {
        i32::from(self.first) + 2 * (self.count - 1)
    }
}

/// Draws the map.
#[must_use]
pub fn port_map(picture: &PortMapPicture<'_>) -> String {
    let PortMapPicture { map, lang, .. } = *picture;
    let size = i32::try_from(map.uses.len()).unwrap_or(0);
    let halves = [(size + 1) / 2, size / 2];
    let cell = cell_size(halves[0]);
    let columns = (WIDTH - 2 * LEFT) / cell;
    let legend = legend(map, lang);
    let mut y = 84 + (legend.iter().map(|entry| entry.1).max().unwrap_or(0) + 1) * 22;
    let mut bands = Vec::new();
    for (count, parity) in halves.into_iter().zip([0_u16, 1]).filter(|(count, _)| *count > 0) {
        let band = Band { first: map.low.0.saturating_add(parity), count, top: y + 24, cell, columns };
        y = band.top + band.height() + 26;
        bands.push(band);
    }
    let caption = caption(map, lang);
    let lines = wrapped(&caption, 13, WIDTH - 60);
    let title = PortMapWord::Title.texts().text(lang);
    let height = y + 14 + i32::try_from(lines.len()).unwrap_or(0) * 19;
    let page = Page { scope: "hc-portmap", size: (WIDTH, height), title, description: &caption, style: STYLE, lang };
    let mut svg = Svg::new(&page);
    svg.raw(PATTERNS);
    svg.text((LEFT, 36), Anchor::Start, "hc-title", title);
    let at = picture.at.to_string();
    let sub = say!(lang, PortMapWord::Sub, picture.scenario, picture.host, map.destination, at);
    svg.text((LEFT, 56), Anchor::Start, "hc-sub", &sub);
    for (x, row, fill, text) in &legend {
        let y = 76 + row * 22;
        match fill {
            Some(fill) => {
                let square = format!("M{x} {y}h14v14h-14z");
                svg.path(&square, &format!("fill=\"{fill}\" stroke=\"#999\" stroke-width=\".5\""));
            }
            None => svg.path(&format!("M{x} {}h22", y + 7), "class=\"hc-way\""),
        }
        svg.text((x + if fill.is_some() { 20 } else { 28 }, y + 12), Anchor::Start, "hc-key", text);
    }
    for (index, band) in bands.iter().enumerate() {
        let word = if index == 0 { PortMapWord::Same.texts() } else { PortMapWord::Other.texts() };
        let second = (i32::from(band.first) + 2).min(band.last());
        let text = word.format(lang, &[&band.first, &second, &band.last()]);
        svg.text((LEFT, band.top - 8), Anchor::Start, "hc-band", &text);
        squares(&mut svg, map, band);
    }
    let probed: Vec<(&Band, Stretch)> =
        map.probed.iter().flat_map(|run| bands.iter().filter_map(|band| Some((band, stretch(band, *run)?)))).collect();
    for (band, stretch) in &probed {
        way(&mut svg, band, *stretch);
    }
    tags(&mut svg, map, &bands, lang);
    for (line, text) in (0..).zip(&lines) {
        svg.text((LEFT, y + 10 + line * 19), Anchor::Start, "hc-caption", text);
    }
    svg.finish()
}

/// The largest square with which half of the range fits.
fn cell_size(ports: i32) -> i32 {
    let fits = |cell: i32| {
        let columns = (WIDTH - 2 * LEFT) / cell;
        (ports + columns - 1) / columns * cell <= HALF
    };
    (SMALLEST..=LARGEST).rev().find(|&cell| fits(cell)).unwrap_or(SMALLEST)
}

/// x, row, fill (none for the way) and text of each kind there is.
fn legend(map: &PortMap, lang: Lang) -> Vec<(i32, i32, Option<&'static str>, String)> {
    let mut entries = Vec::new();
    let (mut x, mut row) = (LEFT, 0);
    let mut add = |fill: Option<&'static str>, text: String| {
        let width = 30 + text_width(&text, 12) + 20;
        if x + width > WIDTH - LEFT {
            (x, row) = (LEFT, row + 1);
        }
        entries.push((x, row, fill, text));
        x += width;
    };
    for of in PortUse::ALL {
        let count = count(map, of);
        if count > 0 {
            let (word, fill) = look(of);
            add(Some(fill), format!("{}: {}", word.texts().text(lang), grouped(count)));
        }
    }
    add(None, say!(lang, PortMapWord::Probe, grouped(map.inspected.total.into())));
    entries
}

fn count(map: &PortMap, of: PortUse) -> u64 {
    map.uses.iter().filter(|&&one| one == of).count() as u64
}

/// Runs of equal ports, row by row, one path for each kind.
fn squares(svg: &mut Svg, map: &PortMap, band: &Band) {
    let mut paths: Vec<String> = vec![String::new(); PortUse::ALL.len()];
    let uses: Vec<PortUse> = map.uses.iter().copied().skip(usize::from(band.first - map.low.0)).step_by(2).collect();
    let gap = i32::from(band.cell >= 5);
    let height = band.cell - gap;
    let columns = usize::try_from(band.columns).unwrap_or(1).max(1);
    for (row, ports) in (0..).zip(uses.chunks(columns)) {
        let y = band.top + row * band.cell;
        let mut x = LEFT;
        for run in ports.chunk_by(|a, b| gap == 0 && a == b) {
            let width = i32::try_from(run.len()).unwrap_or(0) * band.cell;
            let wide = width - gap;
            paths[run[0] as usize].push_str(&format!("M{x} {y}h{wide}v{height}h-{wide}z"));
            x += width;
        }
    }
    for (of, path) in PortUse::ALL.into_iter().zip(&paths).filter(|(_, path)| !path.is_empty()) {
        svg.path(path, &format!("fill=\"{}\"", look(of).1));
    }
    if band.cell >= ROOMY {
        for (index, of) in (0..).zip(&uses) {
            let port = Port(band.first + 2 * index);
            let (x, y) = band.place(port);
            let ink = if *of == PortUse::Bound { " fill=\"#fff\"" } else { "" };
            let half = band.cell / 2;
            svg.raw(&format!(
                "<text class=\"hc-number\" x=\"{}\" y=\"{}\" text-anchor=\"middle\"{ink}>{port}</text>\n",
                x + half,
                y + band.cell - 8
            ));
        }
    }
}

/// Consecutive squares of a band.
#[derive(Clone, Copy)]
struct Stretch {
    first: Port,
    last: Port,
}

/// The part of a run that lies in this half.
fn stretch(band: &Band, run: ProbedRun) -> Option<Stretch> {
    let (mut first, mut last) = (run.first, run.last());
    if run.step == 2 {
        return band.holds(first).then_some(Stretch { first, last });
    }
    // Steps of one touch both halves.
    if !band.holds(first) {
        first = Port(first.0.checked_add(1)?);
    }
    if !band.holds(last) {
        last = Port(last.0.checked_sub(1)?);
    }
    (first <= last).then_some(Stretch { first, last })
}

/// A line through the middle of the squares, row by row.
fn way(svg: &mut Svg, band: &Band, Stretch { first, last }: Stretch) {
    let half = band.cell / 2;
    let ((x0, y0), (x1, y1)) = (band.place(first), band.place(last));
    let right = LEFT + band.columns * band.cell;
    let level = if band.cell >= ROOMY { 14 } else { half };
    let mut data = String::new();
    let mut y = y0;
    while y <= y1 {
        let from = if y == y0 { x0 } else { LEFT };
        let to = if y == y1 { x1 + band.cell } else { right };
        data.push_str(&format!("M{} {}H{}", from + half.min(2), y + level, to - half.min(2)));
        y += band.cell;
    }
    svg.path(&data, "class=\"hc-way\"");
}

/// Where the way begins and where it ends.
fn tags(svg: &mut Svg, map: &PortMap, bands: &[Band], lang: Lang) {
    let start = map.probed.first().map(|run| (run.first, PortMapWord::Starts));
    let taken = map.taken.map(|port| (port, PortMapWord::Takes));
    let mut tags: Vec<Tag> = Vec::new();
    for (port, word) in [start, taken].into_iter().flatten() {
        let Some(band) = bands.iter().find(|band| band.holds(port)) else { continue };
        let (x, y) = band.place(port);
        let half = band.cell / 2;
        let level = if band.cell >= ROOMY { 14 } else { half };
        let (center, radius) = ((x + half, y + level), (half + 2).min(12));
        let text = word.texts().text(lang);
        match tags.first_mut() {
            Some(first) if first.port == port => first.text = format!("{}, {text}: {port}", first.word),
            // Too near for two labels, one over the other.
            Some(first) if first.is_near(center) => {
                first.text.push_str(&format!(" · {text}: {port}"));
                first.rings.push(center);
            }
            Some(_) | None => {
                tags.push(Tag { port, word: text, rings: vec![center], radius, text: format!("{text}: {port}") });
            }
        }
    }
    for Tag { rings, radius, text, .. } in tags {
        for (x, y) in &rings {
            let d = 2 * radius;
            let ring = format!("M{x} {y}m-{radius} 0a{radius} {radius} 0 1 0 {d} 0a{radius} {radius} 0 1 0 -{d} 0z");
            svg.path(&ring, "class=\"hc-ring\"");
        }
        let (Some(left), Some(right)) = (rings.iter().min(), rings.iter().max()) else { continue };
        let (x, y, anchor) = match left.0 > WIDTH / 2 {
            true => (left.0 - radius - 5, left.1, Anchor::End),
            false => (right.0 + radius + 5, right.1, Anchor::Start),
        };
        svg.text((x, y + 4), anchor, "hc-tag", &text);
    }
}

/// A label of one or two rings.
struct Tag {
    port: Port,
    word: &'static str,
    rings: Vec<(i32, i32)>,
    radius: i32,
    text: String,
}

impl Tag {
    /// Labels there and here would meet.
    fn is_near(&self, (x, y): (i32, i32)) -> bool {
        let room = text_width(&self.text, 12) + 2 * self.radius + 20;
        self.rings.iter().any(|ring| (ring.0 - x).abs() < 2 * room && (ring.1 - y).abs() < 16)
    }
}

fn caption(map: &PortMap, lang: Lang) -> String {
    let start = map.probed.first().map_or(map.low, |run| run.first);
    let inspected = grouped(map.inspected.total.into());
    let mut told = vec![match map.taken {
        Some(port) => say!(lang, PortMapWord::Found, start, inspected, grouped(map.uses.len() as u64), port),
        None => say!(lang, PortMapWord::Vain, start, inspected),
    }];
    let plain = |both: Both| both.text(lang).to_owned();
    if map.inspected.total == 1 {
        told.push(plain(PortMapWord::First.texts()));
    } else if map.taken.is_some() && u64::from(map.inspected.total) > map.uses.len() as u64 / 2 {
        told.push(plain(PortMapWord::PassesHalf.texts()));
    }
    let waiting = count(map, PortUse::TimeWait) + count(map, PortUse::Reusable);
    let blocked = count(map, PortUse::Bound) + count(map, PortUse::Reserved);
    let (used, free) = (count(map, PortUse::InUse), count(map, PortUse::Free));
    told.push(say!(lang, PortMapWord::Counts, grouped(used), grouped(waiting), grouped(blocked), grouped(free)));
    told.join(if lang == Lang::En { " " } else { "" })
}
