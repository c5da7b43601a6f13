//! `nstat -az` (iproute2 `misc/nstat.c`): absolute values, zeroes too.

use crate::trace::{Counters, Mib};

/// The counters the model keeps, in the order of the kernel's files; the real
/// tool lists some 350 more. Rates are 0.0 without a running daemon.
#[must_use]
pub fn nstat(counters: &Counters) -> String {
    let mut out = String::from("#kernel\n");
    for &mib in Mib::ALL {
        out.push_str(&format!(
            "{:<32}{:<16}{:>6}\n",
            format!("{}{}", mib.group(), mib.name()),
            counters.get(mib),
            "0.0"
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_real_tool() {
        let mut counters = Counters::default();
        counters.add(Mib::IpInReceives, 6588);
        counters.add(Mib::ActiveOpens, 25);
        let text = nstat(&counters);
        let golden = [
            "IpInReceives                    6588               0.0",
            "TcpActiveOpens                  25                 0.0",
        ];
        assert!(text.starts_with("#kernel\n"));
        assert!(golden.iter().all(|row| text.lines().any(|line| line == *row)), "{text}");
        assert!(text.contains("\nTcpExtListenOverflows           0                  0.0\n"));
    }
}
