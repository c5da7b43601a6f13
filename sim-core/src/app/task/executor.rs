//! Tasks: polled one at a time, in the order in which they were woken.

use core::cell::RefCell;
use core::future::Future;
use core::panic::Location;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Wake;

use super::reactor::{Shared, TaskInfo};

pub(super) type LocalFuture = Pin<Box<dyn Future<Output = ()>>>;
type SendFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who is to be polled, and in what order.
#[derive(Debug, Default)]
pub(super) struct Ready {
    inner: Mutex<ReadyList>,
}

#[derive(Debug, Default)]
struct ReadyList {
    queue: VecDeque<usize>,
    /// Whoever is woken now goes on before all others: its system call returned.
    first: bool,
    /// tokio's main future, where there is one.
    main: Option<Waker>,
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, ReadyList> {
        unpoisoned(&self.inner)
    }

    fn push(&self, task: usize) {
        let mut list = self.lock();
        if list.first {
            list.queue.push_front(task);
        } else {
            list.queue.push_back(task);
        }
        let main = list.main.clone();
        drop(list);
        if let Some(main) = main {
            main.wake();
        }
    }

    fn pop(&self) -> Option<usize> {
        self.lock().queue.pop_front()
    }

    pub(super) fn set_first(&self, on: bool) {
        self.lock().first = on;
    }

    #[cfg(feature = "tokio")]
    pub(super) fn set_main(&self, waker: Option<Waker>) {
        let old = core::mem::replace(&mut self.lock().main, waker);
        drop(old);
    }
}

/// A task that panicked ends the test; what it locked is whole all the same.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

struct TaskWaker {
    task: usize,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.ready.push(self.task);
        }
    }
}

struct Task {
    future: Option<LocalFuture>,
    info: Arc<TaskInfo>,
    waker: Arc<TaskWaker>,
    abort: Arc<Abort>,
}

/// A task that was spawned and has not been taken up.
struct NewTask {
    future: SendFuture,
    info: TaskInfo,
    abort: Arc<Abort>,
}

/// Where tasks are spawned.
#[derive(Clone)]
pub(super) struct Spawner {
    inbox: Arc<Mutex<Vec<NewTask>>>,
}

impl core::fmt::Debug for Spawner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Spawner")
    }
}

/// The result of a task, as a future; dropping it lets the task run on.
#[derive(Debug)]
pub struct JoinHandle<T> {
    slot: Arc<Mutex<Slot<T>>>,
    abort: Arc<Abort>,
}

/// How a task is told to end.
#[derive(Debug, Default)]
struct Abort {
    wanted: AtomicBool,
    /// Of the task, once it was taken up.
    waker: Mutex<Option<Waker>>,
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

impl<T> JoinHandle<T> {
    /// Drops the task's future before it is polled again: what it held is closed.
    pub fn abort(&self) {
        self.abort.wanted.store(true, Ordering::Relaxed);
        let waker = unpoisoned(&self.abort.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// True once the task has ended with a result.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        unpoisoned(&self.slot).value.is_some()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut slot = unpoisoned(&self.slot);
        if let Some(value) = slot.value.take() {
            return Poll::Ready(value);
        }
        let old = slot.waker.replace(cx.waker().clone());
        drop(slot);
        drop(old);
        Poll::Pending
    }
}

impl Spawner {
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        name: String,
        at: &'static Location<'static>,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let slot = Arc::new(Mutex::new(Slot { value: None, waker: None }));
        let out = Arc::clone(&slot);
        let future: SendFuture = Box::pin(async move {
            // What the task held is dropped before anybody hears of its end.
            let value = task.await;
            let mut slot = unpoisoned(&out);
            slot.value = Some(value);
            let waker = slot.waker.take();
            drop(slot);
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        let abort = Arc::new(Abort::default());
        let info = TaskInfo { name, spawned: at };
        let new = NewTask { future, info, abort: Arc::clone(&abort) };
        let mut inbox = unpoisoned(&self.inbox);
        inbox.push(new);
        drop(inbox);
        JoinHandle { slot, abort }
    }
}

thread_local! {
    /// Tasks spawned with [`spawn_local`] by the task being polled on this thread.
    static LOCAL: RefCell<Option<Vec<(LocalFuture, TaskInfo)>>> = const { RefCell::new(None) };
}

/// Runs a task that is not `Send`, from inside a task.
///
/// # Panics
/// Outside a task of a simulated program.
#[track_caller]
pub fn spawn_local(task: impl Future<Output = ()> + 'static) {
    let at = Location::caller();
    LOCAL.with_borrow_mut(|local| {
        let list = local.as_mut().expect("spawn_local is called by a task of a simulated program");
        list.push((Box::pin(task), TaskInfo { name: format!("{}:{}", at.file(), at.line()), spawned: at }));
    });
}

/// All tasks of a program.
pub(super) struct Executor {
    tasks: Vec<Option<Task>>,
    free: Vec<usize>,
    spawner: Spawner,
    pub(super) ready: Arc<Ready>,
    shared: Shared,
    /// The first task has ended.
    pub(super) main_ended: bool,
    /// The first task polled since this was taken.
    pub(super) first: Option<Arc<TaskInfo>>,
}

impl Executor {
    pub(super) fn new(shared: Shared) -> Self {
        let ready = Arc::new(Ready::default());
        let spawner = Spawner { inbox: Arc::default() };
        Self { tasks: Vec::new(), free: Vec::new(), spawner, ready, shared, main_ended: false, first: None }
    }

    pub(super) fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }

    pub(super) fn start(&mut self, future: LocalFuture, info: Arc<TaskInfo>) {
        self.add(future, info, Arc::default());
    }

    fn add(&mut self, future: LocalFuture, info: Arc<TaskInfo>, abort: Arc<Abort>) {
        let number = self.free.pop().unwrap_or_else(|| {
            self.tasks.push(None);
            self.tasks.len() - 1
        });
        let waker =
            Arc::new(TaskWaker { task: number, queued: AtomicBool::new(false), ready: Arc::clone(&self.ready) });
        waker.wake_by_ref();
        *unpoisoned(&abort.waker) = Some(Waker::from(Arc::clone(&waker)));
        self.tasks[number] = Some(Task { future: Some(future), info, waker, abort });
    }

    /// Polls the next task; false when none is to be polled.
    pub(super) fn poll_one(&mut self) -> bool {
        self.take_up();
        let Some(number) = self.ready.pop() else { return false };
        let Some(task) = self.tasks.get_mut(number).and_then(Option::as_mut) else { return true };
        task.waker.queued.store(false, Ordering::Relaxed);
        let Some(mut future) = task.future.take() else { return true };
        let waker = Waker::from(Arc::clone(&task.waker));
        let info = Arc::clone(&task.info);
        self.first.get_or_insert_with(|| Arc::clone(&info));
        let before = core::mem::replace(&mut self.shared.lock().running, info);
        let ended = task.abort.wanted.load(Ordering::Relaxed) || {
            LOCAL.with_borrow_mut(|local| *local = Some(Vec::new()));
            let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
            let local = LOCAL.with_borrow_mut(Option::take).unwrap_or_default();
            for (future, info) in local {
                self.add(future, Arc::new(info), Arc::default());
            }
            poll.is_ready()
        };
        if ended {
            // Dropped while it is still the running task: what it closes is its own doing.
            drop(future);
            self.main_ended |= number == 0;
            let gone = self.tasks[number].take();
            drop(gone);
            self.free.push(number);
        } else if let Some(task) = self.tasks[number].as_mut() {
            task.future = Some(future);
        }
        let running = core::mem::replace(&mut self.shared.lock().running, before);
        drop(running);
        self.take_up();
        true
    }

    fn take_up(&mut self) {
        let mut inbox = unpoisoned(&self.spawner.inbox);
        let new = core::mem::take(&mut *inbox);
        drop(inbox);
        for NewTask { future, info, abort } in new {
            self.add(future, Arc::new(info), abort);
        }
    }
}
