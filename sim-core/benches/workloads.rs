//! W(N) and C(N) from the first packet to 70 s after the last, the incident's
//! scenarios, and what a fork costs.

mod workload;

use core::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use halfclose::scenario::{Run, Scenario};
use halfclose::time::Duration;
use halfclose::trace::NoObserver;
use workload::{Kind, Workload};

fn workloads(c: &mut Criterion) {
    for (name, kind) in [("W", Kind::W), ("C", Kind::C)] {
        let mut group = c.benchmark_group(name);
        group.sample_size(10);
        for n in [1_000, 28_232, 1_000_000] {
            group.throughput(Throughput::Elements(u64::from(n)));
            group.bench_function(BenchmarkId::from_parameter(n), |b| {
                b.iter_batched_ref(|| Workload::new(kind, n), Workload::run, BatchSize::PerIteration);
            });
        }
        group.finish();
    }
}

fn scenarios(c: &mut Criterion) {
    let mut group = c.benchmark_group("scenario");
    group.sample_size(10);
    for (name, text) in [
        ("incident", include_str!("../../scenarios/incident.toml")),
        ("two-hosts", include_str!("../../scenarios/two-hosts.toml")),
    ] {
        let scenario = Scenario::parse(text).expect("a shipped scenario");
        group.bench_function(name, |b| {
            b.iter_batched(
                || Run::new(scenario.clone(), scenario.seed).expect("it builds"),
                |mut run| {
                    run.run_to_end(&mut NoObserver).expect("within the budgets");
                    run
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// A fork of a world with 28,232 open connections, and what the first second of
/// both lives costs more.
fn fork(c: &mut Criterion) {
    let mut group = c.benchmark_group("fork");
    group.sample_size(10);
    let mut workload = Workload::new(Kind::W, 28_232);
    workload.open();
    group.bench_function("28232", |b| {
        b.iter_batched(|| (), |()| workload.world.try_fork().expect("these programs fork"), BatchSize::PerIteration);
    });
    group.bench_function("28232/next_second", |b| {
        b.iter_batched(
            || workload.world.try_fork().expect("these programs fork"),
            |mut world| {
                let until = world.now() + Duration::from_secs(1);
                black_box(world.run_until(until, &mut NoObserver)).expect("within the budgets");
                world
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    workloads(&mut criterion);
    scenarios(&mut criterion);
    fork(&mut criterion);
    criterion.final_summary();
}
