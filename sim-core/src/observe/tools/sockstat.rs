//! `/proc/net/sockstat` and `/proc/net/sockstat6` (`net/ipv4/proc.c`, `net/ipv6/proc.c`).

use crate::observe::view::SockStat;

/// Both files, one after the other, as `cat` prints them. UDP-Lite is not modelled.
#[must_use]
pub fn sockstat(stat: &SockStat) -> String {
    format!(
        "sockets: used {}\nTCP: inuse {} orphan {} tw {} alloc {} mem {}\nUDP: inuse {} mem {}\nUDPLITE: inuse 0\n\
         RAW: inuse {}\nFRAG: inuse {} memory 0\n\
         TCP6: inuse {}\nUDP6: inuse {}\nUDPLITE6: inuse 0\nRAW6: inuse {}\nFRAG6: inuse {} memory 0\n",
        stat.used,
        stat.tcp_inuse,
        stat.orphan,
        stat.tw,
        stat.alloc,
        stat.tcp_mem,
        stat.udp_inuse,
        stat.udp_mem,
        stat.raw_inuse,
        stat.frag_inuse,
        stat.tcp6_inuse,
        stat.udp6_inuse,
        stat.raw6_inuse,
        stat.frag6_inuse,
    )
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::time::Duration;

    #[test]
    fn the_kernels_files() {
        let host = sample::namespace(Duration::ZERO);
        assert_eq!(sockstat(&host.sockstat), include_str!("../golden/sockstat.linux-6.18.txt"));
    }
}
