//! `getsockopt()` of the machine's options.

use super::{Bits, Linger2, Tcb};
use crate::tcp::{TcpConfig, TcpSocketOption};
use crate::time::Duration;

impl Tcb {
    /// The value of an option as `getsockopt()` gives it: seconds, milliseconds
    /// (TCP_USER_TIMEOUT), bytes, counts or 0 and 1. The value carried by
    /// `option` is ignored. `SO_LINGER` gives `l_linger`, `u32::MAX` when off;
    /// `TCP_LINGER2` gives `u32::MAX` for "negative".
    #[must_use]
    pub fn option(&self, option: TcpSocketOption, config: &TcpConfig) -> u32 {
        let cold = self.cold.as_ref();
        let seconds = |span: Duration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
        match option {
            TcpSocketOption::Linger(_) => cold.and_then(|c| c.linger).map_or(u32::MAX, seconds),
            TcpSocketOption::KeepAlive(_) => u32::from(self.is(Bits::KEEPOPEN)),
            TcpSocketOption::KeepIdle(_) => {
                seconds(cold.and_then(|c| c.keep_idle).unwrap_or(config.tcp_keepalive_time))
            }
            TcpSocketOption::KeepIntvl(_) => {
                seconds(cold.and_then(|c| c.keep_intvl).unwrap_or(config.tcp_keepalive_intvl))
            }
            TcpSocketOption::KeepCnt(_) => {
                u32::from(cold.and_then(|c| c.keep_cnt).unwrap_or(config.tcp_keepalive_probes))
            }
            TcpSocketOption::UserTimeout(_) => {
                cold.map_or(0, |c| u32::try_from(c.user_timeout.as_millis()).unwrap_or(u32::MAX))
            }
            TcpSocketOption::NoDelay(_) => u32::from(self.is(Bits::NODELAY)),
            TcpSocketOption::QuickAck(_) => u32::from(!self.is(Bits::PINGPONG)),
            TcpSocketOption::Linger2(_) => match cold.map_or(Linger2::Default, |c| c.linger2) {
                Linger2::Default => seconds(config.tcp_fin_timeout),
                Linger2::For(span) => seconds(span),
                Linger2::Reset => u32::MAX,
            },
            TcpSocketOption::SynCnt(_) => u32::from(self.syn_cnt().unwrap_or(config.tcp_syn_retries)),
            TcpSocketOption::MaxSeg(_) => self.user_mss().map_or_else(|| self.snd_mss(), u32::from),
            TcpSocketOption::RcvBuf(_) => self.buffers().0,
            TcpSocketOption::SndBuf(_) => self.buffers().1,
        }
    }

    /// `TCP_SYNCNT`, if set.
    #[must_use]
    pub fn syn_cnt(&self) -> Option<u8> {
        self.cold.as_ref().and_then(|cold| cold.syn_cnt)
    }
}
