//! The evidence in 中文 is the evidence: each page of `book/zh/evidence/` is made
//! from the English one beside it, sentence by sentence; `UPDATE_GOLDEN=1` writes them.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};

use halfclose_lab::page_in_zh;

fn book() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("sim-lab is a folder of the repository").join("book")
}

/// The English pages by name, without the index.
fn pages() -> Vec<(String, String)> {
    let entries = fs::read_dir(book().join("src/evidence")).expect("the pages are there");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let mut pages: Vec<(String, String)> = paths
        .filter(|path| path.file_name().is_some_and(|name| name != "README.md"))
        .map(|path| {
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a plain name").to_owned();
            (name, fs::read_to_string(&path).expect("a readable page"))
        })
        .collect();
    pages.sort();
    pages
}

fn golden(name: &str, wanted: &str) {
    let path = book().join("zh/evidence").join(format!("{name}.md"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("the folder can be made");
        fs::write(&path, wanted).expect("the page can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{} is not what the English page says; UPDATE_GOLDEN=1 renews it", path.display());
}

#[test]
fn the_evidence_in_zh_is_the_evidence() {
    let pages = pages();
    assert!(pages.len() > 50, "{} pages", pages.len());
    let mut rows = String::new();
    for (name, english) in &pages {
        let zh = page_in_zh(english).unwrap_or_else(|line| panic!("{name}.md: no message of the lab makes {line:?}"));
        let question = zh.lines().nth(2).unwrap_or_default();
        let sums = zh.split("模拟。").nth(1).and_then(|rest| rest.split('。').next()).unwrap_or_default();
        rows.push_str(&format!("| [{name}]({name}.md) | {question} | {sums} |\n"));
        golden(name, &zh);
    }
    let index = format!(
        "# 证据\n\n每一页是关于 Linux 的一个论断：一个场景由 [`halfclose lab`](../lab.md) 分别在真实内核和模型中运行，\
         两列结果以及判定每一行的规则都在页上。`cargo xtask evidence` 在所运行的机器上重新生成这些页；结果不一致的实验保留原来的页。\n\n\
         | 实验 | 问题 | 结果 |\n|---|---|---|\n{rows}"
    );
    golden("README", &index);
}

#[test]
fn nothing_is_left_behind() {
    let folder = book().join("zh/evidence");
    for entry in fs::read_dir(&folder).expect("the pages are there") {
        let name = entry.expect("a readable entry").file_name();
        let english = book().join("src/evidence").join(&name);
        assert!(english.is_file(), "{} has no English page", folder.join(&name).display());
    }
}
