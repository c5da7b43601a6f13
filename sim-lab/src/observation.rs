//! What was seen of a run: the same for the real kernel and for the model, so
//! that one piece of code compares them.

use std::collections::BTreeMap;

use halfclose::tcp::TcpState;
use serde::{Deserialize, Serialize};

use crate::wire::CallEvent;

/// A whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Observation {
    /// By index of the scenario's hosts.
    pub(crate) hosts: Vec<HostSeen>,
    /// By index of the scenario's processes.
    pub(crate) processes: Vec<ProcessSeen>,
    /// The scenario's expectations, in their order; `None` if its moment did not come.
    pub(crate) checks: Vec<Option<Checked>>,
    /// Settings the hosts really had, where the model has them too: host, sysctl, value.
    pub(crate) settings: Vec<(String, String, String)>,
    /// Versions of real servers, by process.
    pub(crate) versions: Vec<(String, String)>,
    /// What the reader must know: what could not be done, what was done otherwise.
    pub(crate) notes: Vec<String>,
}

/// An expectation's outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checked {
    /// What was expected, with numbers put in.
    pub(crate) expected: String,
    /// What came out.
    pub(crate) actual: Option<i64>,
    /// It came out as expected.
    pub(crate) ok: bool,
}

/// A host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostSeen {
    /// Its sockets at the end.
    pub(crate) sockets: Vec<Row>,
    /// The states of its connections, sampled.
    pub(crate) intervals: Vec<Interval>,
    /// What the MIB counters grew by, by `nstat`'s names.
    pub(crate) mib: BTreeMap<String, u64>,
    /// Source ports the kernel chose, in order.
    pub(crate) picks: Vec<Pick>,
    /// Packets that reached it, where they were captured.
    pub(crate) packets: Vec<Sent>,
    /// `ss -s` at the end.
    pub(crate) ss: Summary,
}

/// The numbers of `ss -s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// TCP sockets allocated.
    pub(crate) alloc: i64,
    /// In the hash tables, minisocks not counted.
    pub(crate) inuse: i64,
    /// Minisocks.
    pub(crate) tw: i64,
    /// Without a file, minisocks not counted.
    pub(crate) orphaned: i64,
    /// `CurrEstab`.
    pub(crate) estab: i64,
}

/// A socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Local port.
    pub(crate) lport: u16,
    /// Remote port; 0 for a listener.
    pub(crate) rport: u16,
    /// State, as metrics name it.
    pub(crate) state: String,
    /// Recv-Q.
    pub(crate) recv_q: u32,
    /// Send-Q.
    pub(crate) send_q: u32,
    /// The process that holds it: its index in the scenario.
    pub(crate) process: Option<usize>,
}

/// A connection's end in one state, as sampling sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interval {
    /// State.
    pub(crate) state: String,
    /// First sample that shows it, in ns.
    pub(crate) from: u64,
    /// First sample that does not; `None` if it lasts at the end.
    pub(crate) to: Option<u64>,
}

/// A source port that `connect()` chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pick {
    /// When.
    pub(crate) at: u64,
    /// The port; 0 if there was none.
    pub(crate) port: u16,
    /// Destination address and port.
    pub(crate) to: (u32, u16),
}

/// A TCP segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    /// When, in ns since the start.
    pub(crate) at: u64,
    /// Source address and port.
    pub(crate) from: (u32, u16),
    /// Destination address and port.
    pub(crate) to: (u32, u16),
    /// Control bits.
    pub(crate) flags: u8,
    /// Payload bytes.
    pub(crate) len: u32,
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessSeen {
    /// Calls told one by one: all of a script, else failures and connects.
    pub(crate) calls: Vec<CallEvent>,
    /// How often each call came to what: name, `ok` or errno, count.
    pub(crate) counts: Vec<(String, String, u64)>,
    /// Descriptors it has at the end.
    pub(crate) fds: Option<i64>,
    /// Descriptors handed to helpers.
    pub(crate) parked: u32,
    /// It ended by itself.
    pub(crate) exit: Option<u32>,
}

/// Follows connections from sample to sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sampler {
    /// By both ends: state and since when.
    open: BTreeMap<(u32, u16, u32, u16), (TcpState, u64)>,
    done: Vec<Interval>,
}

/// Both ends of a connection, and its state.
pub(crate) type Sampled = ((u32, u16, u32, u16), TcpState);

impl Sampler {
    /// Takes a sample.
    pub(crate) fn sample(&mut self, at: u64, rows: impl IntoIterator<Item = Sampled>) {
        let mut now: BTreeMap<_, _> = rows.into_iter().collect();
        self.open.retain(|tuple, (state, from)| {
            let same = now.get(tuple) == Some(state);
            if same {
                now.remove(tuple);
            } else {
                self.done.push(Interval { state: state.metric_name().to_owned(), from: *from, to: Some(at) });
            }
            same
        });
        self.open.extend(now.into_iter().map(|(tuple, state)| (tuple, (state, at))));
    }

    /// All intervals, in order of their beginning.
    pub(crate) fn finish(self) -> Vec<Interval> {
        let mut all = self.done;
        let left = self.open.into_values();
        all.extend(left.map(|(state, from)| Interval { state: state.metric_name().to_owned(), from, to: None }));
        all.sort_by(|a, b| (a.from, &a.state, a.to).cmp(&(b.from, &b.state, b.to)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_become_intervals() {
        let tuple = (1, 2, 3, 4);
        let mut sampler = Sampler::default();
        sampler.sample(10, [(tuple, TcpState::Established)]);
        sampler.sample(20, [(tuple, TcpState::Established)]);
        sampler.sample(30, [(tuple, TcpState::CloseWait), ((9, 9, 9, 9), TcpState::TimeWait)]);
        sampler.sample(40, [(tuple, TcpState::CloseWait)]);
        let interval = |state: &str, from, to| Interval { state: state.into(), from, to };
        let expected = [
            interval("established", 10, Some(30)),
            interval("close_wait", 30, None),
            interval("time_wait", 30, Some(40)),
        ];
        assert_eq!(sampler.finish(), expected);
    }
}
