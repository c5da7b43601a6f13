//! The namespaces' first process, and what it needs.

use std::io;
use std::process::Command;

use halfclose::say;
use halfclose::text::Lang;
use rustix::mount::MountPropagationFlags;
use rustix::thread::UnshareFlags;

use crate::compare::{Text, text};
use crate::{LabError, stage, sys, worker};

halfclose::messages! {
    /// What is missing.
    enum Missing {
        Namespaces {
            en: "the lab needs network and pid namespaces, and the kernel refuses them ({0}). Run it as root, or allow unprivileged user namespaces: user.max_user_namespaces > 0, and where the distribution has it kernel.unprivileged_userns_clone = 1 or kernel.apparmor_restrict_unprivileged_userns = 0. In a container: --privileged, or --cap-add SYS_ADMIN --cap-add NET_ADMIN --cap-add NET_RAW without a seccomp filter on unshare",
            zh: "实验室需要网络命名空间和 pid 命名空间，内核拒绝了（{0}）。请以 root 运行，或允许非特权用户命名空间：user.max_user_namespaces > 0；若发行版有此设置，还需 kernel.unprivileged_userns_clone = 1 或 kernel.apparmor_restrict_unprivileged_userns = 0。在容器中：--privileged，或 --cap-add SYS_ADMIN --cap-add NET_ADMIN --cap-add NET_RAW，且 seccomp 不拦截 unshare"
        }
        Proc {
            en: "the lab needs /proc with /proc/sys/net writable in its own namespaces ({0})",
            zh: "实验室需要 /proc，并且在自己的命名空间里能写 /proc/sys/net（{0}）"
        }
    }
}

/// Marks the stage's complaint about namespaces among what it says.
const REFUSED: &str = "no namespaces: ";

/// Makes the namespaces and starts their init in them; ends when that ends.
///
/// # Errors
/// When the kernel refuses, in words that [`explain`] knows.
pub(crate) fn main() -> io::Result<()> {
    worker::die_with_parent()?;
    sys::close_others_on_exec();
    let refused = |error: io::Error| io::Error::other(format!("{REFUSED}{error}"));
    const ALL: UnshareFlags = UnshareFlags::NEWPID.union(UnshareFlags::NEWNET).union(UnshareFlags::NEWNS);
    let privileged = sys::unshare(ALL);
    if let Err(error) = privileged {
        if error.raw_os_error() != Some(libc::EPERM) {
            return Err(refused(error));
        }
        become_root().map_err(refused)?;
        sys::unshare(ALL).map_err(refused)?;
    }
    // What is mounted from here on is seen by no one else, and gone with the namespace.
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).map_err(|error| refused(error.into()))?;
    let status = Command::new(stage::program()?).args(stage::arguments(stage::CONDUCTOR)).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
}

/// A user namespace in which this user is root.
fn become_root() -> io::Result<()> {
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    sys::unshare(UnshareFlags::NEWUSER)?;
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("0 {gid} 1"))
}

/// What a failed experiment's last words mean.
pub(crate) fn explain(said: &str) -> LabError {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    if let Some(error) = lines().find_map(|line| line.split_once(REFUSED).map(|(_, error)| error)) {
        return LabError::Missing(text!(Missing::Namespaces, error));
    }
    if let Some(line) = lines().find(|line| line.contains("/proc") || line.contains("Read-only file system")) {
        return LabError::Missing(text!(Missing::Proc, line));
    }
    // The stage that failed first speaks first; the others only report that it did.
    LabError::Broken(lines().next().unwrap_or("the experiment broke off without a word").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do() {
        let LabError::Missing(text) = explain("root: no namespaces: Operation not permitted (os error 1)\n") else {
            panic!("a right is missing");
        };
        assert!(text.en.contains("Operation not permitted") && text.en.contains("Run it as root"));
        let LabError::Broken(text) = explain("conductor: no such thing\nroot: exit status: 1\n") else { panic!() };
        assert_eq!(text, "conductor: no such thing");
    }
}
