//! RFC 9293 Figure 5 as a model of its own, to hold ours against: two peers,
//! control bits only, channels that lose and reorder nothing, no resets.
//!
//! The idea of comparing with such a model, and which actions belong to it, is
//! that of the TLA+ example `tcp` (M. Kuppe, 2024); words and code are ours.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;

use halfclose::tcp::TcpState;
use stateright::{Model, Property};

/// What a segment says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Says {
    Syn,
    SynAck,
    AckOfSyn,
    Fin,
    AckOfFin,
}

/// Both peers, and what is on its way to each.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Peers {
    state: [TcpState; 2],
    inbox: [VecDeque<Says>; 2],
}

/// An arrow of the figure that a user or the clock takes, or an arrival.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Arrow {
    PassiveOpen(usize),
    ActiveOpen(usize),
    Close(usize),
    Arrival(usize),
    TimeWaitOver(usize),
}

/// The model.
#[derive(Default)]
pub(crate) struct Figure5 {
    pub(crate) pairs: Mutex<BTreeSet<[TcpState; 2]>>,
}

use TcpState::{
    CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived, SynSent, TimeWait,
};

/// Where an arrival leads, and what is answered; `None`: the figure has no such arrow.
fn arrival(state: TcpState, says: Says) -> Option<(TcpState, Option<Says>)> {
    Some(match (state, says) {
        (Listen | SynSent, Says::Syn) => (SynReceived, Some(Says::SynAck)),
        (SynSent, Says::SynAck) => (Established, Some(Says::AckOfSyn)),
        // Two SYN,ACKs that cross acknowledge each other (§3.5, figure 7).
        (SynReceived, Says::AckOfSyn | Says::SynAck) => (Established, None),
        (Established, Says::Fin) => (CloseWait, Some(Says::AckOfFin)),
        (FinWait1, Says::AckOfFin) => (FinWait2, None),
        (FinWait1, Says::Fin) => (Closing, Some(Says::AckOfFin)),
        (FinWait2, Says::Fin) => (TimeWait, Some(Says::AckOfFin)),
        (Closing, Says::AckOfFin) => (TimeWait, None),
        (LastAck, Says::AckOfFin) => (Closed, None),
        (Closed | TimeWait | CloseWait, Says::Syn | Says::SynAck | Says::AckOfSyn | Says::Fin | Says::AckOfFin)
        | (Listen, Says::SynAck | Says::AckOfSyn | Says::Fin | Says::AckOfFin)
        | (SynSent, Says::AckOfSyn | Says::Fin | Says::AckOfFin)
        | (SynReceived, Says::Syn | Says::Fin | Says::AckOfFin)
        | (Established, Says::Syn | Says::SynAck | Says::AckOfSyn | Says::AckOfFin)
        | (FinWait1, Says::Syn | Says::SynAck | Says::AckOfSyn)
        | (FinWait2, Says::Syn | Says::SynAck | Says::AckOfSyn | Says::AckOfFin)
        | (Closing, Says::Syn | Says::SynAck | Says::AckOfSyn | Says::Fin)
        | (LastAck, Says::Syn | Says::SynAck | Says::AckOfSyn | Says::Fin) => return None,
    })
}

/// Where CLOSE leads, and whether a FIN is sent.
const fn close(state: TcpState) -> Option<(TcpState, bool)> {
    match state {
        Listen | SynSent => Some((Closed, false)),
        SynReceived | Established => Some((FinWait1, true)),
        CloseWait => Some((LastAck, true)),
        Closed | FinWait1 | FinWait2 | Closing | LastAck | TimeWait => None,
    }
}

impl Model for Figure5 {
    type State = Peers;
    type Action = Arrow;

    fn init_states(&self) -> Vec<Peers> {
        vec![Peers { state: [Closed; 2], inbox: [VecDeque::new(), VecDeque::new()] }]
    }

    fn actions(&self, peers: &Peers, arrows: &mut Vec<Arrow>) {
        for n in 0..2 {
            let state = peers.state[n];
            if state == Closed {
                arrows.push(Arrow::PassiveOpen(n));
            }
            // SEND in LISTEN is the way from passive to active.
            if matches!(state, Closed | Listen) {
                arrows.push(Arrow::ActiveOpen(n));
            }
            if close(state).is_some() {
                arrows.push(Arrow::Close(n));
            }
            if state == TimeWait {
                arrows.push(Arrow::TimeWaitOver(n));
            }
            if !peers.inbox[n].is_empty() {
                arrows.push(Arrow::Arrival(n));
            }
        }
    }

    fn next_state(&self, last: &Peers, arrow: Arrow) -> Option<Peers> {
        let mut next = last.clone();
        match arrow {
            Arrow::PassiveOpen(n) => next.state[n] = Listen,
            Arrow::ActiveOpen(n) => {
                next.state[n] = SynSent;
                next.inbox[1 - n].push_back(Says::Syn);
            }
            Arrow::Close(n) => {
                let (state, fin) = close(last.state[n])?;
                next.state[n] = state;
                next.inbox[1 - n].extend(fin.then_some(Says::Fin));
            }
            Arrow::Arrival(n) => {
                let says = next.inbox[n].pop_front()?;
                if let Some((state, answer)) = arrival(last.state[n], says) {
                    next.state[n] = state;
                    next.inbox[1 - n].extend(answer);
                }
            }
            Arrow::TimeWaitOver(n) => next.state[n] = Closed,
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("pairs are noted", |model: &Self, peers: &Peers| {
            model.pairs.lock().expect("not poisoned").insert(peers.state);
            true
        })]
    }

    /// Opening again and again fills channels without end; three segments on
    /// their way are more than one connection needs.
    fn within_boundary(&self, peers: &Peers) -> bool {
        peers.inbox.iter().all(|inbox| inbox.len() <= 3)
    }
}
