//! The pictures as documents: well-formed, told in words, and without texts
//! that run into each other.

use halfclose::observe::charts::ChartName;
use halfclose::plot::Picture;
use halfclose::text::Lang;
use halfclose_tests::golden::golden;
use roxmltree::{Document, Node};

use super::watched;

/// A text's place, by an estimate that errs to the wide side by little.
struct Placed {
    text: String,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

fn width(text: &str, size: f64) -> f64 {
    let one = |c: char| match c {
        'i' | 'l' | 'j' | '.' | ',' | ':' | ' ' | 't' | 'f' | 'r' | '(' | ')' | '-' => 0.32,
        'A'..='Z' | 'm' | 'w' => 0.72,
        c if c.is_ascii() => 0.54,
        _wide => 1.0,
    };
    text.chars().map(one).sum::<f64>() * size
}

/// Sizes by class, as the style sheets have them.
fn size_of(class: &str) -> f64 {
    match class {
        "hc-title" => 20.0,
        "hc-sub" | "hc-panel" | "hc-caption" | "hc-band" => 13.0,
        "hc-end" => 14.0,
        "hc-number" => 11.0,
        other if other.starts_with("hc-numbers") => 11.0,
        _other => 12.0,
    }
}

fn placed(node: Node<'_, '_>) -> Option<Placed> {
    let number = |name| node.attribute(name)?.parse::<f64>().ok();
    let (x, y) = (number("x")?, number("y")?);
    let text = node.text()?.to_owned();
    let size = size_of(node.attribute("class").unwrap_or_default());
    let wide = width(&text, size);
    let left = match node.attribute("text-anchor") {
        Some("middle") => x - wide / 2.0,
        Some("end") => x - wide,
        _start => x,
    };
    Some(Placed { text, left, right: left + wide, top: y - size * 0.7, bottom: y })
}

/// Problems of one picture.
pub(crate) fn problems(svg: &str) -> Vec<String> {
    let document = match Document::parse(svg) {
        Ok(document) => document,
        Err(error) => return vec![error.to_string()],
    };
    let root = document.root_element();
    let mut found = Vec::new();
    for tag in ["title", "desc"] {
        if !root.children().any(|node| node.has_tag_name(tag) && node.text().is_some_and(|text| text.len() > 3)) {
            found.push(format!("no {tag}"));
        }
    }
    let size = |name| root.attribute(name).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let texts: Vec<Placed> =
        document.descendants().filter(|node| node.has_tag_name("text")).filter_map(placed).collect();
    for one in &texts {
        if one.left < 0.0 || one.right > size("width") || one.top < 0.0 || one.bottom > size("height") {
            found.push(format!("`{}` leaves the page", one.text));
        }
    }
    for (at, one) in texts.iter().enumerate() {
        let over = |other: &&Placed| {
            one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom
        };
        found.extend(
            texts[at + 1..].iter().filter(over).map(|other| format!("`{}` lies over `{}`", one.text, other.text)),
        );
    }
    found
}

#[test]
fn texts_keep_apart_in_both_languages() {
    let mut found = Vec::new();
    for name in ["tiny", "one-connection", "file-max"] {
        let (run, watch) = watched(name);
        for picture in Picture::ALL {
            // The state graph has labels that lie on lines by design; its own tests look after it.
            if picture == Picture::States {
                continue;
            }
            for lang in Lang::ALL {
                let Some(svg) = picture.draw(&watch, &run, None, lang) else { continue };
                let told = problems(&svg).into_iter();
                found.extend(told.map(|problem| format!("{name}/{}/{lang}: {problem}", picture.name())));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The book's pictures are what the program draws.
#[test]
fn pictures_of_the_book_are_golden() {
    let charts =
        [Picture::Chart(ChartName::Sockets), Picture::Chart(ChartName::Ports), Picture::Chart(ChartName::ConnectCost)];
    let shown: [(&str, &[Picture]); 5] = [
        ("incident", &charts[..1]),
        ("time-wait", &charts[..1]),
        ("two-hosts", &charts),
        ("tiny", &[Picture::PortMap, Picture::Chart(ChartName::Server), Picture::Chart(ChartName::Descriptors)]),
        ("one-connection", &[Picture::Sequence]),
    ];
    for (name, pictures) in shown {
        let (run, watch) = watched(name);
        for picture in pictures {
            for (lang, suffix) in [(Lang::En, ""), (Lang::Zh, ".zh")] {
                let drawn = picture.draw(&watch, &run, None, lang).expect("the scenario has it");
                golden(&format!("book/src/pictures/{name}-{}{suffix}.svg", picture.name()), &drawn);
            }
        }
    }
}

/// A picture drawn twice has the same bytes, whatever was drawn between.
#[test]
fn pictures_are_deterministic() {
    let draw = || {
        let (run, watch) = watched("tiny");
        Picture::ALL.map(|picture| picture.draw(&watch, &run, None, Lang::En))
    };
    assert_eq!(draw(), draw());
}
