//! What lies between hosts: links, who is reachable over which, and the rules
//! that drop or reject packets on the way.

pub mod link;
mod network;
pub mod rule;
pub mod topology;

pub use link::{Delivery, Direction, Jitter, Link, LinkConfig, LinkDrop, LinkError, LinkStats};
pub use network::{Network, Routed};
pub use rule::{
    FlagMatch, Hook, HostMatch, PartitionId, PortMatch, Protocol, RejectWith, Rule, RuleId, RuleSet, RuleVerdict,
};
pub use topology::{Route, Topology, TopologyError};
