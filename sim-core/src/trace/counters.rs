//! SNMP/MIB counters under the names of `/proc/net/snmp` and `/proc/net/netstat`.

macro_rules! mibs {
    ($($group:literal { $($variant:ident = $name:literal,)* })*) => {
        /// A counter of the network stack.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        #[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
        pub enum Mib { $($(#[doc = concat!("`", $group, $name, "`.")] $variant,)*)* }

        impl Mib {
            /// All counters in the order the kernel prints them.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)*)*];
            /// The name without its group: `ActiveOpens`.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $($(Self::$variant => $name,)*)* } }
            /// The prefix `nstat` prints before the name: `Tcp`, `TcpExt`, `Ip`, `Udp`.
            #[must_use]
            pub const fn group(self) -> &'static str { match self { $($(Self::$variant => $group,)*)* } }
        }
    };
}

mibs! {
    "Ip" {
        IpInReceives = "InReceives",
        IpInDelivers = "InDelivers",
        IpOutRequests = "OutRequests",
    }
    "Icmp" {
        IcmpInDestUnreachs = "InDestUnreachs",
        IcmpOutDestUnreachs = "OutDestUnreachs",
    }
    "Tcp" {
        ActiveOpens = "ActiveOpens",
        PassiveOpens = "PassiveOpens",
        AttemptFails = "AttemptFails",
        EstabResets = "EstabResets",
        InSegs = "InSegs",
        OutSegs = "OutSegs",
        RetransSegs = "RetransSegs",
        InErrs = "InErrs",
        OutRsts = "OutRsts",
    }
    "Udp" {
        UdpInDatagrams = "InDatagrams",
        UdpNoPorts = "NoPorts",
        UdpOutDatagrams = "OutDatagrams",
    }
    "TcpExt" {
        SyncookiesSent = "SyncookiesSent",
        SyncookiesRecv = "SyncookiesRecv",
        SyncookiesFailed = "SyncookiesFailed",
        EmbryonicRsts = "EmbryonicRsts",
        LockDroppedIcmps = "LockDroppedIcmps",
        TW = "TW",
        TWRecycled = "TWRecycled",
        TWKilled = "TWKilled",
        PAWSActive = "PAWSActive",
        PAWSEstab = "PAWSEstab",
        PAWSOldAck = "PAWSOldAck",
        DelayedACKs = "DelayedACKs",
        DelayedACKLost = "DelayedACKLost",
        ListenOverflows = "ListenOverflows",
        ListenDrops = "ListenDrops",
        TCPTimeouts = "TCPTimeouts",
        TCPSynRetrans = "TCPSynRetrans",
        TCPRetransFail = "TCPRetransFail",
        TCPSpuriousRTOs = "TCPSpuriousRTOs",
        TCPAbortOnData = "TCPAbortOnData",
        TCPAbortOnClose = "TCPAbortOnClose",
        TCPAbortOnMemory = "TCPAbortOnMemory",
        TCPAbortOnTimeout = "TCPAbortOnTimeout",
        TCPAbortOnLinger = "TCPAbortOnLinger",
        TCPAbortFailed = "TCPAbortFailed",
        TCPTimeWaitOverflow = "TCPTimeWaitOverflow",
        TCPReqQFullDoCookies = "TCPReqQFullDoCookies",
        TCPReqQFullDrop = "TCPReqQFullDrop",
        TCPChallengeACK = "TCPChallengeACK",
        TCPSYNChallenge = "TCPSYNChallenge",
        TCPKeepAlive = "TCPKeepAlive",
        TCPOFOQueue = "TCPOFOQueue",
        TCPDSACKOldSent = "TCPDSACKOldSent",
        TCPBacklogDrop = "TCPBacklogDrop",
        TCPDeferAcceptDrop = "TCPDeferAcceptDrop",
        TCPACKSkippedTimeWait = "TCPACKSkippedTimeWait",
        TCPACKSkippedChallenge = "TCPACKSkippedChallenge",
        TCPACKSkippedSynRecv = "TCPACKSkippedSynRecv",
        TCPACKSkippedFinWait2 = "TCPACKSkippedFinWait2",
        TCPACKSkippedPAWS = "TCPACKSkippedPAWS",
        TCPACKSkippedSeq = "TCPACKSkippedSeq",
        TCPWinProbe = "TCPWinProbe",
        TCPToZeroWindowAdv = "TCPToZeroWindowAdv",
        TCPFromZeroWindowAdv = "TCPFromZeroWindowAdv",
        TCPZeroWindowDrop = "TCPZeroWindowDrop",
    }
}

/// One host's counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters([u64; Mib::ALL.len()]);

impl Default for Counters {
    fn default() -> Self {
        Self([0; Mib::ALL.len()])
    }
}

impl Counters {
    /// Adds one.
    pub fn inc(&mut self, mib: Mib) {
        self.add(mib, 1);
    }
    /// Adds `n`.
    pub fn add(&mut self, mib: Mib, n: u64) {
        self.0[mib as usize] += n;
    }
    /// Counts each of a list, which is empty then.
    #[inline(never)]
    pub(crate) fn take(&mut self, list: &mut Vec<Mib>) {
        for &mib in list.iter() {
            self.inc(mib);
        }
        list.clear();
    }
    /// The count since the host booted.
    #[must_use]
    pub const fn get(&self, mib: Mib) -> u64 {
        self.0[mib as usize]
    }
}
