//! Links, topology, rules.
