//! Programs that no shipped scenario uses, from their tables in a file to what
//! they do on the wire.

use halfclose::scenario::Scenario;

use crate::{assert_holds, metric, run};

const HOSTS: &str = r#"
format = 1
end = "60s"
[host.client]
addrs = ["10.0.0.1"]
[host.client.sysctl]
net.ipv4.tcp_tw_reuse = 0
[host.db]
addrs = ["10.0.0.2"]
[[process]]
name = "mysqld"
host = "db"
program = "mysqld"
[process.mysqld]
host_cache_size = 0
"#;

fn with(processes: &str) -> Scenario {
    Scenario::parse(&format!("{HOSTS}{processes}")).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_pool_keeps_its_connections_and_serves_its_workers() {
    let scenario = with(
        r#"
[[process]]
name = "app"
host = "client"
program = "pool"
[process.pool]
target = "db:3306"
preset = "hikari"
max = 3
min = 3
workers = 8
think = "5ms"
requests = 100
[[expect]]
metric = "client.app.requests"
eq = 800
over_seeds = "all"
[[expect]]
metric = "client.app.tcp.established"
eq = 3
over_seeds = "all"
[[expect]]
metric = "db.mysqld.Threads_connected"
eq = 3
over_seeds = "all"
[[expect]]
metric = "client.app.errors"
eq = 0
over_seeds = "all"
"#,
    );
    assert_holds(&scenario, 1);
}

#[test]
fn a_pool_without_a_limit_opens_a_connection_for_each_worker() {
    let scenario = with(
        r#"
[[process]]
name = "app"
host = "client"
program = "pool"
[process.pool]
target = "db:3306"
preset = "go-sql"
workers = 8
think = "1s"
requests = 5
"#,
    );
    let run = run(scenario, 1);
    assert_eq!(metric(&run, "client.app.requests"), 40);
    assert_eq!(metric(&run, "client.app.pool.open"), 2, "MaxIdleConns is 2");
}

/// Nobody listens: the waits are 1, 3, 9, 27 s with growth 3, so five attempts
/// fit into a minute, and six where they double; fixed waits give sixty.
#[test]
fn back_off_grows_by_its_factor() {
    let attempts = |policy: &str| {
        let client = format!(
            "[[process]]\nname = \"app\"\nhost = \"client\"\nprogram = \"reconnect\"\n\
             [process.reconnect]\ntarget = \"db:4000\"\n{policy}"
        );
        metric(&run(with(&client), 1), "client.app.connect.ECONNREFUSED")
    };
    assert_eq!(attempts("backoff = \"exponential\"\ngrowth = 3\n"), 5);
    assert_eq!(attempts("backoff = \"exponential\"\n"), 6);
    assert_eq!(attempts(""), 60);
    assert_eq!(attempts("give_up_after = 4\n"), 4);
}

#[test]
fn who_closes_first_has_the_time_wait() {
    let script_server = r#"
[[process]]
name = "server"
host = "db"
program = "script"
[process.script]
run = [
  { op = "socket", fd = "l" },
  { op = "bind", fd = "l", addr = "0.0.0.0:8080", expect = "ok" },
  { op = "listen", fd = "l", backlog = 16 },
  { op = "forever", body = [
    { op = "accept", fd = "l", into = "peer" },
    { op = "spawn", body = [{ op = "recv_until_eof", fd = "peer", expect = "ok" }, { op = "close", fd = "peer" }] },
  ] },
]
[[process]]
name = "app"
host = "client"
program = "reconnect"
start = "1s"
[process.reconnect]
target = "db:8080"
after = "send"
bytes = 10
close_first = "client"
connections = 20
"#;
    let closes = run(with(script_server), 1);
    assert_eq!(metric(&closes, "client.tcp.time_wait"), 20);
    assert_eq!(metric(&closes, "db.server.mismatches"), 0);
    let resets = run(with(&format!("{script_server}dispose = \"reset\"\n")), 1);
    assert_eq!(metric(&resets, "client.tcp.time_wait"), 0);
    assert_eq!(metric(&resets, "db.server.mismatches"), 20, "ECONNRESET instead of the end of the stream");
    let leaks = run(with(&format!("{script_server}dispose = \"leak\"\n")), 1);
    assert_eq!(metric(&leaks, "client.app.fd.sockets"), 20);
}

#[test]
fn a_script_forgets_opens_and_computes() {
    let scenario = with(
        r#"
[[process]]
name = "p"
host = "client"
program = "script"
[process.script]
run = [
  { op = "socket", fd = "s", expect = "ok" },
  { op = "leak", fd = "s" },
  { op = "close", fd = "s" },
  { op = "open", fd = "f", expect = "ok" },
  { op = "compute", for = "2s" },
]
[[expect]]
metric = "client.p.close.EBADF"
eq = 1
over_seeds = "all"
[[expect]]
metric = "client.p.fd.open"
eq = 5
over_seeds = "all"
[[expect]]
metric = "client.cpu.busy_us"
within = [2000000, 2001000]
over_seeds = "all"
"#,
    );
    assert_holds(&scenario, 1);
}
