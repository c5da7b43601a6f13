//! The fuzz targets' corpora, and seeded programs of random bytes, on a stable compiler.

use std::path::PathBuf;

use halfclose::rng::{SimRng, Stream};
use halfclose::tcp::{TcpState, graph};
use halfclose_tests::fuzz::{calls, diagnose, segments};

/// Bytes that never change.
fn random(seed: u64) -> Vec<u8> {
    let mut rng = SimRng::new(seed, Stream::App(9_293));
    let len = rng.between(3, 600);
    (0..len).map(|_| u8::try_from(rng.between(0, 255)).expect("a byte")).collect()
}

/// The files of a target's corpus, by name.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/").to_owned() + target;
    let entries = std::fs::read_dir(folder).expect("the corpus");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a readable file")).collect()
}

/// The rows of the graph that programs take.
fn edges(programs: impl Iterator<Item = Vec<u8>>) -> Vec<&'static graph::Transition> {
    let mut taken = Vec::new();
    for program in programs {
        for edge in segments::run(&program) {
            if !taken.contains(&edge) {
                taken.push(edge);
            }
        }
    }
    let is = |row: &&graph::Transition| {
        taken.iter().any(|&(from, to, cause)| row.from == from && row.to == to && row.causes.contains(&cause))
    };
    graph::TRANSITIONS.iter().filter(is).collect()
}

#[test]
fn any_segment_in_any_state() {
    let taken = edges((0..20_000).map(random));
    for state in TcpState::ALL {
        assert!(taken.iter().any(|row| row.from == state || row.to == state), "{state} was met");
    }
    assert!(taken.len() >= 40, "{} edges taken", taken.len());
}

#[test]
fn any_call_with_any_descriptor() {
    let succeeded: usize = (0..1_000).map(|seed| calls::run(&random(seed))).sum();
    assert!(succeeded > 10_000, "{succeeded} calls did something");
}

/// The corpus alone takes as many edges as tens of thousands of random programs.
#[test]
fn the_corpus_of_segments_replays() {
    let corpus = corpus("segments");
    assert!((20..200).contains(&corpus.len()), "{} files", corpus.len());
    let taken = edges(corpus.into_iter());
    assert!(taken.len() >= 40, "{} edges taken", taken.len());
}

#[test]
fn the_corpus_of_calls_replays() {
    let corpus = corpus("calls");
    assert!((10..200).contains(&corpus.len()), "{} files", corpus.len());
    assert!(corpus.iter().map(|program| calls::run(program)).sum::<usize>() > 100);
}

/// Saved output of real tools, damaged in many ways; each file still says something.
#[test]
fn the_corpus_of_diagnose_replays() {
    let corpus = corpus("diagnose");
    assert!((15..200).contains(&corpus.len()), "{} files", corpus.len());
    assert!(corpus.iter().map(|text| diagnose::run(text)).sum::<u64>() > 200);
}

/// Random bytes, and the corpus with random bytes changed.
#[test]
fn any_bytes_are_diagnosed() {
    let corpus = corpus("diagnose");
    for seed in 0..1_000 {
        let _lines = diagnose::run(&random(seed));
        let mut text = corpus[usize::try_from(seed).expect("small") % corpus.len()].clone();
        let mut rng = SimRng::new(seed, Stream::App(7));
        for _ in 0..8 {
            let at = usize::try_from(rng.between(0, text.len() as u64 - 1)).expect("within the text");
            text[at] = u8::try_from(rng.between(0, 255)).expect("a byte");
        }
        let _lines = diagnose::run(&text[..text.len().min(20_000)]);
    }
}
