//! The boxes of the `mysql` command-line client (MariaDB's prints three digits
//! of seconds; the write-up used it).

use crate::time::Duration;

/// A column of a result set.
pub(super) struct Column<'a> {
    pub(super) heading: &'a str,
    /// Numbers stand at the right.
    pub(super) numeric: bool,
    /// May hold NULL, and then is at least four wide.
    pub(super) nullable: bool,
}

/// How the client prints a result set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MysqlStyle {
    /// At its prompt: a box, the number of rows, the time.
    #[default]
    Interactive,
    /// `-e` on a terminal, `-t`: the box alone.
    Box,
    /// `-e` into a pipe, `-B`: tabs between; with `-N` without headings.
    Tabs {
        /// False for `-N`.
        headings: bool,
    },
    /// `\G`: one column a line, then as at the prompt.
    Vertical,
}

/// A result set in one of the client's forms. `None` prints NULL.
pub(super) fn result_set(
    columns: &[Column<'_>],
    rows: &[Vec<Option<&str>>],
    warnings: u32,
    elapsed: Duration,
    style: MysqlStyle,
) -> String {
    match style {
        MysqlStyle::Interactive => table(columns, rows, warnings, elapsed),
        MysqlStyle::Box if rows.is_empty() => String::new(),
        MysqlStyle::Box => boxed(columns, rows),
        MysqlStyle::Tabs { headings } => {
            let mut out = String::new();
            if headings && !rows.is_empty() {
                out.push_str(&columns.iter().map(|column| column.heading).collect::<Vec<_>>().join("\t"));
                out.push('\n');
            }
            for row in rows {
                let cells: Vec<_> = (0..columns.len()).map(|ix| cell(row, ix)).collect();
                out.push_str(&cells.join("\t"));
                out.push('\n');
            }
            out
        }
        MysqlStyle::Vertical if rows.is_empty() => table(columns, rows, warnings, elapsed),
        MysqlStyle::Vertical => {
            let width = columns.iter().map(|column| column.heading.len()).max().unwrap_or(0);
            let stars = "*".repeat(27);
            let mut out = String::new();
            for (number, row) in rows.iter().enumerate() {
                out.push_str(&format!("{stars} {}. row {stars}\n", number + 1));
                for (ix, column) in columns.iter().enumerate() {
                    out.push_str(&format!("{:>width$}: {}\n", column.heading, cell(row, ix)));
                }
            }
            out.push_str(&footer(rows.len(), warnings, elapsed));
            out
        }
    }
}

/// The table, its footer and the empty line after it.
fn table(columns: &[Column<'_>], rows: &[Vec<Option<&str>>], warnings: u32, elapsed: Duration) -> String {
    if rows.is_empty() {
        return format!("Empty set{} ({})\n\n", warning_text(warnings), seconds(elapsed));
    }
    format!("{}{}", boxed(columns, rows), footer(rows.len(), warnings, elapsed))
}

fn footer(rows: usize, warnings: u32, elapsed: Duration) -> String {
    let plural = if rows == 1 { "row" } else { "rows" };
    format!("{rows} {plural} in set{} ({})\n\n", warning_text(warnings), seconds(elapsed))
}

fn boxed(columns: &[Column<'_>], rows: &[Vec<Option<&str>>]) -> String {
    let width = |ix: usize, column: &Column<'_>| {
        let content = rows.iter().map(|row| cell(row, ix).chars().count()).max().unwrap_or(0);
        content.max(column.heading.len()).max(if column.nullable { 4 } else { 0 })
    };
    let widths: Vec<_> = columns.iter().enumerate().map(|(ix, column)| width(ix, column)).collect();
    let rule: String =
        widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).chain(["+\n".to_owned()]).collect();
    let mut out = rule.clone();
    for (column, width) in columns.iter().zip(&widths) {
        out.push_str(&format!("| {:<width$} ", column.heading));
    }
    out.push_str("|\n");
    out.push_str(&rule);
    for row in rows {
        for (ix, (column, width)) in columns.iter().zip(&widths).enumerate() {
            let text = cell(row, ix);
            out.push_str(&if column.numeric { format!("| {text:>width$} ") } else { format!("| {text:<width$} ") });
        }
        out.push_str("|\n");
    }
    out.push_str(&rule);
    out
}

fn cell<'a>(row: &[Option<&'a str>], ix: usize) -> &'a str {
    row.get(ix).copied().flatten().unwrap_or("NULL")
}

fn warning_text(warnings: u32) -> String {
    match warnings {
        0 => String::new(),
        1 => ", 1 warning".to_owned(),
        n => format!(", {n} warnings"),
    }
}

/// `0.001 sec`, `1 min 5.000 sec`, `1 hour 1 min 5.000 sec`; rounded to the millisecond.
pub(in crate::observe) fn seconds(elapsed: Duration) -> String {
    let millis = (elapsed + Duration::from_micros(500)).as_millis();
    let (total, fraction) = (millis / 1000, millis % 1000);
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    let mut out = String::new();
    if hours > 0 {
        out.push_str(&format!("{hours} hour{} ", if hours == 1 { "" } else { "s" }));
    }
    if total >= 60 {
        out.push_str(&format!("{minutes} min "));
    }
    out.push_str(&format!("{seconds}.{fraction:03} sec"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn footers() {
        let columns = [Column { heading: "a", numeric: false, nullable: true }];
        let one = [vec![Some("é")]];
        assert_eq!(
            table(&columns, &one, 2, Duration::from_micros(1_499)),
            "+------+\n| a    |\n+------+\n| é    |\n+------+\n1 row in set, 2 warnings (0.001 sec)\n\n"
        );
        assert_eq!(table(&columns, &[], 0, Duration::from_micros(1_500)), "Empty set (0.002 sec)\n\n");
        let tabs = MysqlStyle::Tabs { headings: true };
        assert_eq!(result_set(&columns, &[vec![None]], 0, Duration::ZERO, tabs), "a\nNULL\n");
        assert_eq!(
            result_set(&columns, &one, 0, Duration::ZERO, MysqlStyle::Vertical),
            format!("{0} 1. row {0}\na: é\n1 row in set (0.000 sec)\n\n", "*".repeat(27))
        );
        assert_eq!(seconds(Duration::from_secs(3_665)), "1 hour 1 min 5.000 sec");
        assert_eq!(seconds(Duration::from_secs(60)), "1 min 0.000 sec");
    }
}
