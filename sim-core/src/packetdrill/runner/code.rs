//! Assertions: data is taken when they stand in the script, judged at its end,
//! as packetdrill does.

use super::{Runner, Step, fail};
use crate::packetdrill::assertion::{Names, check};
use crate::tcp::{Tcb, TcpState};

/// An assertion and the values of its moment.
pub(super) struct Assertion {
    line: u32,
    text: String,
    names: Names,
}

/// Linux's numbers (`include/net/tcp_states.h`), with the names FreeBSD scripts use.
const STATES: &[(&str, i64)] = &[
    ("TCPI_ESTABLISHED", 1),
    ("TCPI_SYN_SENT", 2),
    ("TCPI_SYN_RECEIVED", 3),
    ("TCPI_FIN_WAIT_1", 4),
    ("TCPI_FIN_WAIT_2", 5),
    ("TCPI_TIME_WAIT", 6),
    ("TCPI_CLOSED", 7),
    ("TCPI_CLOSE_WAIT", 8),
    ("TCPI_LAST_ACK", 9),
    ("TCPI_LISTEN", 10),
    ("TCPI_CLOSING", 11),
    ("TCP_ESTABLISHED", 1),
    ("TCP_SYN_SENT", 2),
    ("TCP_SYN_RECV", 3),
    ("TCP_FIN_WAIT1", 4),
    ("TCP_FIN_WAIT2", 5),
    ("TCP_TIME_WAIT", 6),
    ("TCP_CLOSE", 7),
    ("TCP_CLOSE_WAIT", 8),
    ("TCP_LAST_ACK", 9),
    ("TCP_LISTEN", 10),
    ("TCP_CLOSING", 11),
    ("TCPI_OPT_TIMESTAMPS", 1),
    ("TCPI_OPT_SACK", 2),
    ("TCPI_OPT_WSCALE", 4),
    ("TCPI_OPT_ECN", 8),
    ("TCPI_OPT_ECN_SEEN", 16),
    ("TCPI_OPT_SYN_DATA", 32),
];

impl Runner<'_> {
    /// Takes the values an assertion may ask for.
    pub(super) fn collect(&mut self, line: u32, text: &str) -> Step {
        let fd = self.under_test.and_then(|at| self.connections[at].fd);
        let socket = fd.and_then(|script| match self.fds.get(&script)? {
            super::Descriptor::Socket { fd, .. } => self.bench.socket(*fd),
            super::Descriptor::Epoll(_) => None,
        });
        let Some(id) = socket else {
            return fail(line, "a socket whose state can be asked for", "no descriptor refers to the connection");
        };
        let mut names: Names = STATES.iter().copied().collect();
        let socket = self.bench.kernel.socket(id);
        names.extend(tcp_info(&socket.tcb, &self.bench.kernel.tcp_config));
        self.assertions.push(Assertion { line, text: text.to_owned(), names });
        Ok(())
    }

    pub(super) fn check_assertions(&self) -> Step {
        for Assertion { line, text, names } in &self.assertions {
            if let Err(reason) = check(text, names) {
                return fail(*line, text.split_whitespace().collect::<Vec<_>>().join(" "), reason);
            }
        }
        Ok(())
    }
}

/// `tcp_get_info`, as far as the model has it. Times in microseconds.
fn tcp_info(tcb: &Tcb, config: &crate::tcp::TcpConfig) -> Vec<(&'static str, i64)> {
    let micros = |span: crate::time::Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    let (snd_wscale, rcv_wscale) = tcb.wscale();
    let options = i64::from(tcb.timestamps_ok()) | i64::from(tcb.sack_ok()) << 1 | i64::from(tcb.wscale_ok()) << 2;
    vec![
        ("tcpi_state", state_number(tcb.state())),
        ("tcpi_options", options),
        ("tcpi_snd_wscale", i64::from(snd_wscale)),
        ("tcpi_rcv_wscale", i64::from(rcv_wscale)),
        ("tcpi_rto", micros(tcb.rto(config))),
        ("tcpi_snd_mss", i64::from(tcb.snd_mss())),
        ("tcpi_rcv_mss", i64::from(tcb.rcv_mss())),
        ("tcpi_advmss", i64::from(tcb.advmss())),
        ("tcpi_unacked", i64::from(tcb.packets_out())),
        ("tcpi_retransmits", i64::from(tcb.retransmits())),
        ("tcpi_probes", i64::from(tcb.probes_out())),
        ("tcpi_backoff", i64::from(tcb.backoff())),
        ("tcpi_rtt", tcb.srtt().map_or(0, micros)),
        ("tcpi_rttvar", micros(tcb.rttvar())),
    ]
}

const fn state_number(state: TcpState) -> i64 {
    match state {
        TcpState::Established => 1,
        TcpState::SynSent => 2,
        TcpState::SynReceived => 3,
        TcpState::FinWait1 => 4,
        TcpState::FinWait2 => 5,
        TcpState::TimeWait => 6,
        TcpState::Closed => 7,
        TcpState::CloseWait => 8,
        TcpState::LastAck => 9,
        TcpState::Listen => 10,
        TcpState::Closing => 11,
    }
}
