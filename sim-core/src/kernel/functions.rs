//! Where the CPU time of a call shows in a profile: names, not mechanism.
//!
//! The shares of a port search are measured ([`CostProfile::split_search`]).
//! Those of the other calls are the functions on their way through Linux 5.10
//! with weights by judgement; together they are a fraction of a per cent once
//! the ports are used up.

use super::cost::{CostProfile, FunctionWeight, split};
use crate::app::CallName;

/// Part of a call's time that goes to entry, exit and context switch.
const OTHER_PERCENT: u64 = 25;

impl CostProfile {
    /// Divides the CPU time of a call among kernel functions, exactly. `search_ns`
    /// of it is the port search of a `connect()`.
    #[must_use]
    pub fn split_call(&self, name: CallName, total_ns: u64, search_ns: u64) -> Vec<(&'static str, u64)> {
        let search_ns = search_ns.min(total_ns);
        let mut parts = self.split_search(search_ns);
        let searched: u64 = parts.iter().map(|&(_, ns)| ns).sum();
        let rest = total_ns - searched;
        let others = split(rest * OTHER_PERCENT / 100, self.other_functions);
        let spent: u64 = others.iter().map(|&(_, ns)| ns).sum();
        parts.extend(others);
        parts.extend(split(rest - spent, functions_of(name)));
        parts
    }
}

macro_rules! weights {
    ($($name:literal $weight:literal),* $(,)?) => { &[$(FunctionWeight { name: $name, weight: $weight }),*] };
}

/// Kernel functions of a call, by weight; never none.
const fn functions_of(name: CallName) -> &'static [FunctionWeight] {
    match name {
        CallName::Socket => weights![
            "kmem_cache_alloc" 30,
            "inet_create" 20,
            "sock_alloc_inode" 15,
            "alloc_empty_file" 15,
            "__alloc_fd" 10,
            "security_socket_create" 10,
        ],
        CallName::Connect => weights![
            "tcp_v4_connect" 20,
            "__tcp_transmit_skb" 20,
            "ip_route_output_key_hash_rcu" 15,
            "__inet_hash_connect" 15,
            "__ip_queue_xmit" 10,
            "tcp_v4_rcv" 10,
            "__dev_queue_xmit" 10,
        ],
        CallName::Send | CallName::SendTo | CallName::Sendmmsg => weights![
            "__ip_append_data" 20,
            "udp_sendmsg" 20,
            "tcp_sendmsg_locked" 15,
            "__dev_queue_xmit" 15,
            "sock_alloc_send_pskb" 15,
            "copy_user_enhanced_fast_string" 15,
        ],
        CallName::Recv => weights![
            "copy_user_enhanced_fast_string" 30,
            "tcp_recvmsg_locked" 25,
            "udp_recvmsg" 25,
            "skb_release_data" 20,
        ],
        CallName::Close => weights![
            "__fput" 30,
            "tcp_close" 25,
            "inet_release" 20,
            "kmem_cache_free" 25,
        ],
        CallName::Poll => weights!["do_sys_poll" 50, "tcp_poll" 30, "__fget_light" 20],
        CallName::Open => weights![
            "link_path_walk" 35,
            "do_dentry_open" 20,
            "kmem_cache_alloc" 20,
            "strncpy_from_user" 15,
            "alloc_empty_file" 10,
        ],
        CallName::Stat | CallName::Fstat => weights![
            "link_path_walk" 40,
            "vfs_getattr_nosec" 30,
            "cp_new_stat" 30,
        ],
        CallName::Read => weights!["generic_file_buffered_read" 50, "copy_user_enhanced_fast_string" 50],
        CallName::Write => weights!["n_tty_write" 60, "copy_user_enhanced_fast_string" 40],
        CallName::Nanosleep | CallName::FutexWait => weights![
            "hrtimer_start_range_ns" 30,
            "__schedule" 30,
            "update_curr" 20,
            "native_write_msr" 20,
        ],
        CallName::Mprotect => weights!["mprotect_fixup" 50, "vma_merge" 50],
        CallName::SetNonblock | CallName::GetFl => weights!["do_fcntl" 100],
        CallName::GetSockOpt | CallName::SetSockOpt => weights!["do_ip_setsockopt" 40, "sock_getsockopt" 60],
        CallName::IoctlFionread => weights!["do_vfs_ioctl" 50, "inet_ioctl" 50],
        CallName::Accept => weights![
            "inet_csk_accept" 40,
            "alloc_empty_file" 30,
            "kmem_cache_alloc" 30,
        ],
        CallName::Bind => weights!["inet_csk_get_port" 100],
        CallName::Listen => weights!["inet_csk_listen_start" 100],
        CallName::Shutdown => weights!["tcp_send_fin" 50, "__tcp_transmit_skb" 50],
        CallName::Lseek => weights!["ksys_lseek" 100],
        CallName::Getpid => weights!["__task_pid_nr_ns" 100],
        CallName::GetSockName | CallName::GetPeerName => weights!["inet_getname" 100],
        CallName::GetRlimit | CallName::SetRlimit => weights!["do_prlimit" 100],
        CallName::Spawn => weights!["copy_process" 100],
        CallName::ExitTask | CallName::ExitProcess => weights!["do_exit" 100],
        CallName::Compute => weights!["[user]" 100],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_nanosecond_is_lost_and_every_call_has_functions() {
        for profile in [CostProfile::al2(), CostProfile::kernel_truth(), CostProfile::arm64(), CostProfile::free()] {
            for &name in CallName::ALL {
                for (total, search) in [(0, 0), (7, 9), (12_345, 0), (10_595_250, 10_587_000)] {
                    let parts = profile.split_call(name, total, search);
                    assert_eq!(parts.iter().map(|&(_, ns)| ns).sum::<u64>(), total, "{name:?}");
                }
            }
        }
    }
}
