//! The command line.

mod planning;

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use halfclose::observe::View;
use halfclose::text::Lang;

use crate::command::diff::{DIFF_HELP, Diff};
use crate::command::plot::{PLOT_HELP, Plot};
use crate::command::print::SchemaOf;
use crate::command::report::{REPORT_HELP, Report};
use crate::terminal::{self, Color};
pub use planning::{Advise, Capacity, Merge, Pictures, Sweep};

/// Watch an outage happen: TCP connections on a faithful Linux host, until
/// ports, descriptors or places on a MySQL server run out.
///
/// Without a command it replays the outage it was made for and compares every
/// published figure with the simulated one.
#[derive(Parser, Debug)]
#[command(
    name = "halfclose",
    version,
    max_term_width = 110,
    after_help = "\
Examples:
  halfclose                                  the outage, on one screen
  halfclose run two-hosts                    one scenario, with what ran out and why
  halfclose show ss-s incident --at kill+3s  what `ss -s` prints at a moment
  halfclose explain CLOSE_WAIT               a state, errno, sysctl or variable

Exit codes: 0 ok, 1 an expectation failed, 2 usage, 3 invalid scenario, 4 a budget was exceeded,
130 interrupted (Ctrl-C)."
)]
pub struct Arguments {
    /// Language of story, findings, explanations and errors [default: from LC_ALL, LC_MESSAGES or LANG]
    #[arg(long, global = true, value_enum, value_name = "LANG")]
    lang: Option<LangArg>,

    /// When to use colours; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub color: Color,

    /// What to do
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Arguments {
    /// The reader's language.
    pub fn lang(&self) -> Lang {
        match self.lang {
            Some(LangArg::En) => Lang::En,
            Some(LangArg::Zh) => Lang::Zh,
            None => terminal::lang_of_environment(),
        }
    }
}

/// The reader's language when the command line could not be understood:
/// `--lang` wherever it stands, else the environment.
pub fn lang_before_parsing() -> Lang {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let after = |at: usize| words.get(at + 1).map(String::as_str);
    let given = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--lang") {
        Some("") => after(at),
        Some(rest) => rest.strip_prefix('='),
        None => None,
    });
    given.and_then(Lang::from_env_value).unwrap_or_else(terminal::lang_of_environment)
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LangArg {
    /// English
    En,
    /// 中文
    Zh,
}

/// `halfclose web`.
#[derive(Args, Debug)]
pub struct Web {
    /// A link to the page, or its part after `#`; or a scenario: file or preset name
    #[arg(value_name = "LINK|SCENARIO", value_hint = ValueHint::FilePath)]
    pub link: Option<String>,

    /// Open the scenario at this moment: 3s, kill+3s, exhausted, end
    #[arg(long, value_name = "T", requires = "link", allow_hyphen_values = true)]
    pub at: Option<String>,

    /// Port; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,

    /// Folder of the built site
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub site: Option<PathBuf>,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run a scenario: what ran out, why, and whether its expectations hold
    #[command(after_help = "\
Examples:
  halfclose run two-hosts
  halfclose run two-hosts --seed 7 --json | jq .metrics
  halfclose run incident --set process.mysqld.mysqld.connect_timeout=60
  halfclose run my.toml --until kill+30s --trace trace.jsonl
  halfclose run nofile --plot pictures
  halfclose run - < my.toml

An expectation whose moment --until leaves out is no verdict. An entry of the timeline that cannot be
carried out counts as an expectation that failed.

The trace has one record a line: at_ns, host, kind (state, port_pick, transmit, receive, drop, syscall,
exit, action, mark), what the kind has, text (the record as a sentence), cause (why it happened).
`halfclose schema trace` describes every field, and `| jq -r .text` reads like a log.

Exit codes: 0 ok, 1 an expectation failed, 3 invalid scenario, 4 a budget was exceeded.")]
    Run(Run),

    /// Show what a tool would print at a moment of a scenario
    #[command(after_help = "\
The columns and spacing are those of the real tools, so grep, awk and wc work unchanged.
T is a time since the start (3s), or a moment with an offset (kill+3s, exhausted-1s, end).

sar, perf-top, perf-trace, strace and tcpdump watch a while: from --at on for 5 s, 1 s, 0.1 s (-s: 10 s),
0.1 s, 1 s, or from --from to --to. With --from or --to every view shows a span, each step under a line
`# SECONDS`. What is a model of cost rather than mechanism is said on stderr.

Examples:
  halfclose show ss-s incident --at kill+30s
  halfclose show processlist incident --at kill+3s
  halfclose show ss two-hosts --at exhausted+15s --host client | grep -c CLOSE-WAIT
  halfclose show netstat nofile --at end | grep 3306 | head -n 30
  halfclose show limits wide-range --process sysbench
  halfclose show variables incident --like %max_connections%
  halfclose show sar incident --at exhausted+20s
  halfclose show perf-trace-s traced --at trace
  halfclose show ss-s incident --from kill --to kill+10s --every 1s --json | jq .tcp.timewait
  halfclose show tcpdump one-connection --from 1s --to 12s
  halfclose show queue two-hosts --at kill+2s")]
    Show(Show),

    /// A shell on a simulated host: ss, netstat, sysctl, kill, SQL and time
    #[command(after_help = "\
Commands print what the real tools print; what they change, changes the simulated world. Time stands still
between them and passes with `advance` and `until`. Filters behind | are your own grep, awk, sort, ….
`help` lists the commands. Lines come from a terminal, from stdin, or from -c.

Examples:
  halfclose sh                                                    the outage, from its start
  halfclose sh two-hosts --at exhausted+1s -c 'ss -tna | grep 172.31.47.174:3306 | wc -l'
  halfclose sh incident --at kill-1s -c 'kill 11;' -c 'advance 30s' -c 'ss -s'
  halfclose sh tiny -c 'until \"host.tcp.close_wait > 3\"' -c 'ss -tanp state close-wait'
  halfclose sh two-hosts --host db --at kill+3s -c 'show processlist'
  halfclose sh my.toml < commands.txt

Exit codes: that of the last command; 2 usage, 3 invalid scenario, 4 a budget was exceeded.")]
    Sh(Sh),

    /// Diagnose saved output of real tools: who failed to close, which limit is near
    #[command(after_help = "\
Reads what ss -s, ss -tan[p][o], netstat -an[o]p, /proc/net/tcp, /proc/net/sockstat, SHOW PROCESSLIST, SHOW VARIABLES,
nstat, netstat -s, sysctl, ulimit -a, /proc/PID/limits and ls -l /proc/PID/fd print, in any mixture, with the prompts,
commands and prose around them. The more it is given, the less it has to assume.

Examples:
  ss -tanp | halfclose diagnose
  halfclose diagnose incident.txt
  halfclose diagnose ss.txt netstat.txt --sysctl sysctl.txt --limits limits.txt
  (ss -s; ss -tanpo; sysctl -a; cat /proc/$(pgrep myapp)/limits) 2>/dev/null | halfclose diagnose --json
  halfclose show ss two-hosts --at exhausted+1s | halfclose diagnose

Exit codes: 0 nothing grave, 1 something has run out or is not closed, 2 a file cannot be read or says nothing.")]
    Diagnose(Diagnose),

    /// Export what a scenario does in a format of other programs
    #[command(after_help = "\
pcapng is what tcpdump would have written on the host: nanosecond time stamps, right checksums, options and
payload bytes, and a comment on each packet that changed a state, with its cause. Wireshark and tshark open it.
Packets of a host to itself are seen once, as on lo. T is a time since the start or a moment, as for show.

csv has a column time_s (seconds since the start) and one for each --metric, headed by its name, and a row for
each --every from --from to --to. Metrics are counts; one with a unit ends in it (cpu.busy_us).

A file is written beside and renamed when it is complete: an export that fails leaves nothing behind.

Examples:
  halfclose export pcapng one-connection -o one.pcapng
  halfclose export pcapng incident --from kill-1s --to kill+12s --port 3306 -o kill.pcapng
  halfclose export pcapng two-hosts --host db --to 5s -o - | tshark -r -
  halfclose export csv incident --metric host.ss.timewait --metric host.sysbench.fd.open -o series.csv
  tshark -r one.pcapng -T fields -e frame.time_relative -e tcp.flags.str -e frame.comment")]
    Export(Export),

    /// Check scenario files: all problems at once, each with its place and a hint
    #[command(after_help = "\
Examples:
  halfclose check my.toml
  halfclose check scenarios/*.toml
  generate-scenario | halfclose check -

Exit codes: 0 no problem, 3 a problem, 2 a file cannot be read.")]
    Check {
        /// Scenario files; `-` is stdin
        #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
        files: Vec<String>,
    },

    /// Print the JSON Schema of scenario files, or of a trace's lines
    #[command(after_help = "\
Examples:
  halfclose schema > scenario.schema.json
  (first line of a scenario, for editors)  #:schema ./scenario.schema.json
  halfclose schema trace > trace.schema.json")]
    Schema {
        /// Whose schema
        #[arg(value_name = "FORMAT", default_value = "scenario")]
        format: SchemaOf,
    },

    /// List the scenarios that come with the program
    #[command(after_help = "\
Examples:
  halfclose presets
  halfclose presets two-hosts > my.toml     print one, as a start of your own")]
    Presets {
        /// Print this preset's file
        #[arg(value_name = "PRESET")]
        name: Option<String>,
    },

    /// Explain a state, errno, sysctl, MySQL variable, column, or answer a question
    #[command(after_help = "\
Examples:
  halfclose explain CLOSE_WAIT
  halfclose explain EADDRNOTAVAIL
  halfclose explain tcp_tw_reuse
  halfclose explain Recv-Q
  halfclose explain how long does CLOSE_WAIT last
  halfclose explain                         list every word")]
    Explain {
        /// The word, or a question in your own words
        #[arg(value_name = "WORD")]
        words: Vec<String>,
    },

    /// Print the state graph, with or without what a scenario did, or answer a question about it
    #[command(after_help = "\
Examples:
  halfclose graph --format svg -o states.svg
  halfclose graph two-hosts --format svg -o two-hosts.svg    with counts
  halfclose graph | dot -Tpng > states.png
  halfclose graph --forever                                  which states end by themselves
  halfclose graph --path ESTABLISHED TIME-WAIT
  halfclose graph tiny --never                               which edges a run never took")]
    Graph(Graph),

    /// Draw what a scenario does: sockets, ports, costs, rates, limits, one connection, the port range
    #[command(after_help = PLOT_HELP)]
    Plot(Plot),

    /// Write one self-contained page about a run: story, pictures, findings, verdicts, the scenario
    #[command(after_help = REPORT_HELP)]
    Report(Report),

    /// Compare two scenarios, or one with a changed value: where the runs part, and what comes of it
    #[command(after_help = DIFF_HELP)]
    Diff(Diff),

    /// Say which limit binds first, second, third: formulas, then the simulation, then the gap
    #[command(after_help = "\
Examples:
  halfclose capacity                                          the outage
  halfclose capacity time-wait --formula                      formulas alone, at once
  halfclose capacity two-hosts --set process.mysqld.mysqld.max_connections=10000
  halfclose capacity my.toml --json | jq '.limits[] | {limit, binds}'

A limit is so many of something. Clients take R a second and hold each for H seconds: R x H are held in
the long run (Little's law). What is never given back binds sooner or later. The simulation meets the
first wall, lifts it, and goes on to the next.")]
    Capacity(Capacity),

    /// Try the known remedies on a scenario: tonight, tomorrow, does not help
    #[command(after_help = "\
Examples:
  halfclose advise                          the outage: only fixing the close cures it
  halfclose advise time-wait
  halfclose advise my.toml --lang zh
  halfclose advise nofile --json | jq '.alone[] | {id: .remedies[0].id, when, effect}'

Each remedy is simulated alone; where none is enough, the smallest combinations that are. A remedy that
only moves the wall is told with the new time to failure.")]
    Advise(Advise),

    /// Simulate many variants of a scenario under several seeds, on all cores
    #[command(after_help = planning::SWEEP_HELP)]
    Sweep(Sweep),

    /// Put the parts of a sweep together; says what is missing and what does not agree
    Merge(Merge),

    /// Run packetdrill scripts against the simulated host, in exact virtual time
    #[command(after_help = "\
Examples:
  halfclose packetdrill my.pkt
  halfclose packetdrill tests/packets/*.pkt --kernel 5.10
  halfclose packetdrill freebsd.pkt --compare lifecycle
  halfclose packetdrill my.pkt --json | jq '.scripts[].verdict'

A script makes system calls, injects segments, and says which segments leave and when. Shell commands in
it are recognised, never executed: sysctl, ss, sockstat and the like act on the simulated host. What the
model lacks is reported as unsupported, with its line.

Exit codes: 0 all pass, 1 a script failed, 2 usage, 3 a script is unsupported or invalid.")]
    Packetdrill(Packetdrill),

    /// Serve the page of this program on this machine, at a link
    #[command(after_help = "\
Examples:
  halfclose web
  halfclose web 'v=1&s=tiny&t=6s'
  halfclose web 'https://example.invalid/#v=1&s=incident&t=8s' --port 8080
  halfclose web my.toml --at kill+3s
  halfclose web --site target/site

It prints the address and serves until it is stopped, on 127.0.0.1 only. The page is the one the program
was built with (HALFCLOSE_PAGE), else the one that `cargo xtask site` left in target/site.")]
    Web(Web),
    /// Run a scenario on the real Linux kernel and in the model, and print both side by side
    #[command(after_help = "\
Each host becomes a network namespace, each process a real process that makes the same system calls. State
is read through sock_diag and /proc, and afterwards the scenario is simulated for the running kernel with the
settings its hosts really had. A row says what was seen on both sides, whether that is equal, within the stated
tolerance or different, and by which rule. A scenario that waits a minute takes a minute.

Nothing outside the namespaces is touched, and nothing is left behind, not even after Ctrl-C. Linux only; it
needs root or unprivileged user namespaces.

Examples:
  halfclose lab scenarios/lab/two-ports.toml
  halfclose lab two-hosts                    28,231 real sockets
  halfclose lab my.toml --json | jq '.lines[] | select(.verdict == \"differs\")'

Exit codes: 0 all rows agree, 1 a row differs, 2 a right is missing or the lab cannot do what the scenario
asks, 3 invalid scenario, 4 a budget was exceeded.")]
    Lab(Lab),

    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  halfclose completions bash > ~/.local/share/bash-completion/completions/halfclose
  halfclose completions zsh > ~/.zfunc/_halfclose
  halfclose completions fish > ~/.config/fish/completions/halfclose.fish")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },

    /// Print the manual page
    #[command(after_help = "\
Examples:
  halfclose man | man -l -
  halfclose man run | man -l -              the page of one command
  halfclose man > ~/.local/share/man/man1/halfclose.1")]
    Man {
        /// The command whose page to print
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
}

/// Which scenario, and with what changes.
#[derive(Args, Debug)]
pub struct Scenario {
    /// A scenario file, the name of a preset, or `-` for stdin
    #[arg(value_name = "FILE|PRESET", default_value = "incident", value_hint = ValueHint::FilePath)]
    pub source: String,

    /// Use this seed instead of the file's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Change a value of the file; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_override)]
    pub overrides: Vec<Override>,
}

/// One `--set key=value`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Override {
    /// Path of the key, as the file writes it.
    pub key: String,
    /// The value, as TOML or as a bare word.
    pub value: String,
}

/// Arguments of `run`.
#[derive(Args, Debug)]
pub struct Run {
    #[command(flatten)]
    pub scenario: Scenario,

    /// Stop at this time instead of the file's: 70s, or a moment with an offset (exhausted+10s)
    #[arg(long, value_name = "T")]
    pub until: Option<String>,

    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,

    /// Write every record of the run to this file, one JSON object a line; `-` is stdout
    #[arg(long, value_name = "FILE.jsonl", value_hint = ValueHint::FilePath)]
    pub trace: Option<PathBuf>,

    /// Write what the first client's host sends and receives to this file, as pcapng; see `export`
    #[arg(long, value_name = "FILE.pcapng", value_hint = ValueHint::FilePath)]
    pub pcap: Option<PathBuf>,

    /// Draw every picture of the run into this folder, as SVG; see `plot`
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub plot: Option<PathBuf>,

    /// Print nothing but what failed
    #[arg(long, short, conflicts_with = "json")]
    pub quiet: bool,
}

/// Arguments of `export`.
#[derive(Args, Debug)]
pub struct Export {
    /// The format
    #[arg(value_enum, value_name = "FORMAT")]
    pub format: ExportFormat,

    #[command(flatten)]
    pub scenario: Scenario,

    /// Where to write; `-` is stdout
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,

    /// The host that captures; else the first client's
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,

    /// Only packets from or to this port
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// Begin at this moment instead of the start
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    pub from: Option<String>,

    /// End at this moment instead of the scenario's end
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    pub to: Option<String>,

    /// A column of the time series: a metric, or an expression of metrics; may be repeated [default: all metrics]
    #[arg(long, value_name = "METRIC")]
    pub metric: Vec<String>,

    /// Time between two rows of the series
    #[arg(long, value_name = "SPAN", default_value = "1s")]
    pub every: String,
}

/// Formats of `export`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum ExportFormat {
    /// A packet capture
    Pcapng,
    /// Metrics over time, comma-separated
    Csv,
}

/// Arguments of `show`.
#[derive(Args, Debug)]
pub struct Show {
    /// What to show
    #[arg(value_parser = views())]
    pub view: View,

    #[command(flatten)]
    pub scenario: Scenario,

    /// The moment: 3s, kill+3s, exhausted, end
    #[arg(long, value_name = "T", default_value = "end", allow_hyphen_values = true)]
    pub at: String,

    /// Show a span of time: its begin
    #[arg(long, value_name = "T", conflicts_with = "at", allow_hyphen_values = true)]
    pub from: Option<String>,

    /// Show a span of time: its end
    #[arg(long, value_name = "T", conflicts_with = "at", allow_hyphen_values = true)]
    pub to: Option<String>,

    /// Show the span in steps this long: 1s, 100ms [default for views of an instant, and sar: 1s]
    #[arg(long, value_name = "SPAN")]
    pub every: Option<String>,

    /// The host; needed only where there are several to choose from
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,

    /// The process, by name or id, for limits, fd, perf-top, perf-trace and strace
    #[arg(long, value_name = "PROCESS")]
    pub process: Option<String>,

    /// Only names that match, for variables and status: %, _ and letters, as in SQL
    #[arg(long, value_name = "PATTERN")]
    pub like: Option<String>,

    /// Only packets from or to this port, for tcpdump; the socket with this local port, for queue
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// The socket open as this descriptor, for queue
    #[arg(long, value_name = "FD")]
    pub fd: Option<u32>,

    /// Print one JSON object for each moment or step
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sh`.
#[derive(Args, Debug)]
pub struct Sh {
    #[command(flatten)]
    pub scenario: Scenario,

    /// The moment at which it begins: 3s, kill+3s, exhausted, end [default: the start]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    pub at: Option<String>,

    /// The host; else the first client's
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,

    /// Run this line and leave; may be repeated
    #[arg(short = 'c', long = "command", value_name = "COMMAND", allow_hyphen_values = true)]
    pub commands: Vec<String>,
}

/// Arguments of `diagnose`.
#[derive(Args, Debug)]
pub struct Diagnose {
    /// Saved output; `-` is stdin
    #[arg(value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub files: Vec<String>,

    /// Output of `sysctl -a`, or of the settings that matter
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub sysctl: Option<String>,

    /// `/proc/PID/limits` of the process
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub limits: Option<String>,

    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `graph`.
#[derive(Args, Debug)]
pub struct Graph {
    /// Count what this scenario does: a file, the name of a preset, or `-` for stdin
    #[arg(value_name = "FILE|PRESET", value_hint = ValueHint::FilePath)]
    pub source: Option<String>,

    /// The form
    #[arg(long, value_enum, value_name = "FORM", default_value_t = GraphFormat::Dot)]
    pub format: GraphFormat,

    /// Use this seed instead of the file's
    #[arg(long, value_name = "N", requires = "source")]
    pub seed: Option<u64>,

    /// Change a value of the file; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_override, requires = "source")]
    pub overrides: Vec<Override>,

    /// Write to this file instead of stdout
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Answer: which states can last for ever, and which timer ends the others
    #[arg(long, group = "question", conflicts_with_all = ["format", "source"])]
    pub forever: bool,

    /// Answer: the shortest way from one state to another
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"], group = "question", conflicts_with_all = ["format", "source"])]
    pub path: Vec<String>,

    /// Answer: which edges the scenario never took
    #[arg(long, group = "question", conflicts_with = "format", requires = "source")]
    pub never: bool,
}

/// Forms of the graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum GraphFormat {
    /// For Graphviz
    Dot,
    /// For Markdown pages
    Mermaid,
    /// A picture, laid out as in RFC 9293
    Svg,
    /// For programs
    Json,
}

/// Arguments of `lab`.
#[derive(Args, Debug)]
pub struct Lab {
    /// A scenario file, the name of a preset, or `-` for stdin
    #[arg(value_name = "FILE|PRESET", value_hint = ValueHint::FilePath)]
    pub source: String,

    /// Use this seed instead of the file's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Change a value of the file; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_override)]
    pub overrides: Vec<Override>,

    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,

    /// Print a page in Markdown, with the scenario, as the book has them
    #[arg(long, conflicts_with = "json")]
    pub page: bool,
}

/// Arguments of `packetdrill`.
#[derive(Args, Debug)]
pub struct Packetdrill {
    /// Scripts; `-` is stdin
    #[arg(required = true, value_name = "FILE.pkt", value_hint = ValueHint::FilePath)]
    pub files: Vec<String>,

    /// The kernel whose behaviour the scripts expect
    #[arg(long, value_name = "VERSION", default_value = "6.18")]
    pub kernel: String,

    /// What is compared
    #[arg(long, value_enum, value_name = "HOW", default_value_t = CompareArg::Exact)]
    pub compare: CompareArg,

    /// Microseconds of tolerance for scripts that name none [default: 4000]; 0 allows none at all, whatever a script
    /// says, and makes kernel timers exact
    #[arg(long, value_name = "USECS")]
    pub tolerance: Option<u64>,

    /// A word for scripts: a value, or a name for #ifdef; may be repeated
    #[arg(short = 'D', value_name = "NAME=VALUE", value_parser = parse_definition)]
    pub definitions: Vec<(String, String)>,

    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// How strictly a script is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum CompareArg {
    /// as packetdrill does: every field a script gives
    Exact,
    /// flags, sequence numbers, lengths, errnos and times: for scripts written for other stacks
    Lifecycle,
}

/// `NAME=VALUE`, or `NAME`.
fn parse_definition(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    if name.is_empty() {
        return Err("the name before `=` is missing".to_string());
    }
    Ok((name.to_string(), value.to_string()))
}

/// The views, each with the command it looks like.
fn views() -> impl TypedValueParser<Value = View> {
    let values = View::ALL.iter().map(|view| PossibleValue::new(view.name()).help(view.command()));
    PossibleValuesParser::new(values).map(|name| View::parse(&name).expect("the parser lets only these names through"))
}

/// `key=value`; the key may contain dots and quotes, the value anything.
pub fn parse_override(text: &str) -> Result<Override, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok(Override { key: key.trim().to_string(), value: value.trim().to_string() })
        }
        Some(_) => Err("the key before `=` is missing".to_string()),
        None => Err("write KEY=VALUE, for instance host.client.sysctl.net.ipv4.tcp_tw_reuse=1".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_tree_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_command_is_the_story() {
        let arguments = parse("halfclose").unwrap();
        assert!(arguments.command.is_none());
    }

    #[test]
    fn run_takes_everything() {
        let line =
            "halfclose run two-hosts --seed 7 --until 70s --set a.b=1 --set c=x=y --json --trace t.jsonl --lang zh";
        let arguments = parse(line).unwrap();
        assert_eq!(arguments.lang(), Lang::Zh);
        let Some(Command::Run(run)) = arguments.command else { panic!("not run") };
        assert_eq!(run.scenario.source, "two-hosts");
        assert_eq!(run.scenario.seed, Some(7));
        assert_eq!(run.scenario.overrides[1], Override { key: "c".into(), value: "x=y".into() });
        assert_eq!(run.until.as_deref(), Some("70s"));
        assert!(run.json && !run.quiet);
    }

    #[test]
    fn show_has_defaults_and_views_of_the_issue() {
        let Some(Command::Show(show)) = parse("halfclose show ss-s").unwrap().command else { panic!("not show") };
        assert_eq!((show.view, show.scenario.source.as_str(), show.at.as_str()), (View::SsS, "incident", "end"));
        let names: Vec<&str> = View::ALL.iter().map(|view| view.name()).collect();
        let wanted = "ss-s ss netstat processlist variables status limits ulimit sysctl fd sockstat nstat \
                      sar perf-top perf-trace-s perf-trace strace tcpdump queue";
        assert_eq!(names.join(" "), wanted);
    }

    #[test]
    fn graph_answers_one_question_at_a_time() {
        let Some(Command::Graph(graph)) = parse("halfclose graph --path ESTAB TIME-WAIT").unwrap().command else {
            panic!("not graph")
        };
        assert_eq!(graph.path, ["ESTAB", "TIME-WAIT"]);
        for line in [
            "halfclose graph --never",
            "halfclose graph --seed 7",
            "halfclose graph --forever --path A B",
            "halfclose graph --path A",
            "halfclose graph tiny --forever",
            "halfclose graph --forever --format svg",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn packetdrill_has_defaults() {
        let parsed = parse("halfclose packetdrill a.pkt - -D CODE=1 -D STANDARD").unwrap().command;
        let Some(Command::Packetdrill(arguments)) = parsed else { panic!("not packetdrill") };
        assert_eq!((arguments.kernel.as_str(), arguments.compare), ("6.18", CompareArg::Exact));
        assert_eq!(arguments.files, ["a.pkt", "-"]);
        assert_eq!(arguments.definitions, [("CODE".into(), "1".into()), ("STANDARD".into(), String::new())]);
        assert_eq!(parse("halfclose packetdrill").unwrap_err().exit_code(), 2);
        assert_eq!(parse("halfclose packetdrill a.pkt -D =1").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn bad_overrides_are_usage_errors() {
        for line in ["halfclose run tiny --set a", "halfclose run tiny --set =1", "halfclose run tiny --json --quiet"] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
