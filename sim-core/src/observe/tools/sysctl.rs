//! `sysctl -a` (procps): every setting, in the order of the directories.

use crate::observe::view::HostView;

/// `name = value` lines, sorted as `/proc/sys` is walked: component by component.
#[must_use]
pub fn sysctl(host: &HostView) -> String {
    let mut settings: Vec<_> = host.sysctls.iter().collect();
    settings.sort_by(|a, b| a.0.split('.').cmp(b.0.split('.')));
    settings.iter().map(|(name, value)| format!("{name} = {value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::time::Duration;

    #[test]
    fn the_published_grep() {
        let text = sysctl(&sample::namespace(Duration::ZERO));
        let found: Vec<_> = text.lines().filter(|line| line.contains("file-max")).collect();
        assert_eq!(found, ["fs.file-max = 1000000"]);
    }

    #[test]
    fn an_empty_value_keeps_its_blank_and_ranges_their_tab() {
        assert_eq!(
            sysctl(&sample::namespace(Duration::ZERO)),
            "fs.file-max = 1000000\nnet.core.somaxconn = 4096\n\
             net.ipv4.ip_local_port_range = 32768\t60999\nnet.ipv4.ip_local_reserved_ports = \n"
        );
    }
}
