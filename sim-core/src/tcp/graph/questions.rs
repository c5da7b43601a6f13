//! Questions the graph answers: what can last for ever, the shortest way, what
//! a run never did.

use super::{TRANSITIONS, Transition, Visits};
use crate::say;
use crate::tcp::state::TcpState;
use crate::text::{Both, Lang};

/// How long a socket may stay in a state if nobody does anything about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wait {
    /// The state.
    pub state: TcpState,
    /// Under this condition.
    pub when: Both,
    /// What ends it without application or peer, by the names of sysctls, socket
    /// options or constants; `None`: it lasts for ever.
    pub timer: Option<&'static str>,
    /// Who can end it otherwise, or how long the timer runs by default.
    pub note: Both,
}

macro_rules! waits {
    ($($state:ident $en:literal $zh:literal, $timer:expr, $note_en:literal $note_zh:literal;)*) => {
        /// Every state but CLOSED, under each condition that matters, with the
        /// defaults of Linux 6.18. The tests of `tests/rfc9293` wait for each.
        pub const WAITS: &[Wait] = &[$(Wait {
            state: TcpState::$state,
            when: Both { en: $en, zh: $zh },
            timer: $timer,
            note: Both { en: $note_en, zh: $note_zh },
        },)*];
    };
}

waits! {
    Listen "always" "总是", None, "its application closes it" "由应用程序关闭";
    SynSent "always" "总是", Some("tcp_syn_retries, tcp_syn_linear_timeouts"), "131 s; 127 s before Linux 6.5" "131 秒；Linux 6.5 之前为 127 秒";
    SynReceived "a request of a listener" "监听套接字的请求", Some("tcp_synack_retries"), "63 s" "63 秒";
    SynReceived "after a crossed open" "交叉打开之后", Some("tcp_syn_retries"), "127 s after the SYN" "SYN 之后 127 秒";
    Established "nothing to send, no SO_KEEPALIVE" "没有待发送数据，未设 SO_KEEPALIVE", None, "application or peer" "由应用程序或对端结束";
    Established "nothing to send, SO_KEEPALIVE, the peer is gone" "没有待发送数据，设了 SO_KEEPALIVE，对端已消失", Some("tcp_keepalive_time, tcp_keepalive_intvl, tcp_keepalive_probes"), "2 h 11 min" "2 小时 11 分钟";
    Established "unacknowledged data, the peer is gone" "有未确认数据，对端已消失", Some("tcp_retries2, TCP_USER_TIMEOUT"), "15 to 16 min" "15 至 16 分钟";
    Established "the peer answers, its window stays shut" "对端有应答，但窗口一直关闭", None, "the peer opens its window, or TCP_USER_TIMEOUT" "由对端打开窗口，或 TCP_USER_TIMEOUT";
    FinWait1 "closed (an orphan), the peer is gone" "已 close()（孤儿），对端已消失", Some("tcp_orphan_retries"), "about 100 s" "约 100 秒";
    FinWait1 "shutdown(), the peer is gone" "已 shutdown()，对端已消失", Some("tcp_retries2, TCP_USER_TIMEOUT"), "15 to 16 min" "15 至 16 分钟";
    FinWait2 "closed (an orphan)" "已 close()（孤儿）", Some("tcp_fin_timeout, TCP_LINGER2"), "60 s" "60 秒";
    FinWait2 "shutdown(), the descriptor is open" "已 shutdown()，描述符仍打开", None, "the peer closes, or the application does" "由对端或应用程序关闭";
    FinWait2 "the same with SO_KEEPALIVE, the peer is gone" "同上，设了 SO_KEEPALIVE，对端已消失", Some("tcp_keepalive_time, tcp_keepalive_intvl, tcp_keepalive_probes"), "2 h 11 min" "2 小时 11 分钟";
    CloseWait "nothing to send, no SO_KEEPALIVE" "没有待发送数据，未设 SO_KEEPALIVE", None, "nobody but the application that holds the descriptor" "只有持有描述符的应用程序能结束它";
    CloseWait "nothing to send, SO_KEEPALIVE, the peer is gone" "没有待发送数据，设了 SO_KEEPALIVE，对端已消失", Some("tcp_keepalive_time, tcp_keepalive_intvl, tcp_keepalive_probes"), "2 h 11 min, or the peer's RST to the first probe" "2 小时 11 分钟，或对端对首个探测的 RST";
    CloseWait "unacknowledged data, the peer is gone" "有未确认数据，对端已消失", Some("tcp_retries2, TCP_USER_TIMEOUT"), "15 to 16 min" "15 至 16 分钟";
    Closing "closed (an orphan), the peer is gone" "已 close()（孤儿），对端已消失", Some("tcp_orphan_retries"), "about 100 s" "约 100 秒";
    LastAck "closed (an orphan), the peer is gone" "已 close()（孤儿），对端已消失", Some("tcp_orphan_retries"), "about 100 s" "约 100 秒";
    TimeWait "always" "总是", Some("TCP_TIMEWAIT_LEN"), "60 s, not a setting" "60 秒，不可设置";
}

crate::messages! {
    /// What the answers say.
    pub enum GraphMsg {
        ForEver { en: "for ever", zh: "永远" }
        LastsHead { en: "States that nothing ends by itself:", zh: "不会自行结束的状态：" }
        EndsHead { en: "States that a timer ends:", zh: "由定时器结束的状态：" }
        Same { en: "It is {0} already.", zh: "本来就是 {0}。" }
        NoWay { en: "No way leads from {0} to {1}.", zh: "从 {0} 到 {1} 没有路径。" }
        Way { en: "From {0} to {1}, the shortest way ({2}):", zh: "从 {0} 到 {1} 的最短路径（{2}）：" }
        Step { en: "1 step", zh: "1 步" }
        Steps { en: "{0} step{0:|s}", zh: "{0} 步" }
        NeverHead { en: "{0} of {1} edges were never taken:", zh: "{1} 条边中有 {0} 条从未走过：" }
        NeverNone { en: "Every edge was taken.", zh: "每条边都走过。" }
        NowHead { en: "Sockets at the end:", zh: "结束时的套接字：" }
    }
}

/// Which states can last for ever, and what ends the others.
#[must_use]
pub fn forever(lang: Lang) -> String {
    let mut out = String::new();
    for (head, endless) in [(GraphMsg::LastsHead, true), (GraphMsg::EndsHead, false)] {
        out.push_str(&format!("{}\n", head.texts().text(lang)));
        for wait in WAITS.iter().filter(|wait| wait.timer.is_none() == endless) {
            out.push_str(&format!("  {:<13}{}\n", wait.state.rfc_name(), wait.when.text(lang)));
            let note = wait.note.text(lang);
            let line = match wait.timer {
                Some(timer) => format!("{timer}: {note}"),
                None => format!("{}: {note}", say!(lang, GraphMsg::ForEver)),
            };
            out.push_str(&format!("{:15}{line}\n", ""));
        }
        if endless {
            out.push('\n');
        }
    }
    out
}

/// The shortest way from one state to another, as rows of the table; of several
/// equally short ones the first in the table's order. Empty if they are the
/// same, `None` if there is none.
#[must_use]
pub fn path(from: TcpState, to: TcpState) -> Option<Vec<&'static Transition>> {
    let mut by: [Option<&'static Transition>; 11] = [None; 11];
    let mut queue = std::collections::VecDeque::from([from]);
    while let Some(state) = queue.pop_front() {
        if state == to {
            break;
        }
        for edge in TRANSITIONS.iter().filter(|edge| edge.from == state) {
            if edge.to != from && by[edge.to as usize].is_none() {
                by[edge.to as usize] = Some(edge);
                queue.push_back(edge.to);
            }
        }
    }
    let (mut way, mut at) = (Vec::new(), to);
    while at != from {
        let edge = by[at as usize]?;
        way.push(edge);
        at = edge.from;
    }
    way.reverse();
    Some(way)
}

/// [`path`] in words: one line a step.
#[must_use]
pub fn path_text(from: TcpState, to: TcpState, lang: Lang) -> String {
    let Some(way) = path(from, to) else { return format!("{}\n", say!(lang, GraphMsg::NoWay, from, to)) };
    if way.is_empty() {
        return format!("{}\n", say!(lang, GraphMsg::Same, from));
    }
    let steps = if way.len() == 1 { say!(lang, GraphMsg::Step) } else { say!(lang, GraphMsg::Steps, way.len()) };
    let mut out = format!("{}\n  {from}\n", say!(lang, GraphMsg::Way, from, to, steps));
    for edge in way {
        out.push_str(&format!("    {}\n  {}\n", step_text(edge, lang), edge.to));
    }
    out
}

/// `event / action`, as RFC 9293's figure writes it above and below a line.
pub(super) fn step_text(edge: &Transition, lang: Lang) -> String {
    let (event, action) = (edge.event.text(lang), edge.action.text(lang));
    if action.is_empty() { event.to_owned() } else { format!("{event} / {action}") }
}

/// Which edges a run never took, and where its sockets were at its end.
#[must_use]
pub fn never(visits: &Visits, lang: Lang) -> String {
    let never: Vec<&Transition> =
        TRANSITIONS.iter().enumerate().filter(|(row, _)| visits.of(*row) == 0).map(|(_, edge)| edge).collect();
    let mut out = if never.is_empty() {
        format!("{}\n", say!(lang, GraphMsg::NeverNone))
    } else {
        format!("{}\n", say!(lang, GraphMsg::NeverHead, never.len(), TRANSITIONS.len()))
    };
    for edge in never {
        let ends = format!("{} -> {}", edge.from, edge.to);
        out.push_str(&format!("  {ends:<28}{}\n", step_text(edge, lang)));
    }
    out.push_str(&format!("\n{}\n", say!(lang, GraphMsg::NowHead)));
    for state in TcpState::ALL.into_iter().filter(|&state| visits.now(state) > 0) {
        out.push_str(&format!("  {:<13}{:>8}\n", state.rfc_name(), visits.now(state)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::state::Cause;

    fn ends_by_timer(state: TcpState) -> bool {
        let timed = |edge: &&Transition| {
            edge.from == state && edge.causes.iter().any(|c| matches!(c, Cause::TimedOut | Cause::TimerExpired))
        };
        TRANSITIONS.iter().any(|edge| timed(&edge))
    }

    #[test]
    fn waits_and_table_agree() {
        for state in TcpState::ALL.into_iter().filter(|&state| state != Closed) {
            let mut waits = WAITS.iter().filter(|wait| wait.state == state).peekable();
            assert!(waits.peek().is_some(), "{state} has no entry");
            assert_eq!(waits.any(|wait| wait.timer.is_some()), ends_by_timer(state), "{state}");
        }
    }

    #[test]
    fn the_famous_one_lasts_for_ever() {
        let endless: Vec<TcpState> = WAITS.iter().filter(|w| w.timer.is_none()).map(|w| w.state).collect();
        use TcpState::{CloseWait, Established, FinWait2, Listen};
        assert_eq!(endless, [Listen, Established, Established, FinWait2, CloseWait]);
        assert!(forever(Lang::En).contains("nobody but the application"));
        assert!(forever(Lang::Zh).contains("只有持有描述符的应用程序"));
    }

    #[test]
    fn ways_are_shortest() {
        let states = |from, to| -> Vec<TcpState> { path(from, to).unwrap().iter().map(|edge| edge.to).collect() };
        use TcpState::{CloseWait, Closed, Established, FinWait1, FinWait2, Listen, SynReceived, SynSent, TimeWait};
        assert_eq!(states(Closed, CloseWait), [SynSent, Established, CloseWait]);
        assert_eq!(states(Established, TimeWait), [FinWait1, FinWait2, TimeWait]);
        assert_eq!(states(TimeWait, SynReceived), [Closed, SynSent, SynReceived]);
        assert_eq!(states(Listen, Listen), []);
        // From everywhere to everywhere, and no step is left out.
        for from in TcpState::ALL {
            for to in TcpState::ALL {
                let way = path(from, to).unwrap_or_else(|| panic!("{from} to {to}"));
                assert!(way.windows(2).all(|pair| pair[0].to == pair[1].from));
                assert!(way.first().is_none_or(|edge| edge.from == from) && way.last().is_none_or(|e| e.to == to));
                assert!(way.len() <= 7, "{from} to {to}: {} steps", way.len());
            }
        }
    }

    #[test]
    fn a_way_is_told_with_its_events() {
        let text = path_text(Closed, CloseWait, Lang::En);
        assert_eq!(
            text,
            "From CLOSED to CLOSE-WAIT, the shortest way (3 steps):\n  CLOSED\n    connect() / send SYN\n  SYN-SENT\n    \
             SYN,ACK of our SYN / send ACK\n  ESTABLISHED\n    FIN / send ACK\n  CLOSE-WAIT\n"
        );
        assert!(path_text(Closed, CloseWait, Lang::Zh).contains("最短路径（3 步）"));
        assert_eq!(path_text(Closed, Closed, Lang::En), "It is CLOSED already.\n");
    }

    use TcpState::{CloseWait, Closed};

    #[test]
    fn what_a_run_never_did() {
        let mut visits = Visits::default();
        visits.count(Closed, TcpState::Listen, Cause::PassiveOpen);
        visits.add_sockets(&[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let text = never(&visits, Lang::En);
        assert!(text.starts_with(&format!("{} of {} edges", TRANSITIONS.len() - 1, TRANSITIONS.len())), "{text}");
        assert!(!text.contains("CLOSED -> LISTEN") && text.contains("CLOSED -> SYN-SENT"), "{text}");
        assert!(text.ends_with("LISTEN              1\n"), "{text}");
    }
}
