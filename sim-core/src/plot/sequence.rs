//! A connection as a sequence diagram: who sends what, and what state each end
//! is in because of it.

use super::svg::{Anchor, Page, Svg, wrapped};
use crate::observe::{Conversation, Event, Happening, Side, cause_text};
use crate::say;
use crate::tcp::{Cause, TcpState};
use crate::text::{Lang, Message, grouped};
use crate::time::{Duration, Instant};
use crate::trace::DropReason;
use crate::units::FourTuple;
use crate::wire::Flags;

crate::messages! {
    /// The words of the picture.
    pub enum SequenceWord {
        Title { en: "One connection, packet by packet", zh: "一个连接，逐个报文" }
        Time { en: "time [s]", zh: "时间 [s]" }
        NotToScale { en: "time is not to scale", zh: "时间不按比例" }
        Bytes { en: "{0} byte{0:|s}", zh: "{0} 字节" }
        LeftOut { en: "… {0} step{0:|s} left out …", zh: "……略去 {0} 步……" }
        Silence { en: "{0} s of silence", zh: "{0} 秒内没有任何报文" }
        Lost { en: "lost: {0}", zh: "丢失：{0}" }
        NeverArrived { en: "still on its way", zh: "还在路上" }
        EndOfRun { en: "end of the run", zh: "运行结束" }
        LossLink { en: "the link lost it", zh: "链路丢包" }
        LossPartition { en: "partition", zh: "网络分区" }
        LossRule { en: "dropped by a rule", zh: "被规则丢弃" }
        LossReject { en: "rejected by a rule", zh: "被规则拒绝" }
        LossNoRoute { en: "no such host", zh: "没有该主机" }
        LossAccept { en: "accept queue full", zh: "全连接队列已满" }
        LossRequest { en: "request queue full", zh: "半连接队列已满" }
        Count { en: "{0} segment{0:|s}, {1} of them lost.", zh: "共 {0} 个报文段，其中 {1} 个丢失。" }
        CountAll { en: "{0} segment{0:|s}.", zh: "共 {0} 个报文段。" }
        AtLeast { en: "{0} step{0:|s}, of which the picture leaves out {1}.", zh: "共 {0} 步，图中略去 {1} 步。" }
        EndStates { en: "At the end {0} is in {1}, {2} in {3}.", zh: "结束时 {0} 处于 {1}，{2} 处于 {3}。" }
        CloseWait {
            en: "No timer ends CLOSE-WAIT: only the client's own close() does, and it does not come.",
            zh: "没有任何定时器会结束 CLOSE-WAIT：只有客户端自己的 close() 才行，而它没有来。"
        }
        LongestSilence { en: "The longest silence lasts {0} s.", zh: "最长的沉默持续 {0} 秒。" }
    }
}

/// What to draw.
#[derive(Clone, Copy, Debug)]
pub struct SequencePicture<'a> {
    /// The connection.
    pub conversation: &'a Conversation,
    /// Hosts by id.
    pub hosts: &'a [String],
    /// Name of the scenario.
    pub scenario: &'a str,
    /// When the run stood still.
    pub now: Instant,
    /// Language of the words around the names.
    pub lang: Lang,
}

const WIDTH: i32 = 1_120;
const CLIENT: i32 = 420;
const SERVER: i32 = 800;
/// Height of a segment, a change of state, a gap.
const SEGMENT: i32 = 36;
const STATE: i32 = 34;
const GAP: i32 = 30;
/// How far an arrow sinks on its way.
const SLANT: i32 = 14;
const TOP: i32 = 118;
/// A pause that is drawn as one.
const SILENCE: Duration = Duration::from_millis(500);

const STYLE: &str = "\
& text.hc-title{font-size:20px;font-weight:bold}& text.hc-sub{font-size:13px;fill:#444}\
& text.hc-end{font-size:14px;font-weight:bold}& text.hc-time{fill:#555}& text.hc-caption{font-size:13px}\
& text.hc-change{font-weight:bold}& text.hc-cause{fill:#555;font-style:italic}\
& text.hc-segment{font-weight:bold}& text.hc-numbers{fill:#555;font-size:11px}\
& text.hc-gap{fill:#555;font-style:italic}& text.hc-lost{fill:#b34700;font-weight:bold}\
& .hc-life{fill:none;stroke-width:6;stroke-linecap:butt}& .hc-arrow{fill:none;stroke:#111;stroke-width:1.5}\
& .hc-drop{fill:none;stroke:#b34700;stroke-width:1.5;stroke-dasharray:5 4}\
& .hc-halo{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}";

/// Draws the diagram.
#[must_use]
pub fn sequence(picture: &SequencePicture<'_>) -> String {
    let SequencePicture { conversation, lang, .. } = *picture;
    let caption = caption(picture);
    let lines = wrapped(&caption, 13, WIDTH - 60);
    let mut drawing = Drawing { picture, body: Svg::part(), y: TOP, last: None, lives: [Life::new(), Life::new()] };
    for event in &conversation.head {
        drawing.event(event);
    }
    if conversation.left_out > 0 {
        drawing.gap(&say!(lang, SequenceWord::LeftOut, grouped(conversation.left_out)));
    }
    for event in &conversation.tail {
        drawing.event(event);
    }
    drawing.end();
    let Drawing { body, y, .. } = drawing;
    let height = y + 34 + i32::try_from(lines.len()).unwrap_or(0) * 19 + 8;
    let title = SequenceWord::Title.texts().text(lang);
    let mut svg = Svg::new(&Page {
        scope: "hc-sequence",
        size: (WIDTH, height),
        title,
        description: &caption,
        style: STYLE,
        lang,
    });
    svg.raw(
        "<defs><marker id=\"hc-sequence-head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"9\" \
         markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0 L10 5 L0 10 z\" \
         fill=\"#111\"/></marker></defs>\n",
    );
    svg.text((30, 36), Anchor::Start, "hc-title", title);
    let not_to_scale = SequenceWord::NotToScale.texts().text(lang);
    svg.text((30, 56), Anchor::Start, "hc-sub", &format!("{} · {not_to_scale}", picture.scenario));
    svg.text((30, 96), Anchor::Start, "hc-time", SequenceWord::Time.texts().text(lang));
    for (x, side) in [(CLIENT, Side::Client), (SERVER, Side::Server)] {
        let end = match side {
            Side::Client => conversation.tuple.local,
            Side::Server => conversation.tuple.remote,
        };
        svg.text((x, 84), Anchor::Middle, "hc-end", picture.host(side));
        svg.text((x, 102), Anchor::Middle, "hc-time", &end.to_string());
    }
    svg.raw(&body.into_part());
    for (line, text) in (0..).zip(&lines) {
        svg.text((30, y + 34 + line * 19), Anchor::Start, "hc-caption", text);
    }
    svg.finish()
}

impl SequencePicture<'_> {
    fn host(&self, side: Side) -> &str {
        let id = match side {
            Side::Client => Some(self.conversation.client),
            Side::Server => self.conversation.server,
        };
        id.and_then(|id| self.hosts.get(id.index())).map_or("?", String::as_str)
    }

    fn events(&self) -> impl Iterator<Item = &Event> {
        self.conversation.head.iter().chain(&self.conversation.tail)
    }
}

/// A lifeline: where its present state began.
struct Life {
    since: i32,
    state: Option<TcpState>,
}

impl Life {
    const fn new() -> Self {
        Self { since: TOP, state: None }
    }
}

struct Drawing<'a> {
    picture: &'a SequencePicture<'a>,
    body: Svg,
    y: i32,
    /// When the last step was.
    last: Option<Instant>,
    lives: [Life; 2],
}

const fn x_of(side: Side) -> i32 {
    match side {
        Side::Client => CLIENT,
        Side::Server => SERVER,
    }
}

impl Drawing<'_> {
    fn event(&mut self, event: &Event) {
        if let Some(last) = self.last
            && event.at.since(last) >= SILENCE
        {
            let lasted = event.at.since(last).decimal(1_000_000_000, 3);
            self.gap(&say!(self.picture.lang, SequenceWord::Silence, lasted));
        }
        self.last = Some(event.at);
        self.body.text((30, self.y + 12), Anchor::Start, "hc-time", &event.at.to_string());
        match &event.what {
            Happening::State { side, from, to, cause } => self.change(*side, [*from, *to], *cause),
            Happening::Segment { .. } => self.segment(&event.what),
        }
    }

    fn change(&mut self, side: Side, [from, to]: [TcpState; 2], cause: Cause) {
        self.close_life(side);
        let before = self.lives[side as usize].state;
        // What was there before the picture began: a minisock of the connection before, say.
        let unknown = before.is_none() && !matches!(from, TcpState::Closed | TcpState::Listen);
        self.lives[side as usize] = Life { since: self.y, state: Some(to) };
        let cause = cause_text(cause).format(self.picture.lang, &[]);
        let x = x_of(side);
        let (x, anchor) = match side {
            Side::Client => (x - 14, Anchor::End),
            Side::Server => (x + 14, Anchor::Start),
        };
        let text = if unknown { format!("{from} → {to}") } else { to.to_string() };
        self.body.text((x, self.y + 12), anchor, "hc-change", &text);
        self.body.text((x, self.y + 27), anchor, "hc-cause", &cause);
        self.y += STATE;
    }

    /// Draws the lifeline down to here in the colour of its state.
    fn close_life(&mut self, side: Side) {
        let life = &self.lives[side as usize];
        let (x, since, until) = (x_of(side), life.since, self.y);
        let (color, dash) = match life.state {
            None => ("#cccccc", " stroke-dasharray=\"2 4\""),
            Some(state) => (color_of(state), ""),
        };
        if until > since {
            self.body.path(&format!("M{x} {since}V{until}"), &format!("class=\"hc-life\" stroke=\"{color}\"{dash}"));
        }
        self.lives[side as usize].since = until;
    }

    fn segment(&mut self, what: &Happening) {
        let Happening::Segment { from, arrived, flags, seq, ack, len, content, code, dropped } = what else { return };
        let lang = self.picture.lang;
        let to = if *from == Side::Client { Side::Server } else { Side::Client };
        let middle = i32::midpoint(CLIENT, SERVER);
        let mut label = flag_names(*flags);
        if *len > 0 {
            label.push_str(&format!(" · {}", say!(lang, SequenceWord::Bytes, len)));
        }
        if let Some(content) = content {
            label.push_str(&format!(" · {content}"));
        }
        if let Some(code) = code {
            label.push_str(&format!(" {code}"));
        }
        let numbers = numbers(*flags, *seq, *ack, *len);
        let (y, start) = (self.y + 18, x_of(*from));
        let inward = if *from == Side::Client { 1 } else { -1 };
        let (start, end) = (start + 4 * inward, x_of(to) - 4 * inward);
        if arrived.is_some() && dropped.is_none() {
            let class = "class=\"hc-arrow\" marker-end=\"url(#hc-sequence-head)\"";
            self.body.path(&format!("M{start} {y}L{end} {}", y + SLANT), class);
        } else {
            let stop = middle + 60 * inward;
            self.body.path(&format!("M{start} {y}L{stop} {}", y + SLANT / 2), "class=\"hc-drop\"");
            let why = match dropped {
                Some(reason) => say!(lang, SequenceWord::Lost, dropped_text(*reason).texts().text(lang)),
                None => SequenceWord::NeverArrived.texts().text(lang).to_owned(),
            };
            let anchor = if *from == Side::Client { Anchor::Start } else { Anchor::End };
            self.body.text((stop + 8 * inward, y + SLANT / 2 + 4), anchor, "hc-lost hc-halo", &format!("✗ {why}"));
        }
        self.body.text((middle, self.y + 13), Anchor::Middle, "hc-segment hc-halo", &label);
        if dropped.is_none() {
            self.body.text((middle, self.y + 39), Anchor::Middle, "hc-numbers hc-halo", &numbers);
        }
        self.y += SEGMENT + 8;
    }

    fn gap(&mut self, text: &str) {
        self.close_life(Side::Client);
        self.close_life(Side::Server);
        // A break in both lifelines.
        let middle = i32::midpoint(CLIENT, SERVER);
        self.body.text((middle, self.y + 19), Anchor::Middle, "hc-gap", text);
        for side in [Side::Client, Side::Server] {
            let (x, y) = (x_of(side), self.y);
            let color = self.lives[side as usize].state.map_or("#cccccc", color_of);
            let life = format!("class=\"hc-life\" stroke=\"{color}\" stroke-dasharray=\"3 4\"");
            self.body.path(&format!("M{x} {y}V{}", y + GAP), &life);
            self.lives[side as usize].since = y + GAP;
        }
        self.y += GAP;
    }

    /// The lifelines go on to the end of the run.
    fn end(&mut self) {
        let now = self.picture.now;
        if let Some(last) = self.last
            && now.since(last) >= SILENCE
        {
            let lasted = now.since(last).decimal(1_000_000_000, 3);
            self.gap(&say!(self.picture.lang, SequenceWord::Silence, lasted));
        }
        self.body.text((30, self.y + 12), Anchor::Start, "hc-time", &now.to_string());
        let told = SequenceWord::EndOfRun.texts().text(self.picture.lang);
        self.body.text((i32::midpoint(CLIENT, SERVER), self.y + 12), Anchor::Middle, "hc-gap", told);
        self.y += 16;
        for side in [Side::Client, Side::Server] {
            self.close_life(side);
            if let Some(state) = self.lives[side as usize].state {
                let x = x_of(side);
                let (x, anchor) = match side {
                    Side::Client => (x - 14, Anchor::End),
                    Side::Server => (x + 14, Anchor::Start),
                };
                self.body.text((x, self.y - 4), anchor, "hc-change", state.rfc_name());
            }
        }
    }
}

/// As in the charts of states.
const fn color_of(state: TcpState) -> &'static str {
    match state {
        TcpState::Established => "#0072b2",
        TcpState::CloseWait => "#d55e00",
        TcpState::TimeWait => "#009e73",
        TcpState::FinWait2 => "#56b4e9",
        TcpState::SynSent | TcpState::LastAck => "#e69f00",
        TcpState::SynReceived | TcpState::Closing => "#cc79a7",
        TcpState::FinWait1 => "#806040",
        TcpState::Closed | TcpState::Listen => "#cccccc",
    }
}

fn flag_names(flags: Flags) -> String {
    let all = [
        (Flags::SYN, "SYN"),
        (Flags::FIN, "FIN"),
        (Flags::RST, "RST"),
        (Flags::PSH, "PSH"),
        (Flags::ACK, "ACK"),
        (Flags::URG, "URG"),
    ];
    let set: Vec<&str> = all.iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, name)| *name).collect();
    set.join(",")
}

/// As tcpdump counts: relative, a range where there is data.
fn numbers(flags: Flags, seq: u32, ack: u32, len: u32) -> String {
    let seq = if len > 0 { format!("seq {seq}:{}", seq.wrapping_add(len)) } else { format!("seq {seq}") };
    if flags.ack() { format!("{seq}, ack {ack}") } else { seq }
}

const fn dropped_text(reason: DropReason) -> SequenceWord {
    match reason {
        DropReason::Loss => SequenceWord::LossLink,
        DropReason::Partition => SequenceWord::LossPartition,
        DropReason::Rule => SequenceWord::LossRule,
        DropReason::Reject => SequenceWord::LossReject,
        DropReason::NoRoute => SequenceWord::LossNoRoute,
        DropReason::AcceptQueueFull => SequenceWord::LossAccept,
        DropReason::RequestQueueFull => SequenceWord::LossRequest,
    }
}

fn caption(picture: &SequencePicture<'_>) -> String {
    let SequencePicture { conversation, lang, now, .. } = *picture;
    let segments = picture.events().filter(|event| matches!(event.what, Happening::Segment { .. })).count();
    let lost =
        picture.events().filter(|event| matches!(event.what, Happening::Segment { dropped: Some(_), .. })).count();
    let mut told = vec![match (conversation.left_out, lost) {
        (0, 0) => say!(lang, SequenceWord::CountAll, segments),
        (0, lost) => say!(lang, SequenceWord::Count, segments, lost),
        (left_out, _) => say!(lang, SequenceWord::AtLeast, grouped(conversation.len()), grouped(left_out)),
    }];
    let times: Vec<Instant> = picture.events().map(|event| event.at).chain([now]).collect();
    if conversation.left_out == 0 {
        let longest = times.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap_or(Duration::ZERO);
        if longest >= SILENCE {
            told.push(say!(lang, SequenceWord::LongestSilence, longest.decimal(1_000_000_000, 3)));
        }
    }
    let (ours, theirs) = (conversation.client_state, conversation.server_state);
    let FourTuple { local, remote } = conversation.tuple;
    told.push(say!(lang, SequenceWord::EndStates, local, ours, remote, theirs));
    if ours == TcpState::CloseWait {
        told.push(say!(lang, SequenceWord::CloseWait));
    }
    told.join(if lang == Lang::En { " " } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_named_as_tools_do() {
        assert_eq!(flag_names(Flags::SYN.with(Flags::ACK)), "SYN,ACK");
        assert_eq!(numbers(Flags::ACK.with(Flags::PSH), 1, 1, 77), "seq 1:78, ack 1");
        assert_eq!(numbers(Flags::SYN, 0, 0, 0), "seq 0");
    }
}
