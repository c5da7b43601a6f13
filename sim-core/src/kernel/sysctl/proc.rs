//! Reading numbers as the kernel's `/proc/sys` handlers read them
//! (kernel/sysctl.c, Linux 6.18; errors checked against a running kernel).
//!
//! Numbers are decimal, octal (`010`) or hexadecimal (`0x10`); what follows a
//! number must be a permitted separator. A handler that wants one number takes
//! the first and ignores the rest of the line.

use crate::kernel::PortSet;
use crate::kernel::config::PortRange;
use crate::units::Port;

/// The write was refused with EINVAL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Refused;

/// A number with its sign, before any range check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Number {
    pub(super) negative: bool,
    pub(super) magnitude: u64,
}

impl Number {
    /// As an `int` (`do_proc_dointvec_conv`).
    pub(super) fn int(self) -> Result<i32, Refused> {
        let magnitude = i64::try_from(self.magnitude).map_err(|_| Refused)?;
        i32::try_from(if self.negative { -magnitude } else { magnitude }).map_err(|_| Refused)
    }
}

/// What is left of a line being written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

/// Longest number the kernel copies (`TMPBUFLEN - 1`).
const MAX_NUMBER: usize = 21;

const SPACES: &[u8] = b" \t\n";

impl<'a> Reader<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    /// Skips white space; true if anything is left.
    pub(super) fn skip_spaces(&mut self) -> bool {
        while let [first, rest @ ..] = self.0
            && first.is_ascii_whitespace()
        {
            self.0 = rest;
        }
        !self.0.is_empty()
    }

    /// The next number, which must end the line or be followed by one of
    /// `permitted` (`proc_get_long`).
    pub(super) fn number(&mut self, permitted: &[u8]) -> Result<Number, Refused> {
        let text = self.0;
        let sign = usize::from(text.len() > 1 && text[0] == b'-');
        let digits = &text[sign..];
        let (radix, prefix) = match digits {
            [b'0', b'x' | b'X', third, ..] if third.is_ascii_hexdigit() => (16, 2),
            [b'0', ..] => (8, 0),
            [b'1'..=b'9', ..] => (10, 0),
            _ => return Err(Refused),
        };
        let body = &digits[prefix..];
        let len = body.iter().take_while(|&&b| char::from(b).is_digit(radix)).count();
        let end = sign + prefix + len;
        if end >= MAX_NUMBER {
            return Err(Refused);
        }
        let magnitude = body[..len]
            .iter()
            .try_fold(0_u64, |value, &b| {
                let digit = char::from(b).to_digit(radix)?;
                value.checked_mul(u64::from(radix))?.checked_add(u64::from(digit))
            })
            .ok_or(Refused)?;
        if text.get(end).is_some_and(|next| !permitted.contains(next)) {
            return Err(Refused);
        }
        self.0 = &text[end..];
        Ok(Number { negative: sign == 1, magnitude })
    }

    /// Takes the next byte, whatever it is.
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn skip_newlines(&mut self) {
        while let [b'\n', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }
}

/// The first number of a line, for a handler of one value.
pub(super) fn first_number(text: &str) -> Result<Number, Refused> {
    let mut reader = Reader::new(text);
    reader.skip_spaces();
    reader.number(SPACES)
}

/// Writes up to `values.len()` ints, each within `min..=max`, in place: those
/// before a bad one stay written (`proc_dointvec_minmax`).
pub(super) fn write_ints(text: &str, values: &mut [i32], min: i32, max: i32) -> Result<(), Refused> {
    let mut reader = Reader::new(text);
    for (index, value) in values.iter_mut().enumerate() {
        if !reader.skip_spaces() {
            return if index == 0 { Err(Refused) } else { Ok(()) };
        }
        let int = reader.number(SPACES)?.int()?;
        if !(min..=max).contains(&int) {
            return Err(Refused);
        }
        *value = int;
    }
    Ok(())
}

/// A list of ports and ranges (`proc_do_large_bitmap`): separators are `,` and
/// newline, no spaces; overlapping ranges merge; an empty line is the empty set.
#[cfg_attr(target_family = "wasm", inline(never))]
pub(super) fn port_list(text: &str) -> Result<PortSet, Refused> {
    let port = |number: Number| match (number.negative, u16::try_from(number.magnitude)) {
        (false, Ok(port)) => Ok(Port(port)),
        (true, _) | (false, Err(_)) => Err(Refused),
    };
    let mut ranges = Vec::new();
    let mut reader = Reader::new(text);
    reader.skip_newlines();
    while !reader.0.is_empty() {
        let low = port(reader.number(b"-,\n")?)?;
        let mut high = low;
        if reader.byte() == Some(b'-') {
            high = port(reader.number(b",\n")?)?;
            if high < low {
                return Err(Refused);
            }
            reader.byte();
        }
        ranges.push(PortRange { low, high });
        reader.skip_newlines();
    }
    Ok(ranges.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line was written to a running 6.18 kernel.
    #[test]
    fn numbers_as_the_kernel_reads_them() {
        let int = |text: &str| first_number(text).and_then(Number::int).ok();
        for (text, value) in [
            ("5", Some(5)),
            ("5\n", Some(5)),
            (" \t 5", Some(5)),
            ("1 2", Some(1)),
            ("5 x", Some(5)),
            ("0x10", Some(16)),
            ("010", Some(8)),
            ("-100", Some(-100)),
            ("0", Some(0)),
            ("2147483647", Some(i32::MAX)),
            ("-2147483648", Some(i32::MIN)),
            ("2147483648", None),
            ("4294967296", None),
            ("99999999999999999999", None),
            ("00000000000000000000000005", None),
            ("08", None),
            ("0x", None),
            ("1x", None),
            ("5,6", None),
            ("+5", None),
            ("-", None),
            ("--5", None),
            ("abc", None),
            ("", None),
            ("\n", None),
        ] {
            assert_eq!(int(text), value, "{text:?}");
        }
    }

    #[test]
    fn several_values_are_written_up_to_the_first_bad_one() {
        let write = |text: &str| {
            let mut values = [4096, 131_072, 6_291_456];
            (write_ints(text, &mut values, 1, i32::MAX).is_ok(), values)
        };
        assert_eq!(write("1 2 3"), (true, [1, 2, 3]));
        assert_eq!(write("1 2 3 4"), (true, [1, 2, 3]));
        assert_eq!(write("1 2\n"), (true, [1, 2, 6_291_456]));
        assert_eq!(write("1 2 x"), (false, [1, 2, 6_291_456]));
        assert_eq!(write("0 1 2"), (false, [4096, 131_072, 6_291_456]));
        assert_eq!(write("\n"), (false, [4096, 131_072, 6_291_456]));
    }

    /// Each line was written to a running 6.18 kernel.
    #[test]
    fn port_lists_as_the_kernel_reads_them() {
        for (text, printed) in [
            ("8080,9000-9100", Some("8080,9000-9100")),
            ("8080,8081,8082", Some("8080-8082")),
            ("9000-9100,8080", Some("8080,9000-9100")),
            ("10-20,15-30", Some("10-30")),
            ("100-200,201", Some("100-201")),
            ("7-7", Some("7")),
            ("0", Some("0")),
            ("0x10", Some("16")),
            ("010", Some("8")),
            ("5,\n", Some("5")),
            ("5\n6", Some("5-6")),
            ("8080\n", Some("8080")),
            ("\n", Some("")),
            ("", Some("")),
            ("1-", None),
            ("5-3", None),
            ("65536", None),
            ("10,,20", None),
            ("abc", None),
            ("10;20", None),
            ("8080, 9000", None),
            (" 5", None),
            ("5 ", None),
            (",5", None),
            ("5-6-7", None),
            ("\t", None),
            ("-5", None),
        ] {
            let list = port_list(text).ok().map(|set| set.to_string());
            assert_eq!(list.as_deref(), printed, "{text:?}");
        }
    }
}
