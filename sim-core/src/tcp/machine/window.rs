//! Receive windows, as Linux offers them.

use core::hint::cold_path;

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
    #[inline]
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
    #[inline]
    pub(super) fn window_wanted(&mut self) -> u32 {
        let mut free = self.space();
        let allowed = full_space(self.rcvbuf);
        let full = self.window_clamp().min(allowed);
        let mss = u32::from(self.rcv_mss).min(full);
        if free < full >> 1 {
            cold_path();
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
    #[inline]
    pub(super) fn select_window(&mut self, run: &mut Run<'_, '_>) -> u16 {
        let old = self.rcv_wnd;
        let current = self.rcv_wnd();
        let mut new = self.window_wanted();
        if new < current {
            cold_path();
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

    /// An open connection without scaling: a buffer of 20,000 bytes is worth 10,000, of which one segment of 1,460 is
    /// reserved.
    fn open(rcv_mss: u16, held: u32) -> Tcb {
        let mut tcb = Tcb::default();
        tcb.rcvbuf = 20_000;
        tcb.advmss = 1_460;
        tcb.rcv_mss = rcv_mss;
        tcb.rcv_ssthresh = 10_000;
        tcb.quick = 5;

        tcb.set(Bits::BUFFERS_SET);
        tcb.rcv_nxt = tcb.rcv_nxt.add(held);
        tcb
    }

    /// `tcp_init_buffer_space`: what can be said and what the buffer is worth, less one segment.
    #[test]
    fn the_clamp_reserves_a_segment() {
        let clamp = |rcvbuf, wscale| {
            let mut tcb = open(1_000, 0);
            tcb.rcvbuf = rcvbuf;

            tcb.set_wscales(0, wscale);
            tcb.window_clamp()
        };
        let cases = [(20_000, 8_540), (5_000, 2_500), (7_000, 2_920), (132_000, 64_540), (200_000, 65_535)];
        for (rcvbuf, expected) in cases {
            assert_eq!(clamp(rcvbuf, 0), expected, "buffer {rcvbuf}");
        }
        assert_eq!(clamp(200_000, 2), 98_540);
        assert_eq!(
            {
                let mut tcb = Tcb::default();
                tcb.rcvbuf = 1_000;
                tcb
            }
            .window_clamp(),
            65_535,
            "before the handshake"
        );
    }

    /// `__tcp_select_window` without scaling.
    #[test]
    fn windows_are_whole_segments_and_move_by_one_at_least() {
        let wanted = |rcv_mss, held, rcv_wnd| {
            {
                let mut tcb = open(rcv_mss, held);
                tcb.rcv_wnd = rcv_wnd;
                tcb
            }
            .window_wanted()
        };
        // Within one segment of the free space the window stays.
        assert_eq!(
            [8_000, 9_000, 9_001, 9_500, 10_500].map(|window| wanted(1_000, 0, window)),
            [10_000, 10_000, 9_001, 9_500, 10_000]
        );
        assert_eq!(wanted(1_500, 0, 0), 9_000);
        // Below half of the space: nothing under a sixteenth of it, or under a segment.
        assert_eq!([6_000, 9_000, 9_001, 9_900].map(|held| wanted(1_000, held, 0)), [4_000, 1_000, 0, 0]);
        assert_eq!([9_374, 9_375, 9_376].map(|held| wanted(100, held, 0)), [600, 600, 0]);
        assert_eq!(wanted(500, 9_400, 0), 0);
        // A segment as large as the space opens all of it, once half is gained.
        assert_eq!([1_460, 2_000, 5_730, 5_729].map(|window| wanted(9_000, 0, window)), [8_540, 10_000, 5_730, 10_000]);
        assert_eq!(
            {
                let mut tcb = open(1_000, 0);
                tcb.rcvbuf = 0;
                tcb
            }
            .window_wanted(),
            0
        );
        let mut small = {
            let mut tcb = open(1_000, 0);
            tcb.rcv_ssthresh = 8_700;
            tcb
        };
        assert_eq!(small.window_wanted(), 8_000);
    }

    /// With scaling a window is a multiple of its unit: rounded up, but down where memory is short.
    #[test]
    fn scaled_windows_are_whole_units() {
        let wanted = |held, rcv_ssthresh| {
            let mut tcb = open(1_000, held);
            tcb.rcv_ssthresh = rcv_ssthresh;

            tcb.set_wscales(0, 4);
            tcb.window_wanted()
        };
        assert_eq!((wanted(0, 9_990), wanted(0, 9_984)), (10_000, 9_984));
        assert_eq!(wanted(6_003, 10_000), 3_984);
    }

    /// Quick acknowledgments end when half of the space is used up.
    #[test]
    fn short_memory_ends_quick_acks() {
        let quick = |held| {
            let mut tcb = open(1_000, held);
            tcb.window_wanted();
            tcb.quick
        };
        assert_eq!([5_729, 5_730, 5_731].map(quick), [5, 5, 0]);
    }

    /// `tcp_select_window`: counts a window that closes and one that opens; `tcp_receive_window` never shrinks.
    #[test]
    fn closing_and_opening_windows_are_counted() {
        let config = config();
        let cx = crate::tcp::TcpContext {
            now: crate::time::Instant::ZERO,
            clock: crate::tcp::machine::tests::CLOCK,
            config: &config,
        };
        let mut out = crate::tcp::Actions::default();
        let mut run = Run { cx: &cx, out: &mut out };
        let mut tcb = open(1_000, 9_900);
        tcb.rcv_wnd = 9_900;

        assert_eq!(tcb.select_window(&mut run), 0);
        assert_eq!(tcb.select_window(&mut run), 0, "closed already");
        tcb.copied_seq = tcb.rcv_nxt;
        assert_eq!(tcb.select_window(&mut run), 10_000);
        assert_eq!(tcb.select_window(&mut run), 10_000, "open already");
        assert_eq!(run.out.counters, [Mib::TCPToZeroWindowAdv, Mib::TCPFromZeroWindowAdv]);
        // 2,000 bytes unread: less is wanted than was offered, and what was offered stays.
        tcb.rcv_nxt = tcb.rcv_nxt.add(2_000);
        assert_eq!(tcb.select_window(&mut run), 8_000);
        tcb.rcv_ssthresh = 3_000;
        assert_eq!(tcb.select_window(&mut run), 8_000);
    }

    #[test]
    fn sizeable_segments_open_the_window_by_two() {
        let mut tcb = open(1_000, 0);
        tcb.rcv_ssthresh = 4_000;

        let grown = [(); 3].map(|()| {
            tcb.grow_window();
            tcb.rcv_ssthresh
        });
        assert_eq!(grown, [6_920, 8_540, 8_540]);
    }
}
