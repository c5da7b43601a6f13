//! The checker itself.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::*;
use crate::text::Lang;
use crate::time::{Duration, Instant};

fn plans(n: u32) -> Vec<Plan> {
    let config = Config { rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let mut plans = Plans::default();
    plans.kinds.push(Fault::Burst(7));
    (0..n).map(|_| plans.new_tree(&mut runner).unwrap().current()).collect()
}

#[test]
fn a_plan_survives_its_line() {
    for plan in plans(200) {
        let text = format!("# plan: {}\nformat = 1\n", plan.line());
        assert_eq!(Plan::from_scenario(&text), Some(plan));
    }
    assert_eq!(Plan::from_scenario("format = 1"), None);
    assert_eq!(Plan::from_scenario("# plan: ports=9-3"), None);
    assert_eq!(Plan::from_scenario("# plan: earthquake=1+1"), None);
    assert_eq!(Plan::from_scenario("# plan: net.ipv4.tcp_nothing=1+1*1"), None);
    assert_eq!(Plan::from_scenario("# plan: topology=ring"), None);
}

#[test]
fn faults_are_told_in_both_languages() {
    for plan in plans(100) {
        for fault in plan.faults {
            let (en, zh) = (fault.text(Lang::En), fault.text(Lang::Zh));
            assert!(en.is_ascii() && !zh.is_ascii(), "{en} {zh}");
        }
    }
}

/// Fails whenever the server is restarted; all else about the plan is noise.
#[test]
fn shrinking_removes_faults_then_rounds_times_then_sizes() {
    let fails = |plan: &Plan| plan.faults.iter().any(|fault| fault.fault == Fault::RestartServer);
    let mut shrunk = 0;
    for plan in plans(60).into_iter().filter(|plan| fails(plan)) {
        let (best, tried) = strategy::shrink(plan, fails);
        assert_eq!(best.faults.len(), 1);
        let TimedFault { at, lasts, fault } = best.faults[0];
        assert_eq!((at, fault), (Duration::from_secs(1), Fault::RestartServer));
        assert!(lasts <= Duration::from_secs(1));
        let usual = Plan { faults: best.faults.clone(), settle: best.settle, ..Plan::default() };
        assert_eq!(best, usual);
        assert!(tried < 100);
        shrunk += 1;
    }
    assert!(shrunk > 5);
}

/// Never closes anything.
async fn careless(net: SimNet) {
    let mut held = Vec::new();
    loop {
        match net.connect("db.example:3306").await {
            Ok(stream) => held.push(stream),
            Err(error) => net.told(&error),
        }
        net.sleep(core::time::Duration::from_secs(3)).await;
    }
}

fn check() -> Check {
    Check::client(careless).property(no_old_close_wait(Duration::from_secs(20))).cases(5)
}

#[test]
fn a_counterexample_is_the_same_each_time_and_comes_first_again() {
    let found = |check: Check| match check.try_run() {
        Err(Failure::Violated(found)) => found,
        other => panic!("{other:?}"),
    };
    let first = found(check());
    assert_eq!(first.scenario(), found(check()).scenario());
    assert!(first.violation.why.contains("check/tests.rs"), "{}", first.violation.why);
    let text = first.to_string();
    let commands = "run it:  halfclose run FILE\nsee it:  halfclose web '#v=1&s=&seed=1&t=";
    assert!(text.contains(first.scenario()) && text.contains(commands), "{text}");
    assert!(first.link().starts_with("#v=1&s=&seed=1&t=") && first.story(Lang::Zh).contains("不成立"));
    // A greeting nobody answered, ten seconds, and twenty in CLOSE_WAIT: no fault is needed.
    assert_eq!(first.plan.faults, []);
    let again = found(check().seed(99).regression_file(first.scenario()).cases(0));
    assert_eq!((again.case, &again.first), (0, &first.plan));
    assert!(check().run_plan(&first.plan).is_err());
    assert!(check().run_plan(&Plan { settle: Duration::from_secs(1), ..first.plan }).is_ok());
}

/// The library writes nothing: who wants a file hands over how to write it.
#[test]
fn what_is_found_is_saved_by_the_caller() {
    let saved = Rc::new(core::cell::RefCell::new(None));
    let panic = |check: &Check| {
        let run = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| check.run()));
        *run.unwrap_err().downcast::<String>().unwrap()
    };
    let own = Rc::clone(&saved);
    let told = panic(&check().save("found.toml", move |file, text| {
        *own.borrow_mut() = Some((file, text));
        Ok(())
    }));
    let (file, text) = saved.borrow_mut().take().unwrap();
    assert_eq!((file.as_str(), Plan::from_scenario(&text).is_some()), ("found.toml", true));
    assert!(told.contains("halfclose run found.toml") && !told.contains("[[process]]"), "{told}");
    let told = panic(&check().save("/nowhere/found.toml", |_, _| Err(std::io::ErrorKind::NotFound.into())));
    assert!(told.starts_with("/nowhere/found.toml could not be written") && told.contains("[[process]]"), "{told}");
}

/// Decides by something outside: how often it was called.
#[test]
fn the_lint_names_the_task() {
    let calls = Rc::new(core::cell::Cell::new(0_u64));
    let client = move |net: SimNet| {
        let calls = Rc::clone(&calls);
        async move {
            let nap = net.clone();
            net.spawn_named("moody", async move { nap.sleep(core::time::Duration::from_secs(1)).await });
            calls.set(calls.get() + 1);
            net.sleep(core::time::Duration::from_millis(1_500 + calls.get())).await;
            let _ = net.connect("db.example:3306").await;
        }
    };
    let difference = Check::client(client).repeatable(1, || {}).unwrap_err();
    assert_eq!(difference.task.as_deref(), Some("main"));
    assert!(difference.to_string().contains("1.60"), "{difference}");
    Check::client(careless).repeatable(2, || {}).unwrap();
}

#[test]
fn a_live_world_takes_faults_as_they_come() {
    let mut live = Live::client(&Plan::default(), || Program::new(careless));
    live.wait(Duration::from_secs(10)).unwrap();
    assert_eq!((live.view().connects(), live.view().since_faults()), (4, None));
    live.strike(Fault::Refuse, Duration::from_secs(4)).unwrap();
    live.wait(Duration::from_secs(10)).unwrap();
    assert_eq!(live.view().now(), Instant::ZERO + Duration::from_secs(20));
    assert!(live.view().counter("error.ECONNREFUSED") > 0);
    assert_eq!(live.view().since_faults(), Some(Duration::from_secs(6)));
}
