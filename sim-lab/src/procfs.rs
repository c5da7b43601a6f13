//! What /proc shows of a namespace and of a process.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek};

/// The counters of a namespace. The files are opened in a thread of it and show
/// it wherever they are read.
#[derive(Debug)]
pub(crate) struct Counters {
    snmp: File,
    netstat: File,
    sockstat: File,
    sockstat6: Option<File>,
}

fn text(file: &mut File) -> io::Result<String> {
    file.rewind()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

impl Counters {
    /// Opens them for the calling thread's namespace.
    ///
    /// # Errors
    /// Without /proc.
    pub(crate) fn open() -> io::Result<Self> {
        let open = |name: &str| File::open(format!("/proc/thread-self/net/{name}"));
        Ok(Self {
            snmp: open("snmp")?,
            netstat: open("netstat")?,
            sockstat: open("sockstat")?,
            sockstat6: open("sockstat6").ok(),
        })
    }

    /// All counters under `nstat`'s names.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub(crate) fn mib(&mut self) -> io::Result<BTreeMap<String, u64>> {
        let mut all = pairs(&text(&mut self.snmp)?);
        all.extend(pairs(&text(&mut self.netstat)?));
        Ok(all)
    }

    /// `TCP: inuse`, both families; `tw`; and `sockets: used`.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub(crate) fn sockstat(&mut self) -> io::Result<SockStat> {
        let v4 = text(&mut self.sockstat)?;
        let v6 = match &mut self.sockstat6 {
            Some(file) => text(file)?,
            None => String::new(),
        };
        let number = |text: &str, line: &str, word: &str| {
            let line = text.lines().find_map(|l| l.strip_prefix(line))?;
            let mut words = line.split_whitespace();
            words.find(|w| *w == word)?;
            words.next()?.parse().ok()
        };
        Ok(SockStat {
            used: number(&v4, "sockets:", "used").unwrap_or(0),
            tcp_inuse: number(&v4, "TCP:", "inuse").unwrap_or(0),
            tcp6_inuse: number(&v6, "TCP6:", "inuse").unwrap_or(0),
            udp_inuse: number(&v4, "UDP:", "inuse").unwrap_or(0),
            raw_inuse: number(&v4, "RAW:", "inuse").unwrap_or(0),
            tw: number(&v4, "TCP:", "tw").unwrap_or(0),
        })
    }
}

/// Numbers of /proc/net/sockstat and sockstat6 that are kept by namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SockStat {
    pub(crate) used: i64,
    pub(crate) tcp_inuse: i64,
    pub(crate) tcp6_inuse: i64,
    pub(crate) udp_inuse: i64,
    pub(crate) raw_inuse: i64,
    pub(crate) tw: i64,
}

/// Lines in pairs: names, then values, each after the group's name.
fn pairs(text: &str) -> BTreeMap<String, u64> {
    let lines: Vec<&str> = text.lines().collect();
    let mut all = BTreeMap::new();
    for pair in lines.chunks_exact(2) {
        let Some((group, names)) = pair[0].split_once(": ") else { continue };
        let Some((_, values)) = pair[1].split_once(": ") else { continue };
        let both = names.split_whitespace().zip(values.split_whitespace());
        all.extend(both.filter_map(|(name, value)| Some((format!("{group}{name}"), value.parse().ok()?))));
    }
    all
}

/// A process's descriptors: how many, and the inodes of its sockets.
///
/// # Errors
/// When the process is gone.
pub(crate) fn descriptors(pid: u32) -> io::Result<(usize, BTreeSet<u32>)> {
    let mut count = 0;
    let mut inodes = BTreeSet::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))? {
        count += 1;
        let Ok(target) = std::fs::read_link(entry?.path()) else { continue };
        let target = target.to_string_lossy();
        let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        inodes.extend(inode.and_then(|inode| inode.parse::<u32>().ok()));
    }
    Ok((count, inodes))
}

/// A sysctl's file.
fn path(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

/// Reads a sysctl of the calling thread's namespace, with single blanks.
///
/// # Errors
/// When the kernel has none of that name.
pub(crate) fn sysctl(name: &str) -> io::Result<String> {
    let text = std::fs::read_to_string(path(name))?;
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Sets a sysctl of the calling thread's namespace.
///
/// # Errors
/// When there is none, or the value is refused.
pub(crate) fn set_sysctl(name: &str, value: &str) -> io::Result<()> {
    std::fs::write(path(name), value)
}

/// The running kernel: `uname -r` without what the distribution appends.
///
/// # Errors
/// Without /proc.
pub(crate) fn kernel_version() -> io::Result<String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let release = release.trim();
    let end = release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len());
    Ok(release[..end].trim_end_matches('.').to_owned())
}

/// `MemTotal` in bytes.
///
/// # Errors
/// Without /proc.
pub(crate) fn ram_bytes() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let kib = text.lines().find_map(|l| l.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_have_nstats_names() {
        let text = "Tcp: RtoMin ActiveOpens MaxConn\nTcp: 200 17 -1\nTcpExt: TW\nTcpExt: 3\n";
        let all = pairs(text);
        assert_eq!((all["TcpActiveOpens"], all["TcpExtTW"]), (17, 3));
        assert!(!all.contains_key("TcpMaxConn"));
    }

    #[test]
    fn this_process_has_descriptors() {
        let (count, _) = descriptors(std::process::id()).unwrap();
        assert!(count >= 3);
    }
}
