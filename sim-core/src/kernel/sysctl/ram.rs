//! Table sizes and defaults the kernel derives from RAM at boot.

use super::super::profile::KernelProfile;

/// Hash-table sizes of one host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableSizes {
    /// Buckets of the established table ("ehash").
    pub ehash: u32,
    /// Buckets of the bind table ("bhash"; bhash2 has as many).
    pub bhash: u32,
}

impl TableSizes {
    /// The sizes for `ram_bytes` of usable RAM (`tcp_init`,
    /// `alloc_large_system_hash`): a bucket for each 128 KiB, RAM rounded up to
    /// 1 MiB, rounded up to a power of two, at least a page of buckets, at most
    /// 524,288; the bind table has as many, at most 65,536.
    #[must_use]
    pub fn for_ram(ram_bytes: u64) -> Self {
        let mib = ram_bytes.div_ceil(1 << 20);
        let buckets = mib.saturating_mul(8).clamp(512, 524_288).next_power_of_two();
        let ehash = u32::try_from(buckets).expect("at most 524288");
        Self { ehash, bhash: ehash.min(65_536) }
    }

    /// The established buckets as the `int` sysctls derive from.
    pub(super) fn ehash_int(&self) -> i32 {
        i32::try_from(self.ehash).expect("at most 524288")
    }

    /// `tcp_sk_init`: 128, or a bucket in 128 (256 before Linux 5.5) if more.
    pub(super) fn syn_backlog(profile: &KernelProfile, sizes: &Self) -> i32 {
        let backlog = (sizes.ehash / profile.syn_backlog_divisor()).max(128);
        i32::try_from(backlog).expect("at most 524288 / 128")
    }
}

/// `net.ipv4.tcp_rmem` (`tcp_init`): the middle value was 87,380 before Linux
/// 4.20, the largest is 6 MiB (32 MiB since 6.16) or 1/128 of RAM if that is less.
pub(super) fn tcp_rmem(profile: &KernelProfile, ram_bytes: u64) -> [i32; 3] {
    let middle = if profile.version.since(4, 20) { 131_072 } else { 87_380 };
    let largest: u64 = if profile.version.since(6, 16) { 32 << 20 } else { 6 << 20 };
    [4096, middle, buffer_max(largest, ram_bytes).max(middle)]
}

/// `net.ipv4.tcp_wmem` (`tcp_init`): the largest value is 4 MiB or 1/128 of RAM if that is less.
pub(super) fn tcp_wmem(ram_bytes: u64) -> [i32; 3] {
    [4096, 16_384, buffer_max(4 << 20, ram_bytes).max(65_536)]
}

/// `fs.file-max` (`files_maxfiles_init`): a file for each 10 KiB of RAM, at
/// least 8192. What the kernel itself occupies at boot is not subtracted.
pub(super) fn file_max(ram_bytes: u64) -> u64 {
    (ram_bytes / 1024 / 10).max(8192)
}

fn buffer_max(largest: u64, ram_bytes: u64) -> i32 {
    i32::try_from(largest.min(ram_bytes / 128)).expect("at most 32 MiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    /// FACTS A.5; 23.5 GiB is measured.
    #[test]
    fn buckets_by_ram() {
        for (ram, ehash) in [
            (64 << 20, 512),
            (GIB, 8_192),
            (4 * GIB, 32_768),
            (7 * GIB + 440 * (1 << 20), 65_536),
            (8 * GIB, 65_536),
            (8 * GIB + 1, 131_072),
            (16 * GIB, 131_072),
            (24_682_416 * 1024, 262_144),
            (64 * GIB, 524_288),
            (1 << 50, 524_288),
            (u64::MAX, 524_288),
            (0, 512),
        ] {
            assert_eq!(TableSizes::for_ram(ram).ehash, ehash, "{ram}");
            assert_eq!(TableSizes::for_ram(ram).bhash, ehash.min(65_536));
        }
    }

    #[test]
    fn defaults_by_ram_and_version() {
        let new = KernelProfile::parse("6.18.44").unwrap();
        let old = KernelProfile::parse("4.19.100").unwrap();
        let incident = KernelProfile::parse("5.10.213").unwrap();
        assert_eq!(tcp_rmem(&new, 24 * GIB), [4096, 131_072, 33_554_432]);
        assert_eq!(tcp_rmem(&incident, 8 * GIB), [4096, 131_072, 6_291_456]);
        assert_eq!(tcp_rmem(&old, 8 * GIB), [4096, 87_380, 6_291_456]);
        assert_eq!(tcp_rmem(&incident, 256 << 20), [4096, 131_072, 2_097_152]);
        assert_eq!(tcp_rmem(&incident, 1 << 20), [4096, 131_072, 131_072]);
        assert_eq!(tcp_wmem(8 * GIB), [4096, 16_384, 4_194_304]);
        let sizes = TableSizes::for_ram(8 * GIB);
        assert_eq!(TableSizes::syn_backlog(&incident, &sizes), 512);
        assert_eq!(TableSizes::syn_backlog(&old, &sizes), 256);
        assert_eq!(TableSizes::syn_backlog(&new, &TableSizes::for_ram(GIB)), 128);
        // The measured machine shows 2465620; 1.5 times what was in use at boot is missing.
        assert_eq!(file_max(24_682_416 * 1024), 2_468_241);
        assert_eq!(file_max(1 << 20), 8192);
    }
}
