//! Names of ports, where a tool is not told `-n`.

use crate::observe::view::HostView;
use crate::units::Port;

/// Lines of `/etc/services` for what runs in scenarios.
const SERVICES: [(u16, &str); 7] = [
    (22, "ssh"),
    (53, "domain"),
    (80, "http"),
    (443, "https"),
    (3306, "mysql"),
    (5432, "postgresql"),
    (8080, "http-alt"),
];

/// The service of a port; ports of the ephemeral range are never looked up (`ss`: `is_ephemeral`).
pub(super) fn name_of(host: &HostView, port: Port) -> Option<&'static str> {
    let range = host.sysctls.iter().find(|(name, _)| name == "net.ipv4.ip_local_port_range");
    let mut ends = range.map_or("", |(_, value)| value.as_str()).split_whitespace().map(str::parse::<u16>);
    if let (Some(Ok(low)), Some(Ok(high))) = (ends.next(), ends.next())
        && (low..=high).contains(&port.0)
    {
        return None;
    }
    SERVICES.iter().find(|(number, _)| *number == port.0).map(|(_, name)| *name)
}

/// The port of a service.
#[must_use]
pub fn port_of(name: &str) -> Option<u16> {
    SERVICES.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}
