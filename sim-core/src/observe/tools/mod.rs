//! Look-alikes of the tools the write-up used, one file a tool.
//!
//! Layouts were compared character for character with iproute2 6.1.0 (`ss`,
//! `nstat`), net-tools 2.10 (`netstat`), procps 4.0.2 (`sysctl`), coreutils 9.1
//! (`ls`) and the files of Linux 6.18.44 under `/proc`, in a network namespace;
//! with the MariaDB command-line client 10.11.19 (tables); and with the write-up's
//! own blocks, which are bash 4.2's for `ulimit`.

mod fd;
mod limits;
mod mysql_table;
mod netstat;
mod nstat;
mod proc_net;
mod processlist;
mod services;
mod sockstat;
mod ss;
mod ss_buffer;
mod ss_s;
mod sysctl;
mod ulimit;
mod variables;

#[cfg(test)]
mod sample;

pub use fd::fd;
pub use limits::limits;
pub use mysql_table::MysqlStyle;
#[cfg(feature = "scenario")]
pub(super) use mysql_table::seconds;
pub use netstat::{NetstatOptions, Servers, netstat, netstat_with};
pub use nstat::nstat;
pub use proc_net::proc_net_tcp;
pub use processlist::{processlist, processlist_in};
pub use services::port_of;
pub use sockstat::sockstat;
pub use ss::{Side, SsFilter, SsOptions, States, ss, ss_with};
pub use ss_s::ss_s;
pub use sysctl::sysctl;
pub use ulimit::{ulimit_a, ulimit_n};
pub use variables::{names_and_values, one_value, status, variables};

use core::fmt;

use super::messages::Advice;
use super::view::{HostView, ProcessView};
use crate::text::Lang;
use crate::time::Duration;
use crate::units::Pid;

macro_rules! views {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $command:literal;)*) => {
        /// A view of a host: what `halfclose show` can print.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum View { $($(#[$doc])* $variant,)* }

        impl View {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
            /// The command whose output it looks like.
            #[must_use]
            pub const fn command(self) -> &'static str { match self { $(Self::$variant => $command,)* } }
        }
    };
}

views! {
    /// Totals by protocol.
    SsS = "ss-s", "ss -s";
    /// TCP sockets.
    Ss = "ss", "ss -tanpo";
    /// TCP and UDP sockets, the older tool.
    Netstat = "netstat", "netstat -anop";
    /// Sessions of the MySQL server.
    Processlist = "processlist", "SHOW PROCESSLIST;";
    /// Settings of the MySQL server.
    Variables = "variables", "SHOW GLOBAL VARIABLES LIKE …;";
    /// Counters of the MySQL server.
    Status = "status", "SHOW GLOBAL STATUS LIKE …;";
    /// Resource limits of a process.
    Limits = "limits", "cat /proc/PID/limits";
    /// Resource limits of the operator's shell.
    Ulimit = "ulimit", "ulimit -a";
    /// Kernel settings.
    Sysctl = "sysctl", "sysctl -a";
    /// Open descriptors of a process.
    Fd = "fd", "ls -l /proc/PID/fd";
    /// Socket counts of the kernel.
    Sockstat = "sockstat", "cat /proc/net/sockstat /proc/net/sockstat6";
    /// Network counters.
    Nstat = "nstat", "nstat -az";
}

impl View {
    /// The view of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|view| view.name() == name)
    }

    /// Prints the view.
    ///
    /// # Errors
    /// [`ViewError`] when the host has nothing such a tool could look at.
    pub fn render(self, host: &HostView, options: &ViewOptions) -> Result<String, ViewError> {
        let like = options.like.as_deref();
        let server = || host.mysql().ok_or_else(|| ViewError::NoServer { host: host.name.clone() });
        Ok(match self {
            Self::SsS => ss_s(host),
            Self::Ss => ss(host),
            Self::Netstat => netstat(host),
            Self::Processlist => processlist(server()?, options.elapsed),
            Self::Variables => variables(server()?, like, options.elapsed),
            Self::Status => status(server()?, like, options.elapsed),
            Self::Limits => limits(&options.process(host)?.limits),
            Self::Ulimit => ulimit_a(&host.shell),
            Self::Sysctl => sysctl(host),
            Self::Fd => fd(host, options.process(host)?),
            Self::Sockstat => sockstat(&host.sockstat),
            Self::Nstat => nstat(&host.counters),
        })
    }
}

/// What a view is asked for besides the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewOptions {
    /// The process to look at; otherwise [`HostView::default_process`].
    pub pid: Option<Pid>,
    /// Pattern of `LIKE`.
    pub like: Option<String>,
    /// How long the statement took on the server, for the footer of a table.
    pub elapsed: Duration,
}

impl ViewOptions {
    fn process<'a>(&self, host: &'a HostView) -> Result<&'a ProcessView, ViewError> {
        match self.pid {
            Some(pid) => host.process(pid),
            None => host.default_process(),
        }
        .ok_or_else(|| ViewError::NoProcess { host: host.name.clone(), pid: self.pid })
    }
}

/// Why a view cannot be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewError {
    /// The host runs no MySQL server.
    NoServer {
        /// Host asked for.
        host: String,
    },
    /// The host has no such process, or none at all.
    NoProcess {
        /// Host asked for.
        host: String,
        /// Process asked for.
        pid: Option<Pid>,
    },
}

impl ViewError {
    /// The error in one language.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::NoServer { host } => crate::say!(lang, Advice::NoServer, host),
            Self::NoProcess { host, pid: Some(pid) } => crate::say!(lang, Advice::NoProcess, host, pid),
            Self::NoProcess { host, pid: None } => crate::say!(lang, Advice::NoProcesses, host),
        }
    }
}
impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}
impl core::error::Error for ViewError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_is_found_by_its_name_and_prints() {
        let mut host = sample::namespace(Duration::ZERO);
        host.processes[0].app = sample::first_server();
        for &view in View::ALL {
            assert_eq!(View::parse(view.name()), Some(view));
            let text = view.render(&host, &ViewOptions::default()).expect("the sample has everything");
            assert!(text.ends_with('\n'), "{view:?}");
        }
        assert_eq!(View::parse("lsof"), None);
    }

    #[test]
    fn a_view_of_nothing_is_an_error() {
        let host = sample::namespace(Duration::ZERO);
        let options = ViewOptions { pid: Some(Pid(4)), ..ViewOptions::default() };
        let error = View::Limits.render(&host, &options).unwrap_err();
        assert_eq!(error.to_string(), "host `host` has no process 4");
        let error = View::Processlist.render(&host, &ViewOptions::default()).unwrap_err();
        assert_eq!(error, ViewError::NoServer { host: "host".into() });
    }
}
