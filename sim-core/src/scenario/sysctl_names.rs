//! Sysctls a scenario may set, with the values Linux takes.

use super::problem::ProblemKind;
use super::value;

/// What a sysctl holds.
#[derive(Clone, Copy)]
enum Holds {
    Int(i64, i64),
    PortRange,
    PortList,
    Triple,
}

const INT_MAX: i64 = i32::MAX as i64;
/// Any `int`. What one kernel version or another refuses beyond these limits is
/// the kernel model's to say: it reports through [`super::Scenario::problem`].
const INT: Holds = Holds::Int(i32::MIN as i64, INT_MAX);

/// Names in order, and their limits (Linux `net/ipv4/sysctl_net_ipv4.c`, `fs/file_table.c`).
const SYSCTLS: &[(&str, Holds)] = &[
    ("fs.file-max", Holds::Int(0, i64::MAX)),
    ("fs.nr_open", Holds::Int(64, INT_MAX)),
    ("net.core.somaxconn", Holds::Int(0, INT_MAX)),
    ("net.ipv4.ip_autobind_reuse", Holds::Int(0, 1)),
    ("net.ipv4.ip_local_port_range", Holds::PortRange),
    ("net.ipv4.ip_local_reserved_ports", Holds::PortList),
    ("net.ipv4.ip_unprivileged_port_start", Holds::Int(0, 65_535)),
    ("net.ipv4.tcp_abort_on_overflow", INT),
    ("net.ipv4.tcp_challenge_ack_limit", INT),
    ("net.ipv4.tcp_child_ehash_entries", Holds::Int(0, 1 << 24)),
    ("net.ipv4.tcp_fin_timeout", INT),
    ("net.ipv4.tcp_invalid_ratelimit", INT),
    ("net.ipv4.tcp_keepalive_intvl", INT),
    ("net.ipv4.tcp_keepalive_probes", INT),
    ("net.ipv4.tcp_keepalive_time", INT),
    ("net.ipv4.tcp_max_orphans", INT),
    ("net.ipv4.tcp_max_syn_backlog", INT),
    ("net.ipv4.tcp_max_tw_buckets", INT),
    ("net.ipv4.tcp_orphan_retries", INT),
    ("net.ipv4.tcp_retries1", Holds::Int(0, 255)),
    ("net.ipv4.tcp_retries2", INT),
    ("net.ipv4.tcp_rfc1337", INT),
    ("net.ipv4.tcp_rmem", Holds::Triple),
    ("net.ipv4.tcp_rto_max_ms", Holds::Int(1_000, 120_000)),
    ("net.ipv4.tcp_rto_min_us", Holds::Int(1, INT_MAX)),
    ("net.ipv4.tcp_sack", INT),
    ("net.ipv4.tcp_syn_linear_timeouts", Holds::Int(0, 127)),
    ("net.ipv4.tcp_syn_retries", Holds::Int(1, 127)),
    ("net.ipv4.tcp_synack_retries", INT),
    ("net.ipv4.tcp_syncookies", INT),
    ("net.ipv4.tcp_timestamps", INT),
    ("net.ipv4.tcp_tw_reuse", Holds::Int(0, 2)),
    ("net.ipv4.tcp_tw_reuse_delay", Holds::Int(1, 60_000)),
    ("net.ipv4.tcp_window_scaling", INT),
    ("net.ipv4.tcp_wmem", Holds::Triple),
];

/// Every name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SYSCTLS.iter().map(|s| s.0)
}

/// `ip_unprivileged_port_start` where it is not set.
pub(super) const UNPRIVILEGED_START: u64 = 1024;

/// Checks a value, `text` with single blanks; gives it as `sysctl` prints it.
pub(super) fn check(name: &str, text: &str, unprivileged_start: u64) -> Result<String, ProblemKind> {
    let Some((_, holds)) = SYSCTLS.iter().find(|s| s.0 == name) else {
        return Err(ProblemKind::UnknownSysctl { name: value::cut(name) });
    };
    let bad = || ProblemKind::BadSysctlValue { name: name.to_owned(), value: value::cut(text) };
    match holds {
        Holds::Int(min, max) => {
            let number: i64 = text.parse().map_err(|_not_number| bad())?;
            if !(*min..=*max).contains(&number) {
                return Err(ProblemKind::OutOfRange { number: number.to_string(), min: *min, max: *max });
            }
        }
        Holds::PortRange => {
            let (low, high) = value::port_range(text, unprivileged_start)?;
            return Ok(format!("{low} {high}"));
        }
        Holds::PortList => {
            for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
                let (low, high) = part.split_once('-').unwrap_or((part, part));
                let low = value::port(low.trim().parse().map_err(|_not_number| bad())?)?;
                let high = value::port(high.trim().parse().map_err(|_not_number| bad())?)?;
                if high < low {
                    return Err(ProblemKind::InvertedRange { low: low.into(), high: high.into() });
                }
            }
        }
        Holds::Triple => {
            let numbers: Result<Vec<u32>, _> = text.split_whitespace().map(str::parse).collect();
            if numbers.map_err(|_not_number| bad())?.len() != 3 {
                return Err(bad());
            }
        }
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_values_checked() {
        assert!(SYSCTLS.windows(2).all(|w| w[0].0 < w[1].0));
        assert_eq!(check("net.ipv4.ip_local_port_range", "32768\t60999", 1024).as_deref(), Ok("32768 60999"));
        assert!(check("net.ipv4.tcp_tw_reuse", "3", 1024).is_err());
        assert!(check("net.ipv4.tcp_tw_recycle", "1", 1024).is_err());
        assert!(check("net.ipv4.ip_local_reserved_ports", "8080,9000-9010", 1024).is_ok());
        assert!(check("net.ipv4.ip_local_reserved_ports", "9010-9000", 1024).is_err());
        assert!(check("net.ipv4.tcp_rmem", "4096 131072 6291456", 1024).is_ok());
        assert!(check("net.ipv4.tcp_rmem", "4096", 1024).is_err());
    }
}
