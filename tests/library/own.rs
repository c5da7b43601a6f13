//! A property of one's own, as `book/src/library.md` shows it.

use std::time::Duration as Span;

use halfclose::app::task::SimNet;
use halfclose::check::{Check, Failure, Property};

// ANCHOR: property
fn few_descriptors() -> Property {
    Property::always(
        "few descriptors",
        |view| {
            if view.fds() < 50 { Ok(()) } else { Err(format!("{} are open", view.fds())) }
        },
    )
    .provided(|view| view.connects() > 10)
}
// ANCHOR_END: property

/// Connects twice a second; what becomes of the connection is the caller's.
async fn connect_often(net: SimNet, keep: bool) {
    loop {
        match net.connect("db.example:3306").await {
            Ok(stream) if keep => core::mem::forget(stream),
            Ok(stream) => drop(stream),
            Err(error) => net.told(&error),
        }
        net.sleep(Span::from_millis(500)).await;
    }
}

#[test]
fn a_property_of_ones_own_holds_for_who_closes_and_not_for_who_forgets() {
    let closes = Check::client(|net| connect_often(net, false)).property(few_descriptors()).cases(5).try_run();
    assert!(closes.is_ok(), "{:?}", closes.err().map(|failure| failure.to_string()));
    let forgets = Check::client(|net| connect_often(net, true)).property(few_descriptors()).cases(50).try_run();
    match forgets {
        Err(Failure::Violated(found)) => assert!(found.to_string().contains("few descriptors"), "{found}"),
        Err(other) => panic!("{other}"),
        Ok(report) => panic!("nothing found in {} cases", report.cases),
    }
}
