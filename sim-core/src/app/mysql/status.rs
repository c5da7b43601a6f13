//! What the server shows of itself: process list, status, variables.

use super::server::{Flavour, Shared};
use super::session::{Command, Session};
use super::vars::{SPECS, Var};
use crate::app::api::AppStatus;
use crate::app::api::ProcesslistRow;
use crate::time::Instant;

/// The statement whose answer is the process list.
pub const PROCESSLIST_QUERY: &str = "show processlist";

/// Rewrites a process list taken from outside as the session `id` would see it:
/// its own row shows the question being asked.
pub fn as_asked_by(rows: &mut [ProcesslistRow], id: u64, flavour: Flavour) {
    if let Some(row) = rows.iter_mut().find(|r| r.id == id) {
        row.command = "Query";
        row.time = 0;
        row.state = Some(flavour.asking_state().to_owned());
        row.info = Some(PROCESSLIST_QUERY.to_owned());
    }
}

/// Whole seconds between two readings of a clock that counts whole seconds.
const fn clock_seconds(now: Instant, since: Instant) -> u64 {
    (now.nanos() / 1_000_000_000).saturating_sub(since.nanos() / 1_000_000_000)
}

impl Shared {
    /// The session that has been there longest of those logged in.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn oldest_client(&self) -> Option<u32> {
        let live = self.sessions.iter().enumerate().filter(|(_, s)| !s.is_free() && s.authenticated && s.id != 0);
        live.min_by_key(|(_, s)| s.id).and_then(|(slot, _)| u32::try_from(slot).ok())
    }

    fn row(&self, session: &Session, now: Instant) -> ProcesslistRow {
        let state = if session.is_reading() {
            match session.command {
                Command::Sleep => "",
                Command::Connect | Command::Query | Command::Quit => self.flavour.reading_state(),
            }
        } else if session.is_writing() {
            self.flavour.writing_state()
        } else {
            match session.command {
                Command::Connect => "login",
                Command::Query => "executing",
                Command::Sleep | Command::Quit => "",
            }
        };
        let name = |ix: u16| self.names.get(usize::from(ix)).cloned().unwrap_or_default();
        ProcesslistRow {
            id: u64::from(session.id),
            user: if session.authenticated { name(session.user) } else { "unauthenticated user".to_owned() },
            host: if session.peer_known { session.peer.to_string() } else { "connecting host".to_owned() },
            db: session.db.map(name),
            command: session.command.name(),
            time: clock_seconds(now, session.since),
            state: Some(state.to_owned()),
            info: session.info().map(str::to_owned),
        }
    }

    /// The process list in the order of ids.
    pub(super) fn processlist(&self, now: Instant) -> Vec<ProcesslistRow> {
        let mut rows: Vec<ProcesslistRow> = Vec::with_capacity(self.sessions.len() + 1);
        rows.extend(self.config.event_scheduler_id.map(|id| ProcesslistRow {
            id: u64::from(id),
            user: "event_scheduler".to_owned(),
            host: "localhost".to_owned(),
            db: None,
            command: "Daemon",
            time: now.nanos() / 1_000_000_000 + self.config.uptime_at_start.as_secs(),
            state: Some("Waiting on empty queue".to_owned()),
            info: None,
        }));
        rows.extend(self.sessions.iter().filter(|s| !s.is_free() && s.id != 0).map(|s| self.row(s, now)));
        rows.sort_by_key(|r| r.id);
        rows
    }

    /// One status variable.
    pub(super) fn metric(&self, name: &str) -> Option<u64> {
        let stats = &self.stats;
        Some(match name {
            "Aborted_clients" => stats.aborted_clients,
            "Aborted_connects" => stats.aborted_connects,
            "Aborted_connects_preauth" if self.flavour == Flavour::MariaDb => stats.aborted_connects_preauth,
            "Bytes_received" => stats.bytes_received,
            "Bytes_sent" => stats.bytes_sent,
            "Com_kill" => stats.com_kill,
            "Connection_errors_accept" => stats.connection_errors_accept,
            "Connection_errors_internal" => stats.connection_errors_internal,
            "Connection_errors_max_connections" => stats.connection_errors_max_connections,
            "Connection_errors_peer_address" => stats.connection_errors_peer_address,
            "Connection_errors_select" => stats.connection_errors_select,
            // TCP wrappers are not compiled in since MySQL 8.0; the variable stayed.
            "Connection_errors_tcpwrap" => 0,
            "Connections" => u64::from(self.next_id.saturating_sub(1)),
            "Max_used_connections" => stats.max_used_connections,
            "Queries" | "Questions" => stats.queries,
            "Threads_cached" => self.cached.len() as u64,
            "Threads_connected" => self.connection_count + self.extra_count,
            "Threads_created" => stats.threads_created,
            "Threads_running" => stats.threads_running,
            // Not a status variable: what `show processlist | wc -l` would count.
            "processlist.rows" => self.listed + u64::from(self.config.event_scheduler_id.is_some()),
            "processlist.unauthenticated" => self.listed - self.logged_in,
            "unauthenticated_peak" => stats.unauthenticated_peak,
            "handshake_timeouts" => stats.handshake_timeouts,
            "blocked" => stats.blocked,
            "first_refusal.at_ns" => stats.first_refusal?.0.nanos(),
            "first_refusal.sessions" => stats.first_refusal?.1,
            // Nor is this: a numeric system variable as it is now.
            other => return self.vars.find(other).map(|spec| self.vars.get(spec.var)),
        })
    }

    /// `SHOW GLOBAL STATUS`, in alphabetical order as the server prints it.
    pub(super) fn status_list(&self, now: Instant) -> Vec<(String, String)> {
        const NUMERIC: [&str; 20] = [
            "Aborted_clients",
            "Aborted_connects",
            "Aborted_connects_preauth",
            "Bytes_received",
            "Bytes_sent",
            "Com_kill",
            "Connection_errors_accept",
            "Connection_errors_internal",
            "Connection_errors_max_connections",
            "Connection_errors_peer_address",
            "Connection_errors_select",
            "Connection_errors_tcpwrap",
            "Connections",
            "Max_used_connections",
            "Queries",
            "Questions",
            "Threads_cached",
            "Threads_connected",
            "Threads_created",
            "Threads_running",
        ];
        let mut list: Vec<(String, String)> =
            NUMERIC.iter().filter_map(|n| Some(((*n).to_owned(), self.metric(n)?.to_string()))).collect();
        let at = self.config.start_unix + self.stats.max_used_at.nanos() / 1_000_000_000;
        list.push(("Max_used_connections_time".to_owned(), date_time(at)));
        let uptime = now.nanos() / 1_000_000_000 + self.config.uptime_at_start.as_secs();
        list.push(("Uptime".to_owned(), uptime.to_string()));
        list.sort();
        list
    }

    /// `SHOW GLOBAL VARIABLES`, in alphabetical order.
    pub(super) fn variable_list(&self) -> Vec<(String, String)> {
        let numeric = SPECS.iter().filter(|s| self.vars.exists(s.var));
        let mut list: Vec<(String, String)> = numeric.map(|s| (s.name.to_owned(), self.vars.show(s.var))).collect();
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let any = if self.flavour == Flavour::MariaDb { "" } else { "*" };
        let bind = self.config.bind_address.map_or_else(|| any.to_owned(), |a| a.to_string());
        list.push(text("bind_address", &bind));
        let plain = self.config.version.strip_prefix("5.5.5-").unwrap_or(&self.config.version);
        list.push(text("version", plain));
        if matches!(self.flavour, Flavour::Mysql80Early | Flavour::Mysql80) {
            let admin = self.config.admin_address.map(|a| a.to_string()).unwrap_or_default();
            list.push(text("admin_address", &admin));
        }
        list.push(text("event_scheduler", if self.config.event_scheduler_id.is_some() { "ON" } else { "OFF" }));
        list.sort();
        list
    }

    pub(super) fn app_status(&self, now: Instant) -> AppStatus {
        AppStatus {
            status: self.status_list(now),
            variables: self.variable_list(),
            processlist: self.processlist(now),
            progress_column: self.flavour == Flavour::MariaDb,
            ..AppStatus::default()
        }
    }

    /// The value `SELECT @@name` returns.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let name = name.to_ascii_lowercase();
        self.variable_list().into_iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// Bounds of the host cache in force.
    pub(super) fn host_cache_is_on(&self) -> bool {
        self.vars.get(Var::HostCacheSize) > 0 && self.vars.get(Var::SkipNameResolve) == 0
    }
}

/// Seconds since 1970 as `YYYY-MM-DD hh:mm:ss` in UTC (days to civil date by
/// the 400-year cycle).
fn date_time(unix: u64) -> String {
    let (days, secs) = (unix / 86_400, unix % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (secs / 3_600, secs / 60 % 60, secs % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date_time(0), "1970-01-01 00:00:00");
        assert_eq!(date_time(951_782_400), "2000-02-29 00:00:00");
        assert_eq!(date_time(1_712_859_774), "2024-04-11 18:22:54");
    }

    #[test]
    fn seconds_are_read_from_a_whole_second_clock() {
        let at = |ms: u64| Instant::from_nanos(ms * 1_000_000);
        assert_eq!(clock_seconds(at(13_000), at(10_250)), 3);
        assert_eq!(clock_seconds(at(13_999), at(10_000)), 3);
        assert_eq!(clock_seconds(at(10_001), at(9_999)), 1);
    }
}
