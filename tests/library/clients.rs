//! A client with a pool, right in everything; and ten ways to get one thing wrong.

use std::io;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use halfclose::app::task::{SimNet, SimTcpStream};
use halfclose::time::Instant;

use crate::session::Session;

/// One thing done wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    None,
    /// A dead session is forgotten instead of dropped.
    Leak,
    /// The socket is lost where the login takes too long.
    LeakOnHandshakeTimeout,
    /// The socket is lost where a request is given up half-way.
    LeakOnCancellation,
    /// No wait between two attempts.
    Storm,
    /// Waits, but all clients the same.
    SynchronizedBackOff,
    /// EADDRNOTAVAIL is taken for a passing trouble and tried again at once.
    RetryOnAddrNotAvail,
    /// Idle sessions are timed by the wall clock.
    WrongClock,
    /// Sessions are handed out without a look.
    DeadHandedOut,
    /// Nobody limits how long the greeting may take.
    NoGreetingTimeout,
}

/// Workers that ask every three seconds, all at the same time.
const FREQUENT: u64 = 8;
/// Workers that ask now and then, so that the pool has sessions to spare.
const RARE: u64 = 2;
/// Most sessions of the pool.
pub(crate) const POOL: u32 = 10;
/// Longest wait for a connection and its login.
const LOGIN: Duration = Duration::from_secs(4);
/// Longest time for a request.
const REQUEST: Duration = Duration::from_secs(5);
/// Idle for so long, a session is closed: less than any `wait_timeout` here.
const IDLE: Duration = Duration::from_secs(4);

struct Idle {
    session: Session<SimTcpStream>,
    since: Instant,
    #[expect(clippy::disallowed_types, reason = "this is the flaw")]
    since_wall: std::time::Instant,
}

#[derive(Clone)]
struct Pool {
    net: SimNet,
    flaw: Flaw,
    idle: Arc<Mutex<Vec<Idle>>>,
    /// Before this no further connection is begun.
    next: Arc<Mutex<Instant>>,
}

pub(crate) async fn client(net: SimNet, flaw: Flaw) {
    let pool = Pool { net: net.clone(), flaw, idle: Arc::default(), next: Arc::default() };
    for n in 0..FREQUENT + RARE {
        let pool = pool.clone();
        let (name, pause) = if n < FREQUENT { ("frequent", 3) } else { ("rare", 13 + n) };
        net.spawn_named(format!("{name} worker {n}"), async move { pool.work(Duration::from_secs(pause)).await });
    }
    loop {
        net.sleep(Duration::from_secs(1)).await;
        pool.reap();
    }
}

impl Pool {
    async fn work(self, pause: Duration) {
        let mut failures = 0;
        loop {
            let result = match self.net_timeout(REQUEST, self.request()).await {
                Some(result) => result,
                None => Err(io::ErrorKind::TimedOut.into()),
            };
            if let Err(error) = result {
                // What an application would log, or answer to its user.
                self.net.told(&error);
                failures += 1;
                self.back_off(failures).await;
            } else {
                failures = 0;
                self.net.sleep(pause).await;
            }
        }
    }

    async fn net_timeout<T>(&self, limit: Duration, future: impl Future<Output = T> + Send) -> Option<T> {
        if self.flaw == Flaw::NoGreetingTimeout {
            return Some(future.await);
        }
        halfclose::app::task::Net::timeout(&self.net, limit, future).await.ok()
    }

    /// A session from the pool or a new one; a statement; back into the pool.
    async fn request(&self) -> io::Result<()> {
        let session = self.acquire().await?;
        if self.flaw == Flaw::LeakOnCancellation {
            // Checked out by hand, and back in by hand.
            let mut session = ManuallyDrop::new(session);
            let result = session.execute("commit").await;
            let session = ManuallyDrop::into_inner(session);
            result?;
            self.give_back(session);
            return Ok(());
        }
        let mut session = session;
        if self.flaw == Flaw::NoGreetingTimeout {
            let query = halfclose::app::task::Net::timeout(&self.net, REQUEST, session.execute("commit")).await;
            query.map_err(io::Error::from)??;
        } else {
            session.execute("commit").await?;
        }
        self.give_back(session);
        Ok(())
    }

    async fn acquire(&self) -> io::Result<Session<SimTcpStream>> {
        loop {
            let Some(idle) = self.idle.lock().unwrap().pop() else { break };
            let session = idle.session;
            // End of stream or an error: the server has closed it.
            let alive = matches!(session.stream.peek_now().await, Ok(None));
            if alive || self.flaw == Flaw::DeadHandedOut {
                return Ok(session);
            }
            if self.flaw == Flaw::Leak {
                std::mem::forget(session);
            }
        }
        self.login().await
    }

    /// A connection. Those who lost theirs, or waited for the name server, at the same moment
    /// do not come back at the same moment.
    async fn connect(&self) -> io::Result<SimTcpStream> {
        let net = &self.net;
        let addr = net.lookup("db.example").await?;
        if self.flaw != Flaw::SynchronizedBackOff {
            let gap = Duration::from_millis(10 + net.random() % 30);
            let wait = {
                let mut next = self.next.lock().unwrap();
                let slot = net.now().max(*next);
                *next = slot + halfclose::time::Duration::from_nanos(u64::try_from(gap.as_nanos()).unwrap());
                slot.since(net.now())
            };
            net.sleep(Duration::from_nanos(wait.nanos())).await;
        }
        loop {
            match net.connect((addr, 3306)).await {
                Err(error) if self.flaw == Flaw::Storm => net.told(&error),
                Err(error)
                    if self.flaw == Flaw::RetryOnAddrNotAvail && error.kind() == io::ErrorKind::AddrNotAvailable =>
                {
                    net.told(&error);
                }
                result => return result,
            }
        }
    }

    async fn login(&self) -> io::Result<Session<SimTcpStream>> {
        let net = &self.net;
        match self.flaw {
            Flaw::NoGreetingTimeout => Session::login(self.connect().await?).await,
            Flaw::LeakOnHandshakeTimeout => {
                let stream = self.connect().await?;
                let mut login = Box::pin(Session::login(stream));
                match halfclose::app::task::Net::timeout(net, LOGIN, login.as_mut()).await {
                    Ok(session) => session,
                    Err(elapsed) => {
                        // "It will finish some day, do not wait for it."
                        std::mem::forget(login);
                        Err(elapsed.into())
                    }
                }
            }
            Flaw::None
            | Flaw::Leak
            | Flaw::LeakOnCancellation
            | Flaw::Storm
            | Flaw::SynchronizedBackOff
            | Flaw::RetryOnAddrNotAvail
            | Flaw::WrongClock
            | Flaw::DeadHandedOut => {
                let login = async { Session::login(self.connect().await?).await };
                halfclose::app::task::Net::timeout(net, LOGIN, login).await.map_err(io::Error::from)?
            }
        }
    }

    async fn back_off(&self, failures: u32) {
        let grown = |first: u64| Duration::from_millis((first << failures.min(5)).min(6_000));
        let wait = match self.flaw {
            Flaw::Storm => Duration::ZERO,
            Flaw::SynchronizedBackOff => grown(200),
            Flaw::None
            | Flaw::Leak
            | Flaw::LeakOnHandshakeTimeout
            | Flaw::LeakOnCancellation
            | Flaw::RetryOnAddrNotAvail
            | Flaw::WrongClock
            | Flaw::DeadHandedOut
            | Flaw::NoGreetingTimeout => {
                // Full jitter, and never nothing at all.
                let bound = u64::try_from(grown(750).as_millis()).unwrap();
                Duration::from_millis(20 + self.net.random() % bound)
            }
        };
        self.net.sleep(wait).await;
    }

    #[expect(clippy::disallowed_types, reason = "this is the flaw")]
    fn give_back(&self, session: Session<SimTcpStream>) {
        let idle = Idle { session, since: self.net.now(), since_wall: std::time::Instant::now() };
        self.idle.lock().unwrap().push(idle);
    }

    /// Closes sessions that nobody has used for a while.
    fn reap(&self) {
        let (now, flaw) = (self.net.now(), self.flaw);
        let mut idle = self.idle.lock().unwrap();
        idle.retain(|idle| {
            if flaw == Flaw::WrongClock {
                return idle.since_wall.elapsed() < IDLE;
            }
            Duration::from_nanos(now.since(idle.since).nanos()) < IDLE
        });
    }
}

/// A server that answers what it is asked; `stops`: the first failure of accept() is its last.
pub(crate) async fn server(net: SimNet, stops: bool) -> io::Result<()> {
    let listener = net.listen("0.0.0.0:7000").await?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let own = net.clone();
                net.spawn_named("connection", async move { answer(own, stream).await });
            }
            Err(error) => {
                net.told(&error);
                if stops {
                    break;
                }
                // The connection stays in the queue until a descriptor is free.
                net.sleep(Duration::from_millis(50)).await;
            }
        }
    }
    loop {
        net.sleep(Duration::from_secs(3_600)).await;
    }
}

async fn answer(net: SimNet, mut stream: SimTcpStream) {
    use futures_io::{AsyncRead, AsyncWrite};
    use std::future::poll_fn;
    use std::pin::Pin;
    let mut buf = [0; 64];
    // Short, so that who is silent does not keep those in the queue waiting for long.
    let limit = Duration::from_secs(2);
    loop {
        let read = poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut buf));
        let Ok(Ok(n @ 1..)) = halfclose::app::task::Net::timeout(&net, limit, read).await else { return };
        if poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, &buf[..n])).await.is_err() {
            return;
        }
        net.count("served");
    }
}
