use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::scenario::preset;
use crate::time::Instant;
use crate::trace::NoObserver;

struct Rig {
    run: Run,
    shell: Shell,
}

impl Rig {
    fn new(name: &str) -> Self {
        let run = Run::new(preset::find(name).unwrap().scenario(), 1).unwrap();
        let shell = Shell::new(&run, Lang::En);
        Self { run, shell }
    }

    fn answer(&mut self, line: &str) -> Answer {
        self.shell.execute(&mut self.run, line, &mut BuiltIn::new(Lang::En), &mut NoObserver)
    }

    /// Its output; fails the test if it complains.
    fn out(&mut self, line: &str) -> String {
        let answer = self.answer(line);
        assert!(answer.err.is_empty(), "{line}: {}", answer.err);
        answer.out
    }

    fn err(&mut self, line: &str) -> (u8, String) {
        let answer = self.answer(line);
        assert!(answer.status != 0, "{line} succeeded: {}", answer.out);
        (answer.status, answer.err)
    }
}

#[test]
fn sockets_in_the_layouts_of_the_real_tools() {
    let mut rig = Rig::new("tiny");
    rig.out("advance 6s");
    assert_eq!(
        rig.out("ss -tn state close-wait | head -n 1"),
        "Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess\n"
    );
    assert_eq!(rig.out("ss -tlnH"), "LISTEN 0      3      *:33060 *:*\nLISTEN 0      3      *:3306  *:*\n");
    assert_eq!(
        rig.out("netstat -tln | head -n 2 | tail -n 1"),
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State      \n"
    );
    assert_eq!(rig.out("netstat -an | grep -c CLOSE_WAIT"), rig.out("ss -tan | grep -c CLOSE-WAIT"));
    assert_eq!(
        rig.out("ss -tan '( dport = :3306 )' | tail -n +2 | wc -l"),
        rig.out("ss -tan dport :mysql | tail -n +2 | wc -l")
    );
    assert_eq!(rig.err("ss -tan state bogus"), (255, "ss: wrong state name: bogus\n".to_owned()));
    assert_eq!(rig.out("ss -tanp state close-wait | awk '{print $NF}' | tail -n 1 | grep -c sysbench"), "1\n");
    assert!(rig.out("ss -t").contains("127.0.0.1:mysql"));
}

#[test]
fn files_limits_and_processes() {
    let mut rig = Rig::new("tiny");
    rig.out("advance 6s");
    assert_eq!(rig.out("cat /proc/sys/net/ipv4/ip_local_port_range"), "40000\t40015\n");
    assert_eq!(rig.out("grep 'open files' /proc/`pgrep sysbench`/limits | awk '{print $4, $5}'"), "12 4096\n");
    assert_eq!(rig.out("cat /proc/$(pidof sysbench)/limits | grep -c open"), "1\n");
    assert_eq!(rig.out("ls -l /proc/$(pgrep sysbench)/fd | grep socket | wc -l"), "9\n");
    rig.out("cd /proc/$(pgrep sysbench)/fd");
    assert_eq!(rig.out("ll | grep socket | wc -l; pwd | cut -d/ -f4"), "9\nfd\n");
    assert_eq!(rig.shell.prompt(&rig.run), "[root@host fd]# ");
    assert_eq!(rig.out("cat ../limits | grep -c 'Max open files            12 '"), "1\n");
    assert_eq!(rig.out("ulimit -Sn && ulimit -Hn"), "65535\n65535\n");
    rig.out("ulimit -Sn 1024");
    assert_eq!(rig.out("cat /proc/self/limits | grep open | awk '{print $4\":\"$5}'"), "1024:65535\n");
    assert_eq!(
        rig.err("ulimit -n 99999999"),
        (1, "bash: ulimit: open files: cannot modify limit: Operation not permitted\n".into())
    );
    let listing =
        "RESOURCE DESCRIPTION              SOFT HARD UNITS\nNOFILE   max number of open files   12 4096 files\n";
    assert_eq!(rig.out("prlimit --nofile --pid $(pgrep sysbench)"), listing);
    rig.out("prlimit --pid $(pgrep sysbench) --nofile=64:4096");
    assert_eq!(rig.out("prlimit --pid $(pgrep sysbench) | awk '/NOFILE/ {print $(NF-2), $(NF-1)}'"), "64 4096\n");
    // What it changed is the world's: the client goes on to use more descriptors.
    rig.out("advance 2s");
    assert!(rig.out("ls /proc/$(pgrep sysbench)/fd | wc -l").trim().parse::<u32>().unwrap() > 12);
    assert_eq!(rig.err("cat /nosuch"), (1, "cat: /nosuch: No such file or directory\n".into()));
    assert_eq!(rig.err("ls /proc/999999"), (2, "ls: cannot access '/proc/999999': No such file or directory\n".into()));
    let (status, said) = rig.err("cat /proc/loadavg");
    assert!(status == 1 && said.contains("not modelled"), "{said}");
}

#[test]
fn sysctls_are_written_with_the_kernels_checks() {
    let mut rig = Rig::new("tiny");
    assert_eq!(rig.out("sysctl net.ipv4.ip_local_port_range"), "net.ipv4.ip_local_port_range = 40000\t40015\n");
    assert_eq!(
        rig.out("sysctl -w net.ipv4.ip_local_port_range='1024 60999'"),
        "net.ipv4.ip_local_port_range = 1024 60999\n"
    );
    assert_eq!(rig.out("sysctl -n net/ipv4/ip_local_port_range"), "1024\t60999\n");
    assert_eq!(rig.out("sysctl -n fs.file-nr"), rig.out("cat /proc/sys/fs/file-nr"));
    assert_eq!(rig.out("sysctl -a | grep file-max"), rig.out("sysctl fs.file-max"));
    let (status, said) = rig.err("sysctl -w net.ipv4.tcp_tw_reuse=9");
    assert_eq!(
        (status, said.lines().next()),
        (255, Some("sysctl: setting key \"net.ipv4.tcp_tw_reuse\": Invalid argument"))
    );
    let (status, said) = rig.err("sysctl net.ipv4.tcp_tw_reus");
    let first = "sysctl: cannot stat /proc/sys/net/ipv4/tcp_tw_reus: No such file or directory";
    assert_eq!((status, said.lines().next()), (255, Some(first)));
    assert!(said.contains("did you mean `net.ipv4.tcp_tw_reuse`"), "{said}");
}

#[test]
fn statements_directly_and_through_the_client() {
    let mut rig = Rig::new("incident");
    rig.out("advance kill-1s");
    let list = rig.out("show processlist;");
    assert!(list.starts_with("+----+-----------------+") && list.contains("| Query   |    0 | init"), "{list}");
    assert!(list.contains("\n3 rows in set, 1 warning ("), "{list}");
    assert_eq!(rig.out("mysql -h127.1 --ssl-mode=DISABLED -utest -p123 -e \"create database test\""), "");
    let table = "| max_connections        | 151   |\n";
    assert!(rig.out("show variables like '%max_connections%';").contains(table));
    assert_eq!(rig.out("mysql -e \"show variables like 'max_connections'\" | tail -n 1"), "max_connections\t151\n");
    assert!(rig.out("set global max_connections=65535;").starts_with("Query OK, 0 rows affected ("));
    assert_eq!(rig.out("mysql -N -e 'select @@max_connections'"), "65535\n");
    assert!(rig.out("show global status like 'Threads_connected'\\G").contains("Variable_name: Threads_connected\n"));
    let (status, said) = rig.err("kill 4711;");
    assert_eq!((status, said.as_str()), (1, "ERROR 1094 (HY000): Unknown thread id: 4711\n"));
    assert_eq!(rig.err("set global max_connection = 3").1.split(':').next(), Some("ERROR 1193 (HY000)"));
    assert!(rig.out("kill 11;").starts_with("Query OK, 0 rows affected ("));
    assert!(rig.run.mark(crate::scenario::MarkRef::Kill).is_some(), "the mark is reached by hand as by the timeline");
    rig.out("advance 3s");
    assert!(rig.out("show processlist | grep -c 'unauthenticated user'").trim().parse::<u32>().unwrap() > 151);
}

#[test]
fn the_storm_keeps_a_new_client_out_but_not_an_old_one() {
    let mut rig = Rig::new("incident");
    rig.out("advance kill+3s");
    let (status, said) = rig.err("mysql -e 'show processlist'");
    assert_eq!((status, said.as_str()), (1, "ERROR 1040 (HY000): Too many connections\n"));
    assert_eq!(rig.out("show processlist | wc -l"), "159\n");
    // The scenario's own session is one of the places; 151 + 1 sessions, the event scheduler, the box.
    assert_eq!(rig.out("show processlist | grep -c unauthenticated"), "151\n");
}

#[test]
fn the_prompt_of_the_client() {
    let mut rig = Rig::new("incident");
    assert!(rig.err("mysql -uroot").1.contains("no MySQL server runs"), "it has not started yet");
    rig.out("advance 2s");
    rig.out("mysql -uroot");
    assert_eq!(rig.shell.prompt(&rig.run), "MySQL [(none)]> ");
    assert_eq!(rig.out("show variables like"), "");
    assert_eq!(rig.shell.prompt(&rig.run), "    -> ");
    assert!(rig.out("'connect_timeout';").contains("| connect_timeout | 10    |"));
    rig.out("use test");
    assert_eq!(rig.shell.prompt(&rig.run), "MySQL [test]> ");
    assert_eq!(rig.out("exit"), "Bye\n");
    assert_eq!(rig.shell.prompt(&rig.run), "[root@host ~]# ");
}

#[test]
fn signals_end_what_they_end() {
    let mut rig = Rig::new("tiny");
    rig.out("advance 6s");
    let leaked = rig.out("ss -tan state close-wait | tail -n +2 | wc -l");
    assert!(leaked.trim().parse::<u32>().unwrap() > 0);
    rig.out("kill -9 $(pgrep sysbench)");
    assert_eq!(rig.out("ss -tanH state close-wait"), "");
    assert_eq!(rig.err("pidof sysbench"), (1, String::new()));
    assert_eq!(rig.err("kill 999999"), (1, "bash: kill: (999999) - No such process\n".into()));
    assert_eq!(rig.err("kill -FOO 1").1, "bash: kill: FOO: invalid signal specification\n");
}

#[test]
fn time_passes_only_when_told() {
    let mut rig = Rig::new("tiny");
    let now = rig.out("now");
    assert_eq!(rig.out("ss -s") + &rig.out("now"), rig.out("ss -s") + &now);
    assert_eq!(rig.out("advance 1500ms"), "now 1.500000s\n");
    assert!(rig.out("until \"host.close_wait > 3\"").contains("host.tcp.close_wait = 4"));
    assert_eq!(rig.out("metrics host.tcp.close_wait"), "host.tcp.close_wait = 4\n");
    let (status, said) = rig.err("until \"host.tcp.close_wait > 1000\" within 1s");
    assert!(status == 1 && said.contains("within 1h"), "{said}");
    let (_, said) = rig.err("until \"host.tcp.close_wate > 1\"");
    assert!(said.contains("did you mean `close_wait`"), "{said}");
    assert_eq!(rig.err("until nothing").0, 2);
    assert_eq!(rig.err("advance kill-1s").0, 1, "the KILL was earlier");
    assert!(rig.out("hosts").starts_with("* host "));
    assert!(rig.err("host db").1.contains("there are: host"));
    assert!(rig.out("findings").contains("sysbench"));
    assert!(rig.out("explain CLOSE_WAIT").starts_with("CLOSE-WAIT"));
    assert!(rig.out("explain ports-exhausted").starts_with("ports-exhausted (finding: error)"));
}

#[test]
fn what_is_unknown_is_said_with_the_nearest_command() {
    let mut rig = Rig::new("tiny");
    let (status, said) = rig.err("netsat -an");
    assert_eq!((status, said.as_str()), (127, "bash: netsat: command not found\nhalfclose: did you mean `netstat`?\n"));
    assert!(rig.err("docker ps").1.contains("is not simulated"));
    assert!(rig.err("lsof -i").1.contains("ss -tanp"));
    assert_eq!(rig.err("ss -s | tee x").0, 127);
    assert!(rig.err("ss -s > file").1.contains("writes no files"));
    assert_eq!(rig.err("echo 'open").1, "bash: unexpected EOF while looking for matching `''\n");
    assert_eq!(rig.err("cat < /proc/self/limits").0, 2);
    assert_eq!(rig.out("nosuch 2>/dev/null || echo $?"), "127\n");
    assert_eq!(rig.answer("exit 3"), Answer { status: 3, leave: true, ..Answer::default() });
}

#[test]
fn the_same_commands_are_the_same_run() {
    let commands =
        ["advance 6s", "kill 11;", "sysctl -w net.ipv4.tcp_tw_reuse=1", "mysql -e 'show processlist'", "advance 5s"];
    let digest = |commands: &[&str]| {
        let mut rig = Rig::new("tiny");
        for line in commands {
            rig.answer(line);
        }
        rig.run.world().digest()
    };
    assert_eq!(digest(&commands), digest(&commands));
    assert_ne!(digest(&commands), digest(&commands[..4]));
    // Looking changes nothing.
    let looks =
        ["advance 6s", "ss -tanpo", "netstat -anop", "ls /proc/self/fd", "nstat", "ps", "findings", "advance 5s"];
    assert_eq!(digest(&looks), digest(&["advance 11s"]));
}

#[test]
fn counters_since_the_last_look() {
    let mut rig = Rig::new("tiny");
    rig.out("advance 6s");
    assert!(rig.out("nstat").contains("TcpActiveOpens "));
    assert_eq!(rig.out("nstat"), "#kernel\n");
    assert_eq!(
        rig.out("nstat -az TcpExtListenOverflows"),
        "#kernel\nTcpExtListenOverflows           0                  0.0\n"
    );
}

#[test]
fn built_in_filters_complain_of_what_they_do_not_know() {
    let mut rig = Rig::new("tiny");
    for line in [
        "ss -s | sed -n 1p",
        "ss -s | sort -V",
        "ss -s | awk '{print'",
        "ss -s | grep -P x",
        "ss -s | awk 'BEGIN {while (1) x++}'",
    ] {
        let (status, said) = rig.err(line);
        assert!(status == 2 || status == 127, "{line}: {status}");
        assert!(!said.is_empty(), "{line}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 200, ..Default::default() })]

    /// No line is a panic.
    #[test]
    fn any_line_is_answered(line in "([a-z$`(|; '\"/.0-9=>&\\\\{}-]|ss |netstat |sysctl |kill |awk |grep |show |until |\\PC){0,30}") {
        let mut rig = Rig::new("tiny");
        rig.answer(&line);
    }

    /// Nor any program or pattern.
    #[test]
    fn any_awk_and_grep_is_answered(text in "([a-z0-9$/\\[\\](){};,+*=!~<>\"'^|&?:%. -]|print |for |in |NR|\\PC){0,40}") {
        let input = "a b 3\nc d 4\n";
        for name in ["awk", "grep", "egrep", "sort", "cut", "head", "tr"] {
            BuiltIn::new(Lang::En).run(&[vec![name.to_owned(), text.clone()]], input);
        }
    }
}

#[test]
fn tools_that_watch_let_time_pass() {
    let mut rig = Rig::new("tiny");
    rig.out("advance kill");
    assert_eq!(rig.out("tcpdump -n -i any -c 2 port 3306 | wc -l"), "2\n");
    let before = rig.run.world().now();
    let sar = rig.out("sar -P ALL 1 2 | grep -c all");
    assert_eq!(sar, "3\n");
    assert_eq!(rig.run.world().now(), before + Duration::from_secs(2));
    assert!(rig.out("perf trace -s -- sleep 0.2").contains("   clock_nanosleep "));
    assert!(rig.out("perf trace | head -n 3").contains(" ms): sysbench/"));
    assert!(rig.out("perf top").contains("[k] "));
    assert!(rig.out("strace -f -tt -T").contains("clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=1000000}"));
    assert!(rig.out("queue").contains("\nRecv-Q "));
    assert_eq!(rig.err("perf record").0, 2);
}

#[test]
fn a_statement_may_be_piped_with_its_semicolon() {
    let mut rig = Rig::new("tiny");
    rig.out("advance 1s");
    let plain = rig.out("show variables like 'max_conn%' | grep -c max_connections");
    assert_eq!(plain, "1\n");
    assert_eq!(rig.out("show variables like 'max_conn%'; | grep -c max_connections"), plain);
    assert_eq!(rig.out("show variables like 'max_conn%';|wc -l; pwd"), "8\n/\n");
    assert_eq!(rig.err("ss -s; | head"), (2, "bash: syntax error near unexpected token `|'\n".to_owned()));
    assert!(rig.answer("kill 4711; | wc -l").err.contains("Unknown thread id: 4711"));
    assert!(rig.err("show nonsense;").1.starts_with("ERROR 1064 (42000): You have an error in your SQL syntax"));
}

#[test]
fn a_moment_that_is_none_says_what_would_be() {
    let mut rig = Rig::new("tiny");
    let (status, said) = rig.err("advance tomorrow");
    assert!(status == 2 && said.contains("`tomorrow`") && said.contains("usage: advance DURATION"), "{said}");
}

#[test]
fn an_interrupt_ends_what_lets_time_pass() {
    /// Interrupts at the first packet.
    struct AtAPacket(Arc<AtomicBool>);
    impl Observer for AtAPacket {
        fn record(&mut self, _record: &crate::trace::Record) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let interrupted = |line: &str| {
        let mut rig = Rig::new("tiny");
        let flag = Arc::new(AtomicBool::new(false));
        rig.run.heed(&flag);
        let answer = rig.shell.execute(&mut rig.run, line, &mut BuiltIn::new(Lang::En), &mut AtAPacket(flag));
        assert_eq!(answer.status, 130, "{line}: {answer:?}");
        assert!(rig.run.world().now() < Instant::from_nanos(2_000_000_000), "{line}: {answer:?}");
        answer
    };
    let moments = ["advance kill", "advance kill-1s; pwd", "advance exhausted+10s"];
    for line in ["advance 1000h", "until \"host.tcp.close_wait > 999\" within 1000h; pwd"].into_iter().chain(moments) {
        let answer = interrupted(line);
        assert!(answer.out.starts_with("now 0.") && !answer.out.contains('/'), "{line}: {answer:?}");
    }
    assert!(interrupted("pwd; advance 1000h").out.starts_with("/\nnow 0."), "what came before stays");
    // Tools that watch say what they have seen, as at Ctrl-C, and nothing runs after them.
    for (line, seen) in [("sar 1 100000; pwd", "Average:"), ("perf trace -s -- sleep 100000; pwd", "Summary of events")]
    {
        let answer = interrupted(line);
        assert!(answer.out.contains(seen) && !answer.out.ends_with("/\n"), "{line}: {answer:?}");
    }
}
