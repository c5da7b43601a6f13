//! Runs the rules over the lines of a text.

use core::cmp::Ordering;
use std::collections::BTreeMap;

use regex_lite::Regex;

use super::parse::{Expr, Place, Rule, Statement, When};
use super::value::{Value, printf, whole};
use crate::observe::shell::filters::grep;

/// Statements and expressions one program may take, so that none runs for ever.
const MAX_STEPS: u64 = 50_000_000;
/// Most fields a record may get by assignment.
const MAX_FIELDS: usize = 100_000;

/// What ends a statement early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Leave {
    No,
    Break,
    Continue,
    Next,
    Exit,
}

/// The state of a running program.
pub(super) struct Machine {
    variables: BTreeMap<String, Value>,
    /// Elements by key; keys come in order.
    arrays: BTreeMap<String, BTreeMap<Key, Value>>,
    record: String,
    fields: Vec<String>,
    expressions: BTreeMap<String, Regex>,
    out: String,
    steps: u64,
}

/// Keys that are numbers come by size, before the others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Key {
    Number(u64),
    Text(String),
}

impl Key {
    fn new(text: String) -> Self {
        match text.parse::<u64>() {
            Ok(number) if number.to_string() == text => Self::Number(number),
            Ok(_) | Err(_) => Self::Text(text),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Machine {
    /// `separator` is `-F`; `assigned` is `-v`.
    pub(super) fn new(separator: Option<&str>, assigned: &[(String, String)]) -> Self {
        let mut variables: BTreeMap<String, Value> = BTreeMap::new();
        for (name, value) in [("FS", " "), ("OFS", " "), ("ORS", "\n"), ("SUBSEP", "\x1c"), ("RS", "\n")] {
            variables.insert(name.to_owned(), Value::Text(value.to_owned()));
        }
        variables.insert("NR".to_owned(), Value::Number(0.0));
        if let Some(separator) = separator {
            let text = if separator == "t" { "\t".to_owned() } else { super::lex::unescaped(separator) };
            variables.insert("FS".to_owned(), Value::Text(text));
        }
        for (name, value) in assigned {
            variables.insert(name.clone(), Value::Input(super::lex::unescaped(value)));
        }
        Self {
            variables,
            arrays: BTreeMap::new(),
            record: String::new(),
            fields: Vec::new(),
            expressions: BTreeMap::new(),
            out: String::new(),
            steps: 0,
        }
    }

    /// What the program prints.
    pub(super) fn run(mut self, rules: &[Rule], input: &str) -> Result<String, String> {
        let mut leave = Leave::No;
        for rule in rules.iter().filter(|rule| rule.when == When::Begin) {
            if leave != Leave::Exit {
                leave = self.act(rule)?;
            }
        }
        let reads = rules.iter().any(|rule| rule.when != When::Begin);
        if reads {
            for (number, line) in input.lines().enumerate() {
                if leave == Leave::Exit {
                    break;
                }
                self.variables.insert("NR".to_owned(), Value::Number(number as f64 + 1.0));
                self.set_record(line.to_owned())?;
                for rule in rules {
                    let due = match &rule.when {
                        When::Begin | When::End => false,
                        When::Always => true,
                        When::If(condition) => self.value(condition)?.is_true(),
                    };
                    if due {
                        leave = self.act(rule)?;
                        if matches!(leave, Leave::Next | Leave::Exit) {
                            break;
                        }
                    }
                }
            }
        }
        for rule in rules.iter().filter(|rule| rule.when == When::End) {
            if self.act(rule)? == Leave::Exit {
                break;
            }
        }
        Ok(self.out)
    }

    fn act(&mut self, rule: &Rule) -> Result<Leave, String> {
        match &rule.action {
            Some(action) => self.block(action),
            None => self.statement(&Statement::Print(Vec::new())),
        }
    }

    fn block(&mut self, statements: &[Statement]) -> Result<Leave, String> {
        for statement in statements {
            let leave = self.statement(statement)?;
            if leave != Leave::No {
                return Ok(leave);
            }
        }
        Ok(Leave::No)
    }

    fn tick(&mut self) -> Result<(), String> {
        self.steps += 1;
        if self.steps > MAX_STEPS { Err("stopped: the program takes too long".to_owned()) } else { Ok(()) }
    }

    fn statement(&mut self, statement: &Statement) -> Result<Leave, String> {
        self.tick()?;
        match statement {
            Statement::Print(list) => {
                let texts: Vec<String> =
                    list.iter().map(|expr| self.value(expr).map(|value| value.text())).collect::<Result<_, _>>()?;
                let line = if texts.is_empty() { self.record.clone() } else { texts.join(&self.named("OFS")) };
                let end = self.named("ORS");
                self.out.push_str(&line);
                self.out.push_str(&end);
            }
            Statement::Printf(list) => {
                let values: Vec<Value> = list.iter().map(|expr| self.value(expr)).collect::<Result<_, _>>()?;
                let (format, rest) = values.split_first().ok_or("printf: no format")?;
                self.out.push_str(&printf(&format.text(), rest));
            }
            Statement::Do(expr) => {
                self.value(expr)?;
            }
            Statement::Block(inner) => return self.block(inner),
            Statement::If(condition, yes, no) => {
                let branch = if self.value(condition)?.is_true() { yes } else { no };
                return self.block(branch);
            }
            Statement::While(condition, body) => {
                while self.value(condition)?.is_true() {
                    match self.block(body)? {
                        Leave::Break => break,
                        Leave::No | Leave::Continue => {}
                        leave @ (Leave::Next | Leave::Exit) => return Ok(leave),
                    }
                }
            }
            Statement::For(before, condition, after, body) => {
                if let Some(before) = before {
                    self.statement(before)?;
                }
                loop {
                    self.tick()?;
                    if let Some(condition) = condition
                        && !self.value(condition)?.is_true()
                    {
                        break;
                    }
                    match self.block(body)? {
                        Leave::Break => break,
                        Leave::No | Leave::Continue => {}
                        leave @ (Leave::Next | Leave::Exit) => return Ok(leave),
                    }
                    if let Some(after) = after {
                        self.statement(after)?;
                    }
                }
            }
            Statement::ForIn(name, array, body) => {
                let keys: Vec<Key> =
                    self.arrays.get(array).map(|array| array.keys().cloned().collect()).unwrap_or_default();
                for key in keys {
                    self.variables.insert(name.clone(), Value::Input(key.text()));
                    match self.block(body)? {
                        Leave::Break => break,
                        Leave::No | Leave::Continue => {}
                        leave @ (Leave::Next | Leave::Exit) => return Ok(leave),
                    }
                }
            }
            Statement::Delete(array, None) => {
                self.arrays.remove(array);
            }
            Statement::Delete(array, Some(key)) => {
                let key = self.key(key)?;
                if let Some(array) = self.arrays.get_mut(array) {
                    array.remove(&key);
                }
            }
            Statement::Next => return Ok(Leave::Next),
            Statement::Exit => return Ok(Leave::Exit),
            Statement::Break => return Ok(Leave::Break),
            Statement::Continue => return Ok(Leave::Continue),
        }
        Ok(Leave::No)
    }

    fn named(&self, name: &str) -> String {
        self.variables.get(name).map(Value::text).unwrap_or_default()
    }

    fn key(&mut self, parts: &[Expr]) -> Result<Key, String> {
        let texts: Vec<String> =
            parts.iter().map(|expr| self.value(expr).map(|value| value.text())).collect::<Result<_, _>>()?;
        Ok(Key::new(texts.join(&self.named("SUBSEP"))))
    }

    fn matches(&mut self, pattern: &str, text: &str) -> Result<bool, String> {
        Ok(self.expression(pattern)?.is_match(text))
    }

    fn expression(&mut self, pattern: &str) -> Result<Regex, String> {
        if let Some(known) = self.expressions.get(pattern) {
            return Ok(known.clone());
        }
        let built = grep::expression(&grep::extended(pattern), false)?;
        self.expressions.insert(pattern.to_owned(), built.clone());
        Ok(built)
    }

    /// The text of a pattern: `/…/` itself, anything else by its value.
    fn pattern(&mut self, expr: &Expr) -> Result<String, String> {
        if let Expr::Pattern(text) = expr { Ok(text.clone()) } else { Ok(self.value(expr)?.text()) }
    }

    fn value(&mut self, expr: &Expr) -> Result<Value, String> {
        self.tick()?;
        Ok(match expr {
            Expr::Number(number) => Value::Number(*number),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Pattern(pattern) => {
                let record = self.record.clone();
                Value::of(self.matches(pattern, &record)?)
            }
            Expr::Place(place) => self.read(place)?,
            Expr::Assign(place, op, value) => {
                let value = self.value(value)?;
                let value = if op.is_empty() { value } else { arithmetic(op, &self.read(place)?, &value)? };
                self.write(place, value.clone())?;
                value
            }
            Expr::Step(place, by, new) => {
                let before = self.read(place)?.number();
                self.write(place, Value::Number(before + by))?;
                Value::Number(if *new { before + by } else { before })
            }
            Expr::Unary("!", inner) => Value::of(!self.value(inner)?.is_true()),
            Expr::Unary("-", inner) => Value::Number(-self.value(inner)?.number()),
            Expr::Unary("+", inner) => Value::Number(self.value(inner)?.number()),
            Expr::Unary(_group, inner) => self.value(inner)?,
            Expr::Binary("&&", left, right) => Value::of(self.value(left)?.is_true() && self.value(right)?.is_true()),
            Expr::Binary("||", left, right) => Value::of(self.value(left)?.is_true() || self.value(right)?.is_true()),
            Expr::Binary(op, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                match *op {
                    "<" => Value::of(left.compare(&right) == Ordering::Less),
                    "<=" => Value::of(left.compare(&right) != Ordering::Greater),
                    ">" => Value::of(left.compare(&right) == Ordering::Greater),
                    ">=" => Value::of(left.compare(&right) != Ordering::Less),
                    "==" => Value::of(left.compare(&right) == Ordering::Equal),
                    "!=" => Value::of(left.compare(&right) != Ordering::Equal),
                    op => arithmetic(op, &left, &right)?,
                }
            }
            Expr::Concat(left, right) => {
                let left = self.value(left)?.text();
                Value::Text(left + &self.value(right)?.text())
            }
            Expr::Match(text, pattern, negated) => {
                let text = self.value(text)?.text();
                let pattern = self.pattern(pattern)?;
                Value::of(self.matches(&pattern, &text)? != *negated)
            }
            Expr::In(key, array) => {
                let key = self.key(key)?;
                Value::of(self.arrays.get(array).is_some_and(|array| array.contains_key(&key)))
            }
            Expr::Choice(condition, yes, no) => {
                if self.value(condition)?.is_true() {
                    self.value(yes)?
                } else {
                    self.value(no)?
                }
            }
            Expr::Call(name, args) => self.call(name, args)?,
        })
    }

    fn read(&mut self, place: &Place) -> Result<Value, String> {
        Ok(match place {
            Place::Variable(name) if name == "NF" => Value::Number(self.fields.len() as f64),
            Place::Variable(name) => self.variables.get(name).cloned().unwrap_or(Value::Unset),
            Place::Field(number) => {
                let number = self.value(number)?.number();
                if number < 0.0 {
                    return Err(format!("attempt to access field {number}"));
                }
                match usize::try_from(whole(number)).unwrap_or(usize::MAX) {
                    0 => Value::Input(self.record.clone()),
                    n => self.fields.get(n - 1).map_or(Value::Unset, |field| Value::Input(field.clone())),
                }
            }
            Place::Element(array, key) => {
                let key = self.key(key)?;
                // Reading an element makes it, as in awk.
                self.arrays.entry(array.clone()).or_default().entry(key).or_insert(Value::Unset).clone()
            }
        })
    }

    fn write(&mut self, place: &Place, value: Value) -> Result<(), String> {
        match place {
            Place::Variable(name) if name == "NF" => {
                let wanted = usize::try_from(whole(value.number())).unwrap_or(usize::MAX);
                self.resize(wanted)?;
            }
            Place::Variable(name) => {
                self.variables.insert(name.clone(), value);
            }
            Place::Field(number) => match usize::try_from(whole(self.value(number)?.number())).unwrap_or(usize::MAX) {
                0 => self.set_record(value.text())?,
                n => {
                    if n > self.fields.len() {
                        self.resize(n)?;
                    }
                    self.fields[n - 1] = value.text();
                    self.record = self.fields.join(&self.named("OFS"));
                }
            },
            Place::Element(array, key) => {
                let key = self.key(key)?;
                self.arrays.entry(array.clone()).or_default().insert(key, value);
            }
        }
        Ok(())
    }

    fn resize(&mut self, fields: usize) -> Result<(), String> {
        if fields > MAX_FIELDS {
            return Err(format!("too many fields: {fields}"));
        }
        self.fields.resize(fields, String::new());
        self.record = self.fields.join(&self.named("OFS"));
        Ok(())
    }

    fn set_record(&mut self, record: String) -> Result<(), String> {
        let separator = self.named("FS");
        self.fields = self.split(&record, &separator)?;
        self.record = record;
        Ok(())
    }

    /// A blank splits at runs of blanks, one character at itself, more as a pattern.
    fn split(&mut self, text: &str, separator: &str) -> Result<Vec<String>, String> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let mut chars = separator.chars();
        Ok(match (chars.next(), chars.next()) {
            (Some(' '), None) => text.split_ascii_whitespace().map(str::to_owned).collect(),
            (Some(one), None) if one != '|' || separator.len() == 1 => text.split(one).map(str::to_owned).collect(),
            (None, _) => text.chars().map(String::from).collect(),
            (Some(_), _) => self.expression(separator)?.split(text).map(str::to_owned).collect(),
        })
    }

    fn call(&mut self, name: &str, args: &[Expr]) -> Result<Value, String> {
        if let ("sub" | "gsub", [pattern, with, rest @ ..]) = (name, args) {
            return self.substitute(name == "gsub", pattern, with, rest.first());
        }
        if let ("split", [text, Expr::Place(Place::Variable(array)), rest @ ..]) = (name, args) {
            let text = self.value(text)?.text();
            let separator = match rest.first() {
                Some(expr) => self.pattern(expr)?,
                None => self.named("FS"),
            };
            let parts = self.split(&text, &separator)?;
            let count = parts.len() as f64;
            let keyed = (1_u64..).map(Key::Number).zip(parts.into_iter().map(Value::Input));
            self.arrays.insert(array.clone(), keyed.collect());
            return Ok(Value::Number(count));
        }
        if let ("length", [Expr::Place(Place::Variable(array))]) = (name, args)
            && let Some(array) = self.arrays.get(array)
        {
            return Ok(Value::Number(array.len() as f64));
        }
        if let ("match", [text, pattern]) = (name, args) {
            let (text, pattern) = (self.value(text)?.text(), self.pattern(pattern)?);
            let found = self.expression(&pattern)?.find(&text).map(|found| (found.start() + 1, found.len()));
            let (start, len) = found.map_or((0.0, -1.0), |(start, len)| (start as f64, len as f64));
            self.variables.insert("RSTART".to_owned(), Value::Number(start));
            self.variables.insert("RLENGTH".to_owned(), Value::Number(len));
            return Ok(Value::Number(start));
        }
        let values: Vec<Value> = args.iter().map(|expr| self.value(expr)).collect::<Result<_, _>>()?;
        let text = |ix: usize| values.get(ix).map(Value::text).unwrap_or_default();
        let number = |ix: usize| values.get(ix).map_or(0.0, Value::number);
        Ok(match (name, values.len()) {
            ("length", 0) => Value::Number(self.record.chars().count() as f64),
            ("length", 1) => Value::Number(text(0).chars().count() as f64),
            ("substr", 2 | 3) => {
                let from = number(1).round();
                let to = if values.len() == 3 { from + number(2).round() } else { f64::INFINITY };
                let inside = |at: usize| (at as f64) >= from && (at as f64) < to;
                Value::Text(text(0).chars().zip(1..).filter(|(_, at)| inside(*at)).map(|(c, _)| c).collect())
            }
            ("index", 2) => {
                let (whole, part) = (text(0), text(1));
                let at = whole.find(&part).map_or(0, |at| whole[..at].chars().count() + 1);
                Value::Number(at as f64)
            }
            ("tolower", 1) => Value::Text(text(0).to_ascii_lowercase()),
            ("toupper", 1) => Value::Text(text(0).to_ascii_uppercase()),
            ("int", 1) => Value::Number(number(0).trunc()),
            ("sqrt", 1) => Value::Number(number(0).sqrt()),
            ("sprintf", 1..) => Value::Text(printf(&text(0), &values[1..])),
            (name, _) => return Err(format!("function {name} is not known here")),
        })
    }

    fn substitute(&mut self, all: bool, pattern: &Expr, with: &Expr, target: Option<&Expr>) -> Result<Value, String> {
        let pattern = self.pattern(pattern)?;
        let with = self.value(with)?.text();
        let record = Place::Field(Box::new(Expr::Number(0.0)));
        let place = match target {
            Some(Expr::Place(place)) => place.clone(),
            Some(_) => return Err("sub: the third argument cannot be assigned to".to_owned()),
            None => record,
        };
        let text = self.read(&place)?.text();
        let expression = self.expression(&pattern)?;
        let mut out = String::new();
        let (mut from, mut count) = (0, 0_u32);
        for found in expression.find_iter(&text).take(if all { usize::MAX } else { 1 }) {
            out.push_str(&text[from..found.start()]);
            out.push_str(&with.replace("\\&", "\u{0}").replace('&', found.as_str()).replace('\u{0}', "&"));
            from = found.end();
            count += 1;
        }
        if count > 0 {
            out.push_str(&text[from..]);
            self.write(&place, Value::Text(out))?;
        }
        Ok(Value::Number(f64::from(count)))
    }
}

fn arithmetic(op: &str, left: &Value, right: &Value) -> Result<Value, String> {
    let (a, b) = (left.number(), right.number());
    Ok(Value::Number(match op {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" | "%" if b == 0.0 => return Err("division by zero".to_owned()),
        "/" => a / b,
        "%" => a % b,
        "^" => a.powf(b),
        other => return Err(format!("operator {other} is not known here")),
    }))
}
