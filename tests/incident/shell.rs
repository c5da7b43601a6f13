//! The commands of the write-up, verbatim, in the shell on the simulated hosts.

use halfclose::observe::shell::{Answer, BuiltIn, Shell};
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
