//! The commands of the write-up, verbatim, in the shell on the simulated hosts.

use std::io::Write as _;
use std::process::{Command, Stdio};

use halfclose::observe::shell::{Answer, BuiltIn, Filters, Shell};
use halfclose::scenario::{Run, preset};
use halfclose::text::Lang;
use halfclose::trace::NoObserver;

/// A scenario in front of a shell.
struct Terminal {
    run: Run,
    shell: Shell,
}

impl Terminal {
    fn at(name: &str, moment: &str) -> Self {
        let run = Run::new(preset::find(name).expect("a preset").scenario(), 1).expect("a world");
        let shell = Shell::new(&run, Lang::En);
        let mut terminal = Self { run, shell };
        terminal.out(&format!("advance {moment}"));
        terminal
    }

    fn out(&mut self, line: &str) -> String {
        let mut filters = BuiltIn::new(Lang::En);
        let Answer { out, err, .. } = self.shell.execute(&mut self.run, line, &mut filters, &mut NoObserver);
        assert!(err.is_empty(), "{line}: {err}");
        out
    }
}

#[test]
fn commands_of_the_first_day() {
    let mut terminal = Terminal::at("incident", "kill-1s");
    assert_eq!(terminal.out("mysql -h127.1 --ssl-mode=DISABLED -utest -p123 -e \"create database test\""), "");
    let before = terminal.out("MySQL [(none)]> show processlist;");
    assert!(before.ends_with("sec)\n\n") && before.contains("3 rows in set, 1 warning"), "{before}");
    assert!(terminal.out("MySQL [(none)]> kill 11;").starts_with("Query OK, 0 rows affected ("));
    terminal.out("advance 3s");
    assert!(terminal.out("MySQL [(none)]> show processlist;").contains("153 rows in set, 1 warning"));
    let summary = terminal.out("~]$ ss -s");
    assert!(summary.starts_with("Total: ") && summary.contains("Transport Total     IP        IPv6\n"), "{summary}");
    let shown = terminal.out("MySQL [(none)]> show variables like '%max_connections%';");
    assert!(shown.contains("| mysqlx_max_connections | 100   |\n+-") && shown.contains("\n2 rows in set ("), "{shown}");
    assert!(terminal.out("MySQL [(none)]> set global max_connections=65535;").starts_with("Query OK, 0 rows"));
    assert!(terminal.out("show variables like '%max_connections%';").contains("| max_connections        | 65535 |\n"));
    assert_eq!(terminal.out("cat /proc/sys/fs/file-max"), "1000000\n");
    assert_eq!(terminal.out("sysctl -a | grep file-max"), "fs.file-max = 1000000\n");
}

/// The tools that watch: time passes while they run.
#[test]
fn commands_that_watch() {
    let mut terminal = Terminal::at("incident", "kill+2s");
    let mut seen = |line: &str| {
        let mut filters = BuiltIn::new(Lang::En);
        terminal.shell.execute(&mut terminal.run, line, &mut filters, &mut NoObserver).out
    };
    let sar = seen("~]$ sar -P ALL 1 2");
    assert!(sar.contains("(4 CPU)") && sar.lines().filter(|line| line.starts_with("Average:")).count() == 6, "{sar}");
    let top = seen("perf top -p `pgrep sysbench`");
    assert!(top.contains("[k] "), "{top}");
    let sum = seen("perf trace -s -p 13193 -- sleep 1");
    assert!(sum.contains(" Summary of events:\n") && sum.contains("clock_nanosleep"), "{sum}");
    assert!(seen("strace -f -p $(pgrep sysbench) | head -n 30").contains("socket("));
    assert!(seen("tcpdump -n -i any port 3306 | head -n 50").contains("Flags [S]"));
    let now = seen("now");
    // 2 s of sar, 1 of perf top, 1 of perf trace, 0.1 of strace, 1 of tcpdump.
    assert!(now.starts_with("11.1"), "{now}");
}

#[test]
fn commands_where_the_ports_ran_out() {
    let mut terminal = Terminal::at("two-hosts", "exhausted+15s");
    assert_eq!(terminal.out("~]$ ss -tna  | grep 172.31.47.174:3306 | wc -l"), "28231\n");
    let rows = terminal.out("[root@reg fd]# netstat -anop | grep 3306 | head -n 30");
    assert_eq!(rows.lines().count(), 30);
    assert!(
        rows.lines().all(|row| row.contains(" CLOSE_WAIT ") && row.ends_with("/sysbench       off (0.00/0/0)")),
        "{rows}"
    );
    let port = rows.split([':', ' ']).find(|word| word.len() == 5 && word.parse::<u16>().is_ok()).expect("a port");
    let row = terminal.out(&format!("[root@reg mnt]# ss -tnapo | grep {port}"));
    assert!(row.starts_with("CLOSE-WAIT ") && row.contains("users:((\"sysbench\",pid="), "{row}");
    let limits = terminal.out("cd /proc/$(pgrep sysbench); cat ./limits");
    assert!(limits.contains("Max open files            32768                65536                files"), "{limits}");
    assert_eq!(terminal.out("ulimit -Sn; ulimit -Hn"), "65535\n65535\n");
    assert!(terminal.out("22109]# ulimit -a").contains("open files                      (-n) 65535\n"));
    assert!(terminal.out("cat /proc/self/limits").contains("Max open files            65535 "));
    let sockets: u32 = terminal.out("cd fd; ll | grep socket | wc -l").trim().parse().expect("a number");
    assert!((28_231..=28_232).contains(&sockets), "the failing connect() holds one more: {sockets}");
}

/// Runs each pipeline twice, with the built-in filters and with the tools of this
/// machine, on what came in and on some shorter texts, and holds one against the other.
struct Both {
    compared: usize,
}

impl Filters for Both {
    fn run(&mut self, stages: &[Vec<String>], input: &str) -> Answer {
        let quoted = |word: &String| format!("'{}'", word.replace('\'', r"'\''"));
        let commands = stages.iter().map(|words| words.iter().map(quoted).collect::<Vec<_>>().join(" "));
        let pipeline = commands.collect::<Vec<_>>().join(" | ");
        let mut built_in = BuiltIn::new(Lang::En);
        for text in [input, "b 2 x\na 10 y\n\nb 2 x\nC 3 z\n  d  -4\tw\na 10 y", ""] {
            let ours = built_in.run(stages, text);
            let (theirs, status) = real(&pipeline, text);
            assert!(ours.err.is_empty(), "{pipeline}: {}", ours.err);
            assert_eq!(ours.out, theirs, "{pipeline} on:\n{text}");
            assert_eq!(i32::from(ours.status), status, "{pipeline}");
            self.compared += 1;
        }
        built_in.run(stages, input)
    }
}

/// What `sh -c` makes of it.
fn real(pipeline: &str, input: &str) -> (String, i32) {
    let mut child = Command::new("sh")
        .args(["-c", pipeline])
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a POSIX shell");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A filter such as head may leave before it has read everything.
    let _closed_early = stdin.write_all(input.as_bytes());
    drop(stdin);
    let out = child.wait_with_output().expect("it ends");
    (String::from_utf8_lossy(&out.stdout).into_owned(), out.status.code().expect("an exit status"))
}

#[test]
fn built_in_filters_do_what_the_real_ones_do() {
    let mut terminal = Terminal::at("tiny", "4s");
    let pipelines = [
        "grep 3306",
        "grep -v 3306",
        "grep -c CLOSE",
        "grep -i close",
        "grep -E 'CLOSE|ESTAB'",
        "grep -n 0",
        "grep 'CLOSE.WAIT'",
        "grep -o '[0-9][0-9]*'",
        "grep -w 3306",
        "grep '^tcp'",
        "grep -x ''",
        "grep -F '127.0.0.1:'",
        "grep 'a\\|b'",
        "grep -E '^[[:space:]]*$'",
        "grep -q nothing",
        "grep -A 1 -B 1 10",
        "grep -m 2 0",
        "egrep 'b+'",
        "grep -e a -e d",
        "grep 'x$'",
        "grep '[]x]'",
        "grep -oE '127\\.[0-9.]+'",
        "grep 'a*'",
        "grep '1\\{1,2\\}0'",
        "wc -l",
        "wc",
        "wc -lw",
        "wc -c",
        "sort",
        "sort -n",
        "sort -r",
        "sort -u",
        "sort -k2n",
        "sort -k2,2 -k1,1r",
        "sort -rn -k2",
        "sort -t: -k2",
        "sort -nu",
        "sort | uniq -c",
        "sort | uniq -c | sort -rn",
        "uniq",
        "uniq -c",
        "sort | uniq -d",
        "sort | uniq -u",
        "head",
        "head -n 3",
        "head -2",
        "head -n -2",
        "tail",
        "tail -n 2",
        "tail -n +3",
        "tail -1",
        "cut -d' ' -f1",
        "cut -c1-5",
        "cut -d: -f2-",
        "cut -d: -f1,3",
        "cut -d: -f2 -s",
        "tr -d ' '",
        "tr -s ' '",
        "tr 'a-z' 'A-Z'",
        "tr : '\\n'",
        "tac",
        "awk '{print $1}'",
        "awk '{print $NF}'",
        "awk 'NR>1 {print $1, $2}'",
        "awk '/3306/ {n++} END {print n+0}'",
        "awk -F: '{print $2}'",
        "awk '{s+=$2} END {print s}'",
        "awk '$1 == \"CLOSE-WAIT\" {print $2}'",
        "awk '$2 > 3'",
        "awk '!seen[$1]++'",
        "awk '{print NR\": \"$0}'",
        "awk 'NF > 2 && $2 ~ /^[0-9]+$/ {print $2 * 2}'",
        "awk '{printf \"%-12s|%5d|%.2f\\n\", $1, $2, $2 / 3}'",
        "awk '{count[$1]++} END {for (k in count) print k, count[k]}' | sort",
        "awk '/^tcp/ {++S[$6]} END {for (a in S) print a, S[a]}' | sort",
        "awk 'BEGIN {x = 3} {if ($2 > x) print $2; else print \"-\"}'",
        "awk '{n = split($4, a, \":\"); print n, a[1]}'",
        "awk '{print length($0), substr($1, 2, 3), toupper($1)}'",
        "awk '{gsub(/[0-9]/, \"#\"); print}'",
        "awk 'NR % 2 == 0'",
        "awk '{$2 = \"\"; print}'",
        "awk 'END {print NR}'",
        "awk -v m=3 'NR <= m {print $1}'",
        "awk '{print ($2 > 3) ? \"big\" : \"small\"}'",
        "awk 'length > 4 {print; exit}'",
        "awk '{for (i = NF; i > 0; i--) printf \"%s \", $i; print \"\"}'",
        "awk '$1 !~ /a/ || $3 == \"y\"'",
    ];
    let commands = ["show processlist;", "ss -tanpo", "netstat -anop", "sysctl -a", "ls -l /proc/$(pgrep sysbench)/fd"];
    let mut both = Both { compared: 0 };
    for command in commands {
        for pipeline in pipelines {
            let line = format!("{command} | {pipeline}");
            terminal.shell.execute(&mut terminal.run, &line, &mut both, &mut NoObserver);
        }
    }
    assert_eq!(both.compared, commands.len() * pipelines.len() * 3);
}
