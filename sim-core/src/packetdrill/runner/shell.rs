//! What shell commands mean to the simulated host.

use super::{Runner, Step, fail, problem};
use crate::kernel::sysctl::SysctlError;
use crate::packetdrill::ast::Command;
use crate::packetdrill::problem::ProblemKind;
use crate::packetdrill::shell::{Counted, ShellOp, interpret};
use crate::tcp::TcpState;

/// What the suites' `defaults.sh` sets, as far as the model has it.
pub(in crate::packetdrill) const DEFAULTS: &[(&str, &str)] = &[
    ("net.ipv4.tcp_timestamps", "1"),
    ("net.ipv4.tcp_sack", "1"),
    ("net.ipv4.tcp_window_scaling", "1"),
    ("net.ipv4.tcp_rmem", "4096 540000 15728640"),
    ("net.ipv4.tcp_wmem", "4096 262144 4194304"),
    ("net.ipv4.tcp_syn_retries", "5"),
    ("net.ipv4.tcp_synack_retries", "5"),
    ("net.ipv4.tcp_syncookies", "1"),
];

impl Runner<'_> {
    /// Carries a command out.
    pub(super) fn shell(&mut self, command: &Command) -> Step {
        for op in interpret(&command.text) {
            self.op(command, op)?;
        }
        Ok(())
    }

    fn op(&mut self, command: &Command, op: ShellOp) -> Step {
        match op {
            ShellOp::Nothing => Ok(()),
            ShellOp::Defaults => {
                for (name, value) in DEFAULTS {
                    self.bench.kernel.sysctl_write(name, value).expect("every kernel of the model has these");
                }
                Ok(())
            }
            ShellOp::Set(name, value) => self.set(command, &name, &value),
            ShellOp::Count(counted, number) => self.count(command, counted, number),
            ShellOp::DropTimeWait => {
                // FreeBSD's tcpdrop; where its scripts are judged on Linux it is left out.
                if !self.settings.lifecycle {
                    self.bench.drop_time_wait();
                }
                Ok(())
            }
            ShellOp::BlackHole => {
                self.bench.black_hole = true;
                Ok(())
            }
            ShellOp::Unknown(reason) => problem(command.line, ProblemKind::Unsupported, reason),
        }
    }

    fn set(&mut self, command: &Command, name: &str, value: &str) -> Step {
        let Err(error) = self.bench.kernel.sysctl_write(name, value) else { return Ok(()) };
        // A name that no Linux of the model has: the script is for another one.
        let absent = matches!(error, SysctlError::Unknown { .. } | SysctlError::NotInKernel { .. });
        if absent && self.settings.lifecycle {
            return Ok(());
        }
        fail(command.line, format!("{name}={value}"), error.to_string())
    }

    fn count(&mut self, command: &Command, counted: Counted, number: Option<u32>) -> Step {
        let rows = self.bench.kernel.socket_rows();
        let matches = |state: TcpState| match counted {
            Counted::State(wanted) => state == wanted,
            Counted::Connected => !matches!(state, TcpState::Listen | TcpState::TimeWait | TcpState::Closed),
        };
        let mut count = rows.iter().filter(|row| !row.udp && matches(row.state)).count();
        if counted == Counted::State(TcpState::Closed) {
            count = usize::try_from(self.bench.kernel.tcp_unhashed()).unwrap_or(usize::MAX);
        }
        let holds = number.map_or(count > 0, |number| usize::try_from(number) == Ok(count));
        if holds {
            return Ok(());
        }
        let states: Vec<&str> = rows.iter().map(|row| row.state.rfc_name()).collect();
        let actual =
            if states.is_empty() { "no sockets".to_owned() } else { format!("sockets in {}", states.join(", ")) };
        fail(command.line, format!("`{}` succeeds", command.text.trim()), actual)
    }
}
