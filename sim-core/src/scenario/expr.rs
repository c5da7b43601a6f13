//! Whole-number expressions over metrics: `18264 + host.ss.orphaned - host.tcp.time_wait`.
//!
//! A name may contain `-`, so a minus between two names wants blanks around it.

use super::metric::{Metric, Names};
use super::problem::ProblemKind;
use super::value::cut;

/// Longest expression, in bytes.
const MAX_LEN: usize = 1_000;
/// Deepest nesting of parentheses and signs.
const MAX_DEPTH: usize = 50;

/// An operator between two values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum BinaryOp {
    /// `+`.
    Add,
    /// `-`.
    Sub,
    /// `*`.
    Mul,
    /// `/`, towards zero.
    Div,
}

/// An expression.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "pack", derive(serde::Serialize, serde::Deserialize))]
pub enum Expr {
    /// A literal.
    Number(i64),
    /// A metric.
    Metric(Metric),
    /// `-x`.
    Neg(Box<Self>),
    /// Two values and an operator.
    Binary(BinaryOp, Box<Self>, Box<Self>),
}

/// Why an expression has no value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EvalError {
    /// A metric cannot be read.
    #[error("a metric has no value")]
    NoValue(Metric),
    /// More than 64 bits.
    #[error("the value exceeds 64 bits")]
    Overflow,
    /// `x / 0`.
    #[error("division by zero")]
    DivisionByZero,
}

impl Expr {
    /// The value, with metrics read through `read`.
    ///
    /// # Errors
    /// If a metric has no value, on overflow and on division by zero.
    pub fn eval(&self, read: &dyn Fn(&Metric) -> Option<i64>) -> Result<i64, EvalError> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Metric(metric) => read(metric).ok_or_else(|| EvalError::NoValue(metric.clone())),
            Self::Neg(inner) => inner.eval(read)?.checked_neg().ok_or(EvalError::Overflow),
            Self::Binary(op, left, right) => {
                let (left, right) = (left.eval(read)?, right.eval(read)?);
                let value = match op {
                    BinaryOp::Add => left.checked_add(right),
                    BinaryOp::Sub => left.checked_sub(right),
                    BinaryOp::Mul => left.checked_mul(right),
                    BinaryOp::Div if right == 0 => return Err(EvalError::DivisionByZero),
                    BinaryOp::Div => left.checked_div(right),
                };
                value.ok_or(EvalError::Overflow)
            }
        }
    }

    /// Every metric in it.
    pub fn metrics(&self, out: &mut Vec<Metric>) {
        match self {
            Self::Number(_) => {}
            Self::Metric(metric) => out.push(metric.clone()),
            Self::Neg(inner) => inner.metrics(out),
            Self::Binary(_, left, right) => {
                left.metrics(out);
                right.metrics(out);
            }
        }
    }

    /// `self OP other`.
    #[must_use]
    pub fn binary(self, op: BinaryOp, other: Self) -> Self {
        Self::Binary(op, Box::new(self), Box::new(other))
    }
}

/// Why a text is no expression, and what was perhaps meant.
type ParseError = (ProblemKind, Option<String>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Token<'a> {
    Number(i64),
    Name(&'a str),
    Op(BinaryOp),
    Open,
    Close,
}

/// Reads an expression.
pub(super) fn parse(text: &str, names: &Names) -> Result<Expr, ParseError> {
    let bad = |why: &str| (ProblemKind::BadExpression { text: cut(text), why: why.to_owned() }, None);
    if text.len() > MAX_LEN {
        return Err(bad("it is too long"));
    }
    let tokens = tokens(text).map_err(bad)?;
    let mut parser = Parser { tokens: &tokens, at: 0, names, bad: &bad };
    let expr = parser.sum(0)?;
    if parser.at != tokens.len() {
        return Err(bad("an operator is missing"));
    }
    Ok(expr)
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, &'static str> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        tokens.push(match byte {
            b' ' | b'\t' | b'\n' | b'\r' => continue,
            b'+' => Token::Op(BinaryOp::Add),
            b'-' => Token::Op(BinaryOp::Sub),
            b'*' => Token::Op(BinaryOp::Mul),
            b'/' => Token::Op(BinaryOp::Div),
            b'(' => Token::Open,
            b')' => Token::Close,
            b'0'..=b'9' => {
                let start = at - 1;
                while bytes.get(at).is_some_and(|b| b.is_ascii_digit() || *b == b'_') {
                    at += 1;
                }
                let digits: String = text[start..at].chars().filter(|c| *c != '_').collect();
                Token::Number(digits.parse().map_err(|_too_large| "a number exceeds 64 bits")?)
            }
            b'a'..=b'z' | b'A'..=b'Z' => {
                let start = at - 1;
                while let Some(&b) = bytes.get(at) {
                    let inner_dash = b == b'-' && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
                    if !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'[' | b']') || inner_dash) {
                        break;
                    }
                    at += 1;
                }
                Token::Name(&text[start..at])
            }
            _other => return Err("a character does not belong in it"),
        });
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    names: &'a Names,
    bad: &'a dyn Fn(&str) -> ParseError,
}

impl Parser<'_> {
    fn operator(&mut self, wanted: [BinaryOp; 2]) -> Option<BinaryOp> {
        match self.tokens.get(self.at) {
            Some(Token::Op(op)) if wanted.contains(op) => {
                self.at += 1;
                Some(*op)
            }
            Some(_) | None => None,
        }
    }

    fn sum(&mut self, depth: usize) -> Result<Expr, ParseError> {
        let mut left = self.product(depth)?;
        while let Some(op) = self.operator([BinaryOp::Add, BinaryOp::Sub]) {
            left = left.binary(op, self.product(depth)?);
        }
        Ok(left)
    }

    fn product(&mut self, depth: usize) -> Result<Expr, ParseError> {
        let mut left = self.atom(depth)?;
        while let Some(op) = self.operator([BinaryOp::Mul, BinaryOp::Div]) {
            left = left.binary(op, self.atom(depth)?);
        }
        Ok(left)
    }

    fn atom(&mut self, depth: usize) -> Result<Expr, ParseError> {
        if depth > MAX_DEPTH {
            return Err((self.bad)("it is nested too deeply"));
        }
        let Some(token) = self.tokens.get(self.at) else {
            return Err((self.bad)("it ends where a value is expected"));
        };
        self.at += 1;
        match token {
            Token::Number(number) => Ok(Expr::Number(*number)),
            Token::Name(name) => self.names.metric(name).map(Expr::Metric),
            Token::Op(BinaryOp::Sub) => Ok(Expr::Neg(Box::new(self.atom(depth + 1)?))),
            Token::Open => {
                let inner = self.sum(depth + 1)?;
                if self.tokens.get(self.at) != Some(&Token::Close) {
                    return Err((self.bad)("a `)` is missing"));
                }
                self.at += 1;
                Ok(inner)
            }
            Token::Op(BinaryOp::Add | BinaryOp::Mul | BinaryOp::Div) | Token::Close => {
                Err((self.bad)("a value is expected"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::spec::ProgramKind;

    fn names() -> Names {
        Names { hosts: vec!["host".into()], processes: vec![("my-app".into(), 0, ProgramKind::Script)] }
    }

    fn value(text: &str) -> Result<i64, EvalError> {
        let expr = parse(text, &names()).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        expr.eval(&|metric| match names().display(metric).as_str() {
            "host.ss.orphaned" => Some(7),
            "host.my-app.connect.ok" => Some(100),
            _other => None,
        })
    }

    #[test]
    fn arithmetic() {
        assert_eq!(value("18264 + host.ss.orphaned - 1"), Ok(18_270));
        assert_eq!(value("2*(3+4)-10/3"), Ok(11));
        assert_eq!(value("-(2 - 5)*1_000"), Ok(3_000));
        assert_eq!(value("host.my-app.connect.ok - host.ss.orphaned"), Ok(93));
        assert_eq!(value("1/0"), Err(EvalError::DivisionByZero));
        assert_eq!(value("9223372036854775807 + 1"), Err(EvalError::Overflow));
        assert!(matches!(value("host.ss.total"), Err(EvalError::NoValue(_))));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", "1 +", "(1", "1)", "1 2", "host.ss.orphaned host.ss.orphaned", "1 ? 2", "99999999999999999999", "* 3"]
        {
            let (kind, _) = parse(text, &names()).expect_err(text);
            assert_eq!(kind.id(), "bad-expression", "{text}");
        }
        let deep = format!("{}1{}", "(".repeat(400), ")".repeat(400));
        assert_eq!(parse(&deep, &names()).expect_err("deep").0.id(), "bad-expression");
        assert_eq!(parse(&"-".repeat(900), &names()).expect_err("signs").0.id(), "bad-expression");
        assert_eq!(parse("host.ss.orphand", &names()).expect_err("slip").1.as_deref(), Some("orphaned"));
    }
}
