//! Values of awk: numbers, texts, and input that looks like a number.

use core::cmp::Ordering;

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value {
    /// Never assigned: "" and 0.
    Unset,
    Number(f64),
    Text(String),
    /// From the input: a number if it looks like one.
    Input(String),
}

impl Value {
    pub(super) fn number(&self) -> f64 {
        match self {
            Self::Unset => 0.0,
            Self::Number(number) => *number,
            Self::Text(text) | Self::Input(text) => leading(text),
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Unset => String::new(),
            Self::Number(number) => shown(*number),
            Self::Text(text) | Self::Input(text) => text.clone(),
        }
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Unset => false,
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Input(text) => match as_number(text) {
                Some(number) => number != 0.0,
                None => !text.is_empty(),
            },
        }
    }

    /// The number, if comparing should use it.
    fn numeric(&self) -> Option<f64> {
        match self {
            Self::Unset => Some(0.0),
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
            Self::Input(text) => as_number(text),
        }
    }

    /// As numbers if both are, else as texts.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self.numeric(), other.numeric()) {
            (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Some(_) | None, _) => self.text().cmp(&other.text()),
        }
    }

    pub(super) fn of(truth: bool) -> Self {
        Self::Number(f64::from(u8::from(truth)))
    }
}

fn as_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
    text.parse().ok().filter(|_| plain)
}

/// The number a text begins with.
fn leading(text: &str) -> f64 {
    let text = text.trim_start();
    let mut end = 0;
    for (at, c) in text.char_indices() {
        let sign = matches!(c, '+' | '-') && at == 0;
        if sign || c.is_ascii_digit() || (c == '.' && !text[..at].contains('.')) {
            end = at + 1;
        } else {
            break;
        }
    }
    text[..end].parse().unwrap_or(0.0)
}

/// Whole numbers as such, others with six digits (`CONVFMT`, `%.6g`).
pub(super) fn shown(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e16 { format!("{number:.0}") } else { general(number, 6) }
}

/// `%.Ng`.
fn general(number: f64, digits: usize) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            "nan"
        } else if number > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let digits = digits.max(1);
    let scientific = format!("{number:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
    };
    if exponent < -4 || exponent >= i32::try_from(digits).unwrap_or(i32::MAX) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs());
    }
    let decimals = usize::try_from(i32::try_from(digits).unwrap_or(6) - 1 - exponent).unwrap_or(0);
    trimmed(&format!("{number:.decimals$}"))
}

/// `printf`: `%s %d %i %c %x %o %f %e %g %%` with flags, width and precision.
pub(super) fn printf(format: &str, args: &[Value]) -> String {
    let mut out = String::new();
    let mut args = args.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let (mut left, mut zero, mut plus) = (false, false, false);
        while let Some(flag) = chars.next_if(|c| matches!(c, '-' | '0' | '+' | ' ' | '#')) {
            left |= flag == '-';
            zero |= flag == '0';
            plus |= flag == '+';
        }
        let mut digits = || {
            let mut n: usize = 0;
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                n = (n * 10 + digit.to_digit(10).unwrap_or(0) as usize).min(1_000);
            }
            n
        };
        let width = digits();
        let precision = if chars.next_if_eq(&'.').is_some() {
            let mut n: usize = 0;
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                n = (n * 10 + digit.to_digit(10).unwrap_or(0) as usize).min(1_000);
            }
            Some(n)
        } else {
            None
        };
        let Some(kind) = chars.next() else { break };
        if kind == '%' {
            out.push('%');
            continue;
        }
        let value = args.next().cloned().unwrap_or(Value::Unset);
        let number = value.number();
        let signed = |text: String| if plus && number >= 0.0 { format!("+{text}") } else { text };
        let text = match kind {
            'd' | 'i' => signed(format!("{:.0}", number.trunc())),
            'x' => format!("{:x}", whole(number)),
            'X' => format!("{:X}", whole(number)),
            'o' => format!("{:o}", whole(number)),
            'c' => match value {
                Value::Number(code) => char::from_u32(u32::try_from(whole(code)).unwrap_or(0)).map(String::from),
                Value::Unset | Value::Text(_) | Value::Input(_) => value.text().chars().next().map(String::from),
            }
            .unwrap_or_default(),
            'f' | 'F' => signed(format!("{number:.*}", precision.unwrap_or(6))),
            'e' | 'g' | 'G' | 'E' => signed(general(number, precision.unwrap_or(6))),
            's' => match precision {
                Some(most) => value.text().chars().take(most).collect(),
                None => value.text(),
            },
            other => format!("%{other}"),
        };
        let gap = width.saturating_sub(text.chars().count());
        match (left, zero && kind != 's') {
            (true, _) => out.extend(text.chars().chain(core::iter::repeat_n(' ', gap))),
            (false, true) => {
                let sign = usize::from(text.starts_with(['-', '+']));
                out.push_str(&text[..sign]);
                out.extend(core::iter::repeat_n('0', gap));
                out.push_str(&text[sign..]);
            }
            (false, false) => out.extend(core::iter::repeat_n(' ', gap).chain(text.chars())),
        }
    }
    out
}

/// Towards zero, as an unsigned number.
pub(super) fn whole(number: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, which is what is wanted"
    )]
    let whole = number.trunc().max(0.0) as u64;
    whole
}
