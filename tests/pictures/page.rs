//! The report: complete in itself, in both languages, and with nothing of the
//! scenario's text as markup.

use halfclose::observe::charts::{Watch, drive};
use halfclose::observe::{RunFacts, findings};
use halfclose::plot::{Report, report};
use halfclose::scenario::{Run, Scenario, preset};
use halfclose::text::Lang;
use roxmltree::{Document, ParsingOptions};

fn page(text: &str, changes: &[(String, String)], lang: Lang) -> (String, Run) {
    let pairs: Vec<(&str, &str)> = changes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let scenario = Scenario::parse_with(text, &pairs).expect("valid");
    let seed = scenario.seed;
    let mut run = Run::new(scenario, seed).expect("it builds");
    run.foresee().expect("within its budgets");
    let mut watch = Watch::new(&run);
    let last = run.last_moment();
    drive(&mut run, last, &mut watch).expect("within its budgets");
    let page = report(&Report { run: &run, watch: &watch, name: "tiny", text, changes, version: "0", lang });
    (page, run)
}

/// The page as XML: void elements closed, entities none but XML's.
fn parsed(page: &str) -> String {
    let mut xml = page.replacen("<!DOCTYPE html>\n", "", 1).replace("<br>", "<br/>");
    for void in ["<meta charset=\"utf-8\"", "initial-scale=1\"", "content=\"light dark\""] {
        xml = xml.replacen(&format!("{void}>"), &format!("{void}/>"), 1);
    }
    xml
}

#[test]
fn the_page_is_complete_and_asks_for_nothing() {
    let text = preset::find("tiny").expect("a preset").text;
    for lang in Lang::ALL {
        let (page, run) = page(text, &[], lang);
        let xml = parsed(&page);
        let document = Document::parse_with_options(&xml, ParsingOptions::default()).expect("well-formed");
        for wanted in ["story", "findings", "pictures", "numbers", "expectations", "scenario"] {
            assert!(document.descendants().any(|node| node.attribute("id") == Some(wanted)), "{wanted}");
        }
        for node in document.descendants().filter(roxmltree::Node::is_element) {
            assert!(!["script", "link", "img", "iframe", "object"].contains(&node.tag_name().name()), "{node:?}");
            let address = node.attribute("href").or(node.attribute("src"));
            assert!(address.is_none_or(|address| address.starts_with('#')), "{address:?}");
        }
        let found = findings(&RunFacts::of(&run));
        for finding in &found {
            let article = format!("finding-{}", finding.id.name());
            assert!(document.descendants().any(|node| node.attribute("id") == Some(&article)), "{article}");
        }
        let figures = document.descendants().filter(|node| node.has_tag_name("figure")).count();
        assert_eq!(figures, halfclose::plot::Picture::ALL.len(), "tiny has something to show in every picture");
        let verdicts = document.descendants().filter(|node| node.attribute("class") == Some("verdict")).count();
        assert_eq!(verdicts, run.verdicts().len() + 1, "one for each expectation, and the head");
        assert!(page.contains(&run.world().digest().to_string()) && page.contains("max_connections = 3"));
    }
}

#[test]
fn ids_are_given_once() {
    let (page, _) = page(preset::find("tiny").expect("a preset").text, &[], Lang::En);
    let xml = parsed(&page);
    let document = Document::parse(&xml).expect("well-formed");
    let mut ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn nothing_of_the_scenario_is_markup() {
    let text = preset::find("tiny").expect("a preset").text;
    let hostile = text.replace("title = \"Tiny: every", "title = \"</title><script>alert(1)</script> & every");
    let changes = [("end".to_owned(), "6s".to_owned())];
    let (page, _) = page(&hostile, &changes, Lang::En);
    assert!(!page.contains("<script"), "the title is escaped wherever it stands");
    assert!(page.contains("&lt;script&gt;") && page.contains("--set end=6s"));
    let (again, _) = self::page(&hostile, &changes, Lang::En);
    assert_eq!(page, again, "the same bytes");
}
