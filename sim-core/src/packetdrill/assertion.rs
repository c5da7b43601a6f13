//! `%{ assert tcpi_rto == 3000000 }%`: a corner of Python, enough for tests.

use std::collections::BTreeMap;

/// Names and their values at the moment of an assertion.
pub(super) type Names = BTreeMap<&'static str, i64>;

/// Deepest nesting of parentheses.
const DEPTH_MAX: u32 = 32;

/// Checks every statement of the text; what is wrong with the first that does not hold.
pub(super) fn check(text: &str, names: &Names) -> Result<(), String> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    for statement in joined.split([';', '\n']) {
        let statement = statement.split('#').next().unwrap_or_default().trim();
        if statement.is_empty() || statement.starts_with("print") {
            continue;
        }
        let Some(condition) = statement.strip_prefix("assert").filter(|rest| !rest.starts_with(char::is_alphanumeric))
        else {
            return Err(format!("`{statement}` is no assertion"));
        };
        let mut evaluator = Evaluator { rest: condition, names, depth: 0 };
        let value = evaluator.any()?;
        let rest = evaluator.rest.trim_start();
        if !rest.is_empty() && !rest.starts_with(',') {
            return Err(format!("`{statement}` is no expression: `{rest}` is left over"));
        }
        if value == 0 {
            return Err(format!("`{}` is false: {}", statement, used(condition, names)));
        }
    }
    Ok(())
}

/// The names an expression uses, with their values.
fn used(text: &str, names: &Names) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let mut shown: Vec<String> = Vec::new();
    for word in words {
        if let Some(value) = names.get(word)
            && word.starts_with("tcpi_")
        {
            let line = format!("{word} is {value}");
            if !shown.contains(&line) {
                shown.push(line);
            }
        }
    }
    shown.join(", ")
}

struct Evaluator<'a> {
    rest: &'a str,
    names: &'a Names,
    depth: u32,
}

impl Evaluator<'_> {
    fn eat(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let Some(after) = rest.strip_prefix(word) else { return false };
        // `or` is not the start of `order`, nor `=` of `==`.
        let is_word = word.chars().all(char::is_alphabetic);
        if is_word && after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return false;
        }
        self.rest = after;
        true
    }

    fn any(&mut self) -> Result<i64, String> {
        let mut value = self.all()?;
        while self.eat("or") {
            let other = self.all()?;
            value = if value != 0 { value } else { other };
        }
        Ok(value)
    }

    fn all(&mut self) -> Result<i64, String> {
        let mut value = self.negation()?;
        while self.eat("and") {
            let other = self.negation()?;
            value = if value == 0 { value } else { other };
        }
        Ok(value)
    }

    fn negation(&mut self) -> Result<i64, String> {
        if self.eat("not") { Ok(i64::from(self.negation()? == 0)) } else { self.comparison() }
    }

    /// `a == b`, and chains of them as in Python: `a < b < c`.
    fn comparison(&mut self) -> Result<i64, String> {
        let mut left = self.bits()?;
        let mut chain = None;
        loop {
            let operator = ["==", "!=", "<=", ">=", "<", ">"].into_iter().find(|operator| self.eat(operator));
            let Some(operator) = operator else { return Ok(chain.map_or(left, i64::from)) };
            let right = self.bits()?;
            let holds = match operator {
                "==" => left == right,
                "!=" => left != right,
                "<=" => left <= right,
                ">=" => left >= right,
                "<" => left < right,
                _greater => left > right,
            };
            chain = Some(chain.unwrap_or(true) && holds);
            left = right;
        }
    }

    fn bits(&mut self) -> Result<i64, String> {
        let mut value = self.shift()?;
        loop {
            if self.eat("&") {
                value &= self.shift()?;
            } else if self.eat("|") {
                value |= self.shift()?;
            } else if self.eat("^") {
                value ^= self.shift()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn shift(&mut self) -> Result<i64, String> {
        let mut value = self.sum()?;
        loop {
            let left = self.eat("<<");
            if !left && !self.eat(">>") {
                return Ok(value);
            }
            let by = u32::try_from(self.sum()?).ok().filter(|&by| by < 63).ok_or("a shift is 0 to 62 bits")?;
            value = if left { value.checked_mul(1 << by).ok_or("the number is too large")? } else { value >> by };
        }
    }

    fn sum(&mut self) -> Result<i64, String> {
        let mut value = self.product()?;
        loop {
            let result = if self.eat("+") {
                value.checked_add(self.product()?)
            } else if self.eat("-") {
                value.checked_sub(self.product()?)
            } else {
                return Ok(value);
            };
            value = result.ok_or("the number is too large")?;
        }
    }

    fn product(&mut self) -> Result<i64, String> {
        let mut value = self.single()?;
        loop {
            let result = if self.eat("*") {
                value.checked_mul(self.single()?).ok_or("the number is too large")?
            } else if self.eat("//") || self.eat("/") {
                value.checked_div_euclid(self.single()?).ok_or("division by zero")?
            } else if self.eat("%") {
                value.checked_rem_euclid(self.single()?).ok_or("division by zero")?
            } else {
                return Ok(value);
            };
            value = result;
        }
    }

    fn single(&mut self) -> Result<i64, String> {
        if self.depth == DEPTH_MAX {
            return Err("the expression is nested too deeply".to_owned());
        }
        self.depth += 1;
        let value = self.single_within();
        self.depth -= 1;
        value
    }

    fn single_within(&mut self) -> Result<i64, String> {
        if self.eat("(") {
            let value = self.any()?;
            return if self.eat(")") { Ok(value) } else { Err("a `)` is missing".to_owned()) };
        }
        if self.eat("-") {
            return self.single()?.checked_neg().ok_or_else(|| "the number is too large".to_owned());
        }
        if self.eat("~") {
            return Ok(!self.single()?);
        }
        let rest = self.rest.trim_start();
        let len = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, after) = rest.split_at(len);
        self.rest = after;
        if word.is_empty() {
            return Err(format!("a value is missing before `{}`", after.chars().take(10).collect::<String>()));
        }
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let value = match word.strip_prefix("0x") {
                Some(hex) => i64::from_str_radix(hex, 16),
                None => word.parse(),
            };
            return value.map_err(|_| format!("`{word}` is no number"));
        }
        match word {
            "True" => Ok(1),
            "False" => Ok(0),
            _name => self.names.get(word).copied().ok_or_else(|| format!("the name `{word}` is not in the model")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::from([("tcpi_state", 1), ("tcpi_rto", 201_000), ("TCPI_OPT_WSCALE", 4), ("tcpi_options", 6)])
    }

    #[test]
    fn what_scripts_write_is_understood() {
        for good in [
            "assert tcpi_state == 1",
            " assert (tcpi_options & TCPI_OPT_WSCALE) != 0, tcpi_options ",
            "assert tcpi_state == 1, tcpi_state; \\\n assert tcpi_rto < 3000000",
            "assert tcpi_rto >= 200000 and tcpi_rto <= 204000",
            "assert 200000 <= tcpi_rto < 204000",
            "assert not tcpi_state == 2 or tcpi_state == 2",
            "assert 1 << 4 == 0x10\n# a comment\nassert -3 % 2 == 1",
        ] {
            assert_eq!(check(good, &names()), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_does_not_hold_is_told_with_its_values() {
        assert_eq!(
            check("assert tcpi_state == 4, tcpi_state", &names()).unwrap_err(),
            "`assert tcpi_state == 4, tcpi_state` is false: tcpi_state is 1"
        );
        for bad in ["assert tcpi_state = 1", "assert x", "import os", "assert (1", "assert 1 / 0", "assert"] {
            assert!(check(bad, &names()).is_err(), "{bad}");
        }
        let deep = format!("assert {}1", "(".repeat(500));
        assert!(check(&deep, &names()).unwrap_err().contains("nested"));
    }
}
