//! What several requirements measure.

use halfclose::time::Duration;
use halfclose::wire::{Flags, Segment};
use halfclose_tests::peer::Bench;

/// SYN and ACK.
pub(crate) const SYN_ACK: Flags = Flags(Flags::SYN.0 | Flags::ACK.0);
/// FIN and ACK.
pub(crate) const FIN_ACK: Flags = Flags(Flags::FIN.0 | Flags::ACK.0);

/// A connection the peer opened with this SYN.
pub(crate) fn opened_by(syn: &Segment, sysctls: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::listening(sysctls);
    bench.handshake(syn);
    let _ = bench.sent();
    bench
}

/// When the host sent something, including what it has sent since the last
/// look, in ms from now: everything within `span`.
pub(crate) fn times_ms(bench: &mut Bench, span: Duration) -> Vec<u64> {
    let start = bench.lab.now();
    bench.lab.sleep(span);
    bench.sent_at().iter().map(|(at, _)| at.since(start).as_millis()).collect()
}

/// The times between.
pub(crate) fn gaps_ms(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Uses up what a young connection acknowledges at once (`tcp_incr_quickack`):
/// single bytes, closer together than the RTO, which would begin it anew.
pub(crate) fn past_quick_acks(bench: &mut Bench) {
    for _ in 0..40 {
        let _ = bench.arrive(bench.data(1));
        let _ = bench.wait(Duration::from_millis(100));
    }
}
