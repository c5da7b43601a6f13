//! The state graph: one table of every transition, the single truth the machine
//! is checked against and the diagrams are drawn from.

use petgraph::graph::DiGraph;

use super::state::{Cause, TcpState};

/// One edge of the state diagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// The state left.
    pub from: TcpState,
    /// What happens, in words.
    pub event: &'static str,
    /// What is sent or done, in words.
    pub action: &'static str,
    /// The state entered.
    pub to: TcpState,
    /// RFC 9293 section, or Linux function.
    pub source: &'static str,
    /// The causes under which the machine takes it.
    pub causes: &'static [Cause],
}

macro_rules! table {
    ($($from:ident $event:literal / $action:literal => $to:ident, $source:literal, [$($cause:ident),+];)*) => {
        /// Every transition, by the state left.
        pub const TRANSITIONS: &[Transition] = &[$(Transition {
            from: TcpState::$from,
            event: $event,
            action: $action,
            to: TcpState::$to,
            source: $source,
            causes: &[$(Cause::$cause),+],
        },)*];
    };
}

table! {
    Closed "connect()" / "send SYN" => SynSent, "RFC 9293 3.10.1", [ActiveOpen];
    Closed "listen()" / "" => Listen, "RFC 9293 3.10.1", [PassiveOpen];

    Listen "SYN" / "send SYN,ACK" => SynReceived, "RFC 9293 3.10.7.2", [SynArrived];
    Listen "close() or shutdown(SHUT_RD)" / "" => Closed, "RFC 9293 3.10.4", [Close, Shutdown];
    Listen "abort" / "" => Closed, "tcp_abort", [Abort, Overflow];

    SynSent "SYN,ACK of our SYN" / "send ACK" => Established, "RFC 9293 3.10.7.3", [SynAckArrived];
    SynSent "SYN" / "send SYN,ACK" => SynReceived, "RFC 9293 3.10.7.3", [SynArrived];
    SynSent "close() or shutdown()" / "" => Closed, "RFC 9293 3.10.4", [Close, Shutdown];
    SynSent "RST with ACK of our SYN" / "ECONNREFUSED" => Closed, "RFC 9293 3.10.7.3", [RstArrived];
    SynSent "tcp_syn_retries used up" / "ETIMEDOUT" => Closed, "tcp_write_timeout", [TimedOut];
    SynSent "ICMP unreachable" / "its errno" => Closed, "tcp_v4_err", [IcmpError];
    SynSent "abort" / "" => Closed, "tcp_abort", [Abort, Overflow];

    SynReceived "ACK of our SYN" / "" => Established, "RFC 9293 3.10.7.4", [AckOfSyn];
    SynReceived "close()" / "send FIN" => FinWait1, "RFC 9293 3.10.4", [Close];
    SynReceived "FIN" / "send ACK" => CloseWait, "RFC 9293 3.10.7.4", [FinArrived];
    SynReceived "RST" / "ECONNRESET" => Closed, "RFC 9293 3.10.7.4", [RstArrived];
    SynReceived "retries used up" / "ETIMEDOUT" => Closed, "tcp_write_timeout, reqsk_timer_handler", [TimedOut];
    SynReceived "ICMP unreachable" / "its errno" => Closed, "tcp_v4_err", [IcmpError];
    SynReceived "abort" / "send RST" => Closed, "RFC 9293 3.10.5", [Abort, Overflow];

    Established "close() or shutdown(SHUT_WR)" / "send FIN" => FinWait1, "RFC 9293 3.10.4", [Close, Shutdown];
    Established "FIN" / "send ACK" => CloseWait, "RFC 9293 3.10.7.4", [FinArrived];
    Established "RST" / "ECONNRESET" => Closed, "RFC 9293 3.10.7.4", [RstArrived];
    Established "close() with unread data, SO_LINGER 0, abort" / "send RST" => Closed, "tcp_close, RFC 2525 2.17", [Abort, Overflow];
    Established "retransmission, keepalive or user time-out" / "ETIMEDOUT" => Closed, "RFC 9293 3.10.8", [TimedOut];

    FinWait1 "ACK of our FIN" / "" => FinWait2, "RFC 9293 3.10.7.4", [AckOfFin];
    FinWait1 "FIN" / "send ACK" => Closing, "RFC 9293 3.10.7.4", [FinArrived];
    FinWait1 "FIN with ACK of ours" / "send ACK" => TimeWait, "RFC 9293 3.10.7.4 (Linux passes through FIN-WAIT-2)", [FinAckArrived];
    FinWait1 "RST" / "ECONNRESET" => Closed, "RFC 9293 3.10.7.4", [RstArrived];
    FinWait1 "data after close(), abort" / "send RST" => Closed, "RFC 1122 4.2.2.13", [Abort, Overflow];
    FinWait1 "tcp_orphan_retries or tcp_retries2 used up" / "ETIMEDOUT" => Closed, "tcp_write_timeout", [TimedOut];

    FinWait2 "FIN" / "send ACK" => TimeWait, "RFC 9293 3.10.7.4", [FinArrived];
    FinWait2 "RST" / "ECONNRESET" => Closed, "RFC 9293 3.10.7.4", [RstArrived];
    FinWait2 "data after close(), TCP_LINGER2 < 0, abort" / "send RST" => Closed, "RFC 1122 4.2.2.13, tcp_close", [Abort, Overflow];
    FinWait2 "tcp_fin_timeout over" / "" => Closed, "tcp_keepalive_timer, inet_twsk", [TimerExpired];
    FinWait2 "keepalive gave up" / "send RST, ETIMEDOUT" => Closed, "tcp_keepalive_timer", [TimedOut];

    CloseWait "close() or shutdown(SHUT_WR)" / "send FIN" => LastAck, "RFC 9293 3.10.4", [Close, Shutdown];
    CloseWait "RST" / "EPIPE" => Closed, "RFC 9293 3.10.7.4, tcp_reset", [RstArrived];
    CloseWait "close() with unread data, SO_LINGER 0, abort" / "send RST" => Closed, "tcp_close, RFC 2525 2.17", [Abort, Overflow];
    CloseWait "retransmission, keepalive or user time-out" / "ETIMEDOUT" => Closed, "RFC 9293 3.10.8", [TimedOut];

    Closing "ACK of our FIN" / "" => TimeWait, "RFC 9293 3.10.7.4", [AckOfFin];
    Closing "RST" / "" => Closed, "RFC 9293 3.10.7.4", [RstArrived];
    Closing "abort" / "" => Closed, "tcp_abort", [Abort, Overflow];
    Closing "retries used up" / "" => Closed, "tcp_write_timeout", [TimedOut];

    LastAck "ACK of our FIN" / "" => Closed, "RFC 9293 3.10.7.4", [AckOfFin];
    LastAck "RST" / "" => Closed, "RFC 9293 3.10.7.4", [RstArrived];
    LastAck "abort" / "" => Closed, "tcp_abort", [Abort, Overflow];
    LastAck "tcp_orphan_retries used up" / "" => Closed, "tcp_write_timeout", [TimedOut];

    TimeWait "60 s over" / "" => Closed, "RFC 9293 3.10.8", [TimerExpired];
    TimeWait "RST (tcp_rfc1337=0)" / "" => Closed, "tcp_timewait_state_process", [RstArrived];
    TimeWait "newer SYN" / "send SYN,ACK" => SynReceived, "RFC 9293 3.6.1, TCP_TW_SYN", [SynArrived];
    TimeWait "tcp_max_tw_buckets reached, or reuse by connect()" / "" => Closed, "inet_twsk_alloc, tcp_twsk_unique", [Overflow, ActiveOpen];
}

/// True if the table has this edge under this cause.
#[must_use]
pub fn allows(from: TcpState, to: TcpState, cause: Cause) -> bool {
    TRANSITIONS.iter().any(|edge| edge.from == from && edge.to == to && edge.causes.contains(&cause))
}

/// The table as a graph: a node a state (index = discriminant), an edge a row.
#[must_use]
pub fn graph() -> DiGraph<TcpState, &'static Transition> {
    let mut graph = DiGraph::with_capacity(TcpState::ALL.len(), TRANSITIONS.len());
    let nodes: Vec<_> = TcpState::ALL.iter().map(|&state| graph.add_node(state)).collect();
    for edge in TRANSITIONS {
        graph.add_edge(nodes[edge.from as usize], nodes[edge.to as usize], edge);
    }
    graph
}

#[cfg(test)]
mod tests {
    use petgraph::algo::{has_path_connecting, kosaraju_scc};

    use super::*;

    #[test]
    fn every_state_is_reachable_and_can_end() {
        let graph = graph();
        let closed = graph.node_indices().next().expect("CLOSED is the first node");
        for node in graph.node_indices() {
            assert!(has_path_connecting(&graph, closed, node, None), "{} cannot be reached", graph[node]);
            assert!(has_path_connecting(&graph, node, closed, None), "{} cannot end", graph[node]);
        }
        assert_eq!(kosaraju_scc(&graph).len(), 1);
    }

    #[test]
    fn no_two_rows_share_ends_and_cause() {
        for (i, a) in TRANSITIONS.iter().enumerate() {
            for b in &TRANSITIONS[i + 1..] {
                let same = a.from == b.from && a.to == b.to && a.causes.iter().any(|cause| b.causes.contains(cause));
                assert!(!same, "{} to {} twice", a.from, a.to);
            }
        }
    }

    #[test]
    fn close_wait_leaves_only_by_the_application_a_reset_or_a_timer() {
        let out: Vec<_> = TRANSITIONS.iter().filter(|edge| edge.from == TcpState::CloseWait).collect();
        assert!(out.iter().all(|edge| !edge.causes.contains(&Cause::TimerExpired)));
        assert!(out.iter().any(|edge| edge.to == TcpState::LastAck));
    }
}
