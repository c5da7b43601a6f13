//! `perf top -p PID` on a pipe: shares of CPU time by function.
//!
//! The time is the cost model's: what each call was charged, divided among kernel
//! functions by name. A port search goes by measured shares.
#![expect(clippy::float_arithmetic, reason = "shares for people")]

use std::collections::BTreeMap;

use super::traced::name;
use crate::app::CallName;
use crate::observe::span::SpanView;
use crate::units::Pid;

/// Where a share was spent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Where {
    /// `[k]`.
    Kernel,
    /// `[.]`.
    User,
}

impl Where {
    /// As perf marks it.
    #[must_use]
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Kernel => "[k]",
            Self::User => "[.]",
        }
    }
}

/// One function.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionShare {
    /// Kernel or user.
    pub place: Where,
    /// Symbol.
    pub symbol: &'static str,
    /// CPU time in the span, in ns.
    pub ns: u64,
    /// Share of all CPU time of the process, in per cent.
    pub percent: f64,
}

/// Functions of a process by CPU time, greatest first. The user code between
/// calls is one entry.
#[must_use]
pub fn functions(span: &SpanView, pid: Pid) -> Vec<FunctionShare> {
    let cost = &span.host.cost;
    let mut spent: BTreeMap<(Where, &'static str), u64> = BTreeMap::new();
    // In the order of the profile where shares are equal.
    let mut first: Vec<(Where, &'static str)> = Vec::new();
    let mut add = |key: (Where, &'static str), ns: u64| {
        if !spent.contains_key(&key) {
            first.push(key);
        }
        *spent.entry(key).or_default() += ns;
    };
    for traced in span.calls.iter().filter(|traced| traced.call.pid == pid) {
        let total = traced.call.cpu.nanos();
        let Some(name) = name(&traced.call) else {
            add((Where::User, "[user]"), total);
            continue;
        };
        let base = u64::from(cost.connect_base_ns);
        let search = if name == CallName::Connect && traced.inspected > 0 { total.saturating_sub(base) } else { 0 };
        for (symbol, ns) in cost.split_call(name, total, search) {
            add((Where::Kernel, symbol), ns);
        }
        add((Where::User, "[user]"), u64::from(cost.user_ns));
    }
    let all: u64 = spent.values().sum();
    let mut shares: Vec<FunctionShare> = first
        .into_iter()
        .map(|key| {
            let ns = spent.get(&key).copied().unwrap_or(0);
            FunctionShare { place: key.0, symbol: key.1, ns, percent: ns as f64 * 100.0 / all.max(1) as f64 }
        })
        .collect();
    // Shares that look the same stay in the profile's order: its parts are rounded.
    let shown = |ns: u64| (u128::from(ns) * 20_000 / u128::from(all.max(1))).div_ceil(2);
    shares.sort_by_key(|share| core::cmp::Reverse(shown(share.ns)));
    shares
}

/// The lines of the write-up: share, place, symbol; what rounds to 0.00 is left out.
#[must_use]
pub fn perf_top(span: &SpanView, pid: Pid) -> String {
    functions(span, pid)
        .iter()
        .filter(|share| share.percent >= 0.005)
        .map(|share| format!("{:>7.2}%  {} {}\n", share.percent, share.place.mark(), share.symbol))
        .collect()
}
