//! `sar -P ALL INTERVAL N` (sysstat `pr_stats.c`, `print_cpu_stats`).
#![expect(clippy::float_arithmetic, reason = "shares for people")]

use crate::kernel::cpu::CpuUsage;
use crate::observe::calendar::Civil;
use crate::observe::span::{CpuSample, SpanView};
use crate::observe::view::HostView;
use crate::time::{Duration, Instant};

/// Shares of one CPU, or of all, over an interval, in per cent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CpuShare {
    /// `CPU`; `None` for `all`.
    pub cpu: Option<usize>,
    /// `%user`.
    pub user: f64,
    /// `%system`; softirqs are in it, as without `-u ALL`.
    pub system: f64,
    /// `%steal`.
    pub steal: f64,
    /// `%idle`.
    pub idle: f64,
}

/// A block for each interval between two samples, then the averages. `%nice`
/// and `%iowait` are always 0: nothing in the model is niced or waits for a disk.
#[must_use]
pub fn sar(span: &SpanView) -> String {
    let mut out = heading(&span.host);
    for pair in span.cpu.windows(2) {
        block(&mut out, &clock(&span.host, pair[0].at), &clock(&span.host, pair[1].at), &shares(&pair[0], &pair[1]));
    }
    if let [first, .., last] = span.cpu.as_slice() {
        block(&mut out, "Average:", "Average:", &shares(first, last));
    }
    out
}

/// Shares of all CPUs together, then of each, between two samples.
#[must_use]
pub fn shares(before: &CpuSample, after: &CpuSample) -> Vec<CpuShare> {
    let wall = after.at.since(before.at);
    let each: Vec<CpuUsage> = after.usage.iter().zip(&before.usage).map(|(late, early)| late.since(early)).collect();
    let all = each.iter().fold(CpuUsage::default(), |sum, one| CpuUsage {
        user: sum.user + one.user,
        system: sum.system + one.system,
        softirq: sum.softirq + one.softirq,
        steal: sum.steal + one.steal,
    });
    let count = each.len().max(1) as u64;
    let mut shares = vec![share(None, all, wall.saturating_mul(count))];
    shares.extend(each.into_iter().enumerate().map(|(cpu, usage)| share(Some(cpu), usage, wall)));
    shares
}

fn share(cpu: Option<usize>, usage: CpuUsage, wall: Duration) -> CpuShare {
    let percent = |part: Duration| {
        if wall == Duration::ZERO { 0.0 } else { part.nanos() as f64 * 100.0 / wall.nanos() as f64 }
    };
    let idle = wall.saturating_sub(usage.busy());
    CpuShare {
        cpu,
        user: percent(usage.user),
        system: percent(usage.system + usage.softirq),
        steal: percent(usage.steal),
        idle: percent(idle),
    }
}

fn heading(host: &HostView) -> String {
    let date = Civil::from_unix(host.start_unix + host.now.nanos() / 1_000_000_000);
    format!(
        "Linux {} ({}) \t{:02}/{:02}/{} \t_x86_64_\t({} CPU)\n",
        host.release, host.name, date.month, date.day, date.year, host.cpus
    )
}

/// `06:22:54 PM`, as sysstat prints it where the locale counts twelve hours.
fn clock(host: &HostView, at: Instant) -> String {
    let time = Civil::from_unix(host.start_unix + at.nanos() / 1_000_000_000);
    let (hour, half) = ((time.hour + 11) % 12 + 1, if time.hour < 12 { "AM" } else { "PM" });
    format!("{hour:02}:{:02}:{:02} {half}", time.minute, time.second)
}

fn block(out: &mut String, header: &str, label: &str, shares: &[CpuShare]) {
    out.push_str(&format!("\n{header:<11}     CPU     %user     %nice   %system   %iowait    %steal     %idle\n"));
    for share in shares {
        let cpu = share.cpu.map_or_else(|| "all".to_owned(), |cpu| cpu.to_string());
        out.push_str(&format!(
            "{label:<11} {cpu:>7} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>9.2}\n",
            share.user, 0.0, share.system, 0.0, share.steal, share.idle
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, published};
    use super::*;
    use crate::observe::span::Recording;

    /// The write-up's five seconds, from the percentages it shows.
    fn write_up() -> SpanView {
        let golden = include_str!("../golden/sar.write-up.txt");
        let start = 1_712_859_774;
        let mut host = sample::namespace(Duration::ZERO);
        host.release = "5.10.213-201.855.amzn2.x86_64".into();
        (host.cpus, host.start_unix, host.now) = (4, start, Instant::ZERO + Duration::from_secs(5));
        let mut usage = vec![CpuUsage::default(); 4];
        let mut cpu = vec![CpuSample { at: Instant::ZERO, usage: usage.clone() }];
        for second in 0..5_u64 {
            let time = format!("06:22:{} PM", 55 + second);
            for line in golden.lines().filter(|line| line.starts_with(&time) && !line.contains("CPU")) {
                let words: Vec<&str> = line.split_whitespace().collect();
                let Ok(number) = words[2].parse::<usize>() else { continue };
                let ns =
                    |text: &str| Duration::from_nanos(text.replace('.', "").parse::<u64>().expect("a share") * 100_000);
                usage[number].user += ns(words[3]);
                usage[number].system += ns(words[5]);
                usage[number].steal += ns(words[7]);
            }
            cpu.push(CpuSample { at: Instant::ZERO + Duration::from_secs(second + 1), usage: usage.clone() });
        }
        SpanView::new(host, Instant::ZERO, cpu, Recording::default())
    }

    /// Every row of a CPU comes out as published. `all` and the averages are
    /// weighted by ticks in the original, whose seconds had 99 to 106 of them.
    #[test]
    fn the_published_table() {
        let ours = sar(&write_up());
        let golden = include_str!("../golden/sar.write-up.txt");
        let (ours, golden) = (published(&ours), published(golden));
        assert_eq!(ours.lines().count(), golden.lines().count());
        for (ours, golden) in ours.lines().zip(golden.lines()).skip(1) {
            let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let (mine, theirs) = (words(ours), words(golden));
            let weighted = ours.starts_with("Average") || mine.contains(&"all".to_owned());
            let off = if weighted { 1.0 } else { 0.011 };
            assert_eq!((ours.len(), mine.len()), (golden.len(), theirs.len()), "{ours}\n{golden}");
            for (a, b) in mine.iter().zip(&theirs) {
                match (a.parse::<f64>(), b.parse::<f64>()) {
                    (Ok(a), Ok(b)) => assert!((a - b).abs() < off, "{ours}\n{golden}"),
                    (_, _) => assert_eq!(a, b, "{ours}\n{golden}"),
                }
            }
        }
    }

    #[test]
    fn the_heading_is_sysstats() {
        let text = sar(&write_up());
        assert!(text.starts_with("Linux 5.10.213-201.855.amzn2.x86_64 (host) \t04/11/2024 \t_x86_64_\t(4 CPU)\n\n"));
    }

    #[test]
    fn midnight_and_noon_are_twelve() {
        let host = HostView { start_unix: 0, ..sample::namespace(Duration::ZERO) };
        let at = |hour: u64| clock(&host, Instant::ZERO + Duration::from_secs(3_600 * hour));
        assert_eq!([at(0), at(1), at(12), at(23)], ["12:00:00 AM", "01:00:00 AM", "12:00:00 PM", "11:00:00 PM"]);
    }
}
