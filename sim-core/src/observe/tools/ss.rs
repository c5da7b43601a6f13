//! `ss` (iproute2 `misc/ss.c`; rows from `sock_diag`: UDP before TCP, IPv4 before IPv6).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::services;
use super::ss_buffer::{Align, Column, Table};
use crate::observe::view::{HostView, NetFamily, SocketTimer, SocketView, Transport};
use crate::tcp::TcpState;
use crate::tcp::tcb::TimerKind;
use crate::units::{Endpoint, Ipv4Addr, Pid, Port};

/// All TCP sockets with owner and timer (`ss -tanpo`), widths as when written to a pipe.
#[must_use]
pub fn ss(host: &HostView) -> String {
    let all = SsOptions { states: States::ALL, processes: true, timers: true, numeric: true, ..SsOptions::tcp() };
    ss_with(host, &all)
}

/// A set of states: bits by discriminant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct States(u16);

impl States {
    /// None.
    pub const NONE: Self = Self(0);
    /// `-a`: every state.
    pub const ALL: Self = Self((1 << TcpState::ALL.len()) - 1);
    /// `-l`: listening, and UDP without a peer.
    pub const LISTENING: Self = Self::NONE.with(TcpState::Listen).with(TcpState::Closed);
    /// Without `-a` and `-l` (`SS_CONN`): neither of those, nor requests and TIME_WAIT.
    pub const CONNECTED: Self = Self::ALL.without(Self::LISTENING.with(TcpState::TimeWait).with(TcpState::SynReceived));

    /// With one more state.
    #[must_use]
    pub const fn with(self, state: TcpState) -> Self {
        Self(self.0 | 1 << state as u16)
    }
    /// With the states of another set.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Without the states of another set.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
    /// True if the state is in it.
    #[must_use]
    pub const fn has(self, state: TcpState) -> bool {
        self.0 & 1 << state as u16 != 0
    }
    /// How many there are.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }
    /// True for the empty set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Which end a condition is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// `src`, `sport`.
    Source,
    /// `dst`, `dport`.
    Destination,
}

/// A condition of `ss` on addresses and ports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SsFilter {
    /// Everything passes.
    All,
    /// Address prefix, and port if given.
    End(Side, Option<(Ipv4Addr, u32)>, Option<u16>),
    /// The port is at least this.
    PortFrom(Side, u16),
    /// The port is at most this.
    PortTo(Side, u16),
    /// `not`.
    Not(Box<Self>),
    /// `and`, or nothing between.
    And(Box<Self>, Box<Self>),
    /// `or`.
    Or(Box<Self>, Box<Self>),
}

impl SsFilter {
    fn passes(&self, socket: &SocketView) -> bool {
        let end = |side| match side {
            Side::Source => socket.local,
            Side::Destination => socket.remote,
        };
        match self {
            Self::All => true,
            Self::End(side, prefix, port) => {
                let end = end(*side);
                let covered = |(net, len): (Ipv4Addr, u32)| {
                    len == 0 || (u32::from(end.addr()) ^ u32::from(net)).checked_shr(32 - len.min(32)) == Some(0)
                };
                prefix.is_none_or(covered) && port.is_none_or(|port| end.port().0 == port)
            }
            Self::PortFrom(side, port) => end(*side).port().0 >= *port,
            Self::PortTo(side, port) => end(*side).port().0 <= *port,
            Self::Not(inner) => !inner.passes(socket),
            Self::And(a, b) => a.passes(socket) && b.passes(socket),
            Self::Or(a, b) => a.passes(socket) || b.passes(socket),
        }
    }
}

/// What `ss` is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SsOptions {
    /// `-t`.
    pub tcp: bool,
    /// `-u`.
    pub udp: bool,
    /// `-4`, `-6`; both without either.
    pub families: [bool; 2],
    /// Which states are shown.
    pub states: States,
    /// `-p`.
    pub processes: bool,
    /// `-o`.
    pub timers: bool,
    /// `-e`.
    pub extended: bool,
    /// `-n`.
    pub numeric: bool,
    /// Not `-H`.
    pub headings: bool,
    /// What follows the options.
    pub filter: SsFilter,
}

impl SsOptions {
    /// `ss -t`.
    #[must_use]
    pub const fn tcp() -> Self {
        Self {
            tcp: true,
            udp: false,
            families: [true; 2],
            states: States::CONNECTED,
            processes: false,
            timers: false,
            extended: false,
            numeric: false,
            headings: true,
            filter: SsFilter::All,
        }
    }
}

/// `ss` with any of these options.
#[must_use]
pub fn ss_with(host: &HostView, options: &SsOptions) -> String {
    let names: BTreeMap<Pid, &str> = host.processes.iter().map(|p| (p.pid, p.name.as_str())).collect();
    let column = |heading, delimiter, align| Column { heading, delimiter, align };
    let mut columns = Vec::new();
    if options.tcp && options.udp {
        columns.push(column("Netid", " ", Align::Left));
    }
    if options.states.len() != 1 {
        columns.push(column("State", " ", Align::Left));
    }
    columns.extend([
        column("Recv-Q", " ", Align::Left),
        column("Send-Q", " ", Align::Left),
        column("Local Address:", " ", Align::Right),
        column("Port", "", Align::Left),
        column("Peer Address:", " ", Align::Right),
        column("Port", "", Align::Left),
        column("Process", "", Align::Left),
    ]);
    let mut table = Table::new(columns, options.headings);
    let mut shown = 0;
    // One dump per protocol and family; each walks the listening hash before the established one.
    for (transport, wanted) in [(Transport::Udp, options.udp), (Transport::Tcp, options.tcp)] {
        for (family, of_family) in [NetFamily::V4, NetFamily::V6].into_iter().zip(options.families) {
            for listening in [true, false] {
                for socket in &host.sockets {
                    if wanted
                        && of_family
                        && socket.transport == transport
                        && socket.family == family
                        && (socket.state == TcpState::Listen) == listening
                        && options.states.has(socket.state)
                        && options.filter.passes(socket)
                    {
                        shown += 1;
                        table.row(fields(host, socket, shown, &names, options));
                    }
                }
            }
        }
    }
    table.finish()
}

fn fields(
    host: &HostView,
    socket: &SocketView,
    number: u32,
    names: &BTreeMap<Pid, &str>,
    options: &SsOptions,
) -> Vec<String> {
    let mut process = String::new();
    if let (true, Some(owner)) = (options.processes, socket.owner) {
        let name = names.get(&owner.pid).copied().unwrap_or("");
        let _ = write!(process, " users:((\"{name}\",pid={},fd={}))", owner.pid, owner.fd);
    }
    if let (true, Some(timer)) = (options.timers || options.extended, socket.timer) {
        process.push_str(&timer_text(timer, host.hz));
    }
    if options.extended {
        process.push_str(&details(socket, number));
    }
    let port = |port: Port| match services::name_of(host, port) {
        _ if port == Port::NONE => "*".to_owned(),
        Some(name) if !options.numeric => name.to_owned(),
        Some(_) | None => port.to_string(),
    };
    let mut fields = Vec::with_capacity(9);
    if options.tcp && options.udp {
        fields.push(if socket.transport == Transport::Udp { "udp" } else { "tcp" }.to_owned());
    }
    if options.states.len() != 1 {
        fields.push(state_name(socket.state).to_owned());
    }
    fields.extend([
        format!("{:<6}", socket.recv_q),
        format!("{:<6}", socket.send_q),
        address(socket.family, socket.local),
        port(socket.local.port()),
        address(socket.family, socket.remote),
        port(socket.remote.port()),
        process,
    ]);
    fields
}

/// What `-e` adds. The kernel numbers sockets when they are first dumped: the
/// cookie is right for the first dump after boot.
fn details(socket: &SocketView, number: u32) -> String {
    let mut out = String::new();
    if socket.uid > 0 {
        let _ = write!(out, " uid:{}", socket.uid);
    }
    let _ = write!(out, " ino:{} sk:{number:x}", socket.ino);
    let minisock = socket.timer.is_some_and(|timer| timer.kind == TimerKind::TimeWait);
    if minisock {
        return out;
    }
    out.push_str(" cgroup:/");
    if socket.family == NetFamily::V6 && socket.state == TcpState::Listen {
        out.push_str(" v6only:0");
    }
    // Which directions are shut down: receiving when a FIN came, sending when one was sent.
    out.push_str(match socket.state {
        TcpState::CloseWait => " -->",
        TcpState::FinWait1 | TcpState::FinWait2 => " <--",
        TcpState::Closing | TcpState::LastAck | TcpState::TimeWait => " ---",
        TcpState::Closed | TcpState::Listen | TcpState::SynSent | TcpState::SynReceived | TcpState::Established => {
            " <->"
        }
    });
    out
}

const fn state_name(state: TcpState) -> &'static str {
    match state {
        TcpState::Closed => "UNCONN",
        TcpState::Listen => "LISTEN",
        TcpState::SynSent => "SYN-SENT",
        TcpState::SynReceived => "SYN-RECV",
        TcpState::Established => "ESTAB",
        TcpState::FinWait1 => "FIN-WAIT-1",
        TcpState::FinWait2 => "FIN-WAIT-2",
        TcpState::CloseWait => "CLOSE-WAIT",
        TcpState::Closing => "CLOSING",
        TcpState::LastAck => "LAST-ACK",
        TcpState::TimeWait => "TIME-WAIT",
    }
}

fn address(family: NetFamily, end: Endpoint) -> String {
    match family {
        NetFamily::V4 => format!("{}:", end.addr()),
        NetFamily::V6 if end.addr().is_unspecified() => "*:".to_owned(),
        NetFamily::V6 => format!("[::ffff:{}]:", end.addr()),
    }
}

fn timer_text(timer: SocketTimer, hz: u32) -> String {
    let (name, count) = match timer.kind {
        TimerKind::Retransmit => ("on", timer.retransmits),
        TimerKind::KeepAlive => ("keepalive", timer.probes),
        TimerKind::TimeWait => ("timewait", 0),
        TimerKind::Persist => ("persist", timer.probes),
    };
    format!(" timer:({name},{},{count})", remaining(timer.jiffies(hz) * 1000 / u64::from(hz)))
}

/// `119min`, `9min5sec`, `59sec`, `1.200ms` (sic), `200ms`, and nothing for 0.
fn remaining(ms: u64) -> String {
    let (minutes, seconds, millis) = (ms / 60_000, ms / 1000 % 60, ms % 1000);
    let mut text = String::new();
    if minutes > 0 {
        let _ = write!(text, "{minutes}min");
    }
    if seconds > 0 && minutes <= 9 {
        let fraction = millis > 0 && minutes == 0 && seconds <= 9;
        let _ = write!(text, "{seconds}{}", if fraction { "." } else { "sec" });
    }
    if millis > 0 && minutes == 0 && seconds <= 9 {
        let _ = write!(text, "{millis:03}ms");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::time::Duration;
    use crate::units::Ipv4Addr;

    #[test]
    fn the_real_tool_in_a_namespace() {
        let golden = include_str!("../golden/ss.iproute2-6.1.txt");
        assert_eq!(ss(&sample::namespace(Duration::ZERO)), golden);
    }

    #[test]
    fn wide_queues_and_persist_timer_of_the_real_tool() {
        assert_eq!(ss(&sample::zero_window()), include_str!("../golden/ss.zero-window.txt"));
    }

    #[test]
    fn the_last_row_is_not_measured() {
        let mut host = sample::zero_window();
        host.sockets.truncate(1);
        let text = ss(&host);
        let heading = text.lines().next().expect("headings");
        assert!(heading.ends_with("Process"), "{heading:?}");
        host.sockets.clear();
        assert_eq!(ss(&host), "State Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n");
    }

    #[test]
    fn a_row_of_the_close_wait_grep() {
        let host = sample::client_of_the_write_up(&[(44_820, TcpState::CloseWait, 28, 257)], "sysbench", 26_050);
        let row =
            "CLOSE-WAIT 28     0      172.31.55.230:44820 172.31.47.174:3306  users:((\"sysbench\",pid=26050,fd=257))";
        assert!(ss(&host).lines().any(|line| line.trim_end() == row), "{}", ss(&host));
    }

    #[test]
    fn the_rows_of_the_raised_max_connections() {
        let published = include_str!("../golden/ss.estab.txt");
        let mut rows: Vec<_> = published
            .lines()
            .map(|line| {
                let port = line.split([':', ' ']).find_map(|word| word.parse::<u16>().ok().filter(|&n| n > 1024));
                let fd = line.rsplit("fd=").next().and_then(|tail| tail.trim_end_matches(')').parse().ok());
                (port.expect("a port"), TcpState::Established, 77, fd.expect("a descriptor"))
            })
            .collect();
        // Those older than connect_timeout, which the write-up leaves out, set the width of State.
        rows.push((1_026, TcpState::CloseWait, 132, 4));
        let text = ss(&sample::client_of_the_write_up(&rows, "sysbench", 3277));
        let ours: String =
            text.lines().filter(|line| line.contains(" 77 ")).map(|l| format!("{}\n", l.trim_end())).collect();
        assert_eq!(ours, published);
    }

    #[test]
    fn the_pipeline_that_counts_connections() {
        let rows: Vec<_> = (0..28_231_u16).map(|n| (32_768 + n, TcpState::CloseWait, 28, u32::from(n) + 3)).collect();
        let text = ss(&sample::client_of_the_write_up(&rows, "sysbench", 26_050));
        assert_eq!(text.lines().filter(|line| line.contains("172.31.47.174:3306")).count(), 28_231);
    }

    /// iproute2 6.1.0 printed 39,569 lines in the narrow widths and 10,340 in the
    /// wide ones that a last IPv6 socket asks for.
    #[test]
    fn widths_change_where_the_real_tools_buffer_is_full() {
        let host = sample::fifty_thousand();
        let text = ss(&host);
        let first = text.lines().next().map_or(0, str::len);
        let narrow = text.lines().take_while(|line| line.len() == first).count();
        assert_eq!((first, narrow, text.lines().count()), (98, 39_569, 49_909));
        assert!(text.lines().skip(narrow).all(|line| line.len() == 109));
    }

    #[test]
    fn remaining_times() {
        let all = [0, 200, 1_200, 9_004, 59_996, 119_000, 9 * 60_000 + 5_000, 7_199_652].map(remaining);
        assert_eq!(all, ["", "200ms", "1.200ms", "9.004ms", "59sec", "1min59sec", "9min5sec", "119min"]);
    }

    #[test]
    fn dual_stack_addresses() {
        assert_eq!(address(NetFamily::V6, Endpoint::new(Ipv4Addr::LOCALHOST, 1)), "[::ffff:127.0.0.1]:");
        assert_eq!(address(NetFamily::V6, Endpoint::ANY), "*:");
    }
}
