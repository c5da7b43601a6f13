//! What the worker tells the page. Times are in nanoseconds since the start;
//! states are indices into [`halfclose::tcp::TcpState::ALL`].

use serde::Serialize;

/// Declares messages: their JSON, and, in tests, their TypeScript.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $ty:ty $(as $ts:literal)?,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
            #[cfg_attr(test, derive(ts_rs::TS))]
            pub struct $name {
                $($(#[$fdoc])* $(#[cfg_attr(test, ts(type = $ts))])? pub $field: $ty,)*
            }
        )*

        /// Every message as TypeScript.
        #[cfg(test)]
        fn declarations() -> Vec<String> {
            let config = ts_rs::Config::default();
            vec![$(<$name as ts_rs::TS>::decl(&config),)*]
        }
    };
}

messages! {
    /// A scenario that is loaded.
    Loaded {
        /// Its title, English and 中文.
        title: [String; 2],
        /// The question it answers.
        question: [String; 2],
        /// The seed it runs with.
        seed: u64 as "number",
        /// When it ends.
        end_ns: u64 as "number",
        /// Its hosts.
        hosts: Vec<HostInfo>,
        /// Its processes.
        processes: Vec<ProcessInfo>,
        /// What its timeline does.
        actions: Vec<ActionInfo>,
        /// Names of its own marks.
        marks: Vec<String>,
        /// Names of the series of [`Progress`].
        series: Vec<SeriesInfo>,
    }
    /// A host that does not change.
    HostInfo {
        /// Its name.
        name: String,
        /// Its addresses.
        addrs: Vec<String>,
        /// Its kernel.
        kernel: String,
        /// Its CPUs.
        cpus: u32,
    }
    /// A process that does not change.
    ProcessInfo {
        /// Its name.
        name: String,
        /// Index of its host.
        host: u32,
        /// `mysqld`, `sysbench`, ….
        program: String,
    }
    /// An entry of the timeline.
    ActionInfo {
        /// When, if that is known from the start.
        at_ns: Option<u64> as "number | null",
        /// What, as the scenario says it.
        text: String,
        /// It is a `kill session`.
        kills: bool,
        /// The page added it.
        injected: bool,
    }
    /// A line of the time series.
    SeriesInfo {
        /// Its metric.
        name: String,
        /// `sockets`, `descriptors`, `sessions` or `cpu`.
        group: String,
    }
    /// How far the first pass over the scenario is.
    Progress {
        /// Up to here.
        done_ns: u64 as "number",
        /// It is complete.
        finished: bool,
        /// Fingerprint of the run so far.
        digest: String,
        /// Events so far.
        events: u64 as "number",
        /// Moments worth a visit.
        landmarks: Vec<Landmark>,
        /// Moments of the pace of telling, and how much has been new by each (in thousandths).
        pace: Vec<(u64, u32)> as "[number, number][]",
        /// Why it could not go on, English and 中文.
        stopped: Option<[String; 2]>,
    }
    /// A moment worth a visit.
    Landmark {
        /// When.
        at_ns: u64 as "number",
        /// `action`, `mark` or `errno`.
        kind: String,
        /// The entry of the timeline, the mark, the errno.
        name: String,
    }
    /// The world at a moment, in short.
    Frame {
        /// The moment.
        now_ns: u64 as "number",
        /// Fingerprint of the run so far.
        digest: String,
        /// By host.
        hosts: Vec<HostFrame>,
        /// By process.
        processes: Vec<ProcessFrame>,
        /// How often each edge of the state graph was taken.
        visits: Vec<u32>,
    }
    /// A host at a moment.
    HostFrame {
        /// Sockets, minisocks and requests by state.
        states: Vec<u32>,
        /// `ss -s`: total, tcp, estab, closed, orphaned, timewait.
        ss: Vec<u32>,
        /// `net.ipv4.ip_local_port_range`.
        range: [u32; 2],
        /// Local ports of the range that connections, listeners or minisocks have.
        ports_used: u32,
        /// Files open on the host, and `fs.file-max`.
        files: [u64; 2] as "[number, number]",
        /// CPU time used, in µs.
        cpu_us: u64 as "number",
    }
    /// A process at a moment.
    ProcessFrame {
        /// It runs.
        alive: bool,
        /// It was stopped by a signal.
        stopped: bool,
        /// Descriptors open.
        fds: u32,
        /// Those that are sockets.
        sockets: u32,
        /// RLIMIT_NOFILE, soft and hard.
        nofile: [u64; 2] as "[number, number]",
        /// TCP connections opened so far.
        connected: u64 as "number",
        /// connect() and socket() failures by errno.
        errors: Vec<(String, u64)> as "[string, number][]",
        /// A MySQL server's numbers.
        mysql: Option<MysqlFrame>,
    }
    /// A MySQL server at a moment.
    MysqlFrame {
        /// `max_connections`.
        max_connections: u32,
        /// `connect_timeout`, seconds.
        connect_timeout: u32,
        /// `Threads_connected`.
        threads_connected: u32,
        /// `Connection_errors_max_connections`.
        refused: u64 as "number",
        /// `Aborted_connects`.
        aborted: u64 as "number",
        /// `Connections`.
        connections: u64 as "number",
    }
    /// SHOW PROCESSLIST.
    Processlist {
        /// All rows there are.
        total: u32,
        /// The first of them.
        rows: Vec<ProcessRow>,
    }
    /// A row of it.
    ProcessRow {
        /// `Id`.
        id: u64 as "number",
        /// `User`.
        user: String,
        /// `Host`.
        host: String,
        /// `Command`.
        command: String,
        /// `Time`, seconds.
        time: u64 as "number",
        /// `State`.
        state: String,
        /// `Info`.
        info: String,
    }
    /// A part of a socket table.
    SocketPage {
        /// Sockets of the host.
        total: u32,
        /// Those that the filter lets through.
        matching: u32,
        /// The part asked for.
        rows: Vec<SocketRow>,
    }
    /// A socket.
    SocketRow {
        /// State.
        state: u32,
        /// `Recv-Q`.
        recv_q: u32,
        /// `Send-Q`.
        send_q: u32,
        /// This end.
        local: String,
        /// The other end.
        remote: String,
        /// Process and descriptor.
        owner: Option<(String, u32)>,
        /// Its timer: `on`, `keepalive`, `timewait`, `persist`, and when it fires.
        timer: Option<(String, u64)> as "[string, number] | null",
    }
    /// What a socket has received and its program has not read.
    Unread {
        /// The bytes.
        bytes: Vec<u8>,
        /// A received FIN counts in `Recv-Q`.
        fin: bool,
        /// There is such a socket.
        found: bool,
    }
    /// A part of a descriptor table.
    FdPage {
        /// All of them.
        total: u32,
        /// The part asked for.
        rows: Vec<FdRow>,
    }
    /// A descriptor.
    FdRow {
        /// Its number.
        fd: u32,
        /// A path, or the socket's ends.
        what: String,
        /// The state of a TCP socket.
        state: Option<u32>,
    }
    /// Something that happened.
    Entry {
        /// Place among all that was seen; entries of one moment keep their order.
        seq: u64 as "number",
        /// When.
        at_ns: u64 as "number",
        /// Index of the host.
        host: u32,
        /// `state`, `pick`, `send`, `receive`, `drop`, `call`, `exit`, `action` or `mark`.
        kind: String,
        /// The connection, this host's end first.
        local: String,
        /// Its other end.
        remote: String,
        /// States left and entered.
        change: Option<[u32; 2]>,
        /// A cause, a reason of a drop, an errno, an entry of the timeline, a mark.
        why: String,
        /// Control bits: `SYN,ACK`; or the name of a system call.
        what: String,
        /// Bytes of payload; candidates inspected; a descriptor; an exit status.
        number: u32,
        /// Sequence and acknowledgment number.
        numbers: [u32; 2],
        /// Time the system call took, or a port search.
        took_ns: u64 as "number",
        /// Process that made the call.
        pid: u32,
        /// How many like it came one after another; 0 and 1 are one.
        times: u32,
    }
    /// Something that was done.
    Done {
        /// When.
        at_ns: u64 as "number",
        /// The entry of the timeline that does the same, in the scenario language.
        toml: String,
    }
    /// What a line typed into a terminal came to.
    Typed {
        /// Standard output.
        out: String,
        /// Standard error.
        err: String,
        /// What stands before the next line.
        prompt: String,
        /// It moved time to here.
        moved_ns: Option<u64> as "number | null",
        /// It changed the world, at this moment.
        changed_ns: Option<u64> as "number | null",
    }
    /// A search for a port, candidate by candidate.
    Probe {
        /// First port of the range.
        low: u32,
        /// Where to.
        destination: String,
        /// The candidates in their order: first port, how many, step.
        runs: Vec<[u32; 3]>,
        /// Candidates inspected in all.
        inspected: u32,
        /// Of those: reserved, bound, in use, in TIME-WAIT.
        kinds: [u32; 4],
        /// The port it takes; none is EADDRNOTAVAIL.
        taken: Option<u32>,
        /// CPU time it costs.
        cost_ns: u64 as "number",
    }
    /// Where two timelines part.
    Parting {
        /// They are the same up to here.
        same_until_ns: u64 as "number",
        /// What happened first in one and not in the other, in each of the two.
        first: [Option<Entry>; 2],
    }
    /// Something found in a run.
    Found {
        /// Which rule found it.
        id: String,
        /// `note`, `warning` or `error`.
        severity: String,
        /// What happened, English and 中文.
        what: [String; 2],
        /// Why, if that is not said yet.
        why: Option<[String; 2]>,
        /// What to do.
        next: [String; 2],
    }
    /// What reading a scenario came to.
    Reading {
        /// What is wrong, in the order of its places; empty if nothing is.
        problems: Vec<ReadProblem>,
    }
    /// Something wrong with a scenario.
    ReadProblem {
        /// First byte of the text it is about.
        start: u32,
        /// The byte after it.
        end: u32,
        /// Line and column, from 1.
        line: u32,
        /// Column, in characters.
        column: u32,
        /// The text, English and 中文.
        text: [String; 2],
        /// What to do.
        hint: Option<[String; 2]>,
    }
    /// The state graph as it is drawn.
    Graph {
        /// Width and height of the page it is laid out on.
        size: [u32; 2],
        /// Names of the states.
        names: Vec<String>,
        /// Centres of the states' boxes.
        boxes: Vec<[i32; 2]>,
        /// The second CLOSED.
        closed_below: [i32; 2],
        /// The edges.
        edges: Vec<GraphEdge>,
    }
    /// An edge of it.
    GraphEdge {
        /// Left and entered.
        ends: [u32; 2],
        /// `call`, `segment` or `kernel`.
        kind: String,
        /// Its line; empty for an edge that is only listed.
        points: Vec<[i32; 2]>,
        /// What happens, English and 中文.
        event: [String; 2],
        /// What is done about it.
        action: [String; 2],
        /// Where it is written.
        source: String,
    }
}

#[cfg(test)]
mod tests {
    /// The page's types are these: run the test with `HALFCLOSE_WRITE=1` after a change.
    #[test]
    fn the_types_of_the_page_are_ours() {
        let mut text = String::from(
            "// What the worker tells the page. Made from sim-web/src/wire.rs by its test; do not edit.\n\n",
        );
        for declaration in super::declarations() {
            text.push_str(&format!("export {declaration}\n\n"));
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/web/src/wire.ts");
        if std::env::var_os("HALFCLOSE_WRITE").is_some() {
            std::fs::write(path, &text).expect("the page's sources are there");
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == text, "web/src/wire.ts is not what wire.rs says: run this test with HALFCLOSE_WRITE=1");
    }
}
