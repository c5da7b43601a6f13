//! The connect-time port search at 0, 50, 99 and 100 % occupancy of the default
//! range, one destination, one bound port in the range.

use criterion::{BenchmarkId, Criterion};
use halfclose::kernel::bind_table::{BindOwner, BindTable};
use halfclose::kernel::config::PortRange;
use halfclose::kernel::ports::{Inspected, PortAllocator, PortQuery, ReservedPorts};
use halfclose::kernel::profile::PortSearchGeneration;
use halfclose::rng::{SimRng, Stream};
use halfclose::time::{Duration, Instant};
use halfclose::units::{Endpoint, FourTuple, Ipv4Addr, Port};

const CLIENT: Ipv4Addr = Ipv4Addr::new(172, 31, 55, 230);
const SERVER: Endpoint = Endpoint::new(Ipv4Addr::new(172, 31, 47, 174), 3306);
const RANGE: PortRange = PortRange { low: Port(32_768), high: Port(60_999) };
const CAPACITY: u32 = 28_231;

struct Host {
    alloc: PortAllocator,
    bind: BindTable,
    reserved: ReservedPorts,
    rng: SimRng,
}

impl Host {
    fn filled(connections: u32) -> Self {
        let generation = PortSearchGeneration::Hardened;
        let mut bind = BindTable::new(false);
        bind.take_bound(Port(33_060), BindOwner::bound(Ipv4Addr::UNSPECIFIED));
        let mut host = Self {
            alloc: PortAllocator::new(1, generation, 250, Duration::ZERO),
            bind,
            reserved: ReservedPorts::new(),
            rng: SimRng::new(1, Stream::Host(0)),
        };
        for _ in 0..connections {
            host.connect();
        }
        host
    }

    fn connect(&mut self) -> (Option<FourTuple>, Inspected) {
        let query = PortQuery {
            device: 0,
            source: CLIENT,
            destination: SERVER,
            range: RANGE,
            socket_range: None,
            reserved: &self.reserved,
            now: Instant::ZERO,
        };
        let plan = self.alloc.plan(&query, &self.bind);
        self.alloc.commit(&plan, &mut self.rng);
        let tuple = plan.port.map(|port| FourTuple { local: Endpoint::on(CLIENT, port), remote: SERVER });
        if let Some(tuple) = tuple {
            self.bind.connect_take(tuple.local.port(), BindOwner::connected(CLIENT));
            self.alloc.note_used(0, &tuple);
        }
        (tuple, plan.inspected)
    }

    fn close(&mut self, tuple: &FourTuple) {
        self.bind.release(tuple.local.port(), BindOwner::connected(CLIENT));
        self.alloc.note_released(0, tuple);
    }
}

fn port_search(c: &mut Criterion) {
    let mut group = c.benchmark_group("port_search");
    for (name, connections) in [("0%", 0), ("50%", CAPACITY / 2), ("99%", CAPACITY * 99 / 100), ("100%", CAPACITY)] {
        let mut host = Host::filled(connections);
        group.bench_function(BenchmarkId::new("connect_close", name), |b| {
            b.iter(|| {
                let (tuple, inspected) = host.connect();
                if let Some(tuple) = tuple {
                    host.close(&tuple);
                }
                inspected
            });
        });
    }
    group.finish();

    c.bench_function("port_search/fill_28231", |b| b.iter(|| Host::filled(CAPACITY).rng));
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    port_search(&mut criterion);
    criterion.final_summary();
}
