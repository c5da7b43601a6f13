//! Shell commands of scripts: recognised, never executed.

use crate::tcp::TcpState;

/// What a command means to the simulated host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ShellOp {
    /// Nothing.
    Nothing,
    /// The settings that suites call `defaults.sh`.
    Defaults,
    /// `sysctl -w`: name and value.
    Set(String, String),
    /// Succeeds when so many sockets are in this state; `None`: at least one.
    Count(Counted, Option<u32>),
    /// Every TIME_WAIT ends.
    DropTimeWait,
    /// Every packet is lost from now on.
    BlackHole,
    /// Nothing that the model has.
    Unknown(String),
}

/// Which sockets are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counted {
    /// Those in a state.
    State(TcpState),
    /// What `ss` shows without a filter: connections.
    Connected,
}

/// Sysctls that change nothing a connection's lifecycle shows, or name a
/// feature the model does not have and that is off by default.
const WITHOUT_EFFECT: &[&str] = &[
    "net.ipv4.tcp_fastopen",
    "net.ipv4.tcp_fastopen_key",
    "net.ipv4.tcp_min_tso_segs",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_ecn",
    "net.ipv4.tcp_ecn_option",
    "net.ipv4.tcp_early_retrans",
    "net.ipv4.tcp_recovery",
    "net.ipv4.tcp_no_metrics_save",
    "net.ipv4.tcp_pacing_ca_ratio",
    "net.ipv4.tcp_pacing_ss_ratio",
    "net.ipv4.tcp_min_rtt_wlen",
    "net.ipv4.tcp_reordering",
    "net.ipv4.tcp_autocorking",
    "net.ipv4.tcp_limit_output_bytes",
    "net.ipv4.tcp_notsent_lowat",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_dsack",
    "net.core.default_qdisc",
];

/// What the commands of a text mean, in order.
pub(super) fn interpret(text: &str) -> Vec<ShellOp> {
    let text = text.replace("\\\r\n", " ").replace("\\\n", " ").replace("&&", "\n");
    text.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty()).flat_map(command).collect()
}

fn command(line: &str) -> Vec<ShellOp> {
    let words = words(line);
    let Some(first) = words.first() else { return Vec::new() };
    let name = first.rsplit('/').next().unwrap_or(first);
    let unknown = || vec![ShellOp::Unknown(format!("the command `{line}` means nothing to the model"))];
    match name {
        "defaults.sh" => vec![ShellOp::Defaults],
        "set_sysctls.py" => words[1..].iter().map(|setting| set(setting)).collect(),
        "sysctl" => words[1..].iter().filter(|word| !word.starts_with('-')).map(|setting| set(setting)).collect(),
        "sockstat" => sockstat(line).map_or_else(unknown, |op| vec![op]),
        "ss" => ss(&words).map_or_else(unknown, |op| vec![op]),
        "tcpdrop" if words[1..] == ["-s", "TIME_WAIT"] => vec![ShellOp::DropTimeWait],
        "tc" if line.contains("limit 0") => vec![ShellOp::BlackHole],
        "tc" if line.contains(" delete ") || line.contains(" del ") => vec![ShellOp::Nothing],
        "true" | ":" | "echo" | "sync" => vec![ShellOp::Nothing],
        _ if name.starts_with("sysctl_restore_") || name.starts_with('#') => vec![ShellOp::Nothing],
        _ => unknown(),
    }
}

/// Words, with quotes taken off and redirections left out.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(q) if q == c => quote = None,
            Some(_) => word.push(c),
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(core::mem::take(&mut word));
                }
            }
            None => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    without_redirections(words)
}

/// `> /dev/null`, `2>&1`, `>>log`: where output goes.
fn without_redirections(words: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let file = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '&').strip_prefix('>');
        match file.map(|file| file.trim_start_matches('>')) {
            // The name of the file is a word of its own.
            Some("") => drop(words.next()),
            Some(_) => {}
            None => kept.push(word),
        }
    }
    kept
}

/// `net.ipv4.x=v` or `/proc/sys/net/ipv4/x=v`.
fn set(setting: &str) -> ShellOp {
    let Some((name, value)) = setting.split_once('=') else {
        return ShellOp::Unknown(format!("`{setting}` sets no sysctl"));
    };
    let name = name.strip_prefix("/proc/sys/").unwrap_or(name).replace('/', ".");
    if WITHOUT_EFFECT.contains(&name.as_str()) {
        return ShellOp::Nothing;
    }
    // FreeBSD's own: three have an equivalent, in seconds instead of milliseconds.
    let equivalent = match name.as_str() {
        "net.inet.tcp.keepidle" => Some("net.ipv4.tcp_keepalive_time"),
        "net.inet.tcp.keepintvl" => Some("net.ipv4.tcp_keepalive_intvl"),
        _ => None,
    };
    if let (Some(linux), Ok(ms)) = (equivalent, value.parse::<u64>()) {
        return ShellOp::Set(linux.to_owned(), (ms / 1_000).to_string());
    }
    if name == "net.inet.tcp.keepcnt" {
        return ShellOp::Set("net.ipv4.tcp_keepalive_probes".to_owned(), value.to_owned());
    }
    if name.starts_with("net.inet.") || name.starts_with("net.inet6.") || name.starts_with("kern.") {
        return ShellOp::Nothing;
    }
    ShellOp::Set(name, value.to_owned())
}

/// FreeBSD's names, and those of `ss`.
fn state(name: &str) -> Option<TcpState> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    Some(match name.as_str() {
        "closed" | "close" => TcpState::Closed,
        "listen" | "listening" => TcpState::Listen,
        "syn_sent" => TcpState::SynSent,
        "syn_rcvd" | "syn_recv" | "syn_received" => TcpState::SynReceived,
        "established" => TcpState::Established,
        "fin_wait_1" => TcpState::FinWait1,
        "fin_wait_2" => TcpState::FinWait2,
        "close_wait" => TcpState::CloseWait,
        "closing" => TcpState::Closing,
        "last_ack" => TcpState::LastAck,
        "time_wait" => TcpState::TimeWait,
        _ => return None,
    })
}

/// `sockstat … | grep -c STATE | grep N`, or `… | grep STATE`.
fn sockstat(line: &str) -> Option<ShellOp> {
    let mut counted = None;
    let mut number = None;
    for stage in line.split('|').skip(1) {
        let words = words(stage);
        if words.first().is_none_or(|word| word != "grep") {
            continue;
        }
        let word = words.last()?;
        if let Some(state) = state(word) {
            counted = Some(state);
        } else if let Ok(n) = word.parse() {
            number = Some(n);
        }
    }
    Some(ShellOp::Count(Counted::State(counted?), number))
}

/// `ss … state S … | grep ADDRESS`, or without a state; `| wc -l | grep -q '^N$'`.
fn ss(words: &[String]) -> Option<ShellOp> {
    let counted = match words.iter().position(|word| word == "state") {
        Some(at) => Counted::State(state(words.get(at + 1)?)?),
        None => Counted::Connected,
    };
    let number =
        words.iter().any(|word| word == "wc").then(|| words.last()?.trim_matches(['^', '$']).parse().ok()).flatten();
    Some(ShellOp::Count(counted, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_of_suites_are_understood() {
        assert_eq!(
            interpret("../common/defaults.sh\n ../common/set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps=0"),
            [ShellOp::Defaults, ShellOp::Set("net.ipv4.tcp_timestamps".into(), "0".into())]
        );
        let count = |state, n| [ShellOp::Count(Counted::State(state), n)];
        assert_eq!(
            interpret("sockstat -4 -P tcp -s | grep x | grep -c TIME_WAIT | grep 1"),
            count(TcpState::TimeWait, Some(1))
        );
        assert_eq!(
            interpret("ss -6 -n state SYN-RECV | grep fd3d::1:8080 > /dev/null"),
            count(TcpState::SynReceived, None)
        );
        assert_eq!(interpret("ss -Htan state syn-recv | wc -l | grep -q '^0$'"), count(TcpState::SynReceived, Some(0)));
        assert_eq!(interpret("tcpdrop -s TIME_WAIT"), [ShellOp::DropTimeWait]);
        assert_eq!(
            interpret("tc qdisc delete dev tun0 root 2>/dev/null ; tc qdisc add dev tun0 root pfifo limit 0"),
            [ShellOp::Nothing, ShellOp::BlackHole]
        );
        assert_eq!(interpret("sysctl -w net.inet.tcp.blackhole=0"), [ShellOp::Nothing]);
        assert_eq!(
            interpret("sysctl -q net.ipv4.tcp_rmem=\"4096 1 2\""),
            [ShellOp::Set("net.ipv4.tcp_rmem".into(), "4096 1 2".into())]
        );
    }

    #[test]
    fn where_output_goes_is_left_out() {
        let set = [ShellOp::Set("net.ipv4.tcp_sack".into(), "0".into())];
        for line in ["sysctl -w net.ipv4.tcp_sack=0 > /dev/null 2>&1", "sysctl -q net.ipv4.tcp_sack=0 >>log &>log"] {
            assert_eq!(interpret(line), set, "{line}");
        }
        assert_eq!(interpret("true && sysctl -q \\\r\n net.ipv4.tcp_sack=0")[1..], set);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for other in ["nstat -n", "ip link set dev tun0 mtu 1000", "rm -rf /tmp/x", "netstat | awk 1"] {
            assert!(matches!(interpret(other)[..], [ShellOp::Unknown(_)]), "{other}");
        }
    }
}
