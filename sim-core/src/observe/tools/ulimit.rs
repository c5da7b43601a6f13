//! `ulimit` of bash 4 and 5.0 (`builtins/ulimit.def`): 37 columns of
//! description and unit, then the soft limit. bash 5.1 widened the columns.

use crate::observe::rlimits::{Resource, Rlimits, UNLIMITED};

/// Where a line of `ulimit -a` takes its number from.
enum Source {
    /// A soft limit, divided by the unit.
    Limit(Resource, u64),
    /// A constant of the system.
    Fixed(u64),
}

/// `PIPE_BUF` in units of 512 bytes.
const PIPE_BUF_BLOCKS: u64 = 4096 / 512;

/// Description, unit, option and source, in bash's order (by option, with `-p` before `-q`).
const LINES: [(&str, Option<&str>, char, Source); 16] = [
    ("core file size", Some("blocks"), 'c', Source::Limit(Resource::Core, 1024)),
    ("data seg size", Some("kbytes"), 'd', Source::Limit(Resource::Data, 1024)),
    ("scheduling priority", None, 'e', Source::Limit(Resource::Nice, 1)),
    ("file size", Some("blocks"), 'f', Source::Limit(Resource::FileSize, 1024)),
    ("pending signals", None, 'i', Source::Limit(Resource::SigPending, 1)),
    ("max locked memory", Some("kbytes"), 'l', Source::Limit(Resource::MemLock, 1024)),
    ("max memory size", Some("kbytes"), 'm', Source::Limit(Resource::Rss, 1024)),
    ("open files", None, 'n', Source::Limit(Resource::NoFile, 1)),
    ("pipe size", Some("512 bytes"), 'p', Source::Fixed(PIPE_BUF_BLOCKS)),
    ("POSIX message queues", Some("bytes"), 'q', Source::Limit(Resource::MsgQueue, 1)),
    ("real-time priority", None, 'r', Source::Limit(Resource::RealTimePriority, 1)),
    ("stack size", Some("kbytes"), 's', Source::Limit(Resource::Stack, 1024)),
    ("cpu time", Some("seconds"), 't', Source::Limit(Resource::Cpu, 1)),
    ("max user processes", None, 'u', Source::Limit(Resource::Processes, 1)),
    ("virtual memory", Some("kbytes"), 'v', Source::Limit(Resource::AddressSpace, 1024)),
    ("file locks", None, 'x', Source::Limit(Resource::Locks, 1)),
];

/// `ulimit -a`: soft limits of the shell itself, not of any other process.
#[must_use]
pub fn ulimit_a(limits: &Rlimits) -> String {
    let mut out = String::new();
    for (description, unit, option, source) in LINES {
        let unit = unit.map_or_else(|| format!("(-{option}) "), |unit| format!("({unit}, -{option}) "));
        let number = match source {
            Source::Limit(resource, divisor) => value(limits.get(resource).soft, divisor),
            Source::Fixed(number) => number.to_string(),
        };
        out.push_str(&format!("{description:<20} {unit:>16}{number}\n"));
    }
    out
}

/// `ulimit -n` (and `-Sn`): the soft limit of descriptors; with `hard`, `ulimit -Hn`.
#[must_use]
pub fn ulimit_n(limits: &Rlimits, hard: bool) -> String {
    let pair = limits.get(Resource::NoFile);
    format!("{}\n", value(if hard { pair.hard } else { pair.soft }, 1))
}

fn value(limit: u64, divisor: u64) -> String {
    if limit == UNLIMITED { "unlimited".to_owned() } else { (limit / divisor).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Limits;

    #[test]
    fn the_published_listing() {
        let shell = Rlimits::root_shell(30_446, Limits { soft: 65_535, hard: 65_535 });
        assert_eq!(ulimit_a(&shell), include_str!("../golden/ulimit.shell.txt"));
    }

    #[test]
    fn reading_shows_the_soft_limit() {
        let limits = Rlimits::container(30_446, Limits { soft: 32_768, hard: 65_536 });
        assert_eq!(ulimit_n(&limits, false), "32768\n");
        assert_eq!(ulimit_n(&limits, true), "65536\n");
    }
}
