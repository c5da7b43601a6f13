//! A host's CPUs: each runs one piece of work after another, without
//! preemption, in the order asked for.
//!
//! A piece is one system call, one stretch of user code or one softirq run.
//! There is no scheduler: fairness, priorities and migration cost are not
//! modelled. On which of several idle CPUs a thread is woken is drawn. Time stolen by the hypervisor is a share of every piece.

use std::collections::VecDeque;

use crate::time::{Duration, Instant};
use crate::units::Ratio;

/// What a piece of work is charged to, as `sar -P ALL` tells them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CpuWork {
    /// User code.
    User,
    /// Kernel code on a process's behalf.
    System,
    /// Network receive processing. (`sar` without `-u ALL` adds it to `%system`.)
    Softirq,
}

/// A CPU's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CpuId(pub u16);

/// When and where a piece of work runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CpuGrant {
    /// The CPU.
    pub cpu: CpuId,
    /// When it begins.
    pub start: Instant,
    /// When it is done; the CPU is free again.
    pub end: Instant,
    /// The CPU ran another task before: a context switch.
    pub switched: bool,
}

/// Busy time of one CPU since the start, or between two samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CpuUsage {
    /// In user code.
    pub user: Duration,
    /// In kernel code on a process's behalf.
    pub system: Duration,
    /// In softirqs.
    pub softirq: Duration,
    /// Wanted but taken by the hypervisor.
    pub steal: Duration,
}

impl CpuUsage {
    /// All four together.
    #[must_use]
    pub fn busy(&self) -> Duration {
        self.user + self.system + self.softirq + self.steal
    }

    /// What was added since the sample `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            user: self.user - earlier.user,
            system: self.system - earlier.system,
            softirq: self.softirq - earlier.softirq,
            steal: self.steal - earlier.steal,
        }
    }

    fn charge(&mut self, work: CpuWork, busy: Duration, steal: Duration) {
        match work {
            CpuWork::User => self.user += busy,
            CpuWork::System => self.system += busy,
            CpuWork::Softirq => self.softirq += busy,
        }
        self.steal += steal;
    }
}

/// Why a host cannot have these CPUs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CpuError {
    /// None or more than 4096.
    #[error("a host has 1 to 4096 CPUs, not {0}")]
    Count(u32),
    /// All time stolen, or a denominator of 0.
    #[error("steal {}/{} leaves no CPU time; it must be below 1", .0.num, .0.den)]
    Steal(Ratio),
}

/// A piece booked, kept while it may lie ahead of a sample.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: Instant,
    end: Instant,
    busy: Duration,
    work: CpuWork,
}

#[derive(Clone, Debug)]
struct Cpu {
    last_task: u64,
    used: CpuUsage,
    /// The piece booked last: the CPU is free at its end. `used` counts it in full,
    /// and those before it.
    latest: Piece,
    /// The user code that led to it, up to its start: when it began, and how much.
    lead: (Instant, Duration),
    /// Pieces before both not known to be finished, in order.
    earlier: VecDeque<Piece>,
}

/// The CPUs of one host.
#[derive(Clone, Debug)]
pub struct CpuSet {
    cpus: Vec<Cpu>,
    steal: Ratio,
    /// Key of the draws, and how long a thread stays where one put it.
    migration: Option<(u64, u64)>,
    /// The draws of threads that ran lately.
    homes: [Home; HOMES],
}

/// Threads whose draw is remembered.
const HOMES: usize = 8;

/// Where a thread was put, and for how long. No thread has the number it begins with.
#[derive(Clone, Copy, Debug)]
struct Home {
    task: u64,
    since: Instant,
    until: Instant,
    cpu: CpuId,
}

impl Home {
    const NONE: Self = Self { task: u64::MAX, since: Instant::MAX, until: Instant::ZERO, cpu: CpuId(0) };

    /// The draw of the thread with this key for the time around `now`, one of `count` CPUs.
    fn drawn(key: u64, stay: u64, count: u64, now: Instant) -> Self {
        let own = mix(key);
        let shift = own % stay;
        let turn = (now.nanos() + shift) / stay;
        let begin = turn * stay;
        Self {
            task: 0,
            since: Instant::from_nanos(begin.saturating_sub(shift)),
            until: Instant::from_nanos(begin.saturating_add(stay).saturating_sub(shift)),
            cpu: CpuId(u16::try_from(mix(own ^ turn) % count).expect("at most 4096 CPUs")),
        }
    }
}

impl Cpu {
    /// When all booked work is done.
    const fn free_at(&self) -> Instant {
        self.latest.end
    }

    /// The user code that led to the latest piece.
    fn lead(&self) -> Option<Piece> {
        let (start, busy) = self.lead;
        let piece = Piece { start, end: self.latest.start, busy, work: CpuWork::User };
        (busy > Duration::ZERO).then_some(piece)
    }

    /// Another piece is about to be the latest: this one is kept as far as it may lie ahead.
    #[inline(never)]
    fn queue_latest(&mut self, now: Instant) {
        while self.earlier.front().is_some_and(|piece| piece.end <= now) {
            self.earlier.pop_front();
        }
        self.earlier.extend(self.lead());
        self.earlier.push_back(self.latest);
    }
}

impl CpuSet {
    /// `count` idle CPUs that lose the share `steal` of their busy time to the hypervisor.
    ///
    /// # Errors
    /// If there is no CPU, too many, or nothing left of them.
    pub fn new(count: u32, steal: Ratio) -> Result<Self, CpuError> {
        if !(1..=4096).contains(&count) {
            return Err(CpuError::Count(count));
        }
        if steal.num >= steal.den {
            return Err(CpuError::Steal(steal));
        }
        let none = Piece { start: Instant::ZERO, end: Instant::ZERO, busy: Duration::ZERO, work: CpuWork::System };
        let cpu = Cpu {
            last_task: u64::MAX,
            used: CpuUsage::default(),
            latest: none,
            lead: (Instant::ZERO, Duration::ZERO),
            earlier: VecDeque::new(),
        };
        Ok(Self { cpus: vec![cpu; count as usize], steal, migration: None, homes: [Home::NONE; HOMES] })
    }

    /// Lets a thread be woken elsewhere every `stay` on average: at moments and on
    /// CPUs drawn from `key`, if the CPU drawn is idle. Where several are idle all
    /// are as good, so no work begins or ends at another time for it.
    #[must_use]
    pub fn migrating(mut self, key: u64, stay: Duration) -> Self {
        self.migration = (stay > Duration::ZERO).then_some((key, stay.nanos()));
        self.homes = [Home::NONE; HOMES];
        self
    }

    /// Changes the share the hypervisor takes, of work booked from now on.
    ///
    /// # Errors
    /// If nothing were left.
    pub const fn set_steal(&mut self, steal: Ratio) -> Result<(), CpuError> {
        if steal.num >= steal.den {
            return Err(CpuError::Steal(steal));
        }
        self.steal = steal;
        Ok(())
    }

    /// Number of CPUs.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.cpus.len()).expect("at most 4096 CPUs")
    }

    /// Books `cost` of CPU time for `task` at `now` and, right before it on the
    /// same CPU, the `user` code that leads to it. The grant is the piece's.
    ///
    /// The CPU is where the task was last moved, or `last` (its previous one), if
    /// idle, else the lowest-numbered idle one, else the one free soonest, where the work
    /// waits behind what is booked. `task` is any number that tells tasks
    /// apart, below `u64::MAX`.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn reserve_after(
        &mut self,
        now: Instant,
        task: u64,
        last: Option<CpuId>,
        user: Duration,
        (work, cost): (CpuWork, Duration),
    ) -> CpuGrant {
        let id = self.place(now, task, last);
        let (user_wall, wall) = (self.stretched(user), self.stretched(cost));
        let cpu = &mut self.cpus[id.0 as usize];
        if cpu.free_at() > now {
            cpu.queue_latest(now);
        } else if !cpu.earlier.is_empty() {
            cpu.earlier.clear();
        }
        let begin = now.max(cpu.free_at());
        let start = begin + user_wall;
        let end = start + wall;
        cpu.lead = (begin, user);
        cpu.latest = Piece { start, end, busy: cost, work };
        cpu.used.user += user;
        cpu.used.charge(work, cost, (user_wall - user) + (wall - cost));
        let switched = cpu.last_task != task;
        cpu.last_task = task;
        CpuGrant { cpu: id, start, end, switched }
    }

    /// How long `cost` of CPU time lasts, steal included; rounded up.
    #[must_use]
    #[inline]
    pub fn stretched(&self, cost: Duration) -> Duration {
        if self.steal.num == 0 { cost } else { self.with_steal(cost) }
    }

    #[inline(never)]
    fn with_steal(&self, cost: Duration) -> Duration {
        let (num, den) = (u128::from(self.steal.num), u128::from(self.steal.den));
        let wall = (u128::from(cost.nanos()) * den).div_ceil(den - num);
        Duration::from_nanos(u64::try_from(wall).unwrap_or(u64::MAX))
    }

    /// When a CPU will have done all its booked work.
    ///
    /// # Panics
    /// If the host has no such CPU.
    #[must_use]
    pub fn free_at(&self, cpu: CpuId) -> Instant {
        self.cpus[cpu.0 as usize].free_at()
    }

    /// Busy time of a CPU up to `at`, which must not be before the latest
    /// `now` given to [`CpuSet::reserve_after`]. Sampling twice and
    /// [subtracting](CpuUsage::since) gives an interval.
    ///
    /// # Panics
    /// If the host has no such CPU.
    #[must_use]
    pub fn usage(&self, cpu: CpuId, at: Instant) -> CpuUsage {
        let cpu = &self.cpus[cpu.0 as usize];
        let mut ahead = CpuUsage::default();
        let booked = cpu.earlier.iter().copied().chain(cpu.lead()).chain([cpu.latest]);
        for piece in booked.filter(|piece| piece.end > at) {
            let (wall, left) = (piece.end.since(piece.start), piece.end.since(at.max(piece.start)));
            let busy = portion(piece.busy, left, wall);
            ahead.charge(piece.work, busy, left - busy);
        }
        cpu.used.since(&ahead)
    }

    /// Where the draws put a task for the time around `now`.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn home(&mut self, now: Instant, task: u64) -> Option<CpuId> {
        let (key, stay) = self.migration?;
        let count = self.cpus.len() as u64;
        let slot = usize::try_from((task ^ task >> 32) % HOMES as u64).unwrap_or(0);
        let home = &mut self.homes[slot];
        if home.task != task || now < home.since || now >= home.until {
            *home = Home::drawn(key ^ task, stay, count, now);
            home.task = task;
        }
        Some(home.cpu)
    }

    /// Where a task runs next.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn place(&mut self, now: Instant, task: u64, last: Option<CpuId>) -> CpuId {
        match self.home(now, task) {
            Some(home) if self.is_idle(home, now) => return home,
            Some(_) | None => {}
        }
        match last {
            Some(last) if self.is_idle(last, now) => last,
            Some(_) | None => self.any(now),
        }
    }

    #[inline]
    fn is_idle(&self, id: CpuId, now: Instant) -> bool {
        self.cpus.get(id.0 as usize).is_some_and(|cpu| cpu.free_at() <= now)
    }

    /// The first idle CPU, or the one free soonest.
    #[inline(never)]
    fn any(&self, now: Instant) -> CpuId {
        let mut soonest = 0;
        for (index, cpu) in self.cpus.iter().enumerate() {
            if cpu.free_at() <= now {
                soonest = index;
                break;
            }
            if cpu.free_at() < self.cpus[soonest].free_at() {
                soonest = index;
            }
        }
        CpuId(u16::try_from(soonest).expect("at most 4096 CPUs"))
    }
}

/// The finalizer of SplitMix64: every bit of the input changes half of the output.
const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// `whole · part / all`, rounded down.
fn portion(whole: Duration, part: Duration, all: Duration) -> Duration {
    if part == all {
        return whole;
    }
    let ns = u128::from(whole.nanos()) * u128::from(part.nanos()) / u128::from(all.nanos().max(1));
    Duration::from_nanos(u64::try_from(ns).expect("a part is not longer than the whole"))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl CpuSet {
        /// Books a piece of work that no user code leads to.
        fn reserve(&mut self, now: Instant, task: u64, last: Option<CpuId>, work: CpuWork, cost: Duration) -> CpuGrant {
            self.reserve_after(now, task, last, Duration::ZERO, (work, cost))
        }
    }

    fn at(us: u64) -> Instant {
        Instant::ZERO + Duration::from_micros(us)
    }
    fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }
    fn cpus(count: u32) -> CpuSet {
        CpuSet::new(count, Ratio::ZERO).unwrap()
    }

    #[test]
    fn last_then_lowest_idle_then_soonest_free() {
        let mut set = cpus(3);
        let mut book = |now, last, cost| {
            let grant = set.reserve(at(now), 1, last, CpuWork::System, us(cost));
            (grant.cpu.0, grant.start, grant.end)
        };
        assert_eq!(book(0, Some(CpuId(2)), 50), (2, at(0), at(50)));
        assert_eq!(book(0, Some(CpuId(2)), 10), (0, at(0), at(10)));
        assert_eq!(book(0, None, 10), (1, at(0), at(10)));
        assert_eq!(book(5, Some(CpuId(2)), 7), (0, at(10), at(17)), "0 and 1 tie: the lower");
        assert_eq!(book(5, None, 7), (1, at(10), at(17)));
        assert_eq!(book(17, Some(CpuId(1)), 1), (1, at(17), at(18)), "free at the very instant is idle");
        assert_eq!(book(17, Some(CpuId(9)), 1), (0, at(17), at(18)), "no such CPU: as without a last one");
    }

    /// Any idle CPU is as good as another: work begins and ends at the same times.
    #[test]
    fn moving_a_task_moves_no_work_in_time() {
        let (mut still, mut moving) = (cpus(4), cpus(4).migrating(7, us(1_000)));
        let mut last = [None; 6];
        for n in 0..6_000_u32 {
            let (slot, n) = (n as usize % 6, u64::from(n));
            let (task, cost) = (n % 6, us(40 + n * 7 % 90));
            let a = still.reserve(at(n * 13), task, last[slot], CpuWork::System, cost);
            let b = moving.reserve(at(n * 13), task, None, CpuWork::System, cost);
            assert_eq!((a.start, a.end), (b.start, b.end), "piece {n}");
            last[slot] = Some(a.cpu);
        }
        let lone =
            (0..400).map(|n| cpus(4).migrating(7, us(1_000)).reserve(at(n * 100), 1, None, CpuWork::User, us(1)));
        let places: Vec<u16> = lone.map(|grant| grant.cpu.0).collect();
        let moves = places.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!((20..40).contains(&moves), "40 ms, a draw each ms, three of four elsewhere: {moves}");
    }

    #[test]
    fn one_cpu_serves_in_order() {
        let mut set = cpus(1);
        let ends: Vec<_> = (0..5).map(|task| set.reserve(at(0), task, None, CpuWork::User, us(10)).end).collect();
        assert_eq!(ends, [at(10), at(20), at(30), at(40), at(50)]);
        assert_eq!(set.free_at(CpuId(0)), at(50));
    }

    #[test]
    fn switches_are_seen() {
        let mut set = cpus(1);
        let mut switched = |task| set.reserve(at(0), task, None, CpuWork::User, us(1)).switched;
        assert_eq!([switched(7), switched(7), switched(8), switched(7)], [true, false, true, true]);
    }

    #[test]
    fn user_code_runs_before_its_call_on_the_same_cpu() {
        let mut set = cpus(2);
        set.reserve(at(0), 9, None, CpuWork::System, us(100));
        let grant = set.reserve_after(at(10), 1, None, us(3), (CpuWork::System, us(7)));
        assert_eq!((grant.cpu.0, grant.start, grant.end, grant.switched), (1, at(13), at(20), true));
        let half = set.usage(CpuId(1), at(15));
        assert_eq!((half.user, half.system), (us(3), us(2)));
        let without = set.reserve_after(at(20), 1, Some(CpuId(1)), Duration::ZERO, (CpuWork::System, us(7)));
        assert_eq!((without.start, without.end, without.switched), (at(20), at(27), false));
    }

    #[test]
    fn a_sample_in_the_middle_counts_what_is_done_by_then() {
        let mut set = cpus(2);
        set.reserve(at(0), 1, None, CpuWork::User, us(10));
        set.reserve(at(10), 1, Some(CpuId(0)), CpuWork::System, us(20));
        set.reserve(at(10), 2, Some(CpuId(1)), CpuWork::Softirq, us(5));
        // Queued behind on CPU 1, though booked at 12.
        set.reserve(at(12), 3, Some(CpuId(0)), CpuWork::System, us(5));
        let usage = |cpu, t| set.usage(CpuId(cpu), at(t));
        assert_eq!((usage(0, 20).user, usage(0, 20).system), (us(10), us(10)));
        assert_eq!((usage(1, 12).softirq, usage(1, 12).system), (us(2), Duration::ZERO));
        assert_eq!((usage(1, 18).softirq, usage(1, 18).system), (us(5), us(3)));
        assert_eq!(usage(0, 1000).busy(), us(30));
        let second_half = usage(0, 30).since(&usage(0, 20));
        assert_eq!((second_half.user, second_half.system), (Duration::ZERO, us(10)));
    }

    /// The write-up's cleanest second: 78.2 % system, 13.9 % steal, that is
    /// 15.1 % of the busy time.
    #[test]
    fn steal_stretches_work() {
        let mut set = CpuSet::new(4, Ratio { num: 151, den: 1000 }).unwrap();
        let grant = set.reserve(at(0), 1, None, CpuWork::System, us(849));
        assert_eq!(grant.end, at(1000));
        let usage = set.usage(CpuId(0), at(1000));
        assert_eq!((usage.system, usage.steal), (us(849), us(151)));
        let half = set.usage(CpuId(0), at(500));
        assert_eq!(half.busy(), us(500));
    }

    #[test]
    fn long_queues_keep_few_pieces_and_lose_no_time() {
        let mut set = cpus(1);
        for n in 0..10_000_u64 {
            set.reserve(at(n * 10), 1, None, CpuWork::User, us(10));
            set.reserve(at(n * 10), 2, None, CpuWork::System, us(1));
        }
        // 11 us asked for every 10 us: the queue grows by 1 us a round.
        assert_eq!(set.free_at(CpuId(0)), at(110_000));
        assert!(set.cpus[0].earlier.len() < 4_000, "{}", set.cpus[0].earlier.len());
        assert_eq!(set.usage(CpuId(0), at(100_000)).busy(), us(100_000));
        assert_eq!(set.usage(CpuId(0), at(110_000)).system, us(10_000));
    }

    #[test]
    fn impossible_hosts_are_refused() {
        assert_eq!(CpuSet::new(0, Ratio::ZERO).err(), Some(CpuError::Count(0)));
        assert_eq!(CpuSet::new(5000, Ratio::ZERO).err(), Some(CpuError::Count(5000)));
        assert!(matches!(CpuSet::new(1, Ratio::ONE), Err(CpuError::Steal(_))));
    }
}
