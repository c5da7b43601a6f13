//! Dates of the proleptic Gregorian calendar, for tools that print one. UTC.

/// A point of civil time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Civil {
    /// Year.
    pub year: u64,
    /// Month, 1–12.
    pub month: u8,
    /// Day of the month, 1–31.
    pub day: u8,
    /// Hour, 0–23.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
    /// Second.
    pub second: u8,
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Civil {
    /// From seconds since 1970-01-01 00:00:00 UTC.
    #[must_use]
    pub fn from_unix(seconds: u64) -> Self {
        let part = |n: u64| u8::try_from(n).expect("a remainder below 60");
        let (mut days, of_day) = (seconds / 86_400, seconds % 86_400);
        // 400 years always have the same number of days; within them, count.
        let mut year = 1970 + days / 146_097 * 400;
        days %= 146_097;
        while days >= year_days(year) {
            days -= year_days(year);
            year += 1;
        }
        let mut month = 1;
        while days >= month_days(year, month) {
            days -= month_days(year, month);
            month += 1;
        }
        Self {
            year,
            month,
            day: part(days + 1),
            hour: part(of_day / 3600),
            minute: part(of_day / 60 % 60),
            second: part(of_day % 60),
        }
    }

    /// `Apr`.
    #[must_use]
    pub fn month_name(self) -> &'static str {
        MONTHS[usize::from(self.month) - 1]
    }
}

const fn leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}
const fn year_days(year: u64) -> u64 {
    if leap(year) { 366 } else { 365 }
}
const fn month_days(year: u64, month: u8) -> u64 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        let write_up = Civil::from_unix(1_712_859_774);
        assert_eq!((write_up.year, write_up.month_name(), write_up.day), (2024, "Apr", 11));
        assert_eq!((write_up.hour, write_up.minute, write_up.second), (18, 22, 54));
        assert_eq!(Civil::from_unix(951_782_400).day, 29, "2000 is a leap year");
        assert_eq!(Civil::from_unix(0).year, 1970);
        assert_eq!(Civil::from_unix(4_107_542_400).month_name(), "Mar", "2100 is none");
    }
}
