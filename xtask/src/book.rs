//! `cargo xtask book`: the book in English and 中文, and what is checked of it.
//!
//! A page of `book/src` is written in English; its 中文 stands in `book/po/zh.po`,
//! message by message. Pages that the program makes in both languages have
//! their 中文 in `book/zh` instead, under the same name.

mod catalog;
mod links;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::checks::Context;
use crate::install::{MDBOOK, MDBOOK_I18N, Need};
use crate::process::{output_of, run};
use crate::report::Outcome;

/// What building the book needs.
pub(crate) const NEEDS: &[Need] = &[Need::Tool(MDBOOK), Need::Tool(MDBOOK_I18N)];

/// A language of the book, by the code that names its folder.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Language {
    code: &'static str,
    name: &'static str,
}

const ENGLISH: Language = Language { code: "en", name: "English" };
const CHINESE: Language = Language { code: "zh", name: "中文" };

/// For whom the book is built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edition {
    /// For everybody: what is between [`ANSWERS`] is left out.
    Learner,
    /// With the answers.
    Instructor,
}

/// Around what only the instructor's edition has.
const ANSWERS: [&str; 2] = ["<!-- instructor -->", "<!-- /instructor -->"];

/// `cargo xtask book`: both languages, in `target/book`.
pub(crate) fn book(context: &Context) -> Outcome {
    build(context, &context.target.join("book"))
}

/// `cargo xtask book --instructor`: with the answers to its exercises, in `target/book-instructor`.
pub(crate) fn instructor(context: &Context) -> Outcome {
    edition(context, &context.target.join("book-instructor"), Edition::Instructor)
}

/// `cargo xtask book --update`: the catalogue of translations follows the pages.
pub(crate) fn update(context: &Context) -> Outcome {
    outcome((|| {
        let template = Stage::new(context, Edition::Instructor)?.template()?;
        let (missing, gone) = catalog::update(&template, &catalog::path(&context.root))?;
        println!("book/po/zh.po: {missing} messages without a translation, {gone} taken out");
        Ok(())
    })())
}

/// The check `book`: it builds, everything is translated, every link leads somewhere.
pub(crate) fn check(context: &Context) -> Outcome {
    let folder = context.target.join("book");
    let built = build(context, &folder);
    if !matches!(built, Outcome::Passed(_)) {
        return built;
    }
    outcome((|| {
        let template = Stage::new(context, Edition::Instructor)?.template()?;
        let mut problems = catalog::problems(&template, &catalog::path(&context.root))?;
        problems.extend(unresolved(&folder)?);
        problems.extend(unspoken(&folder)?);
        problems.extend(links::broken(&folder)?);
        if problems.is_empty() { Ok(()) } else { Err(Problem::Found(problems)) }
    })())
}

/// Builds both languages into `folder`: `en`, `zh`, and a page that leads to both.
pub(crate) fn build(context: &Context, folder: &Path) -> Outcome {
    edition(context, folder, Edition::Learner)
}

fn edition(context: &Context, folder: &Path, edition: Edition) -> Outcome {
    outcome((|| {
        let stage = Stage::new(context, edition)?;
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        for (language, other) in [(ENGLISH, CHINESE), (CHINESE, ENGLISH)] {
            let out = folder.join(language.code);
            stage.render(language, &out)?;
            for page in links::pages(&out)? {
                offer(&page, &out, other)?;
            }
            stage.reports(&out)?;
        }
        fs::write(folder.join("index.html"), INDEX)?;
        Ok(())
    })())
}

/// What `book.toml` says in English.
const CHINESE_DESCRIPTION: &str = "在忠实再现的 Linux 主机上，TCP 连接如何耗尽某种资源";

/// Leads to both languages.
const INDEX: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>halfclose</title>
<style>body { font: 1.2em/1.6 system-ui, sans-serif; max-width: 34em; margin: 4em auto; padding: 0 1em } a { font-size: 1.3em }</style>
</head>
<body>
<h1>halfclose</h1>
<p><a href="en/index.html" hreflang="en">English</a><br>TCP connections that run out of something, on a faithful Linux host</p>
<p lang="zh"><a href="zh/index.html" hreflang="zh">中文</a><br>在忠实再现的 Linux 主机上，TCP 连接如何耗尽某种资源</p>
</body>
</html>
"#;

/// Why the book is not built, or not good.
enum Problem {
    Io(io::Error),
    /// A program that was to run did not pass.
    Step(Outcome),
    Found(Vec<String>),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn outcome(result: Result<(), Problem>) -> Outcome {
    match result {
        Ok(()) => Outcome::Passed(Vec::new()),
        Err(Problem::Io(error)) => Outcome::Failed(vec![error.to_string()]),
        Err(Problem::Step(outcome)) => outcome,
        Err(Problem::Found(lines)) => {
            lines.iter().for_each(|line| println!("{line}"));
            Outcome::Failed(vec![format!("{} problems of the book, listed above", lines.len())])
        }
    }
}

/// Runs a step that must pass.
fn step(command: &mut Command) -> Result<(), Problem> {
    match run(command) {
        Outcome::Passed(_) => Ok(()),
        outcome @ (Outcome::Failed(_) | Outcome::NotRun(_)) => Err(Problem::Step(outcome)),
    }
}

/// Where sources are laid out for mdBook, and the tools.
struct Stage<'a> {
    context: &'a Context,
    mdbook: PathBuf,
    /// PATH with the folder of the helpers in front: mdBook calls them by name.
    path: std::ffi::OsString,
    /// Our own program, for what the pages show of it.
    halfclose: PathBuf,
    edition: Edition,
}

impl<'a> Stage<'a> {
    fn new(context: &'a Context, edition: Edition) -> Result<Self, Problem> {
        let find = |tool: crate::install::Tool| {
            let gone = || Problem::Step(Outcome::NotRun(format!("{} is not installed", Need::Tool(tool))));
            tool.find(context).ok_or_else(gone)
        };
        let (mdbook, helper) = (find(MDBOOK)?, find(MDBOOK_I18N)?);
        let own = helper.parent().map(Path::to_owned).into_iter().filter(|folder| folder.is_absolute());
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(own.chain(std::env::split_paths(&rest)))
            .map_err(|error| Problem::Io(io::Error::other(error)))?;
        let halfclose = context.built("halfclose").map_err(Problem::Step)?;
        Ok(Self { context, mdbook, path, halfclose, edition })
    }

    fn mdbook(&self, source: &Path, out: &Path) -> Command {
        let mut command = Command::new(&self.mdbook);
        command.arg("build").arg(source).arg("--dest-dir").arg(out).env("PATH", &self.path).env("MDBOOK_LOG", "warn");
        command
    }

    fn render(&self, language: Language, out: &Path) -> Result<(), Problem> {
        let source = self.lay_out(language.code)?;
        if language == CHINESE {
            self.in_chinese(&source.join("src"))?;
        }
        let mut command = self.mdbook(&source, out);
        command.env("MDBOOK_BOOK__LANGUAGE", language.code);
        if language == CHINESE {
            command.env("MDBOOK_PREPROCESSOR__GETTEXT__AFTER", "[\"links\"]");
            command.env("MDBOOK_BOOK__DESCRIPTION", CHINESE_DESCRIPTION);
        }
        step(&mut command)
    }

    /// The messages that need a translation: those of pages without a 中文 of their own.
    fn template(&self) -> Result<PathBuf, Problem> {
        let source = self.lay_out("template")?;
        let summary = source.join("src").join("SUMMARY.md");
        let mut kept = String::new();
        let own = own_pages(&self.context.root)?;
        for line in fs::read_to_string(&summary)?.lines() {
            if own.iter().any(|page| line.contains(&format!("({page})"))) {
                continue;
            }
            kept.push_str(line);
            kept.push('\n');
        }
        fs::write(summary, kept)?;
        let out = self.context.target.join("book-src").join("messages");
        step(self.mdbook(&source, &out).env("MDBOOK_OUTPUT", r#"{"xgettext": {"granularity": 0}}"#))?;
        Ok(out.join("messages.pot"))
    }

    /// A copy of the sources whose includes still find their files, for the edition's readers.
    fn lay_out(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.context.target.join("book-src").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let book = self.context.root.join("book");
        copy(&book.join("src"), &folder.join("src"))?;
        copy(&book.join("po"), &folder.join("po"))?;
        copy(&book.join("theme"), &folder.join("theme"))?;
        fs::copy(book.join("book.toml"), folder.join("book.toml"))?;
        let include = format!("{{{{#include {}/", self.context.root.display());
        for page in files(&folder.join("src"), "md")? {
            let text = fs::read_to_string(&page)?;
            let told = match self.edition {
                Edition::Instructor => text.clone(),
                Edition::Learner => without_answers(&text),
            };
            let told = told.replace("{{#include ../../", &include);
            if told != text {
                fs::write(&page, told)?;
            }
        }
        Ok(folder)
    }

    /// Pages with a 中文 of their own take the place of the English ones, and the program speaks 中文.
    fn in_chinese(&self, source: &Path) -> io::Result<()> {
        copy(&self.context.root.join("book").join("zh"), source)?;
        let summary = source.join("SUMMARY.md");
        let mut text = fs::read_to_string(&summary)?;
        for page in own_pages(&self.context.root)? {
            let own = fs::read_to_string(source.join(&page))?;
            let title = own.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(&page);
            text = retitled(&text, &page, title);
        }
        // mdbook-gettext translates titles too, but not where a search result names the chapter above.
        let text = catalog::titles_translated(&text, &catalog::path(&self.context.root))?;
        fs::write(summary, text)?;
        for page in files(source, "md")? {
            let text = fs::read_to_string(&page)?;
            if text.contains(OUTPUT) {
                fs::write(&page, self.told_in_chinese(&text)?)?;
            }
        }
        Ok(())
    }

    /// Each block after a marker, as the program prints it in 中文. That the
    /// English blocks are the program's is for `sim-cli/tests/documents.rs` to say.
    fn told_in_chinese(&self, text: &str) -> io::Result<String> {
        let mut parts = text.split(OUTPUT);
        let mut fresh = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let unclosed = || io::Error::other(format!("a marker without a block: {OUTPUT}{part:.60}"));
            let (arguments, rest) = part.split_once("-->").ok_or_else(unclosed)?;
            let (_, block) = rest.split_once(FENCE).ok_or_else(unclosed)?;
            let end = if block.starts_with("```") { 0 } else { block.find("\n```").ok_or_else(unclosed)? + 1 };
            let (command, words) = arguments.split_once(" | grep ").unwrap_or((arguments, ""));
            let mut quoted = words.split('"').skip(1).step_by(2);
            let word = quoted.next().map_or("", |english| quoted.next().unwrap_or(english));
            let said = Command::new(&self.halfclose)
                .args(command.split_whitespace())
                .env("LC_ALL", "zh_CN.UTF-8")
                .env("NO_COLOR", "1")
                .output()?;
            let said = String::from_utf8_lossy(&said.stdout);
            let kept = said.lines().filter(|line| line.contains(word));
            let said: String = kept.map(|line| format!("{}\n", line.trim_end())).collect();
            if said.is_empty() {
                return Err(io::Error::other(format!("halfclose{arguments}: nothing to show in 中文")));
            }
            fresh.push_str(&format!("{OUTPUT}{arguments}-->{FENCE}{said}{}", &block[end..]));
        }
        Ok(fresh)
    }

    /// The reports that the book shows.
    fn reports(&self, out: &Path) -> Result<(), Problem> {
        for (lang, name) in [("en", "report-tiny.html"), ("zh", "report-tiny.zh.html")] {
            let mut command = Command::new(&self.halfclose);
            command.args(["report", "tiny", "--lang", lang, "-o"]).arg(out.join(name));
            if output_of(&mut command).is_none() {
                return Err(Problem::Io(io::Error::other("halfclose report tiny fails")));
            }
        }
        Ok(())
    }
}

/// A page as learners get it.
fn without_answers(text: &str) -> String {
    let [from, to] = ANSWERS;
    let mut parts = text.split(from);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.split_once(to).map_or("", |(_, after)| after));
    }
    kept
}

const OUTPUT: &str = "<!-- output: halfclose";
const FENCE: &str = "\n```text\n";

/// Pages with a 中文 of their own, by their path in the book.
fn own_pages(root: &Path) -> io::Result<Vec<String>> {
    let folder = root.join("book").join("zh");
    let pages = files(&folder, "md")?;
    let inside = pages.iter().filter_map(|page| page.strip_prefix(&folder).ok());
    Ok(inside.map(|page| page.to_string_lossy().replace('\\', "/")).collect())
}

/// `text` with the line of SUMMARY.md that links `page` under another title.
fn retitled(text: &str, page: &str, title: &str) -> String {
    let link = format!("]({page})");
    let lines = text.lines().map(|line| match (line.find('['), line.find(&link)) {
        (Some(from), Some(to)) if from < to => format!("{}[{title}{}\n", &line[..from], &line[to..]),
        (Some(_) | None, Some(_) | None) => format!("{line}\n"),
    });
    lines.collect()
}

/// Gives a page its button that leads to the same page in the other language, and speaks the page's own around it.
fn offer(page: &Path, folder: &Path, other: Language) -> Result<(), Problem> {
    const PLACE: &str = "<div class=\"right-buttons\">";
    let text = fs::read_to_string(page)?;
    let inside = page.strip_prefix(folder).map_err(io::Error::other)?;
    // The list of chapters for readers without scripts has no menu.
    if inside.file_name().is_some_and(|name| name == "toc.html") {
        return Ok(());
    }
    let Some((before, after)) = text.split_once(PLACE) else {
        return Err(Problem::Found(vec![format!("{}: no place for the language switch", inside.display())]));
    };
    let up = "../".repeat(inside.components().count());
    let link = format!("{up}{}/{}", other.code, inside.to_string_lossy().replace('\\', "/"));
    let button =
        format!("<a class=\"language\" href=\"{link}\" hreflang=\"{0}\" lang=\"{0}\">{1}</a>", other.code, other.name);
    let mut told = format!("{before}{PLACE}\n{button}{after}");
    if other == ENGLISH {
        for (english, chinese) in FRAME {
            told = told.replace(english, chinese);
        }
    }
    fs::write(page, told)?;
    Ok(())
}

/// What mdBook itself says around a page, in 中文. Its index knows words by the blanks between
/// them, so in a page in 中文 it finds names and Latin words only, and says so.
const FRAME: &[(&str, &str)] = &[
    ("\"Toggle Table of Contents\"", "\"显示或隐藏目录\""),
    ("\"Table of contents\"", "\"目录\""),
    ("\"Change theme\"", "\"更换主题\""),
    ("\"Themes\"", "\"主题\""),
    (">Auto</button>", ">自动</button>"),
    (">Light</button>", ">浅色</button>"),
    ("\"Search (`/`)\"", "\"搜索（`/`）\""),
    ("\"Toggle Searchbar\"", "\"显示或隐藏搜索栏\""),
    ("\"Search this book ...\"", "\"搜索名称和英文单词 …\""),
    ("\"Print this book\"", "\"打印本书\""),
    ("\"Previous chapter\"", "\"上一章\""),
    ("\"Next chapter\"", "\"下一章\""),
    ("\"Page navigation\"", "\"翻页\""),
    (">Keyboard shortcuts<", ">键盘快捷键<"),
    (">Press <kbd>←</kbd> or <kbd>→</kbd> to navigate between chapters<", "><kbd>←</kbd> 和 <kbd>→</kbd> 翻章<"),
    (">Press <kbd>S</kbd> or <kbd>/</kbd> to search in the book<", "><kbd>S</kbd> 或 <kbd>/</kbd> 搜索<"),
    (">Press <kbd>?</kbd> to show this help<", "><kbd>?</kbd> 显示本说明<"),
    (">Press <kbd>Esc</kbd> to hide this help<", "><kbd>Esc</kbd> 关闭本说明<"),
];

/// Pages in which an include found no file, which mdBook only warns of, or an answer is left.
fn unresolved(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for page in links::pages(folder)? {
        let text = fs::read_to_string(&page)?;
        for left in ["{{#include", ANSWERS[0], ANSWERS[1]] {
            if text.contains(left) {
                found.push(format!("{}: {left} is still there", page.strip_prefix(folder).unwrap_or(&page).display()));
            }
        }
    }
    Ok(found)
}

/// Words of the frame that no English page has any more: another mdBook says something else.
fn unspoken(folder: &Path) -> io::Result<Vec<String>> {
    let mut left: Vec<&str> = FRAME.iter().map(|(english, _)| *english).collect();
    for page in links::pages(&folder.join(ENGLISH.code))? {
        if left.is_empty() {
            break;
        }
        let text = fs::read_to_string(page)?;
        left.retain(|english| !text.contains(english));
    }
    Ok(left.iter().map(|english| format!("no page says {english}: see FRAME in xtask/src/book.rs")).collect())
}

/// Copies what is in a folder into another; what is there is replaced.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// All files below a folder with this ending, sorted.
fn files(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, ending)?);
        } else if path.extension().is_some_and(|other| other == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_for_instructors() {
        let page =
            "Ask.\n\n<!-- instructor -->\n\nEight.\n\n<!-- /instructor -->\n\nAsk more.\n<!-- instructor --> Nine.";
        assert_eq!(without_answers(page), "Ask.\n\n\n\nAsk more.\n");
        assert_eq!(without_answers("Nothing to hide."), "Nothing to hide.");
    }

    #[test]
    fn a_chapter_gets_the_title_of_its_own_page() {
        let summary = "- [A](a.md)\n  - [B, (c)](b/c.md)\n";
        assert_eq!(retitled(summary, "b/c.md", "乙"), "- [A](a.md)\n  - [乙](b/c.md)\n");
        assert_eq!(retitled(summary, "c.md", "丙"), summary);
    }
}
