//! Interfaces of a namespace: loopback up, veth pairs, addresses, routes, neighbours.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::net::{AddressFamily, SocketType};

use crate::netlink::{ACK, CREATE, EXCL, Message, Netlink, REPLACE, REQUEST};

const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const RTM_NEWNEIGH: u16 = 28;
const IFF_UP: u32 = 1;
const NUD_PERMANENT: u16 = 0x80;

/// `ifinfomsg` of an interface.
fn ifinfomsg(index: u32, up: bool) -> Vec<u8> {
    let flags = if up { IFF_UP } else { 0 };
    [&[0; 4][..], &index.to_ne_bytes(), &flags.to_ne_bytes(), &flags.to_ne_bytes()].concat()
}

/// The index of an interface in the calling thread's namespace.
///
/// # Errors
/// When there is none of that name.
pub(crate) fn index(name: &str) -> io::Result<u32> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    Ok(rustix::net::netdevice::name_to_index(&socket, name)?)
}

/// `ip link set NAME up`.
///
/// # Errors
/// What the kernel says.
pub(crate) fn up(route: &mut Netlink, index: u32) -> io::Result<()> {
    route.request(Message::new(RTM_NEWLINK, REQUEST | ACK, &ifinfomsg(index, true)))
}

/// `ip link add HERE address MAC type veth peer THERE address MAC netns NS`.
///
/// # Errors
/// What the kernel says.
pub(crate) fn veth(
    route: &mut Netlink,
    here: (&str, [u8; 6]),
    there: (&str, [u8; 6]),
    namespace: BorrowedFd<'_>,
) -> io::Result<()> {
    const IFLA_ADDRESS: u16 = 1;
    const IFLA_IFNAME: u16 = 3;
    const IFLA_LINKINFO: u16 = 18;
    const IFLA_NET_NS_FD: u16 = 28;
    const IFLA_INFO_KIND: u16 = 1;
    const IFLA_INFO_DATA: u16 = 2;
    const VETH_INFO_PEER: u16 = 1;
    let namespace = u32::try_from(namespace.as_raw_fd()).expect("a descriptor is not negative");
    let message = Message::new(RTM_NEWLINK, REQUEST | ACK | CREATE | EXCL, &ifinfomsg(0, false))
        .text(IFLA_IFNAME, here.0)
        .attr(IFLA_ADDRESS, &here.1)
        .nest(IFLA_LINKINFO, |m| {
            m.text(IFLA_INFO_KIND, "veth").nest(IFLA_INFO_DATA, |m| {
                m.nest(VETH_INFO_PEER, |m| {
                    m.raw(&ifinfomsg(0, false))
                        .text(IFLA_IFNAME, there.0)
                        .attr(IFLA_ADDRESS, &there.1)
                        .attr(IFLA_NET_NS_FD, &namespace.to_ne_bytes())
                })
            })
        });
    route.request(message)
}

/// `ip address add ADDR/32 dev …`.
///
/// # Errors
/// What the kernel says.
pub(crate) fn address(route: &mut Netlink, index: u32, addr: Ipv4Addr) -> io::Result<()> {
    const IFA_ADDRESS: u16 = 1;
    const IFA_LOCAL: u16 = 2;
    let header = [&[2, 32, 0, 0][..], &index.to_ne_bytes()].concat();
    let message = Message::new(RTM_NEWADDR, REQUEST | ACK | CREATE | EXCL, &header)
        .attr(IFA_LOCAL, &addr.octets())
        .attr(IFA_ADDRESS, &addr.octets());
    route.request(message)
}

/// `ip route add ADDR/32 dev … src FROM scope link`, and the neighbour entry, so
/// that no ARP is ever needed.
///
/// # Errors
/// What the kernel says.
pub(crate) fn peer(
    route: &mut Netlink,
    index: u32,
    addr: Ipv4Addr,
    mac: [u8; 6],
    from: Option<Ipv4Addr>,
) -> io::Result<()> {
    const RTA_DST: u16 = 1;
    const RTA_OIF: u16 = 4;
    const RTA_PREFSRC: u16 = 7;
    const NDA_DST: u16 = 1;
    const NDA_LLADDR: u16 = 2;
    // rtmsg: family, dst_len, src_len, tos, table main, protocol boot, scope link, type unicast, flags.
    let header = [2, 32, 0, 0, 254, 3, 253, 1, 0, 0, 0, 0];
    let mut message = Message::new(RTM_NEWROUTE, REQUEST | ACK | CREATE | REPLACE, &header)
        .attr(RTA_DST, &addr.octets())
        .attr(RTA_OIF, &index.to_ne_bytes());
    if let Some(from) = from {
        message = message.attr(RTA_PREFSRC, &from.octets());
    }
    route.request(message)?;
    let header = [&[2, 0, 0, 0][..], &index.to_ne_bytes(), &NUD_PERMANENT.to_ne_bytes(), &[0, 0]].concat();
    let message = Message::new(RTM_NEWNEIGH, REQUEST | ACK | CREATE | REPLACE, &header)
        .attr(NDA_DST, &addr.octets())
        .attr(NDA_LLADDR, &mac);
    route.request(message)
}
