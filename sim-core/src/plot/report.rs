//! One page about a run, complete in itself: for a post-mortem, a ticket, a mail.

use super::Picture;
use super::report_style::STYLE;
use super::svg::escape;
use crate::observe::charts::{Chart, Watch, XUnit, charts};
use crate::observe::{Finding, RunFacts, Severity, findings};
use crate::say;
use crate::scenario::{MarkRef, Run};
use crate::text::{Lang, Message, grouped};
use crate::time::Instant;

crate::messages! {
    /// The words of the page.
    pub enum ReportWord {
        Simulated { en: "A simulation by halfclose {0}: deterministic, so the command below gives this page again, byte by byte.", zh: "由 halfclose {0} 模拟：结果是确定的，用下面的命令可逐字节重现本页。" }
        Question { en: "Question", zh: "问题" }
        Seed { en: "Seed", zh: "种子" }
        Digest { en: "Digest", zh: "摘要" }
        Events { en: "Events", zh: "事件数" }
        VirtualTime { en: "Virtual time", zh: "虚拟时间" }
        Verdict { en: "Verdict", zh: "结论" }
        Held { en: "{0} of {1} expectations hold", zh: "{1} 项预期中 {0} 项成立" }
        NoExpectations { en: "no expectations", zh: "没有预期" }
        Story { en: "What happened", zh: "发生了什么" }
        When { en: "When", zh: "时刻" }
        What { en: "What", zh: "事件" }
        Start { en: "the run begins", zh: "运行开始" }
        End { en: "the run ends", zh: "运行结束" }
        Exhausted { en: "the first call fails for want of a port or a descriptor", zh: "首次有调用因没有端口或描述符而失败" }
        MarkReached { en: "mark `{0}`", zh: "标记 `{0}`" }
        Refused { en: "the server turns the first connection away: ERR 1040", zh: "服务器首次拒绝连接：ERR 1040" }
        Knee { en: "connect() goes over to the ports of the other parity", zh: "connect() 换到另一半端口" }
        NoPort { en: "connect() finds no port: EADDRNOTAVAIL", zh: "connect() 找不到端口：EADDRNOTAVAIL" }
        NoFile { en: "{0}() finds no descriptor: EMFILE", zh: "{0}() 没有描述符：EMFILE" }
        NoFileSystem { en: "{0}() finds the system out of files: ENFILE", zh: "{0}() 时系统文件数用尽：ENFILE" }
        Findings { en: "Findings", zh: "发现" }
        Error { en: "error", zh: "错误" }
        Warning { en: "warning", zh: "警告" }
        Note { en: "note", zh: "说明" }
        Evidence { en: "Evidence", zh: "依据" }
        Next { en: "What to do", zh: "怎么办" }
        Costs { en: "What that costs", zh: "代价" }
        Type { en: "Type this to see it", zh: "用此命令查看" }
        Pictures { en: "Pictures", zh: "图" }
        Numbers { en: "Numbers at the moments of note", zh: "关键时刻的数字" }
        Number { en: "Number", zh: "数字" }
        AtEnd { en: "end", zh: "结束" }
        Peak { en: "most", zh: "最大值" }
        Verdicts { en: "Expectations of the scenario", zh: "场景的预期" }
        Expectation { en: "Expectation", zh: "预期" }
        Expected { en: "Expected", zh: "应为" }
        Actual { en: "Actual", zh: "实际" }
        Ok { en: "holds", zh: "成立" }
        Failed { en: "fails", zh: "不成立" }
        NeverCame { en: "the moment never came", zh: "时刻没有到来" }
        NotDone { en: "timeline entry {0}, at {1} s: {2}", zh: "时间线第 {0} 项，{1} 秒：{2}" }
        Scenario { en: "The scenario", zh: "场景" }
        Changes { en: "Changed on the command line", zh: "命令行上的修改" }
        Again { en: "To make this page again", zh: "重新生成本页" }
        Limits { en: "CPU time of a port search is modelled as cost, from the named cost profile; states, ports, timers and queues are simulated.", zh: "端口搜索的 CPU 时间按成本模型计算；状态、端口、定时器和队列是逐一模拟的。" }
    }
}

/// What the page is about.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The run, at its end.
    pub run: &'a Run,
    /// What was seen of it.
    pub watch: &'a Watch,
    /// Name of the scenario's file or preset.
    pub name: &'a str,
    /// The scenario as written.
    pub text: &'a str,
    /// `--set`, key and value.
    pub changes: &'a [(String, String)],
    /// Version of the program.
    pub version: &'a str,
    /// Language of everything but names.
    pub lang: Lang,
}

/// The page as HTML: no script, nothing from the network.
#[must_use]
pub fn report(report: &Report<'_>) -> String {
    let Report { run, lang, .. } = *report;
    let scenario = run.scenario();
    let (title, question) = match lang {
        Lang::En => (&scenario.title, &scenario.question),
        Lang::Zh => (&scenario.title_zh, &scenario.question_zh),
    };
    let language = match lang {
        Lang::En => "en",
        Lang::Zh => "zh-CN",
    };
    let facts = RunFacts::of(run);
    let found = findings(&facts);
    let sections = [
        Section { id: "story", title: ReportWord::Story, body: story(report, &facts) },
        Section { id: "findings", title: ReportWord::Findings, body: told(&found, lang) },
        Section { id: "pictures", title: ReportWord::Pictures, body: pictures(report) },
        Section { id: "numbers", title: ReportWord::Numbers, body: numbers(report) },
        Section { id: "expectations", title: ReportWord::Verdicts, body: verdicts(report) },
        Section { id: "scenario", title: ReportWord::Scenario, body: scenario_text(report) },
    ];
    let nav: String = sections
        .iter()
        .map(|section| format!("<a href=\"#{}\">{}</a>\n", section.id, word(section.title, lang)))
        .collect();
    let body: String = sections
        .iter()
        .map(|Section { id, title, body }| {
            format!("<section id=\"{id}\">\n<h2>{}</h2>\n{body}</section>\n", word(*title, lang))
        })
        .collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} – halfclose</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p class=\"question\">{question}</p>\n\
         {summary}<nav>\n{nav}</nav>\n</header>\n<main>\n{body}</main>\n<footer>\n<p>{simulated}</p>\n<p>{limits}</p>\n\
         </footer>\n</body>\n</html>\n",
        title = escape(title),
        question = escape(question),
        summary = summary(report),
        simulated = escape(&say!(lang, ReportWord::Simulated, report.version)),
        limits = word(ReportWord::Limits, lang),
    )
}

struct Section {
    id: &'static str,
    title: ReportWord,
    body: String,
}

fn word(word: ReportWord, lang: Lang) -> String {
    escape(word.texts().text(lang))
}

fn seconds(at: Instant) -> String {
    at.since(Instant::ZERO).decimal(1_000_000_000, 3)
}

fn summary(report: &Report<'_>) -> String {
    let Report { run, lang, .. } = *report;
    let verdicts = run.verdicts();
    let held = verdicts.iter().filter(|row| row.ok).count();
    let refusals = run.refusals().len();
    let verdict = match verdicts.len() + refusals {
        0 => word(ReportWord::NoExpectations, lang),
        all => say!(lang, ReportWord::Held, held, all),
    };
    let rows = [
        (ReportWord::Verdict, verdict),
        (ReportWord::Seed, run.seed().to_string()),
        (ReportWord::VirtualTime, format!("{} s", seconds(run.world().now()))),
        (ReportWord::Events, grouped(run.world().events())),
        (ReportWord::Digest, run.world().digest().to_string()),
    ];
    let rows: String = rows
        .into_iter()
        .map(|(name, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>\n", word(name, lang), escape(&value)))
        .collect();
    format!("<dl class=\"summary\">\n{rows}</dl>\n")
}

/// Moments in their order, as sentences.
fn story(report: &Report<'_>, facts: &RunFacts) -> String {
    let Report { run, lang, .. } = *report;
    let plain = |word: ReportWord| word.texts().text(lang).to_owned();
    let scenario = run.scenario();
    let mut moments = vec![(Instant::ZERO, plain(ReportWord::Start)), (run.world().now(), plain(ReportWord::End))];
    for (index, action) in scenario.timeline.iter().enumerate() {
        if let Some(at) = run.action_at(index).filter(|&at| at <= run.world().now()) {
            moments.push((at, action.kind.to_string()));
        }
    }
    for (index, mark) in scenario.marks.iter().enumerate() {
        if let Some(at) = run.mark(MarkRef::Own(index)) {
            moments.push((at, say!(lang, ReportWord::MarkReached, mark.name)));
        }
    }
    let call = &facts.client.failing_call;
    let reached = [
        (facts.server.first_refusal, plain(ReportWord::Refused)),
        (facts.ports.other_parity, plain(ReportWord::Knee)),
        (facts.ports.exhausted, plain(ReportWord::NoPort)),
        (facts.client.emfile, say!(lang, ReportWord::NoFile, call)),
        (facts.client.enfile, say!(lang, ReportWord::NoFileSystem, call)),
    ];
    moments.extend(reached.into_iter().filter_map(|(reached, text)| Some((reached?.at, text))));
    let none = [facts.ports.exhausted, facts.client.emfile, facts.client.enfile].iter().all(Option::is_none);
    if let Some(at) = run.mark(MarkRef::Exhausted).filter(|_| none) {
        moments.push((at, plain(ReportWord::Exhausted)));
    }
    // The end is the last of what happens at once, the start the first.
    moments.sort_by_key(|(at, text)| (*at, *text == ReportWord::End.texts().text(lang)));
    let rows = moments.iter().map(|(at, text)| [format!("{} s", seconds(*at)), text.clone()]);
    table(&[word(ReportWord::When, lang), word(ReportWord::What, lang)], rows, &["num", ""])
}

fn told(found: &[Finding], lang: Lang) -> String {
    let mut out = String::new();
    for finding in found {
        let (class, severity) = match finding.severity {
            Severity::Error => ("error", ReportWord::Error),
            Severity::Warning => ("warning", ReportWord::Warning),
            Severity::Note => ("note", ReportWord::Note),
        };
        out.push_str(&format!(
            "<article class=\"finding {class}\" id=\"finding-{}\">\n<h3><span class=\"badge\">{}</span> {}</h3>\n",
            finding.id.name(),
            word(severity, lang),
            escape(finding.what.text(lang))
        ));
        if let Some(why) = &finding.why {
            out.push_str(&format!("<p>{}</p>\n", escape(why.text(lang))));
        }
        out.push_str(&format!("<p>{}{}</p>\n", label(ReportWord::Next, lang), escape(finding.next.text(lang))));
        if let Some(costs) = &finding.costs {
            out.push_str(&format!("<p>{}{}</p>\n", label(ReportWord::Costs, lang), escape(costs.text(lang))));
        }
        if let Some(command) = &finding.command {
            let label = label(ReportWord::Type, lang);
            out.push_str(&format!("<p>{label}</p>\n<pre><code>{}</code></pre>\n", escape(command)));
        }
        if !finding.evidence.is_empty() {
            let all: Vec<String> =
                finding.evidence.iter().map(|(name, value)| format!("{name} = {}", readable(value))).collect();
            let label = label(ReportWord::Evidence, lang);
            out.push_str(&format!("<p class=\"evidence\">{label}{}</p>\n", escape(&all.join(" · "))));
        }
        out.push_str("</article>\n");
    }
    out
}

/// A word that introduces what follows.
fn label(of: ReportWord, lang: Lang) -> String {
    let colon = match lang {
        Lang::En => ": ",
        Lang::Zh => "：",
    };
    format!("<b>{}{colon}</b>", word(of, lang))
}

fn readable(value: &str) -> String {
    value.parse::<u64>().map_or_else(|_text| value.to_owned(), grouped)
}

fn pictures(report: &Report<'_>) -> String {
    let Report { run, watch, lang, .. } = *report;
    let drawn = Picture::ALL.iter().filter_map(|picture| Some((picture, picture.draw(watch, run, None, lang)?)));
    let figure = |(picture, svg): (&Picture, String)| {
        format!(
            "<figure id=\"picture-{}\">\n<div>\n{svg}</div>\n<figcaption aria-hidden=\"true\">{}</figcaption>\n</figure>\n",
            picture.name(),
            described(&svg)
        )
    };
    drawn.map(figure).collect()
}

/// What a picture says of itself, as markup: on a phone its own caption is wider than the screen.
fn described(svg: &str) -> &str {
    let told = svg.split_once("<desc").and_then(|(_, rest)| rest.split_once('>'));
    told.and_then(|(_, rest)| rest.split_once("</desc>")).map_or("", |(told, _)| told)
}

/// The lines of the charts over time, read off at the marks.
fn numbers(report: &Report<'_>) -> String {
    let Report { run, watch, lang, .. } = *report;
    let all = charts(watch, run);
    let Some(first) = all.iter().find(|chart| chart.x.unit == XUnit::TimeNs) else { return String::new() };
    let mut heads = vec![word(ReportWord::Number, lang)];
    let mut times = Vec::new();
    for mark in &first.marks {
        heads.push(format!("{}<br>{} s", escape(mark.name.text(lang)), seconds(Instant::from_nanos(mark.x))));
        times.push(mark.x);
    }
    heads.push(word(ReportWord::AtEnd, lang));
    times.push(u64::MAX);
    heads.push(word(ReportWord::Peak, lang));
    let mut rows = Vec::new();
    let gauges = |chart: &&Chart| chart.x.unit == XUnit::TimeNs;
    for panel in all.iter().filter(gauges).flat_map(|chart| &chart.panels).filter(|panel| panel.y.en != "per second") {
        for line in &panel.lines {
            let at = |time: u64| {
                let passed = line.points.partition_point(|&(x, _)| x <= time);
                passed.checked_sub(1).map_or(0.0, |last| line.points[last].1)
            };
            let name = format!("{} · {}", panel.title.text(lang), line.name.text(lang));
            let values = times.iter().map(|&time| at(time)).chain([line.peak()]);
            rows.push(core::iter::once(name).chain(values.map(count)).collect::<Vec<String>>());
        }
    }
    let mut classes = vec![""];
    classes.resize(heads.len(), "num");
    format!("<div class=\"wide\">{}</div>\n", table(&heads, rows, &classes))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "gauges are counts")]
fn count(value: f64) -> String {
    grouped(value as u64)
}

fn verdicts(report: &Report<'_>) -> String {
    let Report { run, lang, .. } = *report;
    let mut rows = Vec::new();
    let verdict = |ok: bool| {
        if ok {
            format!("✓ {}", word(ReportWord::Ok, lang))
        } else {
            format!("✗ {}", word(ReportWord::Failed, lang))
        }
    };
    for row in run.verdicts() {
        let actual = match (&row.actual, &row.error) {
            (Some(actual), _) => actual.to_string(),
            (None, Some(error)) => error.to_string(),
            (None, None) => ReportWord::NeverCame.format(lang, &[]),
        };
        let when = [row.since, Some(row.at)].into_iter().flatten().filter_map(|moment| run.instant_of(&moment));
        let when: Vec<String> = when.map(|at| format!("{} s", seconds(at))).collect();
        let expected = row.expected.replace("..=", " – ");
        rows.push(vec![verdict(row.ok), when.join(" – "), row.name, expected, actual]);
    }
    for refusal in run.refusals() {
        let action = &run.scenario().timeline[refusal.action].kind;
        let name = say!(lang, ReportWord::NotDone, refusal.action + 1, seconds(refusal.at), action);
        rows.push(vec![verdict(false), String::new(), name, String::new(), refusal.reason.clone()]);
    }
    if rows.is_empty() {
        return format!("<p>{}</p>\n", word(ReportWord::NoExpectations, lang));
    }
    let heads =
        [ReportWord::Verdict, ReportWord::When, ReportWord::Expectation, ReportWord::Expected, ReportWord::Actual];
    format!(
        "<div class=\"wide\">{}</div>\n",
        table(&heads.map(|head| word(head, lang)), rows, &["verdict", "num", "", "num", "num"])
    )
}

fn scenario_text(report: &Report<'_>) -> String {
    let Report { run, lang, .. } = *report;
    let mut out = String::new();
    if !report.changes.is_empty() {
        let rows = report
            .changes
            .iter()
            .map(|(key, value)| format!("<li><code>{} = {}</code></li>\n", escape(key), escape(value)));
        let rows: String = rows.collect();
        out.push_str(&format!("<p>{}</p>\n<ul>\n{rows}</ul>\n", label(ReportWord::Changes, lang)));
    }
    let mut command = format!("halfclose report {} --seed {}", quoted(report.name), run.seed());
    for (key, value) in report.changes {
        command.push_str(&format!(" --set {}", quoted(&format!("{key}={value}"))));
    }
    command.push_str(&format!(" --lang {lang} -o report.html"));
    out.push_str(&format!("<p>{}</p>\n<pre><code>{}</code></pre>\n", label(ReportWord::Again, lang), escape(&command)));
    out.push_str(&format!("<pre class=\"file\"><code>{}</code></pre>\n", escape(report.text)));
    out
}

/// As a shell takes it.
fn quoted(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./=:".contains(c);
    if text.chars().all(safe) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Heads are markup already, cells are text.
fn table<R: IntoIterator<Item = String>>(
    heads: &[String],
    rows: impl IntoIterator<Item = R>,
    classes: &[&str],
) -> String {
    let class = |at: usize| match classes.get(at).copied().unwrap_or("") {
        "" => String::new(),
        class => format!(" class=\"{class}\""),
    };
    let mut out = String::from("<table>\n<thead><tr>");
    for (at, head) in heads.iter().enumerate() {
        out.push_str(&format!("<th scope=\"col\"{}>{head}</th>", class(at)));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (at, cell) in row.into_iter().enumerate() {
            out.push_str(&format!("<td{}>{}</td>", class(at), escape(&cell)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
    out
}
