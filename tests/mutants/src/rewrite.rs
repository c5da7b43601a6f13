//! A file with all its mutants in it, each behind its switch.
use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::LineColumn;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::{Mutant, Place, Result};

/// A file rewritten.
pub struct Rewritten {
    /// Its text.
    pub text: String,
    /// Mutants that have no place in it, with the reason.
    pub left_out: Vec<(u32, &'static str)>,
}

/// Puts `mutants` of one file (number and mutant, in the order of the file)
/// into its text. Functions named in `keep_const` stay `const`.
pub fn rewrite(text: &str, mutants: &[(u32, &Mutant)], keep_const: &BTreeSet<String>) -> Result<Rewritten> {
    let file = syn::parse_file(text)?;
    let offsets = Offsets::new(text);
    let mut by_start: BTreeMap<(usize, &str), Vec<(u32, &Mutant)>> = BTreeMap::new();
    for &(number, mutant) in mutants {
        let kind = if mutant.genre == "FnValue" { "fn" } else { "" };
        by_start.entry((offsets.at(mutant.span.start), kind)).or_default().push((number, mutant));
    }
    let mut finder =
        Finder { offsets: &offsets, text, by_start, edits: Vec::new(), in_const: 0, keep_const, consts: Vec::new() };
    finder.visit_file(&file);
    let placed: BTreeSet<u32> = finder.edits.iter().flat_map(|e| e.numbers()).collect();
    let in_const: BTreeSet<u32> = finder.consts.iter().copied().collect();
    let why = |n: u32, mutant: &Mutant| match () {
        () if in_const.contains(&n) => "in a constant",
        () if mutant.genre == "BinaryOperator" => "does not compile: `let` beside `||`",
        () => "no switch can stand there",
    };
    let left_out = mutants.iter().filter(|(n, _)| !placed.contains(n)).map(|&(n, m)| (n, why(n, m))).collect();
    let mut edits = finder.edits;
    edits.sort_by_key(|e| (e.start, std::cmp::Reverse(e.end)));
    let mut out = String::with_capacity(text.len() * 4);
    render(text, 0, text.len(), &edits, &mut out);
    Ok(Rewritten { text: out, left_out })
}

/// The mark before and behind the text of a mutant.
pub fn mark(number: u32, begin: bool) -> String {
    format!("/*m{number}{}*/", if begin { '<' } else { '>' })
}

struct Offsets(Vec<usize>, String);

impl Offsets {
    fn new(text: &str) -> Self {
        let mut lines = vec![0];
        lines.extend(text.match_indices('\n').map(|(i, _)| i + 1));
        Self(lines, text.to_owned())
    }

    fn at(&self, place: Place) -> usize {
        self.offset(place.line, place.column - 1)
    }

    fn of(&self, place: LineColumn) -> usize {
        self.offset(place.line, place.column)
    }

    fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.0[line - 1];
        let rest = &self.1[start..];
        start + rest.char_indices().nth(column).map_or(rest.len(), |(i, _)| i)
    }
}

/// Text in `start..end` is replaced: by one of `arms` if its mutant is on, else
/// by what stood there.
struct Edit {
    start: usize,
    end: usize,
    arms: Vec<(u32, String)>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Value,
    Return,
    Field,
    Unconst,
}

impl Edit {
    fn numbers(&self) -> Vec<u32> {
        self.arms.iter().map(|(n, _)| *n).collect()
    }
}

fn render(text: &str, start: usize, end: usize, edits: &[Edit], out: &mut String) {
    let mut at = start;
    let mut i = 0;
    while i < edits.len() {
        let edit = &edits[i];
        let inner = edits[i + 1..].iter().take_while(|e| e.start < edit.end).count();
        out.push_str(&text[at..edit.start]);
        let first = edit.arms.first().map_or(0, |(n, _)| *n);
        let last = edit.arms.last().map_or(0, |(n, _)| *n);
        match edit.kind {
            Kind::Unconst => {}
            Kind::Return => {
                out.push_str(&format!("match crate::mutant::at({first}, {last}) {{ "));
                for (n, arm) in &edit.arms {
                    out.push_str(&format!("{n} => {}return {arm}{},\n", mark(*n, true), mark(*n, false)));
                }
                out.push_str("_ => {} }\n");
            }
            Kind::Value | Kind::Field => {
                let field = edit.kind == Kind::Field;
                let value = &text[edit.start..edit.end];
                if field && !value.contains(':') {
                    out.push_str(&format!("{value}: "));
                }
                let colon = if field { value.find(':').map_or(edit.start, |i| edit.start + i + 1) } else { edit.start };
                out.push_str(&text[edit.start..colon]);
                out.push_str(&format!("(match crate::mutant::at({first}, {last}) {{ "));
                for (n, arm) in &edit.arms {
                    out.push_str(&format!("{n} => {}({arm}){},\n", mark(*n, true), mark(*n, false)));
                }
                out.push_str("_ => ");
                render(text, colon, edit.end, &edits[i + 1..i + 1 + inner], out);
                out.push_str(" })");
            }
        }
        at = edit.end;
        i += 1 + if matches!(edit.kind, Kind::Value | Kind::Field) { inner } else { 0 };
    }
    out.push_str(&text[at..end]);
}

struct Finder<'a> {
    offsets: &'a Offsets,
    text: &'a str,
    by_start: BTreeMap<(usize, &'static str), Vec<(u32, &'a Mutant)>>,
    edits: Vec<Edit>,
    /// How many constants, statics and `const fn` we stand in.
    in_const: u32,
    keep_const: &'a BTreeSet<String>,
    consts: Vec<u32>,
}

impl Finder<'_> {
    fn range(&self, node: &impl Spanned) -> (usize, usize) {
        let span = node.span();
        (self.offsets.of(span.start()), self.offsets.of(span.end()))
    }

    fn take(&mut self, start: usize, kind: &'static str) -> Vec<(u32, &Mutant)> {
        let found = self.by_start.remove(&(start, kind)).unwrap_or_default();
        if self.in_const > 0 {
            self.consts.extend(found.iter().map(|(n, _)| *n));
            return Vec::new();
        }
        found
    }

    fn put(&mut self, (start, end): (usize, usize), kind: Kind, arms: Vec<(u32, String)>) {
        if !arms.is_empty() {
            self.edits.push(Edit { start, end, arms, kind });
        }
    }

    fn function(
        &mut self,
        constness: Option<&syn::Token![const]>,
        name: &syn::Ident,
        block: &syn::Block,
        visit: impl FnOnce(&mut Self),
    ) {
        let kept = constness.is_some() && self.keep_const.contains(&name.to_string());
        if let Some(token) = constness
            && !kept
        {
            let (start, end) = self.range(token);
            self.edits.push(Edit { start, end, arms: Vec::new(), kind: Kind::Unconst });
        }
        self.in_const += u32::from(kept);
        let first = block.stmts.first().map(|s| self.range(s).0);
        // The span of a body begins at its first token, which may be an attribute of the first statement.
        if let Some(first) = first {
            // `impl Iterator` is one type, whichever mutant is on.
            let fits = |m: &Mutant| !m.replacement.starts_with("::std::iter::");
            let found = self.take(first, "fn").into_iter();
            let arms = found.filter(|(_, m)| fits(m)).map(|(n, m)| (n, m.replacement.clone())).collect();
            let open = self.range(&block.brace_token.span.open()).1;
            self.put((open, open), Kind::Return, arms);
        }
        visit(self);
        self.in_const -= u32::from(kept);
    }
}

fn has_let(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(b) => has_let(&b.left) || has_let(&b.right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        if node.attrs.iter().any(|a| a.path().is_ident("cfg")) {
            return;
        }
        visit::visit_item_mod(self, node);
    }

    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.function(node.sig.constness.as_ref(), &node.sig.ident, &node.block, |s| visit::visit_item_fn(s, node));
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.function(node.sig.constness.as_ref(), &node.sig.ident, &node.block, |s| {
            visit::visit_impl_item_fn(s, node)
        });
    }

    fn visit_item_const(&mut self, node: &'ast syn::ItemConst) {
        self.in_const += 1;
        visit::visit_item_const(self, node);
        self.in_const -= 1;
    }

    fn visit_impl_item_const(&mut self, node: &'ast syn::ImplItemConst) {
        self.in_const += 1;
        visit::visit_impl_item_const(self, node);
        self.in_const -= 1;
    }

    fn visit_item_static(&mut self, node: &'ast syn::ItemStatic) {
        self.in_const += 1;
        visit::visit_item_static(self, node);
        self.in_const -= 1;
    }

    fn visit_expr_binary(&mut self, node: &'ast syn::ExprBinary) {
        let op = self.range(&node.op);
        let whole = self.range(node);
        if !(has_let(&node.left) || has_let(&node.right)) {
            let (before, after) = (self.text[whole.0..op.0].to_owned(), self.text[op.1..whole.1].to_owned());
            let arms = self
                .take(op.0, "")
                .into_iter()
                .map(|(n, m)| (n, format!("{before}{}{after}", m.replacement)))
                .collect();
            self.put(whole, Kind::Value, arms);
        }
        visit::visit_expr_binary(self, node);
    }

    fn visit_expr_unary(&mut self, node: &'ast syn::ExprUnary) {
        let op = self.range(&node.op);
        let whole = self.range(node);
        let after = self.text[op.1..whole.1].to_owned();
        let arms = self.take(op.0, "").into_iter().map(|(n, m)| (n, format!("{} {after}", m.replacement))).collect();
        self.put(whole, Kind::Value, arms);
        visit::visit_expr_unary(self, node);
    }

    fn visit_arm(&mut self, node: &'ast syn::Arm) {
        if let Some((_, guard)) = &node.guard
            && !has_let(guard)
        {
            let whole = self.range(guard.as_ref());
            // An operator may begin where its guard does: `!x`.
            let found = self.take(whole.0, "");
            let (own, other): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, m)| m.genre == "MatchArmGuard");
            let arms = own.into_iter().map(|(n, m)| (n, m.replacement.clone())).collect();
            let other: Vec<(u32, String)> = other.into_iter().map(|(n, m)| (n, m.replacement.clone())).collect();
            self.put(whole, Kind::Value, arms);
            if !other.is_empty()
                && let syn::Expr::Unary(unary) = guard.as_ref()
            {
                let op = self.range(&unary.op);
                let after = self.text[op.1..whole.1].to_owned();
                let arms = other.into_iter().map(|(n, r)| (n, format!("{r} {after}"))).collect();
                self.put(whole, Kind::Value, arms);
            }
        }
        visit::visit_arm(self, node);
    }

    fn visit_expr_struct(&mut self, node: &'ast syn::ExprStruct) {
        if let Some(rest) = &node.rest {
            let (a, b) = self.range(rest.as_ref());
            let rest = self.text[a..b].to_owned();
            for field in &node.fields {
                let whole = self.range(field);
                let syn::Member::Named(name) = &field.member else { continue };
                let arms = self.take(whole.0, "").into_iter().map(|(n, _)| (n, format!("({rest}).{name}"))).collect();
                self.put(whole, Kind::Field, arms);
            }
        }
        visit::visit_expr_struct(self, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    fn mutant(genre: &str, replacement: &str, start: (usize, usize), end: (usize, usize)) -> Mutant {
        let place = |(line, column)| Place { line, column };
        Mutant {
            name: String::new(),
            file: String::new(),
            genre: genre.to_owned(),
            replacement: replacement.to_owned(),
            span: Span { start: place(start), end: place(end) },
        }
    }

    #[test]
    fn every_mutant_stands_behind_its_switch() {
        let text = "const fn f(a: u32) -> u32 { a + 1 }\nconst C: u32 = 1 << 2;\n";
        let mutants = [
            mutant("FnValue", "0", (1, 29), (1, 34)),
            mutant("BinaryOperator", "-", (1, 31), (1, 32)),
            mutant("BinaryOperator", "*", (1, 31), (1, 32)),
            mutant("BinaryOperator", ">>", (2, 18), (2, 20)),
        ];
        let numbered: Vec<(u32, &Mutant)> = (1..).zip(&mutants).collect();
        let done = rewrite(text, &numbered, &BTreeSet::new()).expect("it is Rust");
        let flat = done.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let expected = " fn f(a: u32) -> u32 {match crate::mutant::at(1, 1) { 1 => /*m1<*/return 0/*m1>*/, _ => {} } \
             (match crate::mutant::at(2, 3) { 2 => /*m2<*/(a - 1)/*m2>*/, 3 => /*m3<*/(a * 1)/*m3>*/, _ => a + 1 }) } \
             const C: u32 = 1 << 2;";
        assert_eq!(flat, expected.trim_start());
        assert_eq!(done.left_out, [(4, "in a constant")]);
    }
}
