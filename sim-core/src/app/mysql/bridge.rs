//! Server and clients of the model speak to each other, each on its own fake
//! kernel, with bytes carried between them.

use super::*;
use crate::app::api::{App, Control};
use crate::app::mysql_client::{MysqlClient, MysqlClientConfig};
use crate::app::sysbench::{Connector, Sysbench, SysbenchConfig};
use crate::app::testkit::FakeKernel;
use crate::units::{Endpoint, Fd, Ipv4Addr};
use crate::wire::Payload;

const LISTENER: u32 = 3;

/// A socket of a fake kernel: its descriptor, and which of that number it is.
type End = (Fd, u32);

fn ends(kernel: &FakeKernel) -> impl Iterator<Item = End> + '_ {
    kernel.sockets.iter().map(|(fd, socket)| (*fd, socket.serial))
}

/// A client process, and which of its descriptors is which of the server's.
struct Client<A> {
    kernel: FakeKernel,
    app: A,
    links: Vec<(End, End)>,
}

impl<A: App> Client<A> {
    fn new(app: A) -> Self {
        Self { kernel: FakeKernel::new(), app, links: Vec::new() }
    }
}

struct Server {
    kernel: FakeKernel,
    app: MysqlServer,
    ports: u16,
}

impl Server {
    fn new(version: &str) -> Self {
        let mut server =
            Self { kernel: FakeKernel::new(), app: MysqlServer::new(ServerConfig::new(version)), ports: 40_000 };
        server.kernel.run(&mut server.app, 0);
        server
    }

    /// Runs both sides, carrying bytes, connections and ends of stream, for some rounds of 10 us.
    fn serve<A: App>(&mut self, client: &mut Client<A>, rounds: u32) {
        for _ in 0..rounds {
            let now = self.kernel.now.max(client.kernel.now) + 10_000;
            client.kernel.run(&mut client.app, now);
            let new: Vec<End> = ends(&client.kernel).filter(|e| !client.links.iter().any(|l| l.0 == *e)).collect();
            for ours in new {
                self.ports += 2;
                let peer = Endpoint::new(Ipv4Addr::LOCALHOST, self.ports);
                self.kernel.socket(LISTENER).backlog.push_back(peer);
                self.kernel.run(&mut self.app, now);
                let theirs = ends(&self.kernel).max_by_key(|e| e.1).unwrap();
                client.links.push((ours, theirs));
            }
            for (ours, theirs) in client.links.clone() {
                let here = ends(&client.kernel).any(|e| e == ours);
                let there = ends(&self.kernel).any(|e| e == theirs);
                if there && here {
                    let sent = core::mem::take(&mut client.kernel.socket(ours.0.0).sent);
                    carry(&mut self.kernel, theirs.0, &sent);
                    let sent = core::mem::take(&mut self.kernel.socket(theirs.0.0).sent);
                    carry(&mut client.kernel, ours.0, &sent);
                    client.kernel.socket(ours.0.0).eof |= self.kernel.socket(theirs.0.0).closed;
                } else if here {
                    client.kernel.socket(ours.0.0).eof = true;
                } else if there {
                    self.kernel.socket(theirs.0.0).eof = true;
                }
            }
            client.links.retain(|(ours, _)| ends(&client.kernel).any(|e| e == *ours));
            self.kernel.run(&mut self.app, now);
        }
    }
}

fn carry(kernel: &mut FakeKernel, fd: Fd, bytes: &[u8]) {
    if !bytes.is_empty() {
        kernel.socket(fd.0).inbox.push_back(Payload::from_bytes(bytes));
    }
}

fn target() -> Target {
    Target::Addr(Endpoint::new(Ipv4Addr::LOCALHOST, 3_306))
}

#[test]
fn the_admin_s_session_changes_a_limit_and_kills() {
    for version in ["8.3.0", "8.0.20", "5.7.44", "5.5.5-10.11.19-MariaDB-0+deb12u1"] {
        let mut server = Server::new(version);
        let mut client = Client::new(MysqlClient::new(&MysqlClientConfig::new(target())));
        server.serve(&mut client, 60);
        assert_eq!(client.app.session_id(), Some(8), "{version}");
        for sql in ["show processlist", "set global max_connections = 500", "kill 4711"] {
            let now = client.kernel.now;
            client.app.control(&Control::Sql(sql.into()), &mut client.kernel.cx.at(now)).unwrap();
            client.kernel.deliver_wakes();
            server.serve(&mut client, 40);
        }
        assert_eq!((client.app.metric("queries"), client.app.metric("errors")), (Some(3), Some(1)), "{version}");
        assert_eq!(server.app.shared.vars.get(Var::MaxConnections), 500);
        assert_eq!(server.app.metric("Threads_connected"), Some(1));
    }
}

#[test]
fn a_killed_benchmark_leaks_or_reconnects() {
    for (connector, leaks) in [(Connector::LeakFd, true), (Connector::ReconnectOk, false)] {
        let mut server = Server::new("8.3.0");
        let mut config = SysbenchConfig::new(target());
        config.connector = connector;
        let mut client = Client::new(Sysbench::new(config));
        server.serve(&mut client, 300);
        let queries = client.app.metric("queries").unwrap();
        assert!(queries > 14, "{queries}");
        assert_eq!(server.app.metric("Threads_connected"), Some(1));
        let now = server.kernel.now;
        server.app.control(&Control::KillSession(8), &mut server.kernel.cx.at(now)).unwrap();
        server.kernel.deliver_wakes();
        server.serve(&mut client, 1_000);
        if leaks {
            let leaked = client.app.metric("fds.leaked").unwrap();
            assert!((5..20).contains(&leaked), "{leaked}");
            assert_eq!(client.app.metric("queries"), Some(queries));
            assert_eq!(server.app.metric("Threads_connected"), Some(leaked));
            let unread: u32 = client.kernel.socket(3).inbox.iter().map(Payload::len).sum();
            assert_eq!(unread, 77);
        } else {
            assert!(client.app.metric("queries").unwrap() > queries + 14);
            assert_eq!((client.app.metric("reconnects"), server.app.metric("Threads_connected")), (Some(1), Some(1)));
        }
    }
}

#[test]
fn an_admin_whose_session_was_killed_reconnects_once() {
    let mut server = Server::new("8.3.0");
    let mut client = Client::new(MysqlClient::new(&MysqlClientConfig::new(target())));
    server.serve(&mut client, 60);
    let now = server.kernel.now;
    server.app.control(&Control::KillSession(0), &mut server.kernel.cx.at(now)).unwrap();
    server.kernel.deliver_wakes();
    server.serve(&mut client, 10);
    assert_eq!(server.app.metric("Threads_connected"), Some(0));
    client.app.control(&Control::Sql("select 1".into()), &mut client.kernel.cx.at(now)).unwrap();
    client.kernel.deliver_wakes();
    server.serve(&mut client, 100);
    assert_eq!((client.app.session_id(), client.app.metric("queries")), (Some(9), Some(1)));
    assert_eq!(client.app.metric("connect.ok"), Some(2));
}
