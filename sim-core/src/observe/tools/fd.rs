//! `ls -l /proc/PID/fd` (coreutils `ls`, without colours).

use crate::observe::calendar::Civil;
use crate::observe::view::{Access, FdTarget, HostView, ProcessView};

/// Symbolic links sorted as text, with the date of the snapshot: the kernel
/// makes the links when they are looked at.
#[must_use]
pub fn fd(host: &HostView, process: &ProcessView) -> String {
    let date = Civil::from_unix(host.start_unix + host.now.nanos() / 1_000_000_000);
    let date = format!("{} {:>2} {:02}:{:02}", date.month_name(), date.day, date.hour, date.minute);
    let mut links: Vec<_> = process.fds.iter().map(|link| (link.fd.to_string(), link)).collect();
    links.sort_by(|a, b| a.0.cmp(&b.0));
    let mut out = String::from("total 0\n");
    for (number, link) in links {
        let mode = match link.access {
            Access::Read => "lr-x------",
            Access::Write => "l-wx------",
            Access::ReadWrite => "lrwx------",
        };
        let target = match &link.target {
            FdTarget::Socket(inode) => format!("socket:[{inode}]"),
            FdTarget::Pipe(inode) => format!("pipe:[{inode}]"),
            FdTarget::File(path) => path.clone(),
            FdTarget::Anon(name) => format!("anon_inode:[{name}]"),
        };
        out.push_str(&format!("{mode} 1 root root 64 {date} {number} -> {target}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::observe::view::FdView;
    use crate::time::Duration;
    use crate::units::Fd;

    #[test]
    fn the_real_tools_listing() {
        let host = sample::namespace(Duration::ZERO);
        assert_eq!(fd(&host, &host.processes[0]), include_str!("../golden/fd.coreutils-9.1.txt"));
    }

    #[test]
    fn the_published_pipeline() {
        let mut process = sample::namespace(Duration::ZERO).processes[0].clone();
        process.fds = (0..3)
            .map(|n| FdView { fd: Fd(n), target: FdTarget::File("/dev/pts/0".into()), access: Access::ReadWrite })
            .chain((3..59_977).map(|n| FdView { fd: Fd(n), target: FdTarget::Socket(n), access: Access::ReadWrite }))
            .collect();
        let text = fd(&sample::namespace(Duration::ZERO), &process);
        assert_eq!(text.lines().filter(|line| line.contains("socket")).count(), 59_974);
    }
}
