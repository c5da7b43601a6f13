//! `SHOW VARIABLES` and `SHOW STATUS` in the client's box, with `LIKE`.

use super::mysql_table::{Column, MysqlStyle, result_set};
use crate::app::AppStatus;
use crate::time::Duration;

/// `SHOW GLOBAL VARIABLES [LIKE …]`.
#[must_use]
pub fn variables(server: &AppStatus, pattern: Option<&str>, elapsed: Duration) -> String {
    names_and_values(&server.variables, pattern, elapsed, MysqlStyle::Interactive)
}

/// `SHOW GLOBAL STATUS [LIKE …]`.
#[must_use]
pub fn status(server: &AppStatus, pattern: Option<&str>, elapsed: Duration) -> String {
    names_and_values(&server.status, pattern, elapsed, MysqlStyle::Interactive)
}

/// Variables or counters in any of the client's forms.
#[must_use]
pub fn names_and_values(
    all: &[(String, String)],
    pattern: Option<&str>,
    elapsed: Duration,
    style: MysqlStyle,
) -> String {
    let rows: Vec<_> = all
        .iter()
        .filter(|(name, _)| pattern.is_none_or(|pattern| like(pattern, name)))
        .map(|(name, value)| vec![Some(name.as_str()), Some(value.as_str())])
        .collect();
    let columns = [
        Column { heading: "Variable_name", numeric: false, nullable: false },
        Column { heading: "Value", numeric: false, nullable: true },
    ];
    result_set(&columns, &rows, 0, elapsed, style)
}

/// One value, as `SELECT` of one expression gives it.
#[must_use]
pub fn one_value(heading: &str, value: &str, elapsed: Duration, style: MysqlStyle) -> String {
    let numeric = value.parse::<i64>().is_ok();
    result_set(&[Column { heading, numeric, nullable: true }], &[vec![Some(value)]], 0, elapsed, style)
}

/// SQL `LIKE` without regard to case: `%` any text, `_` one character, `\` escapes.
pub(super) fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last `%` may begin again, one character further on.
    let mut retry = None;
    loop {
        match pattern.get(p) {
            Some('%') => {
                retry = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some(&wanted) if t < text.len() => {
                let escaped = wanted == '\\' && p + 1 < pattern.len();
                let literal = if escaped { pattern[p + 1] } else { wanted };
                if (wanted == '_') || literal.eq_ignore_ascii_case(&text[t]) {
                    p += 1 + usize::from(escaped);
                    t += 1;
                    continue;
                }
            }
            None if t == text.len() => return true,
            Some(_) | None => {}
        }
        match retry {
            Some((after, from)) if from < text.len() => {
                retry = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
            Some(_) | None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_published_tables() {
        let mut server = sample::first_server();
        let elapsed = Duration::from_millis(2);
        let text = variables(&server, Some("%max_connections%"), elapsed);
        assert_eq!(text, include_str!("../golden/variables.default.txt"));
        for (name, value) in &mut server.variables {
            if name == "max_connections" {
                *value = "65535".into();
            }
        }
        let text = variables(&server, Some("%max_connections%"), elapsed);
        assert_eq!(text, include_str!("../golden/variables.raised.txt"));
    }

    #[test]
    fn patterns() {
        assert!(like("threads\\_%", "Threads_connected"));
        assert!(!like("threads\\_%", "ThreadsXconnected"));
        assert!(like("_onnections", "Connections"));
        assert!(!like("max", "max_connections"));
        assert!(like("%%", ""));
    }

    #[test]
    fn nothing_found() {
        let server = sample::first_server();
        assert_eq!(status(&server, Some("nosuch"), Duration::ZERO), "Empty set (0.000 sec)\n\n");
    }
}
