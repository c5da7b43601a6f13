//! RFC 9293 to the letter: every numbered requirement in scope, every edge of
//! the state graph, and the whole table of states and inputs. The host under
//! test is a whole one; its peer is made by hand.

mod edges;
mod must;
mod must_more;
mod report;
mod rules;
mod should;
mod support;
mod table;
