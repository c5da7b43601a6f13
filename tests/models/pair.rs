//! Two ends and what lies between them, as a model for stateright.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use halfclose::tcp::{Cause, TcpConfig, TcpState, graph};
use halfclose::time::Duration;
use halfclose::wire::{Segment, SeqNum};
use stateright::{Model, Property};

use halfclose_tests::end::{Call, End, Fault, Output};

/// How much may go wrong, and how much may be done.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Budget {
    /// Segments lost.
    pub(crate) losses: u8,
    /// Segments delivered twice.
    pub(crate) copies: u8,
    /// Timers that fire while something is under way.
    pub(crate) timers: u8,
    /// `send()` calls of each application.
    pub(crate) sends: [u8; 2],
}

/// A model: where it begins and what may happen.
pub(crate) struct Pair {
    pub(crate) config: TcpConfig,
    /// The second end listens; else both may connect.
    pub(crate) passive: bool,
    /// Begin with the connection open.
    pub(crate) open: bool,
    /// Segments may overtake each other.
    pub(crate) reorder: bool,
    pub(crate) budget: Budget,
    /// What applications may do besides sending and reading.
    pub(crate) calls: &'static [Call],
    pub(crate) iss: [SeqNum; 2],
    /// A RST ends the branch: RFC 9293 Figure 5 leaves resets out.
    pub(crate) without_reset: bool,
    pub(crate) seen: Arc<Seen>,
}

/// What was met on the way, for coverage and comparison.
#[derive(Default)]
pub(crate) struct Seen {
    /// Rows of `graph::TRANSITIONS` taken.
    pub(crate) edges: Mutex<BTreeSet<usize>>,
    /// States of both ends at once.
    pub(crate) pairs: Mutex<BTreeSet<[TcpState; 2]>>,
    /// Pairs in which everything had come to rest, and whether each application had closed.
    pub(crate) rests: Mutex<BTreeSet<[(TcpState, bool); 2]>>,
}

/// One state.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct State {
    pub(crate) ends: [End; 2],
    /// In flight to the end of this index, oldest first; sorted where order does not matter.
    pub(crate) net: [Vec<Segment>; 2],
    left: Budget,
    pub(crate) fault: Option<Fault>,
    /// Somebody sent a RST or gave up.
    pub(crate) broken: bool,
}

/// Something that happens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Action {
    /// The segment of this place in flight to this end arrives.
    Deliver(usize, usize),
    /// … is lost.
    Lose(usize, usize),
    /// … arrives and stays in flight.
    DeliverCopy(usize, usize),
    /// The earliest timer of this end fires.
    Timer(usize),
    /// An application makes a call.
    App(usize, Call),
}

impl Pair {
    /// Applies what a step of end `at` left behind.
    fn absorb(&self, state: &mut State, at: usize, output: Output) {
        state.fault = state.fault.or(output.fault);
        state.broken |= output.gave_up;
        for edge in output.edges {
            self.note(edge);
        }
        let to = 1 - at;
        for segment in output.segments {
            state.broken |= segment.flags.rst();
            let next = state.ends[at].sock.as_ref().map(|sock| sock.rcv_nxt());
            if let Some(next) = next
                && segment.flags.ack()
                && !segment.flags.rst()
                && segment.ack.after(next)
            {
                state.fault = Some(Fault::FalseAck);
            }
            state.net[to].push(segment);
        }
        if self.reorder {
            state.net[to].sort_by_key(|s| (s.seq.0, s.ack.0, s.flags.0, s.window, s.payload.len()));
        }
        for end in 0..2 {
            if state.ends[end].app.read > state.ends[1 - end].app.sent {
                state.fault = Some(Fault::Invented);
            }
        }
    }

    fn note(&self, (from, to, cause): (TcpState, TcpState, Cause)) {
        let row = graph::TRANSITIONS.iter().position(|e| e.from == from && e.to == to && e.causes.contains(&cause));
        self.seen.edges.lock().expect("not poisoned").extend(row);
    }

    /// A segment does not outlive 2·MSL: a minute passes only when none is in flight.
    fn timer_may_fire(&self, state: &State, end: usize) -> bool {
        let old = state.ends[end].minisock.is_some();
        let still = state.net.iter().all(Vec::is_empty);
        state.ends[end].deadline().is_some() && if old { still } else { state.left.timers > 0 }
    }

    fn apply(&self, last: &State, action: Action) -> State {
        let mut state = last.clone();
        let (at, output) = match action {
            Action::Deliver(to, n) => {
                let segment = state.net[to].remove(n);
                (to, state.ends[to].arrives(&segment, &self.config))
            }
            Action::DeliverCopy(to, n) => {
                state.left.copies -= 1;
                let segment = state.net[to][n].clone();
                (to, state.ends[to].arrives(&segment, &self.config))
            }
            Action::Lose(to, n) => {
                state.left.losses -= 1;
                state.net[to].remove(n);
                (to, Output::default())
            }
            Action::Timer(end) => {
                if state.ends[end].minisock.is_none() {
                    state.left.timers = state.left.timers.saturating_sub(1);
                }
                (end, state.ends[end].timer(&self.config))
            }
            Action::App(end, call) => {
                if call == Call::Send {
                    state.left.sends[end] -= 1;
                }
                state.broken |= call == Call::Abort;
                (end, state.ends[end].call(call, &self.config))
            }
        };
        self.absorb(&mut state, at, output);
        state
    }

    fn may_call(&self, state: &State, end: usize, call: Call) -> bool {
        match call {
            Call::Send => state.left.sends[end] > 0,
            Call::Recv => true,
            Call::Connect => !(self.passive && end == 1),
            Call::Shutdown | Call::Close | Call::Abort => self.calls.contains(&call),
        }
    }

    /// Lets everything that is under way come to its end without further calls
    /// of the applications: segments arrive in order, or none does.
    pub(crate) fn settle(&self, state: &State, deliver: bool) -> Option<State> {
        let mut state = state.clone();
        for _ in 0..2_000 {
            let full = state.net.iter().position(|queue| !queue.is_empty());
            if let (Some(to), false) = (full, deliver) {
                state.net[to].clear();
            } else if let Some(to) = full {
                state = self.apply(&state, Action::Deliver(to, 0));
            } else {
                let due = |end: &usize| state.ends[*end].deadline();
                let next = [0, 1].into_iter().filter(|end| due(end).is_some()).min_by_key(due);
                let Some(end) = next else { return Some(state) };
                state = self.apply(&state, Action::Timer(end));
            }
        }
        None
    }

    /// Both ways to the end of `state` lead to a pair that may wait for ever.
    fn ends_well(&self, state: &State) -> bool {
        [true, false].into_iter().all(|deliver| {
            let Some(end) = self.settle(state, deliver) else { return false };
            let rest = [0, 1].map(|n| (end.ends[n].state(), end.ends[n].app.closed));
            self.seen.rests.lock().expect("not poisoned").insert(rest);
            end.fault.is_none() && end.ends.iter().all(may_rest)
        })
    }

    /// Without resets and time-outs, what one end sent and finished has reached the other.
    fn agree(&self, state: &State) -> bool {
        let Some(end) = self.settle(state, true) else { return false };
        end.broken
            || [0, 1].into_iter().all(|n| {
                let (to, from) = (&end.ends[1 - n], &end.ends[n]);
                to.app.closed || to.sock.as_ref().is_none_or(|sock| to.app.read + unread(sock) == from.app.sent)
            })
    }
}

fn unread(sock: &halfclose::tcp::Tcb) -> u8 {
    u8::try_from(sock.unread()).expect("a few bytes were sent")
}

/// States without a timer: an open descriptor may keep a socket in them for
/// ever, an application that has closed leaves nothing.
pub(crate) fn may_rest(end: &End) -> bool {
    if end.app.closed {
        return end.is_gone();
    }
    if end.minisock.is_some() || end.request.is_some() {
        return false;
    }
    match end.state() {
        TcpState::Closed | TcpState::Listen | TcpState::Established | TcpState::FinWait2 | TcpState::CloseWait => true,
        TcpState::SynSent
        | TcpState::SynReceived
        | TcpState::FinWait1
        | TcpState::Closing
        | TcpState::LastAck
        | TcpState::TimeWait => false,
    }
}

impl Model for Pair {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let second = if self.passive {
            End::listening(false, self.iss[1], &self.config)
        } else {
            End::new(false, self.iss[1], &self.config)
        };
        let mut state = State {
            ends: [End::new(true, self.iss[0], &self.config), second],
            net: [Vec::new(), Vec::new()],
            left: self.budget,
            fault: None,
            broken: false,
        };
        if self.open {
            state = self.apply(&state, Action::App(0, Call::Connect));
            for to in [1, 0, 1] {
                state = self.apply(&state, Action::Deliver(to, 0));
            }
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for to in 0..2 {
            let queue = &state.net[to];
            let reach = if self.reorder { queue.len() } else { queue.len().min(1) };
            for n in (0..reach).filter(|&n| n == 0 || queue[n] != queue[n - 1]) {
                actions.push(Action::Deliver(to, n));
                if state.left.losses > 0 {
                    actions.push(Action::Lose(to, n));
                }
                if state.left.copies > 0 {
                    actions.push(Action::DeliverCopy(to, n));
                }
            }
        }
        for end in 0..2 {
            if self.timer_may_fire(state, end) {
                actions.push(Action::Timer(end));
            }
            let mut calls = Vec::new();
            state.ends[end].calls(&mut calls);
            let calls = calls.into_iter().filter(|&call| self.may_call(state, end, call));
            actions.extend(calls.map(|call| Action::App(end, call)));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let next = self.apply(last, action);
        (!(self.without_reset && next.broken)).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no rule is broken", |model: &Self, state: &State| {
                let pair = [0, 1].map(|n| state.ends[n].state());
                model.seen.pairs.lock().expect("not poisoned").insert(pair);
                state.fault.is_none()
            }),
            Property::always("what is left to itself comes to rest", |model: &Self, state: &State| {
                model.without_reset || !state.net.iter().all(Vec::is_empty) || model.ends_well(state)
            }),
            Property::always("both ends agree on the bytes", |model: &Self, state: &State| {
                model.without_reset || state.broken || !state.net.iter().all(Vec::is_empty) || model.agree(state)
            }),
            Property::sometimes("an open connection", |_: &Self, state: &State| {
                state.ends.iter().all(|end| end.state() == TcpState::Established)
            }),
            Property::sometimes("nothing left of it", |_: &Self, state: &State| state.ends.iter().all(End::is_gone)),
        ]
    }
}

/// Linux 6.18's settings, with retries so few that giving up is within reach,
/// and without options: their clocks would tell states apart that are alike.
pub(crate) fn config() -> TcpConfig {
    TcpConfig {
        tcp_syn_retries: 1,
        tcp_syn_linear_timeouts: 0,
        tcp_synack_retries: 1,
        tcp_retries1: 1,
        tcp_retries2: 1,
        tcp_orphan_retries: 1,
        tcp_fin_timeout: Duration::from_secs(60),
        tcp_rto_min: Duration::from_millis(200),
        tcp_rto_max: Duration::from_secs(120),
        tcp_keepalive_time: Duration::from_secs(7_200),
        tcp_keepalive_intvl: Duration::from_secs(75),
        tcp_keepalive_probes: 9,
        tcp_invalid_ratelimit: Duration::from_millis(500),
        tcp_timestamps: false,
        tcp_sack: false,
        tcp_window_scaling: false,
        tcp_rfc1337: false,
        tcp_abort_on_overflow: false,
        tcp_rmem_default: 131_072,
        tcp_rmem_max: 6_291_456,
        tcp_wmem_default: 16_384,
        peer_tsval_hz: 1_200,
        paws_drops_old_ack: true,
    }
}
