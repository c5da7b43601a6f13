// What the worker tells the page. Made from sim-web/src/wire.rs by its test; do not edit.

export type Loaded = { 
/**
 * Its title, English and 中文.
 */
title: [string, string], 
/**
 * The question it answers.
 */
question: [string, string], 
/**
 * The seed it runs with.
 */
seed: number, 
/**
 * When it ends.
 */
end_ns: number, 
/**
 * Its hosts.
 */
hosts: Array<HostInfo>, 
/**
 * Its processes.
 */
processes: Array<ProcessInfo>, 
/**
 * What its timeline does.
 */
actions: Array<ActionInfo>, 
/**
 * Names of its own marks.
 */
marks: Array<string>, 
/**
 * Names of the series of [`Progress`].
 */
series: Array<SeriesInfo>, };

export type HostInfo = { 
/**
 * Its name.
 */
name: string, 
/**
 * Its addresses.
 */
addrs: Array<string>, 
/**
 * Its kernel.
 */
kernel: string, 
/**
 * Its CPUs.
 */
cpus: number, };

export type ProcessInfo = { 
/**
 * Its name.
 */
name: string, 
/**
 * Index of its host.
 */
host: number, 
/**
 * `mysqld`, `sysbench`, ….
 */
program: string, };

export type ActionInfo = { 
/**
 * When, if that is known from the start.
 */
at_ns: number | null, 
/**
 * What, as the scenario says it.
 */
text: string, 
/**
 * It is a `kill session`.
 */
kills: boolean, 
/**
 * The page added it.
 */
injected: boolean, };

export type SeriesInfo = { 
/**
 * Its metric.
 */
name: string, 
/**
 * `sockets`, `descriptors`, `sessions` or `cpu`.
 */
group: string, };

export type Progress = { 
/**
 * Up to here.
 */
done_ns: number, 
/**
 * It is complete.
 */
finished: boolean, 
/**
 * Fingerprint of the run so far.
 */
digest: string, 
/**
 * Events so far.
 */
events: number, 
/**
 * Moments worth a visit.
 */
landmarks: Array<Landmark>, 
/**
 * Moments of the pace of telling, and how much has been new by each (in thousandths).
 */
pace: [number, number][], 
/**
 * Why it could not go on, English and 中文.
 */
stopped: [string, string] | null, };

export type Landmark = { 
/**
 * When.
 */
at_ns: number, 
/**
 * `action`, `mark` or `errno`.
 */
kind: string, 
/**
 * The entry of the timeline, the mark, the errno.
 */
name: string, };

export type Frame = { 
/**
 * The moment.
 */
now_ns: number, 
/**
 * Fingerprint of the run so far.
 */
digest: string, 
/**
 * By host.
 */
hosts: Array<HostFrame>, 
/**
 * By process.
 */
processes: Array<ProcessFrame>, 
/**
 * How often each edge of the state graph was taken.
 */
visits: Array<number>, };

export type HostFrame = { 
/**
 * Sockets, minisocks and requests by state.
 */
states: Array<number>, 
/**
 * `ss -s`: total, tcp, estab, closed, orphaned, timewait.
 */
ss: Array<number>, 
/**
 * `net.ipv4.ip_local_port_range`.
 */
range: [number, number], 
/**
 * Local ports of the range that connections, listeners or minisocks have.
 */
ports_used: number, 
/**
 * Files open on the host, and `fs.file-max`.
 */
files: [number, number], 
/**
 * CPU time used, in µs.
 */
cpu_us: number, };

export type ProcessFrame = { 
/**
 * It runs.
 */
alive: boolean, 
/**
 * It was stopped by a signal.
 */
stopped: boolean, 
/**
 * Descriptors open.
 */
fds: number, 
/**
 * Those that are sockets.
 */
sockets: number, 
/**
 * RLIMIT_NOFILE, soft and hard.
 */
nofile: [number, number], 
/**
 * TCP connections opened so far.
 */
connected: number, 
/**
 * connect() and socket() failures by errno.
 */
errors: [string, number][], 
/**
 * A MySQL server's numbers.
 */
mysql: MysqlFrame | null, };

export type MysqlFrame = { 
/**
 * `max_connections`.
 */
max_connections: number, 
/**
 * `connect_timeout`, seconds.
 */
connect_timeout: number, 
/**
 * `Threads_connected`.
 */
threads_connected: number, 
/**
 * `Connection_errors_max_connections`.
 */
refused: number, 
/**
 * `Aborted_connects`.
 */
aborted: number, 
/**
 * `Connections`.
 */
connections: number, };

export type Processlist = { 
/**
 * All rows there are.
 */
total: number, 
/**
 * The first of them.
 */
rows: Array<ProcessRow>, };

export type ProcessRow = { 
/**
 * `Id`.
 */
id: number, 
/**
 * `User`.
 */
user: string, 
/**
 * `Host`.
 */
host: string, 
/**
 * `Command`.
 */
command: string, 
/**
 * `Time`, seconds.
 */
time: number, 
/**
 * `State`.
 */
state: string, 
/**
 * `Info`.
 */
info: string, };

export type SocketPage = { 
/**
 * Sockets of the host.
 */
total: number, 
/**
 * Those that the filter lets through.
 */
matching: number, 
/**
 * The part asked for.
 */
rows: Array<SocketRow>, };

export type SocketRow = { 
/**
 * State.
 */
state: number, 
/**
 * `Recv-Q`.
 */
recv_q: number, 
/**
 * `Send-Q`.
 */
send_q: number, 
/**
 * This end.
 */
local: string, 
/**
 * The other end.
 */
remote: string, 
/**
 * Process and descriptor.
 */
owner: [string, number] | null, 
/**
 * Its timer: `on`, `keepalive`, `timewait`, `persist`, and when it fires.
 */
timer: [string, number] | null, };

export type Unread = { 
/**
 * The bytes.
 */
bytes: Array<number>, 
/**
 * A received FIN counts in `Recv-Q`.
 */
fin: boolean, 
/**
 * There is such a socket.
 */
found: boolean, };

export type FdPage = { 
/**
 * All of them.
 */
total: number, 
/**
 * The part asked for.
 */
rows: Array<FdRow>, };

export type FdRow = { 
/**
 * Its number.
 */
fd: number, 
/**
 * A path, or the socket's ends.
 */
what: string, 
/**
 * The state of a TCP socket.
 */
state: number | null, };

export type Entry = { 
/**
 * Place among all that was seen; entries of one moment keep their order.
 */
seq: number, 
/**
 * When.
 */
at_ns: number, 
/**
 * Index of the host.
 */
host: number, 
/**
 * `state`, `pick`, `send`, `receive`, `drop`, `call`, `exit`, `action` or `mark`.
 */
kind: string, 
/**
 * The connection, this host's end first.
 */
local: string, 
/**
 * Its other end.
 */
remote: string, 
/**
 * States left and entered.
 */
change: [number, number] | null, 
/**
 * A cause, a reason of a drop, an errno, an entry of the timeline, a mark.
 */
why: string, 
/**
 * Control bits: `SYN,ACK`; or the name of a system call.
 */
what: string, 
/**
 * Bytes of payload; candidates inspected; a descriptor; an exit status.
 */
number: number, 
/**
 * Sequence and acknowledgment number.
 */
numbers: [number, number], 
/**
 * Time the system call took, or a port search.
 */
took_ns: number, 
/**
 * Process that made the call.
 */
pid: number, 
/**
 * How many like it came one after another; 0 and 1 are one.
 */
times: number, };

export type Done = { 
/**
 * When.
 */
at_ns: number, 
/**
 * The entry of the timeline that does the same, in the scenario language.
 */
toml: string, };

export type Typed = { 
/**
 * Standard output.
 */
out: string, 
/**
 * Standard error.
 */
err: string, 
/**
 * What stands before the next line.
 */
prompt: string, 
/**
 * It moved time to here.
 */
moved_ns: number | null, 
/**
 * It changed the world, at this moment.
 */
changed_ns: number | null, };

export type Probe = { 
/**
 * First port of the range.
 */
low: number, 
/**
 * Where to.
 */
destination: string, 
/**
 * The candidates in their order: first port, how many, step.
 */
runs: Array<[number, number, number]>, 
/**
 * Candidates inspected in all.
 */
inspected: number, 
/**
 * Of those: reserved, bound, in use, in TIME-WAIT.
 */
kinds: [number, number, number, number], 
/**
 * The port it takes; none is EADDRNOTAVAIL.
 */
taken: number | null, 
/**
 * CPU time it costs.
 */
cost_ns: number, };

export type Parting = { 
/**
 * They are the same up to here.
 */
same_until_ns: number, 
/**
 * What happened first in one and not in the other, in each of the two.
 */
first: [Entry | null, Entry | null], };

export type Found = { 
/**
 * Which rule found it.
 */
id: string, 
/**
 * `note`, `warning` or `error`.
 */
severity: string, 
/**
 * What happened, English and 中文.
 */
what: [string, string], 
/**
 * Why, if that is not said yet.
 */
why: [string, string] | null, 
/**
 * What to do.
 */
next: [string, string], };

export type Reading = { 
/**
 * What is wrong, in the order of its places; empty if nothing is.
 */
problems: Array<ReadProblem>, };

export type ReadProblem = { 
/**
 * First byte of the text it is about.
 */
start: number, 
/**
 * The byte after it.
 */
end: number, 
/**
 * Line and column, from 1.
 */
line: number, 
/**
 * Column, in characters.
 */
column: number, 
/**
 * The text, English and 中文.
 */
text: [string, string], 
/**
 * What to do.
 */
hint: [string, string] | null, };

export type Graph = { 
/**
 * Width and height of the page it is laid out on.
 */
size: [number, number], 
/**
 * Names of the states.
 */
names: Array<string>, 
/**
 * Centres of the states' boxes.
 */
boxes: Array<[number, number]>, 
/**
 * The second CLOSED.
 */
closed_below: [number, number], 
/**
 * The edges.
 */
edges: Array<GraphEdge>, };

export type GraphEdge = { 
/**
 * Left and entered.
 */
ends: [number, number], 
/**
 * `call`, `segment` or `kernel`.
 */
kind: string, 
/**
 * Its line; empty for an edge that is only listed.
 */
points: Array<[number, number]>, 
/**
 * What happens, English and 中文.
 */
event: [string, string], 
/**
 * What is done about it.
 */
action: [string, string], 
/**
 * Where it is written.
 */
source: string, };

