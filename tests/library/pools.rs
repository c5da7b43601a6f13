//! Pools people use, over simulated MySQL connections, unchanged: deadpool and bb8.

use std::future::Future;
use std::io;
use std::time::Duration;

use halfclose::app::task::{Net, Program, SimNet, SimTcpStream};
use halfclose::check::{Check, Failure, healthy_again_within, no_old_close_wait};
use halfclose::time::Duration as Span;

use crate::session::Session;

/// What each pool needs to know of a connection.
#[derive(Clone)]
struct Manager(SimNet);

impl Manager {
    async fn open(&self) -> io::Result<Session<SimTcpStream>> {
        let login = async { Session::login(self.0.connect("db.example:3306").await?).await };
        Net::timeout(&self.0, Duration::from_secs(4), login).await.map_err(io::Error::from)?
    }

    async fn ping(&self, session: &mut Session<SimTcpStream>) -> io::Result<()> {
        Net::timeout(&self.0, Duration::from_secs(4), session.execute("commit")).await.map_err(io::Error::from)?
    }
}

impl deadpool::managed::Manager for Manager {
    type Type = Session<SimTcpStream>;
    type Error = io::Error;

    async fn create(&self) -> io::Result<Self::Type> {
        self.open().await
    }
    async fn recycle(
        &self,
        session: &mut Self::Type,
        _: &deadpool::managed::Metrics,
    ) -> deadpool::managed::RecycleResult<io::Error> {
        self.ping(session).await.map_err(Into::into)
    }
}

impl bb8::ManageConnection for Manager {
    type Connection = Session<SimTcpStream>;
    type Error = io::Error;

    fn connect(&self) -> impl Future<Output = io::Result<Self::Connection>> + Send {
        self.open()
    }
    fn is_valid(&self, session: &mut Self::Connection) -> impl Future<Output = io::Result<()>> + Send {
        self.ping(session)
    }
    fn has_broken(&self, _: &mut Self::Connection) -> bool {
        false
    }
}

/// Asks every two seconds, and says what it was told.
async fn ask<F: Future<Output = Result<(), String>>>(net: &SimNet, mut request: impl FnMut() -> F) {
    loop {
        if let Err(error) = request().await {
            net.told(&io::Error::other(error));
            net.sleep(Duration::from_millis(100 + net.random() % 1_000)).await;
        }
        net.sleep(Duration::from_secs(2)).await;
    }
}

/// Three tasks and a pool of four. No runtime is needed.
async fn with_deadpool(net: SimNet) {
    let pool = deadpool::managed::Pool::builder(Manager(net.clone())).max_size(4).build().unwrap();
    for _ in 0..2 {
        let (net, pool) = (net.clone(), pool.clone());
        net.clone().spawn(async move { with_pool(&net, pool).await });
    }
    with_pool(&net, pool).await;
}

async fn with_pool(net: &SimNet, pool: deadpool::managed::Pool<Manager>) {
    ask(net, || async {
        let mut session = pool.get().await.map_err(|error| error.to_string())?;
        session.execute("commit").await.map_err(|error| error.to_string())
    })
    .await;
}

/// The same with bb8, which needs tokio's clock and its `spawn`.
async fn with_bb8(net: SimNet, pool: bb8::Builder<Manager>) {
    let pool = pool.build(Manager(net.clone())).await.unwrap();
    ask(&net, || async {
        let mut session = pool.get().await.map_err(|error| error.to_string())?;
        session.execute("commit").await.map_err(|error| error.to_string())
    })
    .await;
}

/// Nothing goes idle for long here, so that neither pool has to reap.
fn busy(check: Check) -> Check {
    check
        .plans(|plans| plans.wait_timeout = 60..=120)
        .property(no_old_close_wait(Span::from_secs(30)))
        .property(healthy_again_within(Span::from_secs(30)))
}

#[test]
fn deadpool_survives() {
    let report = busy(Check::client(with_deadpool)).cases(60).run();
    assert!(report.guards.iter().all(|(_, cases)| *cases > 0), "{report:?}");
}

#[test]
fn bb8_survives() {
    let pool = || bb8::Pool::builder().max_size(4).idle_timeout(None).max_lifetime(None);
    let check = Check::client_program(move || Program::new(move |net| with_bb8(net, pool())).tokio());
    let report = busy(check).cases(30).run();
    assert!(report.guards.iter().all(|(_, cases)| *cases > 0), "{report:?}");
}

/// Two sessions used once, then left to the pool; one is used again now and then.
async fn spare(net: SimNet) {
    let pool = bb8::Pool::builder()
        .max_size(4)
        .idle_timeout(Some(Duration::from_secs(4)))
        .reaper_rate(Duration::from_secs(1))
        .build(Manager(net.clone()))
        .await
        .unwrap();
    if let (Ok(mut first), Ok(mut second)) = (pool.get().await, pool.get().await) {
        let _ = (first.execute("commit").await, second.execute("commit").await);
    }
    net.sleep(Duration::from_secs(3_600)).await;
}

/// bb8 keeps idle times with `std::time::Instant` and wakes up by tokio's clock. In
/// virtual time nothing ever becomes idle, `idle_timeout` notwithstanding, and the
/// server's `wait_timeout` ends the sessions: found as old CLOSE_WAIT.
#[test]
fn bb8_does_not_reap_in_virtual_time() {
    let found = Check::client_program(|| Program::new(spare).tokio())
        .plans(|plans| (plans.wait_timeout, plans.faults) = (5..=10, 0..=1))
        .property(no_old_close_wait(Span::from_secs(20)))
        .cases(20)
        .try_run();
    let Err(Failure::Violated(found)) = found else { panic!("{found:?}") };
    assert_eq!(found.property, "no old CLOSE_WAIT");
}

/// The lint says so without any property: let the wall clock run, and bb8 does something else.
#[test]
fn bb8_mixes_two_clocks_and_the_lint_names_the_event() {
    // Ten milliseconds of the wall's, because that is what the reaper will look at.
    let spare = |net: SimNet| async move {
        let pool = bb8::Pool::builder()
            .max_size(4)
            .idle_timeout(Some(Duration::from_millis(40)))
            .reaper_rate(Duration::from_secs(1))
            .build(Manager(net.clone()))
            .await
            .unwrap();
        let _ = pool.get().await.map(drop);
        net.sleep(Duration::from_secs(3_600)).await;
    };
    let check = Check::client_program(move || Program::new(spare).tokio())
        .plans(|plans| (plans.faults, plans.settle) = (0..=0, Span::from_secs(10)));
    let difference = check.repeatable(1, || std::thread::sleep(Duration::from_millis(10))).unwrap_err();
    println!("{difference}");
    let text = difference.to_string();
    assert!(text.contains("std::time::Instant") && text.contains("pid"), "{text}");
    // A program that asks only the simulation is the same at any speed.
    let check = Check::client(with_deadpool);
    check.repeatable(2, || std::thread::sleep(Duration::from_micros(100))).unwrap();
}
