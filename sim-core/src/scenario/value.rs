//! Durations, sizes, shares, ports and limits as scenario files write them.

use super::problem::ProblemKind;
use crate::app::Limits;
use crate::time::Duration;
use crate::units::{Ipv4Addr, Ratio};

/// The longest a scenario may last: 30 virtual days.
pub(super) const MAX_END: Duration = Duration::from_secs(30 * 86_400);

/// `RLIM_INFINITY`.
const UNLIMITED: u64 = u64::MAX;

/// A decimal number as `(digits, number of decimals)` and the text after it.
fn decimal(text: &str) -> Option<(u128, u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let well_formed = !whole.is_empty() && (number.len() == whole.len() || !fraction.is_empty());
    if !well_formed || fraction.contains('.') || whole.len() + fraction.len() > 30 {
        return None;
    }
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    Some((digits, u32::try_from(fraction.len()).ok()?, rest))
}

/// `"10s"`, `"1.5s"`, `"1min30s"`, `"0"`.
pub(super) fn duration(text: &str) -> Result<Duration, ProblemKind> {
    let bad = || ProblemKind::BadDuration { text: cut(text) };
    let overflow = || ProblemKind::DurationOverflow { text: cut(text) };
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(bad());
    }
    // More digits than any 64-bit duration has is an overflow, not a slip.
    if rest.bytes().take_while(u8::is_ascii_digit).count() > 20 {
        return Err(overflow());
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (digits, places, after) = decimal(rest).ok_or_else(bad)?;
        let unit_end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let unit_ns: u128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "min" | "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _other => return Err(bad()),
        };
        let scaled = digits.checked_mul(unit_ns).ok_or_else(overflow)?;
        let divisor = 10_u128.pow(places);
        if scaled % divisor != 0 {
            // A fraction of a nanosecond.
            return Err(bad());
        }
        total = total.checked_add(scaled / divisor).ok_or_else(overflow)?;
        rest = next.trim_start();
    }
    u64::try_from(total).map(Duration::from_nanos).map_err(|_too_long| overflow())
}

/// `"8GiB"`.
pub(super) fn size(text: &str) -> Result<u64, ProblemKind> {
    let bad = || ProblemKind::BadSize { text: cut(text) };
    let (digits, places, unit) = decimal(text.trim()).ok_or_else(bad)?;
    let factor: u128 = match unit.trim() {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        "TiB" | "T" => 1 << 40,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _other => return Err(bad()),
    };
    let scaled = digits.checked_mul(factor).ok_or_else(bad)? / 10_u128.pow(places);
    u64::try_from(scaled).map_err(|_too_large| bad())
}

/// `"0.1%"`, `"1/1000"`, `"0"`, `"1"`.
pub(super) fn ratio(text: &str) -> Result<Ratio, ProblemKind> {
    let bad = || ProblemKind::BadRatio { text: cut(text) };
    let trimmed = text.trim();
    let (num, den) = if let Some((num, den)) = trimmed.split_once('/') {
        (num.trim().parse().map_err(|_not_number| bad())?, den.trim().parse().map_err(|_not_number| bad())?)
    } else {
        let (digits, places, rest) = decimal(trimmed).ok_or_else(bad)?;
        let percent: u128 = match rest.trim() {
            "%" => 100,
            "" => 1,
            _other => return Err(bad()),
        };
        (digits, 10_u128.pow(places) * percent)
    };
    if den == 0 || num > den {
        return Err(bad());
    }
    let common = gcd(num, den);
    let part = |n: u128| u32::try_from(n / common).map_err(|_too_large| bad());
    Ok(Ratio { num: part(num)?, den: part(den)? })
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// `"10Gbit/s"` in bits per second.
pub(super) fn bandwidth(text: &str) -> Result<u64, ProblemKind> {
    let bad = || ProblemKind::BadBandwidth { text: cut(text) };
    let (digits, places, unit) = decimal(text.trim()).ok_or_else(bad)?;
    let factor: u128 = match unit.trim() {
        "bit/s" | "bit" => 1,
        "kbit/s" | "kbit" => 1_000,
        "Mbit/s" | "Mbit" => 1_000_000,
        "Gbit/s" | "Gbit" => 1_000_000_000,
        _other => return Err(bad()),
    };
    let rate = digits.checked_mul(factor).ok_or_else(bad)? / 10_u128.pow(places);
    match u64::try_from(rate) {
        Ok(rate) if rate > 0 => Ok(rate),
        Ok(_) | Err(_) => Err(bad()),
    }
}

/// An IPv4 address.
pub(super) fn address(text: &str) -> Result<Ipv4Addr, ProblemKind> {
    text.trim().parse().map_err(|_not_ipv4| ProblemKind::BadAddress { text: cut(text) })
}

/// A port in 1..=65535.
pub(super) fn port(number: i64) -> Result<u16, ProblemKind> {
    match u16::try_from(number) {
        Ok(0) => Err(ProblemKind::PortZero),
        Ok(port) => Ok(port),
        Err(_) => Err(ProblemKind::OutOfRange { number: number.to_string(), min: 1, max: 65_535 }),
    }
}

/// `net.ipv4.ip_local_port_range`, by Linux's rules.
pub(super) fn port_range(text: &str, unprivileged_start: u64) -> Result<(u16, u16), ProblemKind> {
    let bad = || ProblemKind::BadPortRange { text: cut(text) };
    let numbers: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c == '-' || c == ',').filter(|s| !s.is_empty()).collect();
    let &[low, high] = numbers.as_slice() else {
        return Err(bad());
    };
    let low: i64 = low.parse().map_err(|_not_number| bad())?;
    let high: i64 = high.parse().map_err(|_not_number| bad())?;
    let (low, high) = (port(low)?, port(high)?);
    if high < low {
        return Err(ProblemKind::InvertedRange { low: low.into(), high: high.into() });
    }
    if u64::from(low) < unprivileged_start {
        return Err(ProblemKind::PrivilegedRange { low: low.into(), start: unprivileged_start });
    }
    Ok((low, high))
}

/// `"32768:65536"`, or one number for both.
pub(super) fn limits(text: &str) -> Result<Limits, ProblemKind> {
    let bad = || ProblemKind::BadLimit { text: cut(text) };
    let one = |word: &str| match word.trim() {
        "unlimited" => Ok(UNLIMITED),
        digits => digits.parse::<u64>().map_err(|_not_number| bad()),
    };
    let (soft, hard) = text.split_once(':').unwrap_or((text, text));
    let (soft, hard) = (one(soft)?, one(hard)?);
    if soft > hard {
        return Err(ProblemKind::SoftAboveHard { soft, hard });
    }
    Ok(Limits { soft, hard })
}

/// A kernel version: at least two numbers; what follows them is kept by the caller.
pub(super) fn kernel(text: &str) -> Result<(u16, u16, u16), ProblemKind> {
    let bad = || ProblemKind::BadKernel { text: cut(text) };
    let plain = text.trim();
    let numbers = plain.find(|c: char| !c.is_ascii_digit() && c != '.').map_or(plain, |end| &plain[..end]);
    let mut parts = numbers.split('.').filter(|p| !p.is_empty()).map(str::parse::<u16>);
    let mut next = |required: bool| match parts.next() {
        Some(Ok(number)) => Ok(number),
        None if !required => Ok(0),
        Some(Err(_)) | None => Err(bad()),
    };
    let version = (next(true)?, next(true)?, next(false)?);
    if (version.0, version.1) < (4, 2) {
        return Err(ProblemKind::KernelTooOld { text: cut(text) });
    }
    Ok(version)
}

/// What `SELECT VERSION()` prints.
pub(super) fn server_version(text: &str) -> Result<(), ProblemKind> {
    let numbers = text.split('-').next().unwrap_or("");
    let parts: Vec<&str> = numbers.split('.').collect();
    let numeric = parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    let printable = text.len() <= 60 && text.bytes().all(|b| b.is_ascii_graphic());
    if (2..=3).contains(&parts.len()) && numeric && printable {
        return Ok(());
    }
    Err(ProblemKind::BadServerVersion { text: cut(text) })
}

/// A usable name of a host, process or mark.
pub(super) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && text.len() <= 32
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// Text for a sentence: long nonsense is cut.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    text.chars().take(57).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("17us"), Ok(Duration::from_micros(17)));
        assert_eq!(duration("1min30s"), Ok(Duration::from_secs(90)));
        for bad in ["", "10", "s", "1..5s", "-3s", "1.s", "10 parsecs", "0.1ns", "1e3s"] {
            assert!(matches!(duration(bad), Err(ProblemKind::BadDuration { .. })), "{bad}");
        }
        for long in [
            "99999999999999999999s",
            "600000000000000h",
            "18446744073709551616ns",
            "999999999999999999999999999999999s",
        ] {
            assert!(matches!(duration(long), Err(ProblemKind::DurationOverflow { .. })), "{long}");
        }
    }

    #[test]
    fn ratios_are_exact() {
        assert_eq!(ratio("0.1%"), Ok(Ratio { num: 1, den: 1000 }));
        assert_eq!(ratio("1/1000"), Ok(Ratio { num: 1, den: 1000 }));
        assert_eq!(ratio("13.86%"), Ok(Ratio { num: 693, den: 5000 }));
        assert_eq!(ratio("0"), Ok(Ratio { num: 0, den: 1 }));
        for bad in ["2", "101%", "1/0", "half", "1/2/3", "-1%"] {
            assert!(ratio(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn port_ranges_follow_linux() {
        assert_eq!(port_range("32768 60999", 1024), Ok((32_768, 60_999)));
        assert_eq!(port_range("32768\t60999", 1024), Ok((32_768, 60_999)));
        assert!(matches!(port_range("60999 32768", 1024), Err(ProblemKind::InvertedRange { .. })));
        assert!(matches!(port_range("80 60999", 1024), Err(ProblemKind::PrivilegedRange { .. })));
        assert_eq!(port_range("0 60999", 1024), Err(ProblemKind::PortZero));
        assert!(matches!(port_range("1024 70000", 1024), Err(ProblemKind::OutOfRange { .. })));
        assert!(matches!(port_range("1024", 1024), Err(ProblemKind::BadPortRange { .. })));
    }

    #[test]
    fn limits_and_versions() {
        assert_eq!(limits("32768:65536"), Ok(Limits { soft: 32_768, hard: 65_536 }));
        assert_eq!(limits("12"), Ok(Limits { soft: 12, hard: 12 }));
        assert!(matches!(limits("2:1"), Err(ProblemKind::SoftAboveHard { .. })));
        assert_eq!(kernel("5.10.213-201.855.amzn2.x86_64"), Ok((5, 10, 213)));
        assert_eq!(kernel("6.18"), Ok((6, 18, 0)));
        assert!(kernel("five").is_err());
        assert!(matches!(kernel("3.10.0"), Err(ProblemKind::KernelTooOld { .. })));
        assert!(server_version("8.3.0").is_ok() && server_version("10.11.19-MariaDB-0+deb12u1").is_ok());
        assert!(server_version("latest").is_err() && server_version("8..0").is_err());
        assert_eq!(size("8GiB"), Ok(8 << 30));
        assert!(size("8 gigs").is_err() && size("99999999999TiB").is_err());
        assert_eq!(bandwidth("10Gbit/s"), Ok(10_000_000_000));
        assert!(bandwidth("0bit/s").is_err());
    }
}
