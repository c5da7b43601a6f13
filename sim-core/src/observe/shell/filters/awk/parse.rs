//! From tokens to rules, by precedence climbing.

use super::lex::{Token, unexpected};

/// `pattern { action }`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Rule {
    pub(super) when: When,
    /// Without braces: print the record.
    pub(super) action: Option<Vec<Statement>>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum When {
    Begin,
    Always,
    If(Expr),
    End,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Statement {
    Print(Vec<Expr>),
    Printf(Vec<Expr>),
    Do(Expr),
    If(Expr, Vec<Self>, Vec<Self>),
    While(Expr, Vec<Self>),
    For(Option<Box<Self>>, Option<Expr>, Option<Box<Self>>, Vec<Self>),
    ForIn(String, String, Vec<Self>),
    Delete(String, Option<Vec<Expr>>),
    Next,
    Exit,
    Break,
    Continue,
    Block(Vec<Self>),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Expr {
    Number(f64),
    Text(String),
    /// `/…/` alone: does the record match?
    Pattern(String),
    Place(Place),
    /// Operator (empty for `=`) and value.
    Assign(Place, &'static str, Box<Self>),
    /// By how much, and whether the new value is the result.
    Step(Place, f64, bool),
    Unary(&'static str, Box<Self>),
    Binary(&'static str, Box<Self>, Box<Self>),
    Concat(Box<Self>, Box<Self>),
    Match(Box<Self>, Box<Self>, bool),
    In(Vec<Self>, String),
    Choice(Box<Self>, Box<Self>, Box<Self>),
    Call(String, Vec<Self>),
}

/// What can be assigned to.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Place {
    Variable(String),
    Field(Box<Expr>),
    Element(String, Vec<Expr>),
}

/// The rules of a program.
pub(super) fn rules(tokens: Vec<Token>) -> Result<Vec<Rule>, String> {
    let mut parser = Parser { tokens, at: 0, depth: 0, no_in: false, in_print: false };
    let mut rules = Vec::new();
    loop {
        parser.skip_ends();
        let Some(token) = parser.peek() else { return Ok(rules) };
        let when = match token {
            Token::Name(name) if name == "BEGIN" => {
                parser.at += 1;
                When::Begin
            }
            Token::Name(name) if name == "END" => {
                parser.at += 1;
                When::End
            }
            Token::Op("{") => When::Always,
            Token::Number(_)
            | Token::Text(_)
            | Token::Pattern(_)
            | Token::Name(_)
            | Token::Call(_)
            | Token::Op(_)
            | Token::End => When::If(parser.expr()?),
        };
        let action = if parser.is("{") { Some(parser.block()?) } else { None };
        if action.is_none() && when != When::Always && !matches!(when, When::If(_)) {
            return Err(parser.complaint());
        }
        rules.push(Rule { when, action });
    }
}

/// Deepest nesting of expressions and blocks.
const MAX_DEPTH: usize = 60;

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// `in` ends the expression: the head of a `for`.
    no_in: bool,
    /// `>` would be a redirection.
    in_print: bool,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is(&self, op: &str) -> bool {
        matches!(self.peek(), Some(Token::Op(found)) if *found == op)
    }

    fn eat(&mut self, op: &str) -> bool {
        let found = self.is(op);
        self.at += usize::from(found);
        found
    }

    fn want(&mut self, op: &str) -> Result<(), String> {
        if self.eat(op) { Ok(()) } else { Err(self.complaint()) }
    }

    fn eat_name(&mut self, name: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(word) | Token::Call(word)) if word == name);
        self.at += usize::from(found);
        found
    }

    fn skip_ends(&mut self) {
        while self.peek() == Some(&Token::End) {
            self.at += 1;
        }
    }

    fn complaint(&self) -> String {
        match self.peek() {
            None => "syntax error: the program ends too early".to_owned(),
            Some(Token::Op(op)) => unexpected(op),
            Some(Token::Name(name) | Token::Call(name) | Token::Text(name) | Token::Pattern(name)) => unexpected(name),
            Some(Token::Number(number)) => unexpected(&number.to_string()),
            Some(Token::End) => unexpected(";"),
        }
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("syntax error: nested too deep".to_owned());
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn block(&mut self) -> Result<Vec<Statement>, String> {
        self.want("{")?;
        let mut statements = Vec::new();
        loop {
            self.skip_ends();
            if self.eat("}") {
                return Ok(statements);
            }
            statements.push(self.deeper(Self::statement)?);
        }
    }

    /// A block, or one statement.
    fn body(&mut self) -> Result<Vec<Statement>, String> {
        while self.peek() == Some(&Token::End) {
            self.at += 1;
        }
        if self.is("{") { self.block() } else { Ok(vec![self.deeper(Self::statement)?]) }
    }

    fn statement(&mut self) -> Result<Statement, String> {
        if self.is("{") {
            return self.block().map(Statement::Block);
        }
        if self.eat_name("if") {
            self.want("(")?;
            let condition = self.expr()?;
            self.want(")")?;
            let then = self.body()?;
            let before = self.at;
            self.skip_ends();
            let otherwise = if self.eat_name("else") {
                self.body()?
            } else {
                self.at = before;
                Vec::new()
            };
            return Ok(Statement::If(condition, then, otherwise));
        }
        if self.eat_name("while") {
            self.want("(")?;
            let condition = self.expr()?;
            self.want(")")?;
            return Ok(Statement::While(condition, self.body()?));
        }
        if self.eat_name("for") {
            return self.for_loop();
        }
        self.simple()
    }

    fn for_loop(&mut self) -> Result<Statement, String> {
        self.want("(")?;
        if let [Token::Name(key), Token::Name(word), Token::Name(array), Token::Op(")"), ..] = &self.tokens[self.at..]
            && word == "in"
        {
            let (key, array) = (key.clone(), array.clone());
            self.at += 4;
            return Ok(Statement::ForIn(key, array, self.body()?));
        }
        let before = if self.peek() == Some(&Token::End) { None } else { Some(Box::new(self.simple()?)) };
        self.end_of_part()?;
        let condition = if self.peek() == Some(&Token::End) { None } else { Some(self.expr()?) };
        self.end_of_part()?;
        let after = if self.is(")") { None } else { Some(Box::new(self.simple()?)) };
        self.want(")")?;
        Ok(Statement::For(before, condition, after, self.body()?))
    }

    fn end_of_part(&mut self) -> Result<(), String> {
        if self.peek() == Some(&Token::End) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.complaint())
        }
    }

    fn simple(&mut self) -> Result<Statement, String> {
        for (word, statement) in [
            ("next", Statement::Next),
            ("exit", Statement::Exit),
            ("break", Statement::Break),
            ("continue", Statement::Continue),
        ] {
            if self.eat_name(word) {
                return Ok(statement);
            }
        }
        if self.eat_name("delete") {
            let Some(Token::Name(array)) = self.peek().cloned() else { return Err(self.complaint()) };
            self.at += 1;
            let key = if self.eat("[") { Some(self.list("]")?) } else { None };
            return Ok(Statement::Delete(array, key));
        }
        if self.eat_name("print") {
            return self.printed().map(Statement::Print);
        }
        if self.eat_name("printf") {
            return self.printed().map(Statement::Printf);
        }
        self.expr().map(Statement::Do)
    }

    /// What follows `print`, with or without parentheses.
    fn printed(&mut self) -> Result<Vec<Expr>, String> {
        let ends = |token: Option<&Token>| matches!(token, None | Some(Token::End | Token::Op("}")));
        if ends(self.peek()) {
            return Ok(Vec::new());
        }
        let start = self.at;
        if self.eat("(") {
            let list = self.list(")");
            if let Ok(list) = list
                && ends(self.peek())
            {
                return Ok(list);
            }
            self.at = start;
        }
        self.in_print = true;
        let mut list = vec![self.expr()?];
        while self.eat(",") {
            list.push(self.expr()?);
        }
        self.in_print = false;
        if ends(self.peek()) { Ok(list) } else { Err(self.complaint()) }
    }

    fn list(&mut self, end: &str) -> Result<Vec<Expr>, String> {
        let (in_print, no_in) = (core::mem::take(&mut self.in_print), core::mem::take(&mut self.no_in));
        let mut list = Vec::new();
        while !self.eat(end) {
            if !list.is_empty() {
                self.want(",")?;
            }
            list.push(self.expr()?);
        }
        (self.in_print, self.no_in) = (in_print, no_in);
        Ok(list)
    }

    fn expr(&mut self) -> Result<Expr, String> {
        self.deeper(|parser| {
            let condition = parser.either()?;
            if parser.eat("?") {
                let yes = parser.expr()?;
                parser.want(":")?;
                let no = parser.expr()?;
                return Ok(Expr::Choice(Box::new(condition), Box::new(yes), Box::new(no)));
            }
            let op = ["=", "+=", "-=", "*=", "/=", "%=", "^="].into_iter().find(|op| parser.is(op));
            match (condition, op) {
                (Expr::Place(place), Some(op)) => {
                    parser.at += 1;
                    let value = Box::new(parser.expr()?);
                    Ok(Expr::Assign(place, op.strip_suffix('=').unwrap_or(""), value))
                }
                (expr, _) => Ok(expr),
            }
        })
    }

    fn either(&mut self) -> Result<Expr, String> {
        let mut left = self.both()?;
        while self.eat("||") {
            self.skip_ends();
            left = Expr::Binary("||", Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expr, String> {
        let mut left = self.member()?;
        while self.eat("&&") {
            self.skip_ends();
            left = Expr::Binary("&&", Box::new(left), Box::new(self.member()?));
        }
        Ok(left)
    }

    fn member(&mut self) -> Result<Expr, String> {
        let mut left = self.matched()?;
        while !self.no_in && matches!(self.peek(), Some(Token::Name(name)) if name == "in") {
            self.at += 1;
            let Some(Token::Name(array)) = self.peek().cloned() else { return Err(self.complaint()) };
            self.at += 1;
            left = Expr::In(vec![left], array);
        }
        Ok(left)
    }

    fn matched(&mut self) -> Result<Expr, String> {
        let mut left = self.compared()?;
        loop {
            let negated = self.is("!~");
            if !negated && !self.is("~") {
                return Ok(left);
            }
            self.at += 1;
            left = Expr::Match(Box::new(left), Box::new(self.compared()?), negated);
        }
    }

    fn compared(&mut self) -> Result<Expr, String> {
        let left = self.joined()?;
        let op = ["<=", ">=", "==", "!=", "<", ">"].into_iter().find(|op| self.is(op));
        match op.filter(|op| *op != ">" || !self.in_print) {
            Some(op) => {
                self.at += 1;
                Ok(Expr::Binary(op, Box::new(left), Box::new(self.joined()?)))
            }
            None => Ok(left),
        }
    }

    /// Values side by side are one text.
    fn joined(&mut self) -> Result<Expr, String> {
        let mut left = self.sum()?;
        while self.value_follows() {
            left = Expr::Concat(Box::new(left), Box::new(self.sum()?));
        }
        Ok(left)
    }

    fn value_follows(&self) -> bool {
        match self.peek() {
            Some(Token::Number(_) | Token::Text(_) | Token::Call(_)) => true,
            Some(Token::Name(name)) => name != "in",
            Some(Token::Op(op)) => matches!(*op, "(" | "$" | "!" | "-" | "+" | "++" | "--"),
            Some(Token::Pattern(_) | Token::End) | None => false,
        }
    }

    fn sum(&mut self) -> Result<Expr, String> {
        let mut left = self.product()?;
        while let Some(op) = ["+", "-"].into_iter().find(|op| self.is(op)) {
            self.at += 1;
            left = Expr::Binary(op, Box::new(left), Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expr, String> {
        let mut left = self.unary()?;
        while let Some(op) = ["*", "/", "%"].into_iter().find(|op| self.is(op)) {
            self.at += 1;
            left = Expr::Binary(op, Box::new(left), Box::new(self.unary()?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, String> {
        for op in ["!", "-", "+"] {
            if self.eat(op) {
                return self.deeper(Self::unary).map(|inner| Expr::Unary(op, Box::new(inner)));
            }
        }
        let base = self.stepped()?;
        if self.eat("^") {
            let power = self.deeper(Self::unary)?;
            return Ok(Expr::Binary("^", Box::new(base), Box::new(power)));
        }
        Ok(base)
    }

    /// `++x`, `x--`.
    fn stepped(&mut self) -> Result<Expr, String> {
        for (op, by) in [("++", 1.0), ("--", -1.0)] {
            if self.eat(op) {
                let inner = self.deeper(Self::primary)?;
                let Expr::Place(place) = inner else { return Err(self.complaint()) };
                return Ok(Expr::Step(place, by, true));
            }
        }
        let inner = self.primary()?;
        for (op, by) in [("++", 1.0), ("--", -1.0)] {
            if let Expr::Place(place) = &inner
                && self.eat(op)
            {
                return Ok(Expr::Step(place.clone(), by, false));
            }
        }
        Ok(inner)
    }

    fn primary(&mut self) -> Result<Expr, String> {
        let Some(token) = self.peek().cloned() else { return Err(self.complaint()) };
        self.at += 1;
        match token {
            Token::Number(number) => Ok(Expr::Number(number)),
            Token::Text(text) => Ok(Expr::Text(text)),
            Token::Pattern(text) => Ok(Expr::Pattern(text)),
            Token::Op("$") => {
                let number = self.deeper(|parser| {
                    if parser.eat("-") {
                        return parser.primary().map(|inner| Expr::Unary("-", Box::new(inner)));
                    }
                    if parser.is("++") || parser.is("--") { parser.stepped() } else { parser.primary() }
                })?;
                Ok(Expr::Place(Place::Field(Box::new(number))))
            }
            Token::Op("(") => {
                let mut list = self.list(")")?;
                let in_follows = matches!(self.peek(), Some(Token::Name(name)) if name == "in");
                match (list.len(), in_follows) {
                    // A group keeps its value apart from what follows.
                    (1, _) => Ok(Expr::Unary("(", Box::new(list.remove(0)))),
                    (2.., true) => {
                        self.at += 1;
                        let Some(Token::Name(array)) = self.peek().cloned() else { return Err(self.complaint()) };
                        self.at += 1;
                        Ok(Expr::In(list, array))
                    }
                    _other => Err(self.complaint()),
                }
            }
            Token::Name(name) if name == "length" => Ok(Expr::Call(name, Vec::new())),
            Token::Name(name) if self.eat("[") => Ok(Expr::Place(Place::Element(name, self.list("]")?))),
            Token::Name(name) => Ok(Expr::Place(Place::Variable(name))),
            Token::Call(name) => {
                self.want("(")?;
                Ok(Expr::Call(name, self.list(")")?))
            }
            Token::Op(_) | Token::End => {
                self.at -= 1;
                Err(self.complaint())
            }
        }
    }
}
