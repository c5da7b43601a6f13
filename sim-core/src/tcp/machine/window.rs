//! Receive windows, as Linux offers them.

use super::Run;
use crate::tcp::config::TcpConfig;
use crate::tcp::tcb::{Bits, Tcb};
use crate::trace::Mib;

/// Bytes of window a buffer of `rcvbuf` bytes is worth (`tcp_win_from_space`
/// with the default scaling ratio of one half).
pub(crate) const fn full_space(rcvbuf: u32) -> u32 {
    rcvbuf / 2
}

/// `tcp_select_initial_window`: the window of a SYN or SYN-ACK in bytes, and
/// the shift to announce. `mss` is what a segment carries after options.
pub(crate) fn initial_window(config: &TcpConfig, rcvbuf: u32, mss: u16, wscale_ok: bool) -> (u32, u8) {
    let mut space = full_space(rcvbuf);
    let mss = u32::from(mss.max(1));
    if space > mss {
        space -= space % mss;
    }
    // Since Linux 6.10 more than 64 KiB may be meant, though a SYN cannot say so.
    let window = space;
    let wscale = if wscale_ok {
        let most = space.max(config.tcp_rmem_max).clamp(1, 65_535 << 14);
        u8::try_from(most.ilog2().saturating_sub(15).min(14)).expect("at most 14")
    } else {
        0
    };
    (window, wscale)
}

const fn align(n: u32, shift: u8) -> u32 {
    let unit = 1 << shift;
    n.div_ceil(unit) * unit
}

impl Tcb {
    /// `window_clamp` once the buffers are set (`tcp_init_buffer_space`).
    pub(super) fn window_clamp(&self) -> u32 {
        let representable = 65_535_u32 << self.rcv_wscale();
        if !self.is(Bits::BUFFERS_SET) {
            return representable;
        }
        let (max, mss) = (full_space(self.rcvbuf), u32::from(self.advmss));
        let mut clamp = representable;
        if clamp >= max {
            clamp = max;
        }
        // Force reservation of one segment.
        if clamp > 2 * mss && clamp + mss > max {
            clamp = (2 * mss).max(max.saturating_sub(mss));
        }
        clamp
    }

    /// Buffer space left, as window (`tcp_space`). Unread bytes cost one byte of
    /// window each: the model charges twice their length of memory.
    fn space(&self) -> u32 {
        let held = self.unread() + self.cold.as_ref().map_or(0, |cold| cold.ofo_bytes());
        full_space(self.rcvbuf).saturating_sub(held)
    }

    /// `__tcp_select_window`: the window we would like to offer.
    pub(super) fn window_wanted(&mut self) -> u32 {
        let mut free = self.space();
        let allowed = full_space(self.rcvbuf);
        let full = self.window_clamp().min(allowed);
        let mss = u32::from(self.rcv_mss).min(full);
        if mss == 0 && full == 0 {
            return 0;
        }
        if free < full >> 1 {
            self.quick = 0;
            free = (free >> self.rcv_wscale()) << self.rcv_wscale();
            if free < allowed >> 4 || free < mss {
                return 0;
            }
        }
        free = free.min(self.rcv_ssthresh);
        if self.rcv_wscale() != 0 {
            return align(free, self.rcv_wscale());
        }
        let window = self.rcv_wnd;
        if window <= free.saturating_sub(mss) || window > free {
            free - free % mss.max(1)
        } else if mss == full && free > window + (full >> 1) {
            free
        } else {
            window
        }
    }

    /// `tcp_select_window`: decides the window of a segment about to leave and
    /// remembers it. Never shrinks what was offered (RFC 9293 §3.8.6).
    pub(super) fn select_window(&mut self, run: &mut Run<'_, '_>) -> u16 {
        let old = self.rcv_wnd;
        let current = self.rcv_wnd();
        let mut new = self.window_wanted();
        if new < current {
            new = align(current, self.rcv_wscale());
        }
        self.rcv_wnd = new;
        self.rcv_wup = self.rcv_nxt;
        let field = new.min(65_535 << self.rcv_wscale()) >> self.rcv_wscale();
        if field == 0 && old != 0 {
            run.count(Mib::TCPToZeroWindowAdv);
        } else if field != 0 && old == 0 {
            run.count(Mib::TCPFromZeroWindowAdv);
        }
        u16::try_from(field).expect("capped at 65,535")
    }

    /// `tcp_init_buffer_space`, when the connection opens: the send buffer grows
    /// to ten segments' worth of memory, the window is cut to the buffer.
    pub(super) fn init_buffer_space(&mut self) {
        if !self.is(Bits::SNDBUF_LOCK) {
            // tcp_sndbuf_expand: a segment's memory is a power of two with the
            // headers and the shared info, plus the sk_buff itself.
            let per_mss = (u32::from(self.mss_clamp) + 640).next_power_of_two() + 256;
            self.sndbuf = self.sndbuf.max(2 * per_mss * u32::from(self.cwnd.max(10)));
        }
        self.set(Bits::BUFFERS_SET);
        self.rcv_ssthresh = self.rcv_ssthresh.min(self.window_clamp());
    }

    /// `tcp_grow_window`: each sizeable segment opens the window by two more.
    pub(super) fn grow_window(&mut self) {
        let room = self.window_clamp().min(self.space()).saturating_sub(self.rcv_ssthresh);
        self.rcv_ssthresh += room.min(2 * u32::from(self.advmss));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::machine::tests::config;

    #[test]
    fn first_windows_are_linux() {
        let config = config();
        assert_eq!(initial_window(&config, 131_072, 1_460, true), (64_240, 7));
        assert_eq!(initial_window(&config, 131_072, 1_448, true), (65_160, 7));
        // kernel-truth packets_fin60: loopback, tcp_rmem[2] of 32 MiB.
        let big = TcpConfig { tcp_rmem_max: 33_554_432, ..config };
        assert_eq!(initial_window(&big, 131_072, 65_495, true), (65_495, 10));
        assert_eq!(initial_window(&big, 131_072, 65_483, true), (65_483, 10));
        assert_eq!(initial_window(&big, 131_072, 1_460, false).1, 0);
        assert_eq!(initial_window(&config, 540_000, 1_460, true).0, 268_640);
    }
}
