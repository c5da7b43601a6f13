//! Arguments of system calls.

use super::ast::Expr;
use super::parse::Parser;
use super::problem::ScriptProblem;

/// Deepest nesting of lists and structures.
const DEPTH_MAX: u32 = 16;

/// `(a, b, …)`.
pub(super) fn arguments(parser: &mut Parser<'_>) -> Result<Vec<Expr>, ScriptProblem> {
    parser.cursor.need("(")?;
    list(parser, ")", 0)
}

fn list(parser: &mut Parser<'_>, close: &str, depth: u32) -> Result<Vec<Expr>, ScriptProblem> {
    let mut items = Vec::new();
    parser.cursor.space()?;
    if parser.cursor.eat(close) {
        return Ok(items);
    }
    loop {
        items.push(expr(parser, depth + 1)?);
        parser.cursor.space()?;
        if parser.cursor.eat(close) {
            return Ok(items);
        }
        if !parser.cursor.eat(",") {
            return Err(parser.cursor.expected(&format!("`,` or `{close}`")));
        }
    }
}

/// One argument, or a result.
pub(super) fn expr(parser: &mut Parser<'_>, depth: u32) -> Result<Expr, ScriptProblem> {
    let first = single(parser, depth)?;
    let mut parts = vec![first];
    loop {
        parser.cursor.space()?;
        if !parser.cursor.eat("|") {
            break;
        }
        parts.push(single(parser, depth)?);
    }
    Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Expr::Symbols(parts) })
}

fn single(parser: &mut Parser<'_>, depth: u32) -> Result<Expr, ScriptProblem> {
    if depth > DEPTH_MAX {
        return Err(parser.cursor.invalid("the argument is nested too deeply"));
    }
    parser.cursor.space()?;
    if parser.cursor.eat("...") {
        return Ok(Expr::Any);
    }
    match parser.cursor.peek() {
        Some('[') => {
            parser.cursor.bump();
            Ok(Expr::List(list(parser, "]", depth)?))
        }
        Some('{') => {
            parser.cursor.bump();
            fields(parser, depth)
        }
        Some('"') => {
            parser.cursor.bump();
            Ok(Expr::Text(parser.cursor.take_until("\"", "the text")?.to_owned()))
        }
        Some('-') => {
            parser.cursor.bump();
            parser.cursor.number::<u32>("a number").map(|n| Expr::Int(-i64::from(n)))
        }
        Some(c) if c.is_ascii_digit() => number(parser),
        Some(c) if c.is_ascii_alphabetic() || c == '_' => {
            let name = parser.cursor.word().to_owned();
            parser.cursor.space()?;
            // A note in parentheses follows an errno, never an argument.
            if depth > 0 && parser.cursor.eat("(") {
                return Ok(Expr::Apply(name, list(parser, ")", depth)?));
            }
            Ok(match parser.definitions.get(&name).and_then(|value| value.parse().ok()) {
                Some(value) => Expr::Int(value),
                None => Expr::Name(name),
            })
        }
        _ => Err(parser.cursor.expected("an argument")),
    }
}

/// Decimal, or hexadecimal with `0x`.
fn number(parser: &mut Parser<'_>) -> Result<Expr, ScriptProblem> {
    let place = parser.cursor.invalid("");
    let digits = parser.cursor.word();
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    value.map(Expr::Int).map_err(|_| ScriptProblem { reason: format!("`{digits}` is no number"), ..place })
}

/// `name=value, …}`; `name = value` too, and `name(len)=value` of a message
/// header. An I/O vector has no names: `..., 1000}`, `NULL, 1000}`.
fn fields(parser: &mut Parser<'_>, depth: u32) -> Result<Expr, ScriptProblem> {
    let mut fields = Vec::new();
    parser.cursor.space()?;
    if parser.cursor.eat("}") {
        return Ok(Expr::Fields(fields));
    }
    if parser.cursor.starts("...") || parser.cursor.peek().is_some_and(|c| c.is_ascii_digit() || c == '"') {
        return Ok(Expr::List(list(parser, "}", depth)?));
    }
    loop {
        parser.cursor.space()?;
        let name = parser.cursor.word().to_owned();
        if name.is_empty() {
            return Err(parser.cursor.expected("the name of a field"));
        }
        parser.cursor.space()?;
        if fields.is_empty() && parser.cursor.eat(",") {
            let mut items = vec![Expr::Name(name)];
            items.extend(list(parser, "}", depth)?);
            return Ok(Expr::List(items));
        }
        if parser.cursor.eat("(") {
            list(parser, ")", depth)?;
        }
        parser.cursor.need("=")?;
        fields.push((name, expr(parser, depth + 1)?));
        parser.cursor.space()?;
        if parser.cursor.eat("}") {
            return Ok(Expr::Fields(fields));
        }
        if !parser.cursor.eat(",") {
            return Err(parser.cursor.expected("`,` or `}`"));
        }
    }
}
