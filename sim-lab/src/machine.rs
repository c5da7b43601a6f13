//! The machine the lab runs on, and what of it the model must know.

use std::io;

use halfclose::scenario::Scenario;
use rustix::process::Resource;
use serde::Serialize;

use crate::procfs;

/// What a machine is to an experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Kernel version, as `uname -r` begins.
    pub kernel: String,
    /// `CONFIG_HZ`.
    pub hz: u32,
    /// CPUs.
    pub cpus: usize,
    /// RAM in bytes.
    pub ram_bytes: u64,
    /// Hard RLIMIT_NOFILE; `None` for no limit.
    pub nofile: Option<u64>,
}

impl Machine {
    /// This one.
    ///
    /// # Errors
    /// Without /proc.
    pub fn this() -> io::Result<Self> {
        Ok(Self {
            kernel: procfs::kernel_version()?,
            hz: tick_rate(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            ram_bytes: procfs::ram_bytes()?,
            nofile: rustix::process::getrlimit(Resource::Nofile).maximum,
        })
    }

    /// The changes to a scenario that make its hosts this machine.
    pub(crate) fn overrides(&self, scenario: &Scenario) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for host in &scenario.hosts {
            let mut set = |key: &str, value: String| all.push((format!("host.{}.{key}", host.name), value));
            set("kernel", format!("{:?}", self.kernel));
            set("hz", self.hz.to_string());
            set("cpus", self.cpus.to_string());
            set("ram", format!("\"{}MiB\"", self.ram_bytes >> 20));
            // The prices measured on the kernel nearest to this one.
            let recent = self.kernel.split('.').next().and_then(|major| major.parse::<u32>().ok()) >= Some(6);
            let profile = if recent { "kernel-truth-6.18" } else { host.cost_profile.as_str() };
            set("cost_profile", format!("{profile:?}"));
        }
        all
    }
}

/// `CONFIG_HZ`, from the coarse clock, which moves once a tick.
fn tick_rate() -> u32 {
    let resolution = rustix::time::clock_getres(rustix::time::ClockId::MonotonicCoarse);
    let nanos = u64::try_from(resolution.tv_nsec).unwrap_or(0).max(1);
    u32::try_from(1_000_000_000 / nanos).unwrap_or(250)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_kernel_the_model_knows() {
        let machine = Machine::this().unwrap();
        assert!([100, 250, 300, 1000].contains(&machine.hz), "{machine:?}");
        assert!(machine.kernel.split('.').count() >= 2 && machine.ram_bytes > 1 << 26);
    }
}
