use crate::tcp::TcpConfig;
use crate::time::Duration;

pub(crate) fn config() -> TcpConfig {
    TcpConfig {
        tcp_syn_retries: 6,
        tcp_syn_linear_timeouts: 4,
        tcp_synack_retries: 5,
        tcp_retries1: 3,
        tcp_retries2: 15,
        tcp_orphan_retries: 0,
        tcp_fin_timeout: Duration::from_secs(60),
        tcp_rto_min: Duration::from_millis(200),
        tcp_rto_max: Duration::from_secs(120),
        tcp_keepalive_time: Duration::from_secs(7_200),
        tcp_keepalive_intvl: Duration::from_secs(75),
        tcp_keepalive_probes: 9,
        tcp_invalid_ratelimit: Duration::from_millis(500),
        tcp_timestamps: true,
        tcp_sack: true,
        tcp_window_scaling: true,
        tcp_rfc1337: false,
        tcp_abort_on_overflow: false,
        tcp_rmem_default: 131_072,
        tcp_rmem_max: 6_291_456,
        tcp_wmem_default: 16_384,
        rst_in_close_wait_is_epipe: true,
    }
}
