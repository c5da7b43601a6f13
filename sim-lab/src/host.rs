//! A host of the scenario as a network namespace. A thread lives in it and does
//! what must be done inside; nothing names the namespace, so it ends with its
//! processes.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::sync::mpsc::{Sender, channel};

use halfclose::scenario::HostSpec;
use rustix::thread::UnshareFlags;

use crate::capture::Capture;
use crate::diag::Diag;
use crate::link;
use crate::netlink::Netlink;
use crate::procfs::{self, Counters};
use crate::sys;

type Job = Box<dyn FnOnce() + Send>;

/// A namespace and the thread in it.
#[derive(Debug)]
pub(crate) struct Namespace {
    jobs: Sender<Job>,
}

impl Namespace {
    /// Makes one, with its loopback up.
    ///
    /// # Errors
    /// Without the right to, or without network namespaces.
    pub(crate) fn new() -> io::Result<Self> {
        let (jobs, inbox) = channel::<Job>();
        let (ready, is_ready) = channel();
        std::thread::Builder::new().name("host".to_owned()).spawn(move || {
            let made = sys::unshare(UnshareFlags::NEWNET)
                .and_then(|()| Netlink::open(None))
                .and_then(|mut route| link::up(&mut route, 1));
            let failed = made.is_err();
            let _nobody_waits = ready.send(made);
            if !failed {
                inbox.iter().for_each(|job| job());
            }
        })?;
        is_ready.recv().map_err(|_gone| io::ErrorKind::BrokenPipe)??;
        Ok(Self { jobs })
    }

    /// Does something inside.
    ///
    /// # Errors
    /// Its own.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
        let (answer, answered) = channel();
        let job = Box::new(move || {
            let _nobody_waits = answer.send(job());
        });
        self.jobs.send(job).map_err(|_gone| io::ErrorKind::BrokenPipe)?;
        answered.recv().map_err(|_gone| io::ErrorKind::BrokenPipe)?
    }
}

/// What is read of a host while the experiment runs.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) namespace: Namespace,
    pub(crate) diag: Diag,
    pub(crate) counters: Counters,
    pub(crate) capture: Option<Capture>,
    /// Listeners of programs that are not simulated; they only have to exist.
    _bound: Vec<TcpListener>,
}

/// The MAC address of the interface from host `a` towards host `b`: locally administered.
fn mac(a: usize, b: usize) -> [u8; 6] {
    let byte = |n: usize| u8::try_from(n & 0xff).expect("masked");
    [2, 0x68, 0x63, 0, byte(a), byte(b)]
}

/// Joins namespaces by a veth pair between every two of them.
///
/// # Errors
/// What the kernel says.
pub(crate) fn wire(namespaces: &[Namespace], hosts: &[HostSpec]) -> io::Result<()> {
    for (a, first) in hosts.iter().enumerate() {
        let addrs = first.addrs.clone();
        namespaces[a].run(move || {
            let mut route = Netlink::open(None)?;
            addrs.iter().try_for_each(|&addr| link::address(&mut route, 1, addr))
        })?;
        for b in a + 1..hosts.len() {
            let there: File = namespaces[b].run(|| File::open("/proc/thread-self/ns/net"))?;
            let (name_a, name_b) = (format!("to{b}"), format!("to{a}"));
            namespaces[a].run(move || {
                let mut route = Netlink::open(None)?;
                link::veth(&mut route, (&name_a, mac(a, b)), (&name_b, mac(b, a)), there.as_fd())
            })?;
        }
    }
    for (a, here) in hosts.iter().enumerate() {
        for (b, there) in hosts.iter().enumerate().filter(|(b, _)| *b != a) {
            let peers: Vec<Ipv4Addr> = there.addrs.clone();
            let from = here.addrs.first().copied();
            namespaces[a].run(move || {
                let mut route = Netlink::open(None)?;
                let index = link::index(&format!("to{b}"))?;
                link::up(&mut route, index)?;
                peers.iter().try_for_each(|&peer| link::peer(&mut route, index, peer, mac(b, a), from))
            })?;
        }
    }
    Ok(())
}

/// Sets a namespace up as the scenario's host: settings, foreign listeners, eyes.
/// The second value lists settings that could not be made.
///
/// # Errors
/// What the kernel says.
pub(crate) fn furnish(namespace: Namespace, spec: &HostSpec, packets: bool) -> io::Result<(Host, Vec<String>)> {
    let (name, sysctls, bound) = (spec.name.clone(), spec.sysctls.clone(), spec.bound_ports.clone());
    let (diag, counters, capture, listeners, notes) = namespace.run(move || {
        let mut notes = Vec::new();
        for (sysctl, value) in sysctls {
            if !sysctl.starts_with("net.") {
                notes.push(format!("{name}: {sysctl} belongs to the whole machine and was left alone"));
            } else if let Err(error) = procfs::set_sysctl(&sysctl, &value) {
                notes.push(format!("{name}: {sysctl}={value}: {error}"));
            }
        }
        let listen = |end: &halfclose::units::Endpoint| TcpListener::bind(SocketAddr::from((end.addr(), end.port().0)));
        let listeners: Vec<TcpListener> = bound.iter().map(listen).collect::<io::Result<_>>()?;
        let capture = if packets { Some(Capture::start()?) } else { None };
        Ok((Diag::open()?, Counters::open()?, capture, listeners, notes))
    })?;
    Ok((Host { namespace, diag, counters, capture, _bound: listeners }, notes))
}
