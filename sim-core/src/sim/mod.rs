//! The one loop, the one queue, budgets.
