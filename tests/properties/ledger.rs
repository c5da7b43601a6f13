//! An accountant of its own: what `Recv-Q` and `Send-Q` must be, from the
//! segments that passed and the results of calls. It knows sequence numbers and
//! sums, and nothing of control blocks.

use std::collections::BTreeMap;

use halfclose::tcp::{Cause, TcpState};
use halfclose::trace::{Record, RecordKind};
use halfclose::units::{FourTuple, HostId};
use halfclose::wire::{Flags, SeqNum};

/// One end of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    state: TcpState,
    /// Our SYN's number, once it was sent.
    iss: Option<SeqNum>,
    /// What the peer has acknowledged, and what we have sent at most.
    una: SeqNum,
    nxt: SeqNum,
    /// Bytes that `send()` took.
    taken: u32,
    /// `close()` or `shutdown()` has put a FIN behind them.
    fin: bool,
    /// The next number due from the peer, once its SYN was seen.
    due: Option<SeqNum>,
    /// The number last acknowledged to the peer.
    told: SeqNum,
    /// What arrived ahead of its turn: start, length, FIN.
    early: Vec<(SeqNum, u32, bool)>,
    arrived: u32,
    fin_arrived: bool,
    read: u32,
    fin_read: bool,
}

impl Account {
    fn new(state: TcpState) -> Self {
        let zero = SeqNum(0);
        Self {
            state,
            iss: None,
            una: zero,
            nxt: zero,
            taken: 0,
            fin: false,
            due: None,
            told: zero,
            early: Vec::new(),
            arrived: 0,
            fin_arrived: false,
            read: 0,
            fin_read: false,
        }
    }

    /// `Recv-Q`: what arrived in order and was not read; a FIN counts one.
    pub(crate) fn recv_q(&self) -> u32 {
        self.arrived - self.read + u32::from(self.fin_arrived && !self.fin_read)
    }

    /// `Send-Q`: SYN, bytes and FIN that were not acknowledged.
    pub(crate) fn send_q(&self) -> u32 {
        let iss = self.iss.expect("a SYN was sent");
        iss.add(1 + self.taken + u32::from(self.fin)).distance(self.una)
    }

    /// `send()` took so many bytes.
    pub(crate) fn sent(&mut self, bytes: u32) {
        self.taken += bytes;
    }

    /// `recv()` gave so many bytes. The read that empties the queue takes a FIN along.
    pub(crate) fn took(&mut self, bytes: u32) {
        self.read += bytes;
        self.fin_read |= self.fin_arrived && self.read == self.arrived;
    }

    fn transmit(&mut self, seq: SeqNum, ack: SeqNum, flags: Flags, len: u32) {
        if flags.syn() && self.iss.is_none() {
            (self.iss, self.una, self.nxt) = (Some(seq), seq, seq);
        }
        if self.iss.is_some() && !flags.rst() {
            self.nxt = self.nxt.max(seq.add(len + u32::from(flags.syn()) + u32::from(flags.fin())));
        }
        if flags.ack() {
            self.told = ack;
        }
    }

    fn receive(&mut self, seq: SeqNum, ack: SeqNum, flags: Flags, len: u32) {
        if flags.rst() || (flags.syn() && self.due.is_some()) {
            return;
        }
        let acks = flags.ack() && ack.after(self.una) && !ack.after(self.nxt);
        if flags.syn() {
            if self.state == TcpState::SynSent && flags.ack() && !acks {
                return;
            }
            self.due = Some(seq.add(1));
            self.told = seq.add(1);
        } else {
            // Wholly before what was last acknowledged: the segment counts for nothing.
            let end = seq.add(len + u32::from(flags.fin()));
            if end.before(self.told) || (flags.ack() && ack.after(self.nxt)) {
                return;
            }
        }
        if acks {
            self.una = ack;
        }
        if !flags.syn() && self.due.is_some() && (len > 0 || flags.fin()) {
            self.early.push((seq, len, flags.fin()));
            self.move_up();
        }
    }

    fn move_up(&mut self) {
        while let Some(due) = self.due
            && !self.fin_arrived
        {
            let fits =
                |&(seq, len, fin): &(SeqNum, u32, bool)| !seq.after(due) && seq.add(len + u32::from(fin)).after(due);
            let Some(at) = self.early.iter().position(fits) else { break };
            let (seq, len, fin) = self.early.swap_remove(at);
            let new = seq.add(len).distance(due);
            self.arrived += new;
            self.fin_arrived = fin;
            self.due = Some(due.add(new + u32::from(fin)));
        }
    }
}

/// The books of both hosts.
#[derive(Default, Debug)]
pub(crate) struct Ledger {
    accounts: BTreeMap<(HostId, FourTuple), Account>,
    /// Ends whose connection was reset, timed out or refused, and why.
    pub(crate) failed: BTreeMap<(HostId, FourTuple), Cause>,
}

impl Ledger {
    /// The account of a connection that is not closed.
    pub(crate) fn get(&self, host: HostId, tuple: FourTuple) -> Option<&Account> {
        self.accounts.get(&(host, tuple))
    }

    /// To enter the result of a call.
    pub(crate) fn get_mut(&mut self, host: HostId, tuple: FourTuple) -> Option<&mut Account> {
        self.accounts.get_mut(&(host, tuple))
    }

    /// Enters a record.
    pub(crate) fn enter(&mut self, record: &Record) {
        let host = record.host;
        match record.kind {
            RecordKind::Transmit { tuple, seq, ack, flags, len } => {
                if let Some(account) = self.accounts.get_mut(&(host, tuple)) {
                    account.transmit(seq, ack, flags, len);
                }
            }
            RecordKind::Receive { tuple, seq, ack, flags, len } => {
                if flags.syn() {
                    // The SYN that a listener answers comes before the state that it leads to.
                    self.accounts.entry((host, tuple)).or_insert_with(|| Account::new(TcpState::Listen));
                }
                if let Some(account) = self.accounts.get_mut(&(host, tuple)) {
                    account.receive(seq, ack, flags, len);
                }
            }
            RecordKind::State { tuple, from: _, to, cause } => self.state(host, tuple, to, cause),
            RecordKind::PortPick { .. }
            | RecordKind::Drop { .. }
            | RecordKind::Syscall { .. }
            | RecordKind::Exit { .. }
            | RecordKind::Action { .. }
            | RecordKind::Mark { .. } => {}
        }
    }

    fn state(&mut self, host: HostId, tuple: FourTuple, to: TcpState, cause: Cause) {
        if matches!(to, TcpState::SynSent | TcpState::SynReceived) {
            // A new attempt: what became of the last does not matter.
            self.failed.remove(&(host, tuple));
        }
        match to {
            TcpState::Closed | TcpState::TimeWait => {
                self.accounts.remove(&(host, tuple));
                if to == TcpState::Closed
                    && matches!(
                        cause,
                        Cause::RstArrived | Cause::TimedOut | Cause::Abort | Cause::IcmpError | Cause::Overflow
                    )
                {
                    self.failed.insert((host, tuple), cause);
                }
            }
            TcpState::SynSent => drop(self.accounts.insert((host, tuple), Account::new(to))),
            TcpState::Listen => {}
            TcpState::SynReceived
            | TcpState::Established
            | TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::CloseWait
            | TcpState::Closing
            | TcpState::LastAck => {
                if let Some(account) = self.accounts.get_mut(&(host, tuple)) {
                    account.state = to;
                    account.fin |= matches!(to, TcpState::FinWait1 | TcpState::LastAck);
                }
            }
        }
    }
}
