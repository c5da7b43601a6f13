//! Prompts that are pasted with a command.

/// The line without a prompt that was pasted with it: `[root@reg fd]# `, `~]$ `,
/// `MySQL [(none)]> `, `$ `, `mysql> `.
pub(super) fn without_prompt(line: &str) -> &str {
    let line = line.trim_start();
    for mark in ["> ", "]# ", "]$ ", ":~# ", ":~$ ", ":/# "] {
        if let Some((before, rest)) = line.split_once(mark) {
            let prompt = match mark {
                "> " => {
                    let name = before.split([' ', '[']).next().unwrap_or("").to_ascii_lowercase();
                    matches!(name.as_str(), "mysql" | "mariadb")
                        && before.len() < 40
                        && (before.len() == name.len() || before.ends_with(']'))
                }
                _shell => before.len() < 60 && !before.contains(['|', ';', '"', '\'', '=']),
            };
            if prompt {
                return rest.trim_start();
            }
        }
    }
    match line.strip_prefix("$ ").or_else(|| line.strip_prefix("# ").filter(|rest| is_tool(rest))) {
        Some(rest) => rest.trim_start(),
        None => line,
    }
}

/// A line after `# ` that is a command and no comment.
fn is_tool(line: &str) -> bool {
    const TOOLS: [&str; 9] = ["ss", "netstat", "cat", "sysctl", "ulimit", "ls", "mysql", "nstat", "ps"];
    TOOLS.contains(&line.split_whitespace().next().unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_prompts() {
        for (line, bare) in [
            ("~]$ ss -s", "ss -s"),
            ("[root@reg fd]# netstat -anop | grep 3306", "netstat -anop | grep 3306"),
            ("MySQL [(none)]> show processlist;", "show processlist;"),
            ("mysql> kill 11;", "kill 11;"),
            ("22109]# ulimit -a", "ulimit -a"),
            ("fd]# ll | grep socket | wc -l", "ll | grep socket | wc -l"),
            ("mnt]$ sysctl -a | grep file-max", "sysctl -a | grep file-max"),
            ("$ ss -s", "ss -s"),
            ("until \"client.tcp.close_wait > 100\"", "until \"client.tcp.close_wait > 100\""),
            ("# ss -s", "ss -s"),
            ("# a comment", "# a comment"),
        ] {
            assert_eq!(without_prompt(line), bare, "{line}");
        }
    }
}
