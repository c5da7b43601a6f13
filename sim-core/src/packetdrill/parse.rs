//! Text → [`Script`].

use super::ast::{CallSpec, Command, Event, EventKind, Expr, IpVersion, Script, Time};
use super::cursor::Cursor;
use super::problem::ScriptProblem;
use super::{parse_call, parse_packet};

/// Longest text that is read, in bytes.
const TEXT_MAX: usize = 1 << 20;

/// Words given outside the script: `-D NAME=VALUE`, and names for `#ifdef`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Definitions {
    /// Names with their values; a name that `#ifdef` asks for may have an empty one.
    pub values: Vec<(String, String)>,
}

impl Definitions {
    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a script.
///
/// # Errors
/// The first place where the text is no script, or asks for something the model lacks.
pub fn parse(text: &str, definitions: &Definitions) -> Result<Script, ScriptProblem> {
    let names: Vec<String> = definitions.values.iter().map(|(name, _)| name.clone()).collect();
    let cursor = Cursor::new(text, &names);
    if text.len() > TEXT_MAX {
        return Err(cursor.invalid(format!("a script is shorter than {TEXT_MAX} bytes")));
    }
    Parser { cursor, definitions, script: Script::default() }.script()
}

/// A script being read.
pub(super) struct Parser<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) definitions: &'a Definitions,
    script: Script,
}

impl Parser<'_> {
    fn script(mut self) -> Result<Script, ScriptProblem> {
        loop {
            self.cursor.space()?;
            let Some(next) = self.cursor.peek() else { break };
            if let Some(cleanup) = &self.script.cleanup {
                let line = cleanup.line;
                return Err(self.cursor.invalid(format!("the command of line {line} has no time, so it must be last")));
            }
            match next {
                '-' => self.option()?,
                '`' => {
                    let command = self.command()?;
                    if self.script.events.is_empty() && self.script.init.is_none() {
                        self.script.init = Some(command);
                    } else {
                        self.script.cleanup = Some(command);
                    }
                }
                _ => {
                    let event = self.event()?;
                    self.script.events.push(event);
                }
            }
        }
        self.cursor.finish()?;
        self.script.branches = self.cursor.branches;
        Ok(self.script)
    }

    /// `--name=value`, the value perhaps in quotes.
    fn option(&mut self) -> Result<(), ScriptProblem> {
        if !self.cursor.eat("--") {
            return Err(self.cursor.expected("`--name=value` or an event"));
        }
        let place = self.cursor.invalid("");
        let name = self.cursor.word();
        let value = if self.cursor.eat("=") { self.cursor.take(|c| !c.is_whitespace()) } else { "" };
        let value = value.trim_matches('"');
        let bad =
            |what: &str| ScriptProblem { reason: format!("--{name} takes {what}, not `{value}`"), ..place.clone() };
        let options = &mut self.script.options;
        match name {
            "tolerance_usecs" => options.tolerance_usecs = Some(value.parse().map_err(|_| bad("microseconds"))?),
            "tcp_ts_tick_usecs" => options.ts_tick_usecs = value.parse().map_err(|_| bad("microseconds"))?,
            "mtu" => options.mtu = Some(value.parse().ok().filter(|&mtu| mtu >= 68).ok_or_else(|| bad("68 to 65535"))?),
            "ip_version" => {
                options.ip_version = match value {
                    "ipv4" => IpVersion::Ipv4,
                    "ipv6" => IpVersion::Ipv6,
                    "ipv4-mapped-ipv6" => IpVersion::Mapped,
                    _ => return Err(bad("ipv4, ipv6 or ipv4-mapped-ipv6")),
                }
            }
            // The gso_size and payload hints, and where packetdrill's own device lies: nothing the model shows.
            "mss" | "remote_ip" | "local_ip" | "gateway_ip" | "netmask_ip" | "non_fatal" | "dry_run" | "verbose" => {}
            _ => {
                return Err(ScriptProblem {
                    reason: format!("no option of scripts is called --{name}"),
                    ..self.cursor.unsupported("")
                });
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command, ScriptProblem> {
        let line = self.cursor.line();
        self.cursor.need("`")?;
        let text = self.cursor.take_until("`", "the command")?.to_owned();
        Ok(Command { line, text })
    }

    fn event(&mut self) -> Result<Event, ScriptProblem> {
        let line = self.cursor.line();
        let (time, end) = self.time()?;
        self.cursor.space()?;
        let direction = self.cursor.peek();
        let kind = match direction {
            Some('<' | '>') => {
                self.cursor.bump();
                parse_packet::packet(self, direction == Some('<'))?
            }
            Some('`') => EventKind::Shell(self.command()?),
            Some('%') => {
                self.cursor.need("%{")?;
                EventKind::Code(self.cursor.take_until("}%", "the assertion")?.to_owned())
            }
            Some(c) if c.is_ascii_alphabetic() => EventKind::Call(self.call(end)?),
            _ => return Err(self.cursor.expected("`<`, `>`, a system call, a command or `%{`")),
        };
        let is_call = matches!(kind, EventKind::Call(_));
        if end.is_some() && !is_call {
            return Err(self.cursor.invalid("only a system call lasts from one time `...` to another"));
        }
        let is_out = matches!(kind, EventKind::TcpOut(_));
        if matches!(time, Time::Any | Time::AbsoluteRange(..) | Time::RelativeRange(..)) && !is_out {
            return Err(self.cursor.invalid("only an outbound packet may come at any time or within a range"));
        }
        Ok(Event { line, time, kind })
    }

    /// A time, and the end of a blocking call.
    fn time(&mut self) -> Result<(Time, Option<u64>), ScriptProblem> {
        if self.cursor.eat("*") {
            return Ok((Time::Any, None));
        }
        let relative = self.cursor.eat("+");
        let start = self.seconds()?;
        self.cursor.space()?;
        if self.cursor.eat("~") {
            self.cursor.space()?;
            if self.cursor.eat("+") != relative {
                return Err(self.cursor.invalid("both ends of a range are absolute, or both relative"));
            }
            let end = self.seconds()?;
            if end < start {
                return Err(self.cursor.invalid("the range ends before it begins"));
            }
            let time = if relative { Time::RelativeRange(start, end) } else { Time::AbsoluteRange(start, end) };
            return Ok((time, None));
        }
        let end = if self.cursor.eat("...") {
            self.cursor.space()?;
            self.cursor.eat("+");
            let end = self.seconds()?;
            if end < start {
                return Err(self.cursor.invalid("the call ends before it begins"));
            }
            Some(end)
        } else {
            None
        };
        Ok((if relative { Time::Relative(start) } else { Time::Absolute(start) }, end))
    }

    /// Decimal seconds as microseconds; `.5`, `1.` and `1` too.
    fn seconds(&mut self) -> Result<u64, ScriptProblem> {
        self.cursor.space()?;
        let place = self.cursor.invalid("");
        let whole = self.cursor.take(|c| c.is_ascii_digit());
        let fraction = if self.cursor.starts(".") && !self.cursor.starts("..") {
            self.cursor.bump();
            self.cursor.take(|c| c.is_ascii_digit())
        } else {
            ""
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(self.cursor.expected("a time (`0.1`, `+0.1`, `*`)"));
        }
        let whole: u64 = if whole.is_empty() { Ok(0) } else { whole.parse() }.unwrap_or(u64::MAX);
        // What cannot be told in microseconds is a slip.
        if whole >= 1 << 40 {
            return Err(ScriptProblem { reason: "the time is too large".to_owned(), ..place });
        }
        let micros = fraction.bytes().chain([b'0'; 6]).take(6).fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        Ok(whole * 1_000_000 + micros)
    }

    fn call(&mut self, end: Option<u64>) -> Result<CallSpec, ScriptProblem> {
        let name = self.cursor.word().to_owned();
        let args = parse_call::arguments(self)?;
        self.cursor.need("=")?;
        let result = parse_call::expr(self, 0)?;
        self.cursor.space()?;
        // An errno's symbol, then a note in parentheses that means nothing.
        let named = self.cursor.peek().is_some_and(|c| c.is_ascii_uppercase());
        let errno = if named { self.cursor.word() } else { "" };
        if !errno.is_empty() && !errno.starts_with('E') {
            return Err(self.cursor.invalid(format!("`{errno}` is no errno")));
        }
        let errno = (!errno.is_empty()).then(|| errno.to_owned());
        self.cursor.space()?;
        if self.cursor.eat("(") {
            self.cursor.take_until(")", "the note")?;
        }
        if errno.is_some() && result != Expr::Int(-1) {
            return Err(self.cursor.invalid("only a result of -1 has an errno"));
        }
        Ok(CallSpec { name, args, result, errno, end })
    }
}
