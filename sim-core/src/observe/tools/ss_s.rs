//! `ss -s` (iproute2 `misc/ss.c`, the summary of `/proc/net/sockstat{,6}` and `snmp`).

use crate::observe::view::HostView;

/// The five lines of protocols under the two of totals. The last column is
/// padded, and an empty line ends the output, as in the real tool.
#[must_use]
pub fn ss_s(host: &HostView) -> String {
    let stat = &host.sockstat;
    let row = |name: &str, v4: u64, v6: u64| format!("{name}\t  {:<9} {v4:<9} {v6:<9}\n", v4 + v6);
    format!(
        "Total: {}\nTCP:   {} (estab {}, closed {}, orphaned {}, timewait {})\n\nTransport Total     IP        IPv6\n{}{}{}{}{}\n",
        stat.used,
        stat.tcp_total(),
        host.curr_estab,
        stat.closed(),
        stat.orphan,
        stat.tw,
        row("RAW", stat.raw_inuse, stat.raw6_inuse),
        row("UDP", stat.udp_inuse, stat.udp6_inuse),
        row("TCP", stat.tcp_inuse, stat.tcp6_inuse),
        row(
            "INET",
            stat.raw_inuse + stat.udp_inuse + stat.tcp_inuse,
            stat.raw6_inuse + stat.udp6_inuse + stat.tcp6_inuse
        ),
        row("FRAG", stat.frag_inuse, stat.frag6_inuse),
    )
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, published};
    use super::*;
    use crate::observe::view::SockStat;
    use crate::time::Duration;

    fn host(curr_estab: u64, sockstat: SockStat) -> HostView {
        HostView { curr_estab, sockstat, ..sample::namespace(Duration::ZERO) }
    }

    #[test]
    fn the_block_of_the_first_day() {
        let stat = SockStat {
            used: 18_710,
            tcp_inuse: 18_271,
            tcp6_inuse: 165,
            orphan: 7,
            tw: 18_077,
            alloc: 18_474,
            udp_inuse: 5,
            udp6_inuse: 4,
            raw_inuse: 1,
            ..SockStat::default()
        };
        assert_eq!(published(&ss_s(&host(331, stat))), include_str!("../golden/ss-s.day-one.txt"));
    }

    #[test]
    fn the_block_of_the_default_port_range() {
        let stat = SockStat {
            used: 28_544,
            tcp_inuse: 28_267,
            tcp6_inuse: 4,
            alloc: 28_311,
            udp_inuse: 4,
            udp6_inuse: 4,
            raw_inuse: 1,
            ..SockStat::default()
        };
        assert_eq!(published(&ss_s(&host(28, stat))), include_str!("../golden/ss-s.two-hosts.txt"));
    }

    #[test]
    fn the_block_of_the_raised_descriptor_limit() {
        let stat = SockStat {
            used: 60_285,
            tcp_inuse: 60_009,
            tcp6_inuse: 4,
            alloc: 60_053,
            udp_inuse: 4,
            udp6_inuse: 4,
            raw_inuse: 1,
            ..SockStat::default()
        };
        assert_eq!(published(&ss_s(&host(28, stat))), include_str!("../golden/ss-s.nofile.txt"));
    }

    #[test]
    fn the_real_tool_pads_the_last_column_and_ends_with_an_empty_line() {
        assert_eq!(ss_s(&sample::namespace(Duration::ZERO)), include_str!("../golden/ss-s.iproute2-6.1.txt"));
    }
}
