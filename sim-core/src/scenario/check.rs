//! From the file types to a checked [`Scenario`]: names, units, hosts, links.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{
    BandwidthText, DurationText, HostFile, LinkFile, NameText, PortOrEndpoint, RatioText, ScenarioFile, Setting,
    UnrelatedFile,
};
use super::metric::Names;
use super::node::{Node, Place, Value};
use super::problem::{Problem, ProblemKind};
use super::spec::{
    BudgetSpec, COST_PROFILES, HostIx, HostSpec, LinkSpec, MarkRef, ProcessIx, ProgramKind, Scenario, UnrelatedSpec,
};
use super::{check_process, check_timeline, sysctl_names, value};
use crate::text::nearest;
use crate::time::{Duration, Instant};
use crate::units::{Endpoint, Ipv4Addr, Ratio};

/// Most hosts of a scenario.
pub(super) const MAX_HOSTS: usize = 250;
/// Most processes.
const MAX_PROCESSES: usize = 10_000;
/// Most entries of any other list.
const MAX_LIST: usize = 10_000;
/// Most entries of a table with free keys.
pub(super) const MAX_TABLE: usize = 1_000;
/// Most sockets of programs that are not simulated, of one kind on one host.
const MAX_UNRELATED: i64 = 10_000_000;

/// A node and the path to it; a missing key stands at its table.
#[derive(Clone)]
pub(super) struct At<'a> {
    node: &'a Node,
    path: String,
}

impl<'a> At<'a> {
    fn child(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(super) fn key(&self, key: &str) -> Self {
        At { node: self.node.get(key).unwrap_or(self.node), path: self.child(key) }
    }

    /// The element of a list that has this position now.
    pub(super) fn item(&self, position: usize) -> Self {
        match self.node.items().get(position) {
            Some(node) => {
                let step = node.name().map_or_else(|| node.ordinal.to_string(), str::to_owned);
                At { node, path: self.child(&step) }
            }
            None => self.clone(),
        }
    }
}

/// What the checks share.
pub(super) struct Cx<'p> {
    problems: &'p mut Vec<Problem>,
    pub(super) names: Names,
    pub(super) addrs: Vec<Ipv4Addr>,
    pub(super) all_addrs: Vec<Vec<Ipv4Addr>>,
    pub(super) etc_hosts: Vec<Vec<(String, Ipv4Addr)>>,
    pub(super) has_nameserver: Vec<bool>,
    pub(super) unprivileged: Vec<u64>,
    pub(super) marks: Vec<(String, MarkRef)>,
    pub(super) rule_names: BTreeSet<String>,
}

impl Cx<'_> {
    pub(super) fn report(&mut self, at: &At<'_>, kind: ProblemKind) {
        self.report_near(at, kind, None);
    }

    pub(super) fn report_near(&mut self, at: &At<'_>, kind: ProblemKind, near: Option<String>) {
        self.problems.push(Problem::new(kind, at.node.place, at.path.clone()).near(near));
    }

    pub(super) fn take<T>(&mut self, at: &At<'_>, result: Result<T, ProblemKind>) -> Option<T> {
        result.map_err(|kind| self.report(at, kind)).ok()
    }

    pub(super) fn duration(&mut self, at: &At<'_>, text: Option<&DurationText>) -> Option<Duration> {
        self.take(at, value::duration(&text?.0))
    }

    pub(super) fn duration_or(&mut self, at: &At<'_>, text: Option<&DurationText>, default: Duration) -> Duration {
        self.duration(at, text).unwrap_or(default)
    }

    pub(super) fn ratio_or(&mut self, at: &At<'_>, text: Option<&RatioText>, default: Ratio) -> Ratio {
        text.and_then(|t| self.take(at, value::ratio(&t.0))).unwrap_or(default)
    }

    /// A share of CPU time that leaves some.
    pub(super) fn steal(&mut self, at: &At<'_>, text: Option<&RatioText>) -> Option<Ratio> {
        let text = &text?.0;
        let share = value::ratio(text).and_then(|share| {
            let some_left = share.num < share.den;
            some_left.then_some(share).ok_or_else(|| ProblemKind::BadRatio { text: value::cut(text) })
        });
        self.take(at, share)
    }

    fn bandwidth(&mut self, at: &At<'_>, text: Option<&BandwidthText>) -> Option<u64> {
        self.take(at, value::bandwidth(&text?.0))
    }

    /// A number in `min..=max`, which must lie within `T`.
    pub(super) fn int<T: TryFrom<i64>>(&mut self, at: &At<'_>, number: Option<i64>, min: i64, max: i64) -> Option<T> {
        let number = number?;
        match T::try_from(number) {
            Ok(value) if (min..=max).contains(&number) => Some(value),
            Ok(_) | Err(_) => {
                self.report(at, ProblemKind::OutOfRange { number: number.to_string(), min, max });
                None
            }
        }
    }

    pub(super) fn port(&mut self, at: &At<'_>, number: Option<i64>) -> Option<u16> {
        self.take(at, value::port(number?))
    }

    pub(super) fn addr(&mut self, at: &At<'_>, text: Option<&str>) -> Option<Ipv4Addr> {
        self.take(at, value::address(text?))
    }

    pub(super) fn host(&mut self, at: &At<'_>, name: Option<&NameText>) -> Option<HostIx> {
        let name = &name?.0;
        let found = self.names.hosts.iter().position(|h| h == name);
        if found.is_none() {
            let near = nearest(name, self.names.hosts.iter().map(String::as_str)).map(str::to_owned);
            self.report_near(at, ProblemKind::UnknownHost { name: value::cut(name) }, near);
        }
        found
    }

    /// The host named, or the only one.
    pub(super) fn host_or_only(&mut self, at: &At<'_>, name: Option<&NameText>) -> Option<HostIx> {
        if name.is_none() && self.names.hosts.len() == 1 {
            return Some(0);
        }
        if name.is_none() {
            let table = at.path.rsplit_once('.').map_or("scenario", |(table, _)| table).to_owned();
            self.report(at, ProblemKind::Missing { key: "host".to_owned(), table });
        }
        self.host(at, name)
    }

    pub(super) fn process(&mut self, at: &At<'_>, name: Option<&NameText>) -> Option<ProcessIx> {
        let name = &name?.0;
        let found = self.names.processes.iter().position(|p| p.0 == *name);
        if found.is_none() {
            let near = nearest(name, self.names.processes.iter().map(|p| p.0.as_str())).map(str::to_owned);
            self.report_near(at, ProblemKind::UnknownProcess { name: value::cut(name) }, near);
        }
        found
    }

    pub(super) fn name(&mut self, at: &At<'_>, name: &str) -> bool {
        let ok = value::is_name(name);
        if !ok {
            self.report(at, ProblemKind::BadName { name: value::cut(name) });
        }
        ok
    }

    /// `ADDRESS:PORT` or `HOST:PORT`, as written on host `on`.
    pub(super) fn endpoint(&mut self, at: &At<'_>, text: &str, zero_port: bool) -> Option<Endpoint> {
        let bad = || ProblemKind::BadEndpoint { text: value::cut(text) };
        let (host, port) = self.take(at, text.trim().rsplit_once(':').ok_or_else(bad))?;
        let number: i64 = self.take(at, port.parse().map_err(|_not_number| bad()))?;
        let port = if zero_port && number == 0 { 0 } else { self.port(at, Some(number))? };
        let addr = match host {
            "*" => Ipv4Addr::UNSPECIFIED,
            "localhost" => Ipv4Addr::LOCALHOST,
            literal if literal.starts_with(|c: char| c.is_ascii_digit()) => self.addr(at, Some(literal))?,
            name => self.host(at, Some(&NameText(name.to_owned()))).map(|ix| self.addrs[ix])?,
        };
        Some(Endpoint::new(addr, port))
    }

    pub(super) fn at_most(&mut self, at: &At<'_>, what: &'static str, count: usize, limit: usize) -> bool {
        if count > limit {
            self.report(at, ProblemKind::TooMany { what, count, limit });
        }
        count <= limit
    }

    pub(super) fn sysctl(&mut self, at: &At<'_>, name: &str, setting: &Setting, start: u64) -> Option<String> {
        match sysctl_names::check(name, &setting.text(), start) {
            Ok(text) => Some(text),
            Err(kind) => {
                let unknown = matches!(kind, ProblemKind::UnknownSysctl { .. });
                let near = unknown.then(|| nearest(name, sysctl_names::names())).flatten().map(str::to_owned);
                self.report_near(at, kind, near);
                None
            }
        }
    }
}

/// Checks a tree that has passed the schema.
pub(super) fn check(root: &Node, problems: &mut Vec<Problem>) -> Option<Scenario> {
    let at = At { node: root, path: String::new() };
    let file: ScenarioFile = match serde_json::from_value(root.to_json()) {
        Ok(file) => file,
        Err(error) => {
            let kind = ProblemKind::Structure { message: error.to_string() };
            problems.push(Problem::new(kind, root.place, String::new()));
            return None;
        }
    };
    let mut cx = Cx {
        problems,
        names: Names::default(),
        addrs: Vec::new(),
        all_addrs: Vec::new(),
        etc_hosts: Vec::new(),
        has_nameserver: Vec::new(),
        unprivileged: Vec::new(),
        marks: Vec::new(),
        rule_names: BTreeSet::new(),
    };
    if let Some(format) = file.format.filter(|&f| f != 1) {
        cx.report(&at.key("format"), ProblemKind::UnsupportedFormat { found: format });
        return None;
    }
    let end = end(&mut cx, &at.key("end"), file.end.as_ref());
    let hosts = hosts(&mut cx, &at.key("host"), &file.host)?;
    let links = links(&mut cx, &at.key("link"), &file.link);
    let seed = cx.int(&at.key("seed"), file.seed, 0, i64::MAX).unwrap_or(1);
    let budget = budget(&mut cx, &at.key("budget"), &file);
    let sizes = [
        ("process", file.process.len(), MAX_PROCESSES),
        ("rule", file.rule.len(), MAX_LIST),
        ("timeline", file.timeline.len(), MAX_LIST),
        ("mark", file.mark.len(), MAX_LIST),
        ("expect", file.expect.len(), MAX_LIST),
    ];
    let small = sizes.iter().fold(true, |ok, &(key, count, limit)| cx.at_most(&at.key(key), key, count, limit) && ok);
    if !small {
        return None;
    }
    let processes = check_process::processes(&mut cx, &at.key("process"), &file.process);
    let marks = check_timeline::marks(&mut cx, &at.key("mark"), &file);
    let rules = check_timeline::rules(&mut cx, &at.key("rule"), &file.rule);
    let timeline = check_timeline::timeline(&mut cx, &at.key("timeline"), &file.timeline);
    let expectations = check_timeline::expectations(&mut cx, &at.key("expect"), &file.expect);
    let mut places = BTreeMap::new();
    collect_places(&at, &mut places);
    let title = file.title.unwrap_or_default();
    let question = file.question.unwrap_or_default();
    Some(Scenario {
        title_zh: file.title_zh.unwrap_or_else(|| title.clone()),
        question_zh: file.question_zh.unwrap_or_else(|| question.clone()),
        title,
        question,
        seed,
        end,
        budget,
        hosts,
        links,
        processes,
        rules,
        timeline,
        marks,
        expectations,
        places,
    })
}

fn end(cx: &mut Cx<'_>, at: &At<'_>, text: Option<&DurationText>) -> Instant {
    let span = cx.duration_or(at, text, Duration::from_secs(60));
    if span > value::MAX_END {
        cx.report(at, ProblemKind::TooLong { limit: format!("{} h", value::MAX_END.as_secs() / 3_600) });
    }
    Instant::ZERO + span
}

fn budget(cx: &mut Cx<'_>, at: &At<'_>, file: &ScenarioFile) -> BudgetSpec {
    let given = file.budget.clone().unwrap_or_default();
    let default = BudgetSpec::default();
    let mut read =
        |key: &str, number: Option<i64>, default: u64| cx.int(&at.key(key), number, 1, i64::MAX).unwrap_or(default);
    BudgetSpec {
        events: read("events", given.events, default.events),
        same_instant: read("same_instant", given.same_instant, default.same_instant),
        sockets: read("sockets", given.sockets, default.sockets),
    }
}

fn hosts(cx: &mut Cx<'_>, at: &At<'_>, files: &BTreeMap<String, HostFile>) -> Option<Vec<HostSpec>> {
    if files.is_empty() {
        cx.report(at, ProblemKind::NoHost);
        return None;
    }
    if !cx.at_most(at, "host", files.len(), MAX_HOSTS) {
        return None;
    }
    cx.names.hosts = files.keys().cloned().collect();
    let mut owners: BTreeMap<Ipv4Addr, String> = BTreeMap::new();
    let mut all_addrs = Vec::new();
    for (index, (name, file)) in files.iter().enumerate() {
        let at = at.key(name);
        cx.name(&at, name);
        all_addrs.push(host_addrs(cx, &at, index, name, file, &mut owners));
    }
    cx.addrs = all_addrs.iter().map(|addrs| addrs[0]).collect();
    cx.all_addrs.clone_from(&all_addrs);
    let mut specs = Vec::new();
    for ((name, file), addrs) in files.iter().zip(all_addrs) {
        let spec = host(cx, &at.key(name), name, file, addrs);
        cx.etc_hosts.push(spec.etc_hosts.clone());
        cx.has_nameserver.push(spec.nameserver.is_some());
        specs.push(spec);
    }
    Some(specs)
}

/// A host's addresses, 10.0.0.N for the N-th host that gives none. Never empty.
fn host_addrs(
    cx: &mut Cx<'_>,
    at: &At<'_>,
    index: usize,
    name: &str,
    file: &HostFile,
    owners: &mut BTreeMap<Ipv4Addr, String>,
) -> Vec<Ipv4Addr> {
    let mut addrs = Vec::new();
    for (i, text) in file.addrs.iter().enumerate() {
        let at = at.key("addrs").item(i);
        let Some(addr) = cx.addr(&at, Some(&text.0)) else { continue };
        if addr.is_loopback() || addr.is_unspecified() || addr.is_multicast() || addr.is_broadcast() {
            cx.report(&at, ProblemKind::UnusableAddress { text: addr.to_string() });
        } else if let Some(owner) = owners.insert(addr, name.to_owned()) {
            cx.report(&at, ProblemKind::DuplicateAddress { text: addr.to_string(), host: owner });
        } else {
            addrs.push(addr);
        }
    }
    if addrs.is_empty() {
        let last = u8::try_from(index + 1).expect("there are at most 250 hosts");
        addrs.push(Ipv4Addr::new(10, 0, 0, last));
    }
    addrs
}

fn host(cx: &mut Cx<'_>, at: &At<'_>, name: &str, file: &HostFile, addrs: Vec<Ipv4Addr>) -> HostSpec {
    let kernel = file.kernel.clone().unwrap_or_else(|| "6.18.44".to_owned());
    let kernel_version = cx.take(&at.key("kernel"), value::kernel(&kernel)).unwrap_or((6, 18, 44));
    let ram = file.ram.as_ref().and_then(|r| cx.take(&at.key("ram"), value::size(&r.0)));
    let ram_bytes = ram.unwrap_or(8 << 30);
    if !((64 << 20)..=(1 << 44)).contains(&ram_bytes) {
        let number = ram_bytes.to_string();
        cx.report(&at.key("ram"), ProblemKind::OutOfRange { number, min: 64 << 20, max: 1 << 44 });
    }
    let hz = file.hz.unwrap_or(250);
    if ![100, 250, 300, 1000].contains(&hz) {
        let kind = ProblemKind::UnknownWord { word: hz.to_string(), allowed: "100, 250, 300, 1000".to_owned() };
        cx.report(&at.key("hz"), kind);
    }
    let sysctls = host_sysctls(cx, &at.key("sysctl"), file);
    HostSpec {
        name: name.to_owned(),
        etc_hosts: etc_hosts(cx, at, file),
        addrs,
        kernel,
        kernel_version,
        cpus: cx.int(&at.key("cpus"), file.cpus, 1, 1_024).unwrap_or(4),
        ram_bytes,
        hz: u32::try_from(hz).unwrap_or(250),
        timer_rounding: file.timer_rounding.unwrap_or(true),
        cost_profile: cost_profile(cx, &at.key("cost_profile"), file, kernel_version),
        steal: cx.steal(&at.key("steal"), file.steal.as_ref()).unwrap_or(Ratio::ZERO),
        nameserver: cx.addr(&at.key("nameserver"), file.nameserver.as_ref().map(|a| a.0.as_str())),
        bound_ports: bound_ports(cx, &at.key("bound_ports"), &file.bound_ports),
        sysctls,
        unrelated: unrelated(cx, &at.key("unrelated"), file.unrelated.as_ref()),
    }
}

fn etc_hosts(cx: &mut Cx<'_>, at: &At<'_>, file: &HostFile) -> Vec<(String, Ipv4Addr)> {
    let mut lines: Vec<(String, Ipv4Addr)> = cx.names.hosts.iter().cloned().zip(cx.addrs.iter().copied()).collect();
    if !cx.at_most(&at.key("hosts"), "hosts", file.hosts.len(), MAX_TABLE) {
        return lines;
    }
    for (name, addr) in &file.hosts {
        if let Some(addr) = cx.addr(&at.key("hosts").key(name), Some(&addr.0)) {
            lines.push((name.clone(), addr));
        }
    }
    lines
}

fn cost_profile(cx: &mut Cx<'_>, at: &At<'_>, file: &HostFile, version: (u16, u16, u16)) -> String {
    let Some(name) = &file.cost_profile else {
        // The measured machine nearest to the kernel's generation.
        return if version < (6, 1, 0) { COST_PROFILES[0] } else { COST_PROFILES[1] }.to_owned();
    };
    if !COST_PROFILES.contains(&name.as_str()) {
        let near = nearest(name, COST_PROFILES.iter().copied()).map(str::to_owned);
        cx.report_near(at, ProblemKind::UnknownCostProfile { name: value::cut(name) }, near);
    }
    name.clone()
}

fn bound_ports(cx: &mut Cx<'_>, at: &At<'_>, list: &[PortOrEndpoint]) -> Vec<Endpoint> {
    let mut seen = BTreeSet::new();
    let mut bound = Vec::new();
    for (i, entry) in list.iter().enumerate() {
        let at = at.item(i);
        let endpoint = match entry {
            PortOrEndpoint::Port(port) => cx.port(&at, Some(*port)).map(|p| Endpoint::new(Ipv4Addr::UNSPECIFIED, p)),
            PortOrEndpoint::Endpoint(text) => cx.endpoint(&at, text, false),
        };
        let Some(endpoint) = endpoint else { continue };
        if !seen.insert(endpoint) {
            cx.report(&at, ProblemKind::DuplicateName { name: endpoint.to_string() });
        }
        bound.push(endpoint);
    }
    bound
}

fn host_sysctls(cx: &mut Cx<'_>, at: &At<'_>, file: &HostFile) -> Vec<(String, String)> {
    let start = match file.sysctl.get("net.ipv4.ip_unprivileged_port_start") {
        Some(Setting::Number(number)) => u64::try_from(*number).unwrap_or(sysctl_names::UNPRIVILEGED_START),
        Some(Setting::Text(text)) => text.trim().parse().unwrap_or(sysctl_names::UNPRIVILEGED_START),
        Some(Setting::Flag(_)) | None => sysctl_names::UNPRIVILEGED_START,
    };
    cx.unprivileged.push(start);
    let mut settings = Vec::new();
    if !cx.at_most(at, "sysctl", file.sysctl.len(), MAX_TABLE) {
        return settings;
    }
    for (name, setting) in &file.sysctl {
        if let Some(text) = cx.sysctl(&at.key(name), name, setting, start) {
            settings.push((name.clone(), text));
        }
    }
    settings
}

fn unrelated(cx: &mut Cx<'_>, at: &At<'_>, file: Option<&UnrelatedFile>) -> UnrelatedSpec {
    let Some(file) = file else { return UnrelatedSpec::default() };
    let mut read = |key: &str, number: Option<i64>| cx.int(&at.key(key), number, 0, MAX_UNRELATED).unwrap_or(0);
    let spec = UnrelatedSpec {
        tcp_ipv4: read("tcp_ipv4", file.tcp_ipv4),
        tcp_ipv6: read("tcp_ipv6", file.tcp_ipv6),
        tcp_established: read("tcp_established", file.tcp_established),
        tcp_unhashed: read("tcp_unhashed", file.tcp_unhashed),
        udp_ipv4: read("udp_ipv4", file.udp_ipv4),
        udp_ipv6: read("udp_ipv6", file.udp_ipv6),
        raw_ipv4: read("raw_ipv4", file.raw_ipv4),
        raw_ipv6: read("raw_ipv6", file.raw_ipv6),
        other: read("other", file.other),
    };
    let hashed = spec.tcp_ipv4 + spec.tcp_ipv6;
    if spec.tcp_established > hashed {
        let number = spec.tcp_established.to_string();
        cx.report(&at.key("tcp_established"), ProblemKind::OutOfRange { number, min: 0, max: hashed.into() });
    }
    spec
}

fn links(cx: &mut Cx<'_>, at: &At<'_>, files: &[LinkFile]) -> Vec<LinkSpec> {
    let mut links: Vec<LinkSpec> = Vec::new();
    for (i, file) in files.iter().enumerate() {
        let at = at.item(i);
        let between = file.between.as_deref().unwrap_or(&[]);
        let ends = at.key("between");
        let [first, second] = between else { continue };
        let (Some(first), Some(second)) = (cx.host(&ends.item(0), Some(first)), cx.host(&ends.item(1), Some(second)))
        else {
            continue;
        };
        if first == second {
            let name = cx.names.hosts[first].clone();
            cx.report(&ends, ProblemKind::LinkToSelf { name });
            continue;
        }
        let same = |l: &LinkSpec| (l.first, l.second) == (first, second) || (l.first, l.second) == (second, first);
        if links.iter().any(same) {
            let (first, second) = (cx.names.hosts[first].clone(), cx.names.hosts[second].clone());
            cx.report(&ends, ProblemKind::DuplicateLink { first, second });
            continue;
        }
        let default = LinkSpec::default_between(first, second);
        links.push(LinkSpec {
            latency: cx.duration_or(&at.key("latency"), file.latency.as_ref(), default.latency),
            jitter: cx.duration_or(&at.key("jitter"), file.jitter.as_ref(), default.jitter),
            loss: cx.ratio_or(&at.key("loss"), file.loss.as_ref(), default.loss),
            duplicate: cx.ratio_or(&at.key("duplicate"), file.duplicate.as_ref(), default.duplicate),
            reorder: cx.ratio_or(&at.key("reorder"), file.reorder.as_ref(), default.reorder),
            bandwidth: cx.bandwidth(&at.key("bandwidth"), file.bandwidth.as_ref()),
            ..default
        });
    }
    links
}

/// Every path of the document and where its value stands.
fn collect_places(at: &At<'_>, out: &mut BTreeMap<String, Place>) {
    match &at.node.value {
        Value::Table(entries) => {
            for entry in entries {
                // Not `At::key`, which would search the table for each of its keys.
                let below = At { node: &entry.value, path: at.child(&entry.key) };
                out.insert(below.path.clone(), entry.value.place);
                collect_places(&below, out);
            }
        }
        Value::Array(items) => {
            for position in 0..items.len() {
                let below = at.item(position);
                out.insert(below.path.clone(), below.node.place);
                collect_places(&below, out);
            }
        }
        Value::Str(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Datetime(_) => {}
    }
}

/// The process with this program, if there is exactly one.
pub(super) fn only(cx: &Cx<'_>, program: ProgramKind) -> Option<ProcessIx> {
    let mut of_kind = cx.names.processes.iter().enumerate().filter(|(_, p)| p.2 == program);
    match (of_kind.next(), of_kind.next()) {
        (Some((index, _)), None) => Some(index),
        (_, _) => None,
    }
}
