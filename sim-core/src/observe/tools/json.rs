//! Views as JSON, for programs. The fields are described in the book
//! (`book/src/views.md`); a change that takes a field away or gives it another
//! meaning raises [`SCHEMA_VERSION`].

use serde_json::{Map, Value, json};

use super::traced::{name, returned, tid};
use super::{View, ViewError, ViewOptions, Watcher, functions, shares, summary};
use crate::observe::calendar::Civil;
use crate::observe::rlimits::{Resource, Rlimits, UNLIMITED};
use crate::observe::span::{SpanView, TracedCall};
use crate::observe::view::{Access, FdTarget, HostView, NetFamily, SocketTimer, SocketView, Transport};
use crate::tcp::TcpState;
use crate::tcp::tcb::TimerKind;
use crate::time::Instant;
use crate::trace::{CallArgs, Mib, Sight};
use crate::units::{Endpoint, Port};
use crate::wire::{Body, Packet, Payload};

/// Version of the objects [`View::json`] makes.
pub const SCHEMA_VERSION: u32 = 1;

impl View {
    /// The view of an instant as one JSON object.
    ///
    /// # Errors
    /// As [`View::render`].
    pub fn json(self, host: &HostView, options: &ViewOptions) -> Result<Value, ViewError> {
        let mut object = head(self, host);
        object.insert("at_ns".into(), host.now.nanos().into());
        object.insert("time".into(), time(host, host.now).into());
        object.extend(at_an_instant(self, host, options)?);
        Ok(Value::Object(object))
    }

    /// The view of a span of time as one JSON object.
    ///
    /// # Errors
    /// As [`View::render_span`].
    pub fn json_span(self, span: &SpanView, options: &ViewOptions) -> Result<Value, ViewError> {
        let host = &span.host;
        let process = || options.process(host);
        let Some(watcher) = self.watcher() else { return self.json(host, options) };
        let body = match watcher {
            Watcher::Sar => map(json!({ "samples": cpu_samples(span) })),
            Watcher::PerfTop => map(json!({
                "cost_profile": host.cost.name,
                "functions": functions(span, process()?.pid).iter().map(|share| json!({
                    "percent": share.percent, "place": share.place.mark(), "symbol": share.symbol, "ns": share.ns,
                })).collect::<Vec<_>>(),
            })),
            Watcher::PerfTraceS => {
                let process = process()?;
                map(json!({
                    "process": process.name, "pid": process.pid.0, "threads": threads(span, options)?,
                }))
            }
            Watcher::PerfTrace | Watcher::Strace => {
                let process = process()?;
                let calls: Vec<Value> =
                    span.calls.iter().filter(|traced| traced.call.pid == process.pid).filter_map(call).collect();
                map(json!({ "process": process.name, "pid": process.pid.0, "calls": calls }))
            }
            Watcher::Tcpdump => {
                let seen = span.packets.iter().filter(|seen| super::tcpdump::crosses(seen, options.port));
                let packets = seen.map(|seen| {
                    let mut object = map(packet(&seen.packet));
                    object.insert("at_ns".into(), seen.at.nanos().into());
                    object.insert("direction".into(), if seen.sight == Sight::Sent { "out" } else { "in" }.into());
                    Value::Object(object)
                });
                map(json!({ "packets": packets.collect::<Vec<_>>() }))
            }
        };
        let mut object = head(self, host);
        object.insert("from_ns".into(), span.from.nanos().into());
        object.insert("to_ns".into(), span.to.nanos().into());
        object.insert("time".into(), time(host, span.from).into());
        object.insert("left_out".into(), span.left_out.into());
        object.extend(body);
        Ok(Value::Object(object))
    }
}

fn head(view: View, host: &HostView) -> Map<String, Value> {
    map(json!({
        "schema_version": SCHEMA_VERSION,
        "view": view.name(),
        "command": view.command(),
        "host": host.name,
    }))
}

/// The fields of an object literal.
fn map(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

/// RFC 3339, UTC, microseconds.
fn time(host: &HostView, at: Instant) -> String {
    let t = Civil::from_unix(host.start_unix + at.nanos() / 1_000_000_000);
    let micros = at.nanos() % 1_000_000_000 / 1_000;
    format!("{}-{:02}-{:02}T{:02}:{:02}:{:02}.{micros:06}Z", t.year, t.month, t.day, t.hour, t.minute, t.second)
}

fn at_an_instant(view: View, host: &HostView, options: &ViewOptions) -> Result<Map<String, Value>, ViewError> {
    let server = || host.mysql().ok_or_else(|| ViewError::NoServer { host: host.name.clone() });
    let named = |pairs: &[(String, String)]| {
        let wanted = pairs
            .iter()
            .filter(|(name, _)| options.like.as_deref().is_none_or(|pattern| super::variables::like(pattern, name)));
        wanted.map(|(name, value)| (name.clone(), scalar(value))).collect::<Map<_, _>>()
    };
    let body = match view {
        View::SsS => {
            let stat = &host.sockstat;
            json!({
                "total": stat.used,
                "tcp": {
                    "total": stat.tcp_total(), "estab": host.curr_estab, "closed": stat.closed(),
                    "orphaned": stat.orphan, "timewait": stat.tw,
                },
                "transport": {
                    "raw": { "ip": stat.raw_inuse, "ipv6": stat.raw6_inuse },
                    "udp": { "ip": stat.udp_inuse, "ipv6": stat.udp6_inuse },
                    "tcp": { "ip": stat.tcp_inuse, "ipv6": stat.tcp6_inuse },
                    "frag": { "ip": stat.frag_inuse, "ipv6": stat.frag6_inuse },
                },
            })
        }
        View::Ss => {
            let tcp = host.sockets.iter().filter(|socket| socket.transport == Transport::Tcp);
            json!({ "sockets": tcp.map(|one| socket(host, one)).collect::<Vec<_>>() })
        }
        View::Netstat => json!({ "sockets": host.sockets.iter().map(|one| socket(host, one)).collect::<Vec<_>>() }),
        View::Processlist => {
            let rows = server()?.processlist.iter().map(|row| {
                json!({
                    "id": row.id, "user": row.user, "host": row.host, "db": row.db, "command": row.command,
                    "time": row.time, "state": row.state, "info": row.info,
                })
            });
            json!({ "rows": rows.collect::<Vec<_>>() })
        }
        View::Variables => json!({ "variables": named(&server()?.variables) }),
        View::Status => json!({ "status": named(&server()?.status) }),
        View::Limits => {
            let process = options.process(host)?;
            json!({ "process": process.name, "pid": process.pid.0, "limits": rlimits(&process.limits) })
        }
        View::Ulimit => json!({ "limits": rlimits(&host.shell) }),
        View::Sysctl => json!({ "sysctl": named(&host.sysctls) }),
        View::Fd => {
            let process = options.process(host)?;
            let fds = process.fds.iter().map(|link| {
                let access = match link.access {
                    Access::Read => "r",
                    Access::Write => "w",
                    Access::ReadWrite => "rw",
                };
                let mut object = map(json!({ "fd": link.fd.0, "access": access }));
                object.extend(match &link.target {
                    FdTarget::Socket(inode) => map(json!({ "type": "socket", "inode": inode })),
                    FdTarget::Pipe(inode) => map(json!({ "type": "pipe", "inode": inode })),
                    FdTarget::File(path) => map(json!({ "type": "file", "path": path })),
                    FdTarget::Anon(name) => map(json!({ "type": "anon_inode", "name": name })),
                });
                Value::Object(object)
            });
            json!({ "process": process.name, "pid": process.pid.0, "fds": fds.collect::<Vec<_>>() })
        }
        View::Sockstat => {
            let stat = &host.sockstat;
            json!({
                "sockets": { "used": stat.used },
                "tcp": {
                    "inuse": stat.tcp_inuse, "orphan": stat.orphan, "tw": stat.tw, "alloc": stat.alloc,
                    "mem": stat.tcp_mem,
                },
                "udp": { "inuse": stat.udp_inuse, "mem": stat.udp_mem },
                "raw": { "inuse": stat.raw_inuse },
                "frag": { "inuse": stat.frag_inuse },
                "tcp6": { "inuse": stat.tcp6_inuse },
                "udp6": { "inuse": stat.udp6_inuse },
                "raw6": { "inuse": stat.raw6_inuse },
                "frag6": { "inuse": stat.frag6_inuse },
            })
        }
        View::Nstat => {
            let counters = Mib::ALL
                .iter()
                .map(|&mib| (format!("{}{}", mib.group(), mib.name()), Value::from(host.counters.get(mib))));
            json!({ "counters": counters.collect::<Map<_, _>>() })
        }
        View::Queue => {
            let (found, unread) = options.queue(host)?;
            let bytes = unread.bytes();
            json!({ "socket": socket(host, found), "bytes": bytes.len(), "hex": hex(&bytes), "fin": unread.fin })
        }
        View::Sar | View::PerfTop | View::PerfTraceS | View::PerfTrace | View::Strace | View::Tcpdump => {
            return Err(ViewError::NeedsSpan { view });
        }
    };
    Ok(map(body))
}

/// A number where the text is one.
fn scalar(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn end(end: Endpoint) -> Value {
    if end == Endpoint::ANY { Value::Null } else { end.to_string().into() }
}

fn socket(host: &HostView, one: &SocketView) -> Value {
    let mut object = map(json!({
        "protocol": match one.transport { Transport::Tcp => "tcp", Transport::Udp => "udp" },
        "family": match one.family { NetFamily::V4 => "inet", NetFamily::V6 => "inet6" },
        "state": one.state.rfc_name(),
        "recv_q": one.recv_q,
        "send_q": one.send_q,
        "local": one.local.to_string(),
        "remote": if one.state == TcpState::Listen || one.remote.port() == Port::NONE { Value::Null } else { end(one.remote) },
        "inode": one.ino,
    }));
    if let Some(owner) = one.owner {
        object.insert("process".into(), host.process(owner.pid).map_or("", |process| process.name.as_str()).into());
        object.insert("pid".into(), owner.pid.0.into());
        object.insert("fd".into(), owner.fd.0.into());
    }
    if let Some(timer) = one.timer {
        object.insert("timer".into(), timer_object(timer));
    }
    Value::Object(object)
}

fn timer_object(timer: SocketTimer) -> Value {
    let kind = match timer.kind {
        TimerKind::Retransmit => "on",
        TimerKind::KeepAlive => "keepalive",
        TimerKind::TimeWait => "timewait",
        TimerKind::Persist => "persist",
    };
    json!({
        "kind": kind, "remaining_ns": timer.remaining.nanos(), "retransmits": timer.retransmits, "probes": timer.probes,
    })
}

fn rlimits(limits: &Rlimits) -> Value {
    let limit = |n: u64| if n == UNLIMITED { Value::from("unlimited") } else { n.into() };
    let rows = Resource::ALL.into_iter().map(|resource| {
        let pair = limits.get(resource);
        (
            resource.label().to_owned(),
            json!({ "soft": limit(pair.soft), "hard": limit(pair.hard), "unit": resource.unit() }),
        )
    });
    Value::Object(rows.collect())
}

fn cpu_samples(span: &SpanView) -> Vec<Value> {
    let of = |before, after| {
        let rows = shares(before, after);
        let row = |share: &super::CpuShare| {
            json!({
                "cpu": share.cpu.map_or_else(|| Value::from("all"), Value::from),
                "user": share.user, "system": share.system, "steal": share.steal, "idle": share.idle,
            })
        };
        rows.iter().map(row).collect::<Vec<_>>()
    };
    let mut samples: Vec<Value> = span
        .cpu
        .windows(2)
        .map(|pair| json!({ "from_ns": pair[0].at.nanos(), "to_ns": pair[1].at.nanos(), "cpus": of(&pair[0], &pair[1]) }))
        .collect();
    if let [first, .., last] = span.cpu.as_slice() {
        samples.push(json!({
            "average": true, "from_ns": first.at.nanos(), "to_ns": last.at.nanos(), "cpus": of(first, last),
        }));
    }
    samples
}

fn threads(span: &SpanView, options: &ViewOptions) -> Result<Vec<Value>, ViewError> {
    let pid = options.process(&span.host)?.pid;
    let threads = summary(span, pid).into_iter().map(|thread| {
        let calls = thread.calls.iter().map(|sum| {
            json!({
                "call": sum.name, "calls": sum.calls, "errors": sum.errors, "total_ms": sum.total_ms,
                "min_ms": sum.min_ms, "avg_ms": sum.avg_ms, "max_ms": sum.max_ms,
                "stddev_percent": sum.stddev_percent,
            })
        });
        json!({
            "tid": thread.tid, "events": thread.events, "percent": thread.share_percent,
            "calls": calls.collect::<Vec<_>>(),
        })
    });
    Ok(threads.collect())
}

fn call(traced: &TracedCall) -> Option<Value> {
    let call = &traced.call;
    let mut object = map(json!({
        "call": name(call)?.name(),
        "tid": tid(call),
        "entered_ns": call.entered.nanos(),
        "at_ns": call.at.nanos(),
        "cpu_ns": call.cpu.nanos(),
        "cpu": call.on_cpu,
    }));
    if let Some(fd) = call.fd {
        object.insert("fd".into(), fd.0.into());
    }
    match returned(call) {
        Ok(value) => object.insert("value".into(), value.into()),
        Err(errno) => object.insert("errno".into(), errno.name().into()),
    };
    if traced.inspected > 0 {
        object.insert("inspected".into(), traced.inspected.into());
    }
    if let Value::Object(args) = arguments(&call.args, call.result.ok()) {
        object.extend(args);
    }
    Some(Value::Object(object))
}

fn arguments(args: &CallArgs, value: Option<u32>) -> Value {
    let data = |data: &Payload| json!({ "bytes": data.len(), "hex": data.bytes().map(hex) });
    match args {
        CallArgs::None | CallArgs::GetFlags => value.map_or(Value::Null, |value| json!({ "result": value })),
        CallArgs::Socket { inet6, dgram, nonblock } => json!({
            "family": if *inet6 { "AF_INET6" } else { "AF_INET" },
            "type": if *dgram { "SOCK_DGRAM" } else { "SOCK_STREAM" },
            "nonblock": nonblock,
        }),
        CallArgs::Addr(addr) => json!({ "addr": end(*addr) }),
        CallArgs::Backlog(backlog) => json!({ "backlog": backlog }),
        CallArgs::Accepted { peer, nonblock } => json!({ "peer": peer.map(end), "nonblock": nonblock }),
        CallArgs::Sent { data: sent, to } => json!({ "data": data(sent), "to": to.map(end) }),
        CallArgs::SentMany(datagrams) => json!({ "datagrams": datagrams.iter().map(data).collect::<Vec<_>>() }),
        CallArgs::Received { max, data: received, from, .. } => {
            json!({ "max": max, "data": data(received), "from": from.map(end) })
        }
        CallArgs::How(how) => json!({ "how": how }),
        CallArgs::Poll { fds, timeout_ms } => json!({
            "fds": fds.iter().map(|(fd, events, revents)| {
                json!({ "fd": fd.0, "events": events, "revents": revents })
            }).collect::<Vec<_>>(),
            "timeout_ms": timeout_ms,
        }),
        CallArgs::SetFlags { nonblock } => json!({ "nonblock": nonblock }),
        CallArgs::Option { level, name, value } => json!({ "level": level, "optname": name, "optval": value }),
        CallArgs::Path(path) => json!({ "path": path }),
        CallArgs::Count(count) => json!({ "count": count }),
        CallArgs::Sleep(span) => json!({ "sleep_ns": span.nanos() }),
        CallArgs::Wait(timeout) => json!({ "timeout_ns": timeout.map(|t| t.nanos()) }),
    }
}

fn packet(packet: &Packet) -> Value {
    let mut object = map(json!({ "src": packet.src.to_string(), "dst": packet.dst.to_string() }));
    object.extend(match &packet.body {
        Body::Tcp { sport, dport, segment } => map(json!({
            "protocol": "tcp", "sport": sport.0, "dport": dport.0, "flags": segment.flags.to_string(),
            "seq": segment.seq.0, "ack": segment.ack.0, "win": segment.window, "length": segment.payload.len(),
        })),
        Body::Udp(datagram) => map(json!({
            "protocol": "udp", "sport": datagram.sport.0, "dport": datagram.dport.0,
            "length": datagram.payload.len(),
        })),
        Body::Icmp(_) => map(json!({ "protocol": "icmp" })),
    });
    Value::Object(object)
}
