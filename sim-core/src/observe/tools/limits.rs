//! `/proc/PID/limits` (`fs/proc/base.c`, `proc_pid_limits`).

use crate::observe::rlimits::{Resource, Rlimits, UNLIMITED};

/// Sixteen limits under a heading; rows keep their trailing blanks.
#[must_use]
pub fn limits(limits: &Rlimits) -> String {
    let mut out = format!("{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for resource in Resource::ALL {
        let pair = limits.get(resource);
        out.push_str(&format!("{:<25} {:<20} {:<20} ", resource.label(), value(pair.soft), value(pair.hard)));
        if let Some(unit) = resource.unit() {
            out.push_str(&format!("{unit:<10}"));
        }
        out.push('\n');
    }
    out
}

fn value(n: u64) -> String {
    if n == UNLIMITED { "unlimited".to_owned() } else { n.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::sample::published;
    use super::*;
    use crate::app::Limits;

    #[test]
    fn the_published_file() {
        let container = Rlimits::container(30_446, Limits { soft: 32_768, hard: 65_536 });
        assert_eq!(published(&limits(&container)), include_str!("../golden/limits.container.txt"));
    }

    #[test]
    fn the_kernels_own_layout() {
        let mut shell = Rlimits::kernel(96_343);
        shell.set(Resource::NoFile, Limits { soft: 20_000, hard: 20_000 });
        shell.set(Resource::MemLock, Limits { soft: 8 << 20, hard: 8 << 20 });
        assert_eq!(limits(&shell), include_str!("../golden/limits.linux-6.18.txt"));
    }
}
