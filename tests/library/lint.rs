//! The lint finds who decides by the order of a hash table or by an address, and names the task.

#![expect(clippy::disallowed_types, reason = "this is the flaw")]

use std::collections::HashSet;
use std::time::Duration;

use halfclose::app::task::SimNet;
use halfclose::check::Check;

/// Connects a tenth of a second later for each name that comes out before `db`.
async fn by_hash(net: SimNet) {
    loop {
        let hosts: HashSet<String> = (0..64).map(|n| format!("replica{n}")).chain(["db".to_owned()]).collect();
        let before = hosts.iter().take_while(|host| *host != "db").count();
        net.sleep(Duration::from_millis(1_000 + 100 * before as u64)).await;
        drop(net.connect("db.example:3306").await);
    }
}

/// The longer the higher its request's buffer lies.
async fn by_address(net: SimNet) {
    let mut held = Vec::new();
    loop {
        held.push(vec![0_u8; 40]);
        let addresses = held.iter().map(|buffer| buffer.as_ptr() as usize as u64 / 16 % 97).sum::<u64>();
        net.sleep(Duration::from_millis(1_000 + addresses)).await;
        drop(net.connect("db.example:3306").await);
    }
}

fn differs<F: Future<Output = ()> + Send + 'static>(client: impl Fn(SimNet) -> F + Copy + Send + 'static) {
    let main = move |net: SimNet| async move {
        let own = net.clone();
        net.spawn_named("the moody one", async move { client(own).await });
        net.sleep(Duration::from_secs(3_600)).await;
    };
    let difference = Check::client(main).plans(|plans| plans.faults = 0..=0).repeatable(3, || {}).unwrap_err();
    assert_eq!(difference.task.as_deref(), Some("the moody one"), "{difference}");
}

#[test]
fn hash_order_is_found() {
    differs(by_hash);
}

#[test]
fn addresses_are_found() {
    differs(by_address);
}
