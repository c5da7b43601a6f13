//! The remedies that give connections another pair of addresses, and with it
//! the whole port range once more.

use super::advise::AdviceText;
use super::demand::Demand;
use super::remedy::{Remedy, RemedyId, Trying};
use super::sweep::Setting;
use crate::kernel::Kernel;
use crate::scenario::{BindSpec, HostIx, PoolSpec, ProgramSpec, Run, ServerName, SpreadSpec};
use crate::tcp::TcpState;
use crate::units::Ipv4Addr;

/// One more source address, and one more destination address where the server can have one.
pub(super) fn more_addresses(run: &Run, demand: &Demand) -> Vec<Remedy> {
    let Some(client) = Client::of(run, demand) else { return Vec::new() };
    let ends = Ends::new(run, demand, &client);
    [Some(ends.source()), ends.destination()].into_iter().flatten().collect()
}

/// What the client's program calls its addresses, and which it has.
struct Client<'a> {
    program: &'a ProgramSpec,
    bind_key: &'static str,
    target: (&'a ServerName, u16),
    spread: &'a SpreadSpec,
}

impl<'a> Client<'a> {
    fn of(run: &'a Run, demand: &Demand) -> Option<Self> {
        let program = &run.scenario().processes[demand.process].program;
        let (bind_key, target, spread) = match program {
            ProgramSpec::Sysbench(spec) => ("bind-address", (&spec.mysql_host, spec.mysql_port), &spec.spread),
            ProgramSpec::Reconnect(spec) => ("bind_address", (&spec.target.0, spec.target.1), &spec.spread),
            ProgramSpec::Pool(spec) => ("bind_address", (&spec.target.0, spec.target.1), &spec.spread),
            ProgramSpec::Mysqld(_) | ProgramSpec::Mysql(_) | ProgramSpec::Dns(_) | ProgramSpec::Script(_) => {
                return None;
            }
        };
        Some(Self { program, bind_key, target, spread })
    }

    /// Its destinations as it names them.
    fn targets(&self) -> Vec<String> {
        let more = self.spread.more_targets.iter().map(|(name, port)| (name, *port));
        let all = core::iter::once(self.target).chain(more);
        let port =
            |port| if matches!(self.program, ProgramSpec::Sysbench(_)) { String::new() } else { format!(":{port}") };
        all.map(|(name, number)| match name {
            ServerName::Addr(addr) => format!("{addr}{}", port(number)),
            ServerName::Name(name) => format!("{name}{}", port(number)),
        })
        .collect()
    }
}

/// The addresses there are, and the new one of each end.
struct Ends<'a> {
    run: &'a Run,
    demand: &'a Demand,
    client: &'a Client<'a>,
    sources: Vec<Ipv4Addr>,
    new_source: Ipv4Addr,
    new_destination: Ipv4Addr,
}

impl<'a> Ends<'a> {
    fn new(run: &'a Run, demand: &'a Demand, client: &'a Client<'a>) -> Self {
        let to = demand.destination.addr;
        let own = kernel(run, demand.host).source_for(to).unwrap_or(Ipv4Addr::LOCALHOST);
        let sources = if client.spread.sources.is_empty() { vec![own] } else { client.spread.sources.clone() };
        let mut taken: Vec<Ipv4Addr> = run.scenario().hosts.iter().flat_map(|host| host.addrs.clone()).collect();
        taken.extend_from_slice(&sources);
        taken.extend(demand.more_destinations.iter().map(|more| more.addr));
        taken.push(to);
        let new_source = fresh(sources[0], &taken);
        taken.push(new_source);
        Self { run, demand, client, new_source, new_destination: fresh(to, &taken), sources }
    }

    fn host(&self, host: HostIx) -> &str {
        &self.run.scenario().hosts[host].name
    }

    /// A setting of the client's program.
    fn own(&self, key: &str, value: String) -> Setting {
        let process = &self.run.scenario().processes[self.demand.process].name;
        (format!("process.{process}.{}.{key}", self.client.program.kind().word()), value)
    }

    /// A host's addresses with the new ones. Both remedies write the same list, so
    /// that they can be tried together; on loopback every address is there already.
    fn addrs(&self, host: HostIx) -> Setting {
        let mut addrs = self.run.scenario().hosts[host].addrs.clone();
        let new = [(Some(self.demand.host), self.new_source), (self.demand.destination.host, self.new_destination)];
        addrs.extend(new.iter().filter(|(at, addr)| *at == Some(host) && !addr.is_loopback()).map(|(_, addr)| *addr));
        (format!("host.{}.addrs", self.host(host)), list(&addrs))
    }

    fn source(&self) -> Remedy {
        let mut sources = self.sources.clone();
        sources.push(self.new_source);
        let mut settings = vec![self.own(self.client.bind_key, list(&sources))];
        if sets_no_port(self.client.program) {
            settings.push(self.own("IP_BIND_ADDRESS_NO_PORT", "true".to_owned()));
        }
        let mut lines = Vec::new();
        if !self.new_source.is_loopback() {
            settings.insert(0, self.addrs(self.demand.host));
            lines.push(add_line(self.new_source));
        }
        lines.extend(source_lines(self.client.program, &sources));
        let (id, cost) = (RemedyId::SourceAddresses, AdviceText::CostSources);
        Remedy { id, trying: Trying::Settings(settings), lines, cost }
    }

    fn destination(&self) -> Option<Remedy> {
        let host = self.demand.destination.host?;
        let (mut settings, mut lines) = (Vec::new(), Vec::new());
        if !self.new_destination.is_loopback() {
            settings.push(self.addrs(host));
            lines.push(add_line(self.new_destination));
        }
        if let Some(listens) = self.listens(host)? {
            settings.push(listens);
            lines.push("[mysqld] bind_address = *".to_owned());
        }
        let mut targets = self.client.targets();
        let port = self.demand.destination.port;
        match self.client.program {
            ProgramSpec::Sysbench(_) => {
                targets.push(self.new_destination.to_string());
                settings.push(self.own("mysql-host", targets.join(",")));
                lines.push(format!("sysbench --mysql-host={} …", targets.join(",")));
            }
            ProgramSpec::Pool(spec) => {
                targets.push(format!("{}:{port}", self.new_destination));
                settings.push(self.own("target", list(&targets)));
                lines.push(target_line(spec, &targets));
            }
            ProgramSpec::Reconnect(_)
            | ProgramSpec::Mysqld(_)
            | ProgramSpec::Mysql(_)
            | ProgramSpec::Dns(_)
            | ProgramSpec::Script(_) => {
                targets.push(format!("{}:{port}", self.new_destination));
                settings.push(self.own("target", list(&targets)));
                lines.push(format!("connect(fd, {})", targets.join(" | ")));
            }
        }
        let cost = match self.client.program {
            ProgramSpec::Sysbench(_) => AdviceText::CostDestinationsSysbench,
            ProgramSpec::Reconnect(_)
            | ProgramSpec::Pool(_)
            | ProgramSpec::Mysqld(_)
            | ProgramSpec::Mysql(_)
            | ProgramSpec::Dns(_)
            | ProgramSpec::Script(_) => AdviceText::CostDestinations,
        };
        Some(Remedy { id: RemedyId::DestinationAddresses, trying: Trying::Settings(settings), lines, cost })
    }

    /// What makes the server listen on all addresses; inner `None` if it does, outer if it cannot.
    fn listens(&self, host: HostIx) -> Option<Option<Setting>> {
        if let Some(server) = self.demand.destination.server {
            let process = &self.run.scenario().processes[server];
            let ProgramSpec::Mysqld(spec) = &process.program else { return None };
            let everywhere = match spec.bind_address {
                BindSpec::DualStack => true,
                BindSpec::V4(addr) => addr.is_unspecified(),
            };
            let key = format!("process.{}.mysqld.bind_address", process.name);
            return Some((!everywhere).then(|| (key, "*".to_owned())));
        }
        let rows = kernel(self.run, host).socket_rows();
        let mut listening = rows
            .iter()
            .filter(|row| row.state == TcpState::Listen && row.tuple.local.port().0 == self.demand.destination.port);
        // A program that does not listen yet is given the benefit of the doubt: it is simulated.
        listening.all(|row| row.tuple.local.addr().is_unspecified()).then_some(None)
    }
}

fn kernel(run: &Run, host: HostIx) -> &Kernel {
    run.world().kernel(run.host(host))
}

/// An address in the same /24 that nobody has.
fn fresh(near: Ipv4Addr, taken: &[Ipv4Addr]) -> Ipv4Addr {
    let [a, b, c, last] = near.octets();
    let others = (last..255).chain(1..last).map(|last| Ipv4Addr::new(a, b, c, last));
    others.into_iter().find(|addr| !taken.contains(addr)).unwrap_or(near)
}

/// As TOML.
fn list(of: &[impl ToString]) -> String {
    let quoted: Vec<String> = of.iter().map(|one| format!("\"{}\"", one.to_string())).collect();
    format!("[{}]", quoted.join(", "))
}

fn add_line(addr: Ipv4Addr) -> String {
    format!("ip addr add {addr}/32 dev …")
}

/// The program's author can set the option; behind a driver's own setting there is a plain `bind()`.
fn sets_no_port(program: &ProgramSpec) -> bool {
    match program {
        ProgramSpec::Pool(spec) => !matches!(spec.preset.unwrap_or_default(), "hikari" | "sqlalchemy"),
        ProgramSpec::Sysbench(_)
        | ProgramSpec::Reconnect(_)
        | ProgramSpec::Mysqld(_)
        | ProgramSpec::Mysql(_)
        | ProgramSpec::Dns(_)
        | ProgramSpec::Script(_) => true,
    }
}

/// How a program is told its source addresses.
fn source_lines(program: &ProgramSpec, sources: &[Ipv4Addr]) -> Vec<String> {
    let all = sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
    let option = "setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)";
    match program {
        ProgramSpec::Sysbench(_) => {
            vec![format!("drv_mysql.c: mysql_options(con, MYSQL_OPT_BIND, {all})"), format!("pvio_socket.c: {option}")]
        }
        ProgramSpec::Pool(spec) => match spec.preset.unwrap_or_default() {
            "hikari" => sources.iter().map(|addr| format!("jdbc:mysql://…/?localSocketAddress={addr}")).collect(),
            "sqlalchemy" => {
                let engine = |addr| format!("create_engine(…, connect_args={{\"bind_address\": \"{addr}\"}})");
                sources.iter().map(engine).collect()
            }
            "go-sql" => vec![format!("net.Dialer{{LocalAddr: {all}, Control: {option}}}")],
            _ => vec![format!("{option}; bind(fd, {all})")],
        },
        ProgramSpec::Reconnect(_)
        | ProgramSpec::Mysqld(_)
        | ProgramSpec::Mysql(_)
        | ProgramSpec::Dns(_)
        | ProgramSpec::Script(_) => vec![format!("{option}; bind(fd, {all})")],
    }
}

/// How a pool is told its destinations.
fn target_line(spec: &PoolSpec, targets: &[String]) -> String {
    match spec.preset.unwrap_or_default() {
        "hikari" => format!("jdbc:mysql:loadbalance://{}/", targets.join(",")),
        _ => format!("connect(fd, {})", targets.join(" | ")),
    }
}
