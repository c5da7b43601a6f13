//! The state graph.
