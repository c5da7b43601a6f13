//! Helpers shared by the whole-system suites.
