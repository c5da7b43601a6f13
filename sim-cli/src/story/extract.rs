//! Taking a figure out of what a tool printed, as the write-up's reader does by eye.

use std::collections::BTreeSet;

/// The number after `label` in `ss -s`: `timewait` of `(…, timewait 18077)`.
fn labelled(text: &str, label: &str) -> Option<String> {
    let after = text.split_once(&format!("{label} "))?.1;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

/// `estab` of `ss -s`.
pub fn estab(text: &str) -> Option<String> {
    labelled(text, "(estab")
}

/// `closed` of `ss -s`.
pub fn closed(text: &str) -> Option<String> {
    labelled(text, " closed")
}

/// `orphaned` of `ss -s`.
pub fn orphaned(text: &str) -> Option<String> {
    labelled(text, " orphaned")
}

/// `timewait` of `ss -s`.
pub fn timewait(text: &str) -> Option<String> {
    labelled(text, " timewait")
}

/// The first number of `ss -s`.
pub fn total(text: &str) -> Option<String> {
    labelled(text, "Total:")
}

/// The number after `TCP:` in `ss -s`.
pub fn tcp(text: &str) -> Option<String> {
    labelled(text, "TCP:  ")
}

/// The different Recv-Q of `netstat`'s CLOSE_WAIT rows: `28; 132`.
pub fn recvq_of_close_wait(text: &str) -> Option<String> {
    let rows = text.lines().filter(|line| line.contains(" CLOSE_WAIT "));
    let sizes: BTreeSet<u32> = rows.filter_map(|line| line.split_whitespace().nth(1)?.parse().ok()).collect();
    let sizes: Vec<String> = sizes.iter().map(u32::to_string).collect();
    (!sizes.is_empty()).then(|| sizes.join("; "))
}

/// `N` of the footer `N rows in set`.
pub fn rows_in_set(text: &str) -> Option<String> {
    let footer = text.lines().rev().find(|line| line.contains(" in set"))?;
    Some(footer.split_once(' ')?.0.to_string())
}

/// The distances between the ports of neighbouring `unauthenticated user` rows
/// as the mysql client prints them: `2-16`, with `even` or `odd` ports named by the first.
pub fn port_steps(text: &str) -> Option<String> {
    let ports: Vec<u32> = text
        .lines()
        .filter(|line| line.contains("unauthenticated user"))
        .filter_map(|line| line.split('|').nth(3)?.trim().rsplit_once(':')?.1.parse().ok())
        .collect();
    let steps: Vec<u32> = ports.windows(2).filter_map(|pair| pair[1].checked_sub(pair[0])).collect();
    let (least, most) = (steps.iter().min()?, steps.iter().max()?);
    Some(format!("{least}-{most}"))
}

/// Millionths as percent: `912345` is `91`.
pub fn percent(millionths: &str) -> Option<String> {
    let millionths: u64 = millionths.parse().ok()?;
    Some((millionths / 10_000).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SS_S: &str =
        "Total: 700\nTCP:   900 (estab 31, closed 15, orphaned 7, timewait 77)\n\nTransport Total     IP        IPv6\n";
    const LIST: &str = "\
| Id | User                 | Host             |\n\
|  5 | event_scheduler      | localhost        |\n\
|  6 | unauthenticated user | 127.0.0.1:40000  |\n\
|  7 | unauthenticated user | 127.0.0.1:40002  |\n\
|  8 | unauthenticated user | 127.0.0.1:40018  |\n\
4 rows in set, 1 warning (0.001 sec)\n";

    #[test]
    fn figures_of_ss() {
        assert_eq!(estab(SS_S).as_deref(), Some("31"));
        assert_eq!(closed(SS_S).as_deref(), Some("15"));
        assert_eq!(orphaned(SS_S).as_deref(), Some("7"));
        assert_eq!(timewait(SS_S).as_deref(), Some("77"));
        assert_eq!((total(SS_S).as_deref(), tcp(SS_S).as_deref()), (Some("700"), Some("900")));
        assert_eq!(timewait("nothing"), None);
    }

    #[test]
    fn figures_of_netstat() {
        let row = |recv_q: u32, state: &str| format!("tcp {recv_q:>8} 0 10.0.0.1:4 10.0.0.2:3306 {state} 7/sysbench\n");
        let text = row(132, "CLOSE_WAIT") + &row(28, "CLOSE_WAIT") + &row(28, "CLOSE_WAIT") + &row(77, "ESTABLISHED");
        assert_eq!(recvq_of_close_wait(&text).as_deref(), Some("28; 132"));
        assert_eq!(recvq_of_close_wait(""), None);
    }

    #[test]
    fn figures_of_the_process_list() {
        assert_eq!(rows_in_set(LIST).as_deref(), Some("4"));
        assert_eq!(port_steps(LIST).as_deref(), Some("2-16"));
        assert_eq!(port_steps(""), None);
        assert_eq!(percent("912345").as_deref(), Some("91"));
    }
}
