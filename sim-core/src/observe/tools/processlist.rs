//! `SHOW PROCESSLIST` in the client's box.

use super::mysql_table::{Column, MysqlStyle, result_set};
use crate::app::AppStatus;
use crate::time::Duration;

/// The sessions of the server. `elapsed` is the statement's time in the footer.
#[must_use]
pub fn processlist(server: &AppStatus, elapsed: Duration) -> String {
    processlist_in(server, elapsed, MysqlStyle::Interactive)
}

/// The process list in any of the client's forms.
#[must_use]
pub fn processlist_in(server: &AppStatus, elapsed: Duration, style: MysqlStyle) -> String {
    let text = |heading, nullable| Column { heading, numeric: false, nullable };
    let number = |heading| Column { heading, numeric: true, nullable: false };
    let mut columns = vec![
        number("Id"),
        text("User", false),
        text("Host", false),
        text("db", true),
        text("Command", false),
        number("Time"),
        text("State", true),
        text("Info", true),
    ];
    if server.progress_column {
        columns.push(number("Progress"));
    }
    let numbers: Vec<_> = server.processlist.iter().map(|row| (row.id.to_string(), row.time.to_string())).collect();
    let rows: Vec<_> = server
        .processlist
        .iter()
        .zip(&numbers)
        .map(|(row, (id, time))| {
            let mut cells = vec![
                Some(id.as_str()),
                Some(row.user.as_str()),
                Some(row.host.as_str()),
                row.db.as_deref(),
                Some(row.command),
                Some(time.as_str()),
                row.state.as_deref(),
                row.info.as_deref(),
            ];
            if server.progress_column {
                cells.push(Some("0.000"));
            }
            cells
        })
        .collect();
    result_set(&columns, &rows, deprecation_warnings(server), elapsed, style)
}

/// Since 8.0.35 (8.2.0) the server warns that this implementation of the
/// statement, over `INFORMATION_SCHEMA.PROCESSLIST`, is deprecated.
fn deprecation_warnings(server: &AppStatus) -> u32 {
    let version = server.variables.iter().find(|(name, _)| name == "version").map_or("", |(_, value)| value.as_str());
    if version.contains("MariaDB") {
        return 0;
    }
    let mut parts = version.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0_u32);
    u32::from((part(), part(), part()) >= (8, 0, 35))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn three_rows_before_the_kill() {
        let text = processlist(&sample::first_server(), Duration::ZERO);
        assert_eq!(text, include_str!("../golden/processlist.before.txt"));
    }

    /// The write-up shows 28 rows and cuts the other 125.
    #[test]
    fn a_hundred_and_fifty_three_rows_after_it() {
        let published = include_str!("../golden/processlist.after.txt");
        let text = processlist(&sample::server_in_the_storm(published), Duration::from_millis(1));
        let shown: Vec<_> = text.lines().take(3 + 28).collect();
        let wanted: Vec<_> = published.lines().collect();
        let cut = wanted.iter().position(|line| line.starts_with("|....")).expect("where the write-up cuts");
        assert_eq!(shown, wanted[..cut]);
        let tail: Vec<_> = text.lines().rev().skip(1).take(2).collect();
        assert_eq!(tail, [wanted[cut + 2], wanted[cut + 1]]);
        assert_eq!(text.lines().filter(|line| line.contains("unauthenticated user")).count(), 151);
    }

    #[test]
    fn mariadb_has_a_progress_column_and_no_warning() {
        let mut server = sample::first_server();
        server.progress_column = true;
        server.variables = vec![("version".into(), "10.11.6-MariaDB".into())];
        let text = processlist(&server, Duration::ZERO);
        assert!(text.contains("| Info             | Progress |\n"), "{text}");
        assert!(text.contains("| NULL             |    0.000 |\n"), "{text}");
        assert!(text.contains("\n3 rows in set (0.000 sec)\n"), "{text}");
    }

    #[test]
    fn the_warning_began_with_8_0_35() {
        let warnings = |version: &str| {
            deprecation_warnings(&AppStatus {
                variables: vec![("version".into(), version.into())],
                ..AppStatus::default()
            })
        };
        assert_eq!(["5.7.44-log", "8.0.34", "8.0.35", "8.3.0"].map(warnings), [0, 0, 1, 1]);
    }
}
