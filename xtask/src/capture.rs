//! Captures as tshark and tcpdump read them: an opinion about our frames that is
//! not ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::checks::Context;
use crate::process::output_of;
use crate::report::Outcome;

/// The outage with a link that loses packets.
const LOSSY: &str = "format = 1\nextends = \"restart-client\"\ntitle = \"Loss\"\nend = \"20s\"\n\n\
                     [[link]]\nbetween = [\"client\", \"db\"]\nlatency = \"85us\"\nloss = \"2%\"\n";
/// What Wireshark remarks where packets were lost, late or doubled.
const TROUBLE: &str = "tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment || tcp.analysis.retransmission || \
                       tcp.analysis.out_of_order || tcp.analysis.duplicate_ack || tcp.analysis.zero_window";

/// Exports a few scenarios and lets tshark judge them.
pub(crate) fn check(context: &Context) -> Outcome {
    match judge(context) {
        Ok(lines) => Outcome::Passed(lines),
        Err(why) => Outcome::Failed(vec![why]),
    }
}

fn judge(context: &Context) -> Result<Vec<String>, String> {
    let program = context.built("halfclose").map_err(|_told| "the program does not build".to_owned())?;
    let folder = context.target.join("captures");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let lossy = folder.join("lossy.toml");
    std::fs::write(&lossy, LOSSY).map_err(|error| format!("{}: {error}", lossy.display()))?;
    let lossy = lossy.to_string_lossy().into_owned();
    let mut lines = Vec::new();
    let sources: [(&str, &str, &[&str], bool); 5] = [
        ("one-connection", "one-connection", &["--from", "0s", "--to", "75s"], false),
        ("incident", "incident", &["--from", "kill-100ms", "--to", "kill+12s"], false),
        ("resets", "restart-client", &["--host", "db", "--from", "0s", "--to", "20s"], false),
        ("lossy", &lossy, &["--from", "0s", "--to", "12s"], true),
        ("names", "traced", &["--from", "kill", "--to", "kill+100ms"], false),
    ];
    for (name, source, arguments, loses) in sources {
        let file = folder.join(format!("{name}.pcapng"));
        export(&program, source, arguments, &file)?;
        let frames = valid_frames(&file)?;
        let trouble = count(&file, TROUBLE)?;
        if (trouble > 0) != loses {
            return Err(format!("{name}: {trouble} of {frames} frames are remarked as lost, late or doubled"));
        }
        same_as_tcpdump(&program, source, arguments, &file)?;
        lines.push(format!("{name}: {frames} frames, {trouble} remarked, every line as tcpdump prints it"));
    }
    if count(&folder.join("names.pcapng"), "dns.qry.name == \"reg.liarlee.site\" && dns.flags.response == 1")? == 0 {
        return Err("names: no DNS answer was dissected".to_owned());
    }
    lines.push(filters(&program, &folder)?);
    one_connection(&folder.join("one-connection.pcapng"))?;
    let incident = folder.join("incident.pcapng");
    for code in [1040, 1159] {
        if count(&incident, &format!("mysql.error_code == {code}"))? == 0 {
            return Err(format!("incident: no MySQL error {code} was dissected"));
        }
    }
    if count(&incident, "mysql.server_greeting")? == 0 {
        return Err("incident: no MySQL greeting was dissected".to_owned());
    }
    Ok(lines)
}

/// `--host`, `--port`, `--from` and `--to` keep what they say and nothing else:
/// of the traced run, whose hosts talk MySQL and DNS, tshark counts the same
/// frames in the whole capture.
fn filters(program: &Path, folder: &Path) -> Result<String, String> {
    const SPAN: [&str; 4] = ["--from", "kill", "--to", "kill+100ms"];
    let whole = folder.join("names.pcapng");
    let resolver = "ip.addr == 172.31.0.2";
    let begin = tshark(&whole, &["-c", "1", "-T", "fields", "-e", "frame.time_epoch"])?;
    let begin: f64 = begin.trim().parse().map_err(|_| format!("no time: {begin}"))?;
    // The clock of the outage is that of a second, and the kill happens at a whole one.
    let kill = begin.floor();
    let between = format!("frame.time_epoch >= {:.3} && frame.time_epoch < {:.3}", kill + 0.02, kill + 0.05);
    let cases: [(&str, &[&str], &str); 4] = [
        ("port", &["--port", "53"], "udp.port == 53"),
        ("other-port", &["--port", "3306"], "tcp.port == 3306"),
        ("host", &["--host", "resolver"], resolver),
        ("time", &["--from", "kill+20ms", "--to", "kill+50ms"], &between),
    ];
    let mut told = Vec::new();
    for (name, arguments, kept) in cases {
        let file = folder.join(format!("filter-{name}.pcapng"));
        let arguments = if name == "time" { arguments.to_vec() } else { [&SPAN[..], arguments].concat() };
        export(program, "traced", &arguments, &file)?;
        let (all, wanted) = (valid_frames(&file)?, count(&file, kept)?);
        // The resolver sees its packets half a round trip apart from the client: the ends of the span differ by a few.
        let of_whole = count(&whole, kept)?;
        let near = if name == "host" { of_whole.abs_diff(all) <= 2 } else { of_whole == all };
        if all == 0 || wanted != all || !near {
            return Err(format!("{}: {all} frames, {wanted} of them {kept}, {of_whole} in all", arguments.join(" ")));
        }
        told.push(format!("{name} {all}"));
    }
    Ok(format!("filters keep what they say: {} frames", told.join(", ")))
}

fn export(program: &Path, source: &str, arguments: &[&str], file: &Path) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(["export", "pcapng", source]).args(arguments).arg("--output").arg(file);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) | Err(_) => Err(format!("`halfclose export pcapng {source}` failed")),
    }
}

/// `halfclose show tcpdump` prints line for line what tcpdump makes of the capture.
fn same_as_tcpdump(program: &Path, source: &str, arguments: &[&str], file: &Path) -> Result<(), String> {
    let mut ours = Command::new(program);
    ours.args(["show", "tcpdump", source]).args(arguments);
    let ours = output_of(&mut ours).ok_or_else(|| format!("`halfclose show tcpdump {source}` failed"))?;
    let mut theirs = Command::new("tcpdump");
    theirs.env("TZ", "UTC").args(["-n", "-r"]).arg(file);
    let theirs = output_of(&mut theirs).ok_or_else(|| format!("tcpdump cannot read {}", file.display()))?;
    let (mine, real) = (ours.lines().count(), theirs.lines().count());
    let differing = ours.lines().zip(theirs.lines()).find(|(ours, theirs)| ours != theirs);
    match differing {
        Some((ours, theirs)) => Err(format!("{source}: ours    {ours}\n{source}: tcpdump {theirs}")),
        None if mine != real || mine == 0 => Err(format!("{source}: {mine} lines, tcpdump has {real}")),
        None => Ok(()),
    }
}

/// Every frame decodes and both its checksums are right; how many there are.
fn valid_frames(file: &PathBuf) -> Result<usize, String> {
    let status = ["ip.checksum.status", "tcp.checksum.status", "udp.checksum.status"];
    let sums = tshark(file, &["-T", "fields", "-e", status[0], "-e", status[1], "-e", status[2]])?;
    // 1 is "good"; a segment has no UDP checksum, a datagram no TCP checksum, ICMP neither.
    if let Some(bad) = sums.lines().position(|line| !matches!(line, "1\t1\t" | "1\t\t1" | "1\t\t")) {
        return Err(format!("{}: frame {} has a wrong checksum", file.display(), bad + 1));
    }
    match count(file, "_ws.malformed")? {
        0 => Ok(sums.lines().count()),
        malformed => Err(format!("{}: {malformed} malformed frames", file.display())),
    }
}

/// The picture of the published capture: greeting, ten seconds, error, FIN, its
/// acknowledgment, silence.
fn one_connection(file: &PathBuf) -> Result<(), String> {
    let fields = ["-T", "fields", "-e", "frame.time_relative", "-e", "tcp.flags.str", "-e", "tcp.len"];
    let seen = tshark(file, &fields)?;
    let seen: Vec<String> = seen
        .lines()
        .map(|line| {
            let mut parts = line.split('\t');
            let seconds = parts.next().and_then(|at| at.split('.').next()).unwrap_or_default().to_owned();
            let flags: String = parts.next().unwrap_or_default().chars().filter(char::is_ascii_alphabetic).collect();
            format!("{seconds} {flags} {}", parts.next().unwrap_or_default())
        })
        .collect();
    let picture =
        ["0 S 0", "0 AS 0", "0 A 0", "0 AP 77", "0 A 0", "10 AP 54", "10 A 0", "10 AF 0", "10 A 0"].map(str::to_owned);
    if seen == picture { Ok(()) } else { Err(format!("one-connection looks like {seen:?}")) }
}

fn count(file: &PathBuf, filter: &str) -> Result<usize, String> {
    tshark(file, &["-Y", filter, "-T", "fields", "-e", "frame.number"]).map(|frames| frames.lines().count())
}

fn tshark(file: &PathBuf, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new("tshark");
    command
        .args(["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-r"])
        .arg(file)
        .args(arguments);
    output_of(&mut command).ok_or_else(|| format!("tshark cannot read {}", file.display()))
}
