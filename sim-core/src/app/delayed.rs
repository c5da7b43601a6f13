//! A program that starts some time after its process.

use super::api::{App, AppContext, AppStatus, Call, Control, ControlError, Resume};
use crate::time::{Duration, Instant};
use crate::units::TaskId;

/// Runs another program after a pause: servers have to listen before clients
/// of the same start time connect.
pub struct Delayed {
    delay: Duration,
    app: Box<dyn App>,
    begun: bool,
}

impl Delayed {
    /// `app`, `delay` after the process begins.
    #[must_use]
    pub fn new(delay: Duration, app: Box<dyn App>) -> Self {
        Self { delay, app, begun: false }
    }
}

impl App for Delayed {
    fn resume(&mut self, task: TaskId, resume: Resume, cx: &mut AppContext<'_>) -> Call {
        if self.begun {
            return self.app.resume(task, resume, cx);
        }
        if matches!(resume, Resume::Started(_)) && self.delay > Duration::ZERO {
            return Call::Nanosleep { duration: self.delay };
        }
        self.begun = true;
        self.app.resume(task, Resume::Started(0), cx)
    }

    fn fork(&self) -> Option<Box<dyn App>> {
        let app = self.app.fork()?;
        Some(Box::new(Self { delay: self.delay, app, begun: self.begun }))
    }

    fn control(&mut self, control: &Control, cx: &mut AppContext<'_>) -> Result<(), ControlError> {
        self.app.control(control, cx)
    }

    fn status(&self, now: Instant) -> AppStatus {
        self.app.status(now)
    }

    fn metric(&self, name: &str) -> Option<u64> {
        self.app.metric(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::script::{Expect, ScriptApp, ScriptOp};
    use crate::app::testkit::FakeKernel;

    #[test]
    fn nothing_happens_before_the_delay_is_over() {
        let socket = ScriptOp::Socket { fd: "s".into(), udp: false, nonblock: false, expect: Expect::Ok };
        let script = ScriptApp::new(&[socket]).unwrap();
        let mut kernel = FakeKernel::new();
        let mut app = Delayed::new(Duration::from_millis(5), Box::new(script));
        kernel.run(&mut app, 4_999_999);
        assert_eq!(app.metric("socket.ok"), Some(0));
        let mut copy = app.fork().unwrap();
        kernel.run(copy.as_mut(), 5_000_000);
        assert_eq!((app.metric("socket.ok"), copy.metric("socket.ok")), (Some(0), Some(1)));
    }
}
