//! Async programs in small worlds.

use core::time::Duration as Span;
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::rc::Rc;

use futures_io::{AsyncRead, AsyncWrite};

use super::{ExitStatus, Net, Program, SimNet};
use crate::app::api::{App, ShutdownHow};
use crate::app::dns::{DnsConfig, DnsServer};
use crate::kernel::{HostConfig, KernelProfile, ProcessConfig};
use crate::net::LinkConfig;
use crate::sim::{Budgets, Phase, World};
use crate::tcp::TcpState;
use crate::time::{Duration, Instant};
use crate::trace::NoObserver;
use crate::units::{Endpoint, HostId, Ipv4Addr, ProcIx};

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fn host(name: &str, addr: Ipv4Addr) -> HostConfig {
    HostConfig::new(name, addr, KernelProfile::parse("6.1.100").unwrap())
}

struct Lab {
    world: World,
    hosts: [HostId; 2],
}

impl Lab {
    fn new() -> Self {
        let mut world = World::new(1, Budgets::default());
        let hosts = [world.add_host(host("app", CLIENT)).unwrap(), world.add_host(host("db", SERVER)).unwrap()];
        let link = LinkConfig { latency: Duration::from_millis(1), ..LinkConfig::default() };
        world.network_mut().add_link(hosts[0], hosts[1], link).unwrap();
        Self { world, hosts }
    }

    fn add(&mut self, on: usize, app: impl App + 'static) -> (HostId, ProcIx) {
        let host = self.hosts[on];
        (host, self.world.add_process(host, &ProcessConfig::new("app", 64), Box::new(app), Instant::ZERO))
    }

    fn run(&mut self, secs: u64) {
        let until = Instant::ZERO + Duration::from_secs(secs);
        self.world.run_until(until, &mut NoObserver).unwrap();
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin), buf: &mut [u8]) -> io::Result<usize> {
    let mut stream = std::pin::Pin::new(stream);
    std::future::poll_fn(|cx| stream.as_mut().poll_read(cx, buf)).await
}

async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let (mut all, mut buf) = (Vec::new(), [0; 7]);
    loop {
        match read(stream, &mut buf).await? {
            0 => return Ok(all),
            n => all.extend_from_slice(&buf[..n]),
        }
    }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    let mut stream = std::pin::Pin::new(stream);
    let mut rest = bytes;
    while !rest.is_empty() {
        let n = std::future::poll_fn(|cx| stream.as_mut().poll_write(cx, rest)).await?;
        rest = &rest[n..];
    }
    Ok(())
}

/// What a program says, for the test to read.
#[derive(Clone, Default)]
struct Said(Rc<RefCell<Vec<String>>>);

impl Said {
    fn say(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }
    fn all(&self) -> Vec<String> {
        self.0.borrow().clone()
    }
}

/// Answers each connection with what it was sent, once the sender has half-closed.
async fn echo(net: SimNet) -> io::Result<()> {
    let listener = net.listen((SERVER, 7_000)).await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        net.spawn(async move {
            let all = read_to_end(&mut stream).await.unwrap_or_default();
            let _ = write(&mut stream, &all).await;
        });
    }
}

/// A program of two tasks' worth of what adapters are for.
fn talk<F, T>(main: impl Fn(SimNet, Said) -> F + 'static) -> (Program, Said)
where
    F: Future<Output = T> + 'static,
    T: ExitStatus,
{
    let said = Said::default();
    let own = said.clone();
    (Program::new(move |net| main(net, own.clone())), said)
}

#[test]
fn bytes_go_both_ways_and_half_close_ends_one() {
    let mut lab = Lab::new();
    let server = lab.add(1, Program::new(echo));
    let (program, said) = talk(|net, said| async move {
        let mut stream = net.connect((SERVER, 7_000)).await?;
        write(&mut stream, b"half past nine").await?;
        stream.shutdown_side(ShutdownHow::Write).await?;
        said.say(String::from_utf8(read_to_end(&mut stream).await?).unwrap());
        said.say(stream.local_addr().await?.addr().to_string());
        io::Result::Ok(())
    });
    let client = lab.add(0, program);
    lab.run(2);
    assert_eq!(said.all(), ["half past nine", "10.0.0.1"]);
    assert_eq!(lab.world.phase(client.0, client.1), Phase::Exited(0));
    // The listener alone is left open.
    assert_eq!(lab.world.kernel(server.0).processes()[0].fds().socket_count(), 1);
}

#[test]
fn errors_are_those_of_linux() {
    let mut lab = Lab::new();
    lab.world.kernel_mut(lab.hosts[0]).sysctl_write("net.ipv4.ip_local_port_range", "40000 40001").unwrap();
    lab.add(1, Program::new(echo));
    let (program, said) = talk(|net, said| async move {
        let error = net.connect((SERVER, 7_001)).await.unwrap_err();
        said.say(format!("{:?} {:?}", error.raw_os_error(), error.kind()));
        let _held = (net.connect((SERVER, 7_000)).await?, net.connect((SERVER, 7_000)).await?);
        let error = net.connect((SERVER, 7_000)).await.unwrap_err();
        said.say(format!("{:?} {:?}", error.raw_os_error(), error.kind()));
        let mut sockets = Vec::new();
        let error = loop {
            match net.socket().await {
                Ok(socket) => sockets.push(socket),
                Err(error) => break error,
            }
        };
        said.say(format!("{:?} after {}", error.raw_os_error(), sockets.len()));
        let error = net.connect("no colon").await.unwrap_err();
        said.say(error.to_string());
        io::Result::Ok(())
    });
    lab.add(0, program);
    lab.run(2);
    // What `std` makes of a number depends on the target; the number does not.
    let kinds = |number: i32| format!("Some({number}) {:?}", io::Error::from_raw_os_error(number).kind());
    if cfg!(target_os = "linux") {
        assert_eq!(
            (kinds(111), kinds(99)),
            ("Some(111) ConnectionRefused".to_owned(), "Some(99) AddrNotAvailable".to_owned())
        );
    }
    let expected = [
        kinds(111).as_str(),
        kinds(99).as_str(),
        // 64 descriptors less 0, 1, 2 and the two connections.
        "Some(24) after 59",
        "`no colon` is neither an IPv4 address nor a host name with a port",
    ]
    .map(str::to_owned);
    assert_eq!(said.all(), expected);
}

#[test]
fn names_are_looked_up_in_hosts_and_dns() {
    let mut lab = Lab::new();
    lab.add(1, Program::new(echo));
    lab.add(1, DnsServer::new(DnsConfig::new(SERVER, vec![("db.example".to_owned(), SERVER)])));
    let (program, said) = talk(|net, said| async move {
        for name in ["db.example:7000", "alias:7000", "nobody.example:7000"] {
            match net.connect(name).await {
                Ok(stream) => said.say(stream.peer_addr().to_string()),
                Err(error) => said.say(error.to_string()),
            }
        }
    });
    lab.add(0, program.nameserver(SERVER).host("alias", SERVER));
    lab.run(20);
    let failure = "failed to lookup address information: Name or service not known";
    assert_eq!(said.all(), ["10.0.0.2:7000", "10.0.0.2:7000", failure]);
}

#[test]
fn dropping_closes_and_forgetting_leaks_and_says_who() {
    let mut lab = Lab::new();
    let server = Program::new(|net: SimNet| async move {
        let listener = net.listen((SERVER, 7_000)).await?;
        loop {
            drop(listener.accept().await?);
            if false {
                return io::Result::Ok(());
            }
        }
    });
    lab.add(1, server);
    let program = Program::new(|net: SimNet| async move {
        let task = net.spawn_named("forgetful", {
            let net = net.clone();
            async move {
                let stream = net.connect((SERVER, 7_000)).await.unwrap();
                core::mem::forget(stream);
                drop(net.connect((SERVER, 7_000)).await.unwrap());
            }
        });
        task.await;
        net.sleep(Span::from_secs(1_000)).await;
    });
    let client = lab.add(0, program);
    lab.run(90);
    let kernel = lab.world.kernel(client.0);
    let states: Vec<TcpState> = kernel.socket_rows().iter().map(|row| row.state).collect();
    assert_eq!(states, [TcpState::CloseWait], "what was dropped has gone through LAST-ACK");
    let (fd, _) = kernel.processes()[0].fds().iter().find(|(fd, _)| fd.0 > 2).unwrap();
    let who = lab.world.app(client.0, client.1).opened_by(fd).unwrap();
    assert!(who.contains("task `forgetful`") && who.contains("task/tests.rs"), "{who}");
}

#[test]
fn time_is_virtual_and_timeouts_drop_what_they_end() {
    let mut lab = Lab::new();
    let (program, said) = talk(|net, said| async move {
        let start = net.elapsed();
        // Nobody listens there and nobody says so: no such host.
        let result = Net::timeout(&net, Span::from_secs(3), net.connect((Ipv4Addr::new(10, 0, 0, 9), 7_000))).await;
        said.say(format!("{} after {} s", result.is_err(), (net.elapsed() - start).as_secs()));
        let task = net.spawn({
            let net = net.clone();
            async move { net.sleep(Span::from_secs(5)).await }
        });
        task.abort();
        net.sleep(Span::from_secs(50)).await;
        said.say(format!("{} {}", task.is_finished(), (net.elapsed() - start).as_secs()));
        let mut order = Vec::new();
        let sleeps = [3, 1, 2].map(|n| (n, Box::pin(net.sleep(Span::from_secs(n)))));
        let mut sleeps = Vec::from(sleeps);
        std::future::poll_fn(|cx| {
            sleeps.retain_mut(|(n, sleep)| {
                let over = sleep.as_mut().poll(cx).is_ready();
                if over {
                    order.push(*n);
                }
                !over
            });
            if sleeps.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        said.say(format!("{order:?}"));
    });
    let client = lab.add(0, program);
    lab.run(100);
    assert_eq!(said.all(), ["true after 3 s", "false 53", "[1, 2, 3]"]);
    assert_eq!(lab.world.phase(client.0, client.1), Phase::Exited(0));
}

#[test]
fn a_read_given_up_loses_nothing() {
    let mut lab = Lab::new();
    let server = Program::new(|net: SimNet| async move {
        let listener = net.listen((SERVER, 7_000)).await?;
        let (mut stream, _) = listener.accept().await?;
        for n in 0..40_u8 {
            write(&mut stream, &[n]).await?;
            net.sleep(Span::from_micros(900)).await;
        }
        io::Result::Ok(())
    });
    lab.add(1, server);
    let (program, said) = talk(|net, said| async move {
        let mut stream = net.connect((SERVER, 7_000)).await?;
        let mut all = Vec::new();
        loop {
            let one = async {
                let mut buf = [0; 1];
                read(&mut stream, &mut buf).await.map(|n| buf[..n].first().copied())
            };
            let Ok(result) = Net::timeout(&net, Span::from_micros(170), pin!(one)).await else { continue };
            let Some(byte) = result? else { break };
            all.push(byte);
        }
        said.say(format!("{}", all == (0..40).collect::<Vec<u8>>()));
        io::Result::Ok(())
    });
    lab.add(0, program);
    lab.run(2);
    assert_eq!(said.all(), ["true"]);
}

#[test]
fn a_spinning_program_uses_up_its_cpu() {
    let mut world = World::new(1, Budgets::default());
    let on = world.add_host(host("app", CLIENT)).unwrap();
    let program = Program::new(|_net: SimNet| async {
        loop {
            let mut yielded = false;
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if std::mem::replace(&mut yielded, true) {
                    std::task::Poll::Ready(())
                } else {
                    std::task::Poll::Pending
                }
            })
            .await;
            if false {
                return;
            }
        }
    });
    world.add_process(on, &ProcessConfig::new("spin", 64), Box::new(program), Instant::ZERO);
    world.run_until(Instant::ZERO + Duration::from_secs(1), &mut NoObserver).unwrap();
    // A microsecond for each poll, until somebody else has something to do.
    assert_eq!(world.now(), Instant::ZERO + Duration::from_secs(1));
}

/// Random waits and connections of several tasks.
fn busy() -> Program {
    Program::new(|net: SimNet| async move {
        let mut handles = Vec::new();
        for n in 0..3 {
            let own = net.clone();
            handles.push(net.spawn_named(format!("worker {n}"), async move {
                for _ in 0..20 {
                    own.sleep(Span::from_micros(own.random() % 50_000)).await;
                    if let Ok(mut stream) = own.connect((SERVER, 7_000)).await {
                        let _ = write(&mut stream, b"x").await;
                        own.count("sent");
                    }
                }
            }));
        }
        for handle in handles {
            handle.await;
        }
    })
}

#[test]
fn a_copy_is_made_by_doing_it_again_and_goes_the_same_way() {
    let mut lab = Lab::new();
    lab.add(1, Program::new(echo));
    let client = lab.add(0, busy());
    let mut copies = Vec::new();
    for ms in [0, 100, 250] {
        lab.world.run_until(Instant::ZERO + Duration::from_millis(ms), &mut NoObserver).unwrap();
        copies.push(lab.world.try_fork().unwrap());
    }
    lab.run(5);
    assert_eq!(lab.world.app(client.0, client.1).metric("sent"), Some(60));
    for mut copy in copies {
        copy.run_until(Instant::ZERO + Duration::from_secs(5), &mut NoObserver).unwrap();
        assert_eq!(copy.digest(), lab.world.digest());
        assert_eq!(copy.app(client.0, client.1).metric("sent"), Some(60));
    }
}

#[test]
fn a_program_that_decides_by_something_else_cannot_be_copied() {
    let mut lab = Lab::new();
    lab.add(1, Program::new(echo));
    let runs = Rc::new(std::cell::Cell::new(0));
    let program = Program::new(move |net: SimNet| {
        runs.set(runs.get() + 1);
        let first = runs.get() == 1;
        async move {
            net.sleep(Span::from_secs(if first { 1 } else { 2 })).await;
        }
    });
    lab.add(0, program);
    lab.world.run_until(Instant::ZERO + Duration::from_millis(500), &mut NoObserver).unwrap();
    assert!(lab.world.try_fork().is_err());
}

#[test]
fn tasks_need_not_be_send() {
    let mut lab = Lab::new();
    let (program, said) = talk(|net, said| async move {
        let shared = Rc::new(RefCell::new(0));
        let own = Rc::clone(&shared);
        super::spawn_local(async move { *own.borrow_mut() += 1 });
        net.sleep(Span::from_secs(1)).await;
        said.say(shared.borrow().to_string());
    });
    lab.add(0, program);
    lab.run(2);
    assert_eq!(said.all(), ["1"]);
}

#[test]
fn a_program_that_fails_exits_with_one() {
    let mut lab = Lab::new();
    let program = Program::new(|net: SimNet| async move { net.connect(Endpoint::new(SERVER, 7_000)).await.map(drop) });
    let client = lab.add(0, program);
    lab.run(2);
    assert_eq!(lab.world.phase(client.0, client.1), Phase::Exited(1));
}

#[cfg(feature = "tokio")]
mod with_tokio {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time;

    fn client(said: &Said) -> Program {
        let own = said.clone();
        Program::new(move |net: SimNet| {
            let said = own.clone();
            async move {
                let start = time::Instant::now();
                let mut beats = time::interval(Span::from_secs(10));
                beats.tick().await;
                let (tell, mut told) = tokio::sync::mpsc::channel(1);
                let theirs = net.clone();
                tokio::spawn(async move {
                    let mut stream = theirs.connect((SERVER, 7_000)).await.unwrap();
                    stream.write_all(b"tick").await.unwrap();
                    stream.shutdown().await.unwrap();
                    let mut all = String::new();
                    stream.read_to_string(&mut all).await.unwrap();
                    time::sleep(Span::from_millis(2_500)).await;
                    let _ = tell.send((all, net_now(&theirs))).await;
                });
                let (all, at) = told.recv().await.unwrap();
                said.say(format!("{all} {} ms", (at.as_micros() + 500) / 1_000));
                beats.tick().await;
                said.say(format!("{} s", start.elapsed().as_secs()));
                let late = time::timeout(Span::from_secs(5), std::future::pending::<()>()).await;
                said.say(format!("{} {} s", late.is_err(), start.elapsed().as_secs()));
                // Both clocks show the same.
                let apart = net.elapsed().abs_diff(start.elapsed());
                said.say(format!("{}", apart < Span::from_millis(1)));
            }
        })
        .tokio()
    }

    fn net_now(net: &SimNet) -> Span {
        net.elapsed()
    }

    #[test]
    fn tokio_timers_are_due_in_virtual_time() {
        let mut lab = Lab::new();
        lab.add(1, Program::new(echo));
        let said = Said::default();
        lab.add(0, client(&said));
        lab.run(60);
        let said = said.all();
        assert!(said[0].starts_with("tick 250"), "{said:?}");
        assert_eq!(said[1..], ["10 s", "true 15 s", "true"]);
    }

    #[test]
    fn stopping_on_the_way_and_copies_change_nothing() {
        let run = |step: u64| {
            let mut lab = Lab::new();
            lab.add(1, Program::new(echo));
            lab.add(0, client(&Said::default()));
            let mut at = 0;
            let mut copy = None;
            while at < 30_000_000_000 {
                at += step;
                lab.world.run_until(Instant::from_nanos(at.min(30_000_000_000)), &mut NoObserver).unwrap();
                if copy.is_none() && at > 2_000_000_000 {
                    copy = Some(lab.world.try_fork().unwrap());
                }
            }
            let mut copy = copy.unwrap();
            copy.run_until(Instant::from_nanos(30_000_000_000), &mut NoObserver).unwrap();
            assert_eq!(copy.digest(), lab.world.digest());
            lab.world.digest()
        };
        assert_eq!(run(30_000_000_000), run(333_333_333));
    }
}
