//! Checks of where clients connect to and from.

use super::check::{At, Cx, MAX_TABLE};
use super::problem::ProblemKind;
use super::program_file::{AddressesText, EndpointsText};
use super::spec::{HostIx, ServerName, SpreadSpec};
use super::value;
use crate::text::nearest;
use crate::units::Ipv4Addr;

/// A destination: a server and its port.
type Target = (ServerName, u16);

/// A client's destinations and sources together; `None` if there is no destination.
/// `key` is what the program calls its source address.
pub(super) fn ends(
    cx: &mut Cx<'_>,
    at: &At<'_>,
    key: &'static str,
    targets: Vec<Target>,
    (bind, no_port): (Option<&AddressesText>, Option<bool>),
    host: HostIx,
) -> Option<(Target, SpreadSpec)> {
    let sources = sources(cx, &at.key(key), bind, &targets, host);
    if no_port == Some(true) && bind.is_none() {
        let kind = ProblemKind::NothingWithout { key: "IP_BIND_ADDRESS_NO_PORT", needs: key };
        cx.report(&at.key("IP_BIND_ADDRESS_NO_PORT"), kind);
    }
    let mut targets = targets.into_iter();
    let first = targets.next()?;
    let spread =
        SpreadSpec { more_targets: targets.collect(), sources, bind_address_no_port: no_port.unwrap_or(false) };
    Some((first, spread))
}

/// `target`, one or several.
pub(super) fn targets(cx: &mut Cx<'_>, at: &At<'_>, file: Option<&EndpointsText>, host: HostIx) -> Vec<Target> {
    match file {
        None => Vec::new(),
        Some(EndpointsText::One(text)) => target(cx, at, &text.0, host).into_iter().collect(),
        Some(EndpointsText::Several(texts)) => {
            if texts.is_empty() {
                cx.report(at, ProblemKind::BadEndpoint { text: "[]".to_owned() });
            }
            if !cx.at_most(at, "target", texts.len(), MAX_TABLE) {
                return Vec::new();
            }
            texts.iter().enumerate().filter_map(|(i, text)| target(cx, &at.item(i), &text.0, host)).collect()
        }
    }
}

/// `mysql-host`, a list with commas, as sysbench takes it.
pub(super) fn mysql_hosts(cx: &mut Cx<'_>, at: &At<'_>, text: Option<&str>, port: u16, host: HostIx) -> Vec<Target> {
    let Some(text) = text else { return Vec::new() };
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    if !cx.at_most(at, "mysql-host", names.len(), MAX_TABLE) {
        return Vec::new();
    }
    names.into_iter().filter_map(|name| server_name(cx, at, Some(name), host)).map(|name| (name, port)).collect()
}

/// Source addresses: each is the host's own, and one of 127.0.0.0/8 stays on it.
fn sources(
    cx: &mut Cx<'_>,
    at: &At<'_>,
    file: Option<&AddressesText>,
    targets: &[Target],
    host: HostIx,
) -> Vec<Ipv4Addr> {
    let texts: Vec<(At<'_>, &str)> = match file {
        None => Vec::new(),
        Some(AddressesText::One(text)) => vec![(at.clone(), text.0.as_str())],
        Some(AddressesText::Several(texts)) => {
            texts.iter().enumerate().map(|(i, text)| (at.item(i), text.0.as_str())).collect()
        }
    };
    if !cx.at_most(at, "addresses", texts.len(), MAX_TABLE) {
        return Vec::new();
    }
    let own = cx.all_addrs[host].clone();
    let mut found = Vec::new();
    for (at, text) in texts {
        let Some(addr) = cx.addr(&at, Some(text)) else { continue };
        let foreign = targets.iter().find_map(|(name, port)| match name {
            ServerName::Addr(to) if !to.is_loopback() && !own.contains(to) => Some(format!("{to}:{port}")),
            ServerName::Addr(_) | ServerName::Name(_) => None,
        });
        if !addr.is_loopback() && !own.contains(&addr) {
            let near =
                nearest(text, own.iter().map(ToString::to_string).collect::<Vec<_>>().iter().map(String::as_str))
                    .map(str::to_owned);
            let host = cx.names.hosts[host].clone();
            cx.report_near(&at, ProblemKind::NotOwnAddress { text: addr.to_string(), host }, near);
        } else if let Some(target) = foreign.filter(|_| addr.is_loopback()) {
            cx.report(&at, ProblemKind::LoopbackSource { text: addr.to_string(), target });
        } else if found.contains(&addr) {
            cx.report(&at, ProblemKind::DuplicateName { name: addr.to_string() });
        } else {
            found.push(addr);
        }
    }
    found
}

/// A server's name or address, as a client on `host` resolves it. Names of the
/// scenario's hosts are addresses: looking up is for names in `hosts` and `dns`.
pub(super) fn server_name(cx: &mut Cx<'_>, at: &At<'_>, text: Option<&str>, host: HostIx) -> Option<ServerName> {
    let text = text?;
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return cx.addr(at, Some(text)).map(ServerName::Addr);
    }
    if text == "localhost" {
        return Some(ServerName::Addr(Ipv4Addr::LOCALHOST));
    }
    if let Some(ix) = cx.names.hosts.iter().position(|name| name == text) {
        return Some(ServerName::Addr(cx.addrs[ix]));
    }
    let in_hosts_file = cx.etc_hosts[host].iter().any(|(name, _)| name == text);
    if !in_hosts_file && !cx.has_nameserver[host] {
        let hosts = cx.names.hosts.iter().chain(cx.etc_hosts[host].iter().map(|(name, _)| name));
        let near = nearest(text, hosts.map(String::as_str)).map(str::to_owned);
        cx.report_near(at, ProblemKind::UnknownHost { name: value::cut(text) }, near);
        return None;
    }
    Some(ServerName::Name(text.to_owned()))
}

/// `NAME:PORT` or `ADDRESS:PORT`.
fn target(cx: &mut Cx<'_>, at: &At<'_>, text: &str, host: HostIx) -> Option<Target> {
    let text = text.trim();
    let bad = || ProblemKind::BadEndpoint { text: value::cut(text) };
    let (name, port) = cx.take(at, text.rsplit_once(':').ok_or_else(bad))?;
    let port: i64 = cx.take(at, port.parse().map_err(|_not_number| bad()))?;
    let port = cx.port(at, Some(port));
    Some((server_name(cx, at, Some(name), host)?, port?))
}
