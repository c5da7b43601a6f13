//! The command line of `ss`: options, states, filter.

use super::{Answer, Cx};
use crate::observe::tools::{Side, SsFilter, SsOptions, States, port_of, ss_s, ss_with};
use crate::tcp::TcpState;
use crate::units::Ipv4Addr;

/// `ss …`.
pub(super) fn ss(cx: &Cx<'_>, args: &[String]) -> Answer {
    match parse(args) {
        Ok(Asked::Summary) => Answer::out(ss_s(&cx.view())),
        Ok(Asked::Sockets(options)) => Answer::out(ss_with(&cx.view(), &options)),
        Ok(Asked::Version) => Answer::out("ss utility, iproute2-6.1.0\n".to_owned()),
        Err(Wrong::Says(text, status)) => Answer::fails(status, text),
        Err(Wrong::NotSimulated(option)) => cx.option_not_simulated("ss", &option),
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Asked {
    Summary,
    Sockets(SsOptions),
    Version,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Wrong {
    /// As the real tool says it.
    Says(String, u8),
    /// The real tool has it, the model does not.
    NotSimulated(String),
}

fn parse(args: &[String]) -> Result<Asked, Wrong> {
    let mut options = SsOptions { tcp: false, ..SsOptions::tcp() };
    let (mut all, mut listening, mut summary, mut v4, mut v6) = (false, false, false, false, false);
    let mut words = Vec::new();
    for arg in args {
        let letters: Vec<char> = match long(arg) {
            Some(Some(letter)) => vec![letter],
            Some(None) => return Err(Wrong::Says(format!("ss: unrecognized option '{arg}'\n"), 255)),
            None if arg.len() > 1 && arg.starts_with('-') => arg.chars().skip(1).collect(),
            None => {
                words.extend(tokens(arg));
                continue;
            }
        };
        for letter in letters {
            match letter {
                't' => options.tcp = true,
                'u' => options.udp = true,
                'a' => all = true,
                'l' => listening = true,
                'p' => options.processes = true,
                'o' => options.timers = true,
                'e' => options.extended = true,
                'n' => options.numeric = true,
                's' => summary = true,
                'H' => options.headings = false,
                'O' => {}
                '4' => v4 = true,
                '6' => v6 = true,
                'V' => return Ok(Asked::Version),
                'r' | 'm' | 'T' | 'i' | 'b' | 'E' | 'Z' | 'z' | 'N' | '0' | 'M' | 'S' | 'd' | 'w' | 'x' | 'f' | 'K'
                | 'A' | 'D' | 'F' => return Err(Wrong::NotSimulated(format!("-{letter}"))),
                'h' => return Ok(Asked::Sockets(options)).and(Err(Wrong::NotSimulated("--help".to_owned()))),
                other => return Err(Wrong::Says(format!("ss: invalid option -- '{other}'\n"), 255)),
            }
        }
    }
    if summary {
        return Ok(Asked::Summary);
    }
    if !options.tcp && !options.udp {
        (options.tcp, options.udp) = (true, true);
    }
    if v4 || v6 {
        options.families = [v4, v6];
    }
    options.states = match (all, listening) {
        (true, _) => States::ALL,
        (false, true) => States::LISTENING,
        (false, false) => States::CONNECTED,
    };
    let mut rest = words.as_slice();
    let mut chosen = States::NONE;
    while let [word @ ("state" | "exclude" | "excl"), name, after @ ..] = texts(rest).as_slice() {
        let named = states(name).ok_or_else(|| Wrong::Says(format!("ss: wrong state name: {name}\n"), 255))?;
        if *word == "state" {
            chosen = chosen.and(named);
        } else {
            let from = if chosen.is_empty() { options.states } else { chosen };
            chosen = from.without(named);
        }
        rest = &rest[rest.len() - after.len()..];
    }
    if !chosen.is_empty() {
        options.states = chosen;
    }
    let mut parser = Parser { words: texts(rest), at: 0, depth: 0 };
    if !parser.words.is_empty() {
        options.filter = parser.either()?;
        if parser.at < parser.words.len() {
            return Err(bellows());
        }
    }
    Ok(Asked::Sockets(options))
}

fn texts(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// A long option's letter; `Some(None)` for one `ss` does not have.
fn long(arg: &str) -> Option<Option<char>> {
    let name = arg.strip_prefix("--")?;
    let known = [
        ("tcp", 't'),
        ("udp", 'u'),
        ("all", 'a'),
        ("listening", 'l'),
        ("processes", 'p'),
        ("options", 'o'),
        ("extended", 'e'),
        ("numeric", 'n'),
        ("summary", 's'),
        ("no-header", 'H'),
        ("oneline", 'O'),
        ("ipv4", '4'),
        ("ipv6", '6'),
        ("version", 'V'),
        ("help", 'h'),
        ("info", 'i'),
        ("memory", 'm'),
        ("kill", 'K'),
        ("resolve", 'r'),
        ("unix", 'x'),
    ];
    Some(known.iter().find(|(long, _)| *long == name).map(|(_, letter)| *letter))
}

/// Words of a filter: parentheses and operators stand alone even without blanks.
fn tokens(arg: &str) -> Vec<String> {
    let mut out = Vec::new();
    for word in arg.split_whitespace() {
        let mut rest = word;
        while let Some(at) = rest.find(['(', ')', '!', '=', '<', '>', '&', '|']) {
            if at > 0 {
                out.push(rest[..at].to_owned());
            }
            let pair = rest.get(at..at + 2).filter(|pair| ["==", "!=", ">=", "<=", "&&", "||"].contains(pair));
            let operator = pair.unwrap_or(&rest[at..=at]);
            out.push(operator.to_owned());
            rest = &rest[at + operator.len()..];
        }
        if !rest.is_empty() {
            out.push(rest.to_owned());
        }
    }
    out
}

/// States by the names of `ss`, single and in groups.
fn states(name: &str) -> Option<States> {
    use TcpState::{
        CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived, SynSent, TimeWait,
    };
    let one = |state| States::NONE.with(state);
    let connected = States::ALL.without(one(Listen).with(Closed));
    Some(match name {
        "established" | "estab" => one(Established),
        "syn-sent" => one(SynSent),
        "syn-recv" => one(SynReceived),
        "fin-wait-1" => one(FinWait1),
        "fin-wait-2" => one(FinWait2),
        "time-wait" => one(TimeWait),
        "closed" | "unconnected" => one(Closed),
        "close-wait" => one(CloseWait),
        "last-ack" => one(LastAck),
        "listening" | "listen" => one(Listen),
        "closing" => one(Closing),
        "all" => States::ALL,
        "connected" => connected,
        "synchronized" => connected.without(one(SynSent)),
        "bucket" => one(SynReceived).with(TimeWait),
        "big" => States::ALL.without(one(SynReceived).with(TimeWait)),
        _other => return None,
    })
}

fn bellows() -> Wrong {
    Wrong::Says("ss: bison bellows (while parsing filter): \"syntax error!\" Sorry.\n".to_owned(), 255)
}

/// Deepest nesting of parentheses and negations.
const MAX_DEPTH: usize = 50;

/// `or` binds least, then `and` and mere juxtaposition, then `not`.
struct Parser<'a> {
    words: Vec<&'a str>,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn take(&mut self) -> Result<&'a str, Wrong> {
        let word = self.peek().ok_or_else(bellows)?;
        self.at += 1;
        Ok(word)
    }

    fn either(&mut self) -> Result<SsFilter, Wrong> {
        let mut filter = self.both()?;
        while matches!(self.peek(), Some("or" | "|" | "||")) {
            self.at += 1;
            filter = SsFilter::Or(Box::new(filter), Box::new(self.both()?));
        }
        Ok(filter)
    }

    fn both(&mut self) -> Result<SsFilter, Wrong> {
        let mut filter = self.single()?;
        loop {
            match self.peek() {
                None | Some(")" | "or" | "|" | "||") => return Ok(filter),
                Some("and" | "&" | "&&") => self.at += 1,
                Some(_) => {}
            }
            filter = SsFilter::And(Box::new(filter), Box::new(self.single()?));
        }
    }

    fn single(&mut self) -> Result<SsFilter, Wrong> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(bellows());
        }
        let filter = match self.take()? {
            "not" | "!" => SsFilter::Not(Box::new(self.single()?)),
            "(" => {
                let inner = self.either()?;
                if self.take()? != ")" {
                    return Err(bellows());
                }
                inner
            }
            "sport" => self.port(Side::Source)?,
            "dport" => self.port(Side::Destination)?,
            "src" => self.end(Side::Source)?,
            "dst" => self.end(Side::Destination)?,
            "state" | "exclude" | "or" | "and" | ")" | "|" | "||" | "&" | "&&" | "=" | "==" | "<" | ">" => {
                return Err(bellows());
            }
            address => end(Side::Destination, address)?,
        };
        self.depth -= 1;
        Ok(filter)
    }

    /// `= ADDRESS`, `ADDRESS`, `!= ADDRESS`.
    fn end(&mut self, side: Side) -> Result<SsFilter, Wrong> {
        let negated = match self.peek() {
            Some("=" | "==" | "eq") => {
                self.at += 1;
                false
            }
            Some("!=" | "ne" | "neq") => {
                self.at += 1;
                true
            }
            Some(_) | None => false,
        };
        let filter = end(side, self.take()?)?;
        Ok(if negated { SsFilter::Not(Box::new(filter)) } else { filter })
    }

    /// `= :PORT`, `:PORT`, `ge :PORT`, …
    fn port(&mut self, side: Side) -> Result<SsFilter, Wrong> {
        let operator = match self.peek() {
            Some(
                word @ ("=" | "==" | "eq" | "!=" | "ne" | "neq" | ">=" | "ge" | "geq" | "<=" | "le" | "leq" | ">"
                | "gt" | "<" | "lt"),
            ) => {
                self.at += 1;
                word
            }
            Some(_) | None => "=",
        };
        let word = self.take()?;
        let (_, port) = word.rsplit_once(':').unwrap_or(("", word));
        let port = number(port).ok_or_else(|| {
            Wrong::Says(format!("Error: \"{port}\" does not look like a port.\nCannot parse dst/src address.\n"), 1)
        })?;
        let not = |filter| SsFilter::Not(Box::new(filter));
        Ok(match operator {
            "!=" | "ne" | "neq" => not(SsFilter::End(side, None, Some(port))),
            ">=" | "ge" | "geq" => SsFilter::PortFrom(side, port),
            "<=" | "le" | "leq" => SsFilter::PortTo(side, port),
            ">" | "gt" => not(SsFilter::PortTo(side, port)),
            "<" | "lt" => not(SsFilter::PortFrom(side, port)),
            _equal => SsFilter::End(side, None, Some(port)),
        })
    }
}

/// A port by number or name of service.
fn number(text: &str) -> Option<u16> {
    text.parse().ok().or_else(|| port_of(text))
}

/// `172.31.47.174`, `172.31.0.0/16:3306`, `:mysql`, `*:22`, `[::ffff:127.0.0.1]:3306`.
fn end(side: Side, text: &str) -> Result<SsFilter, Wrong> {
    let bare = text.strip_prefix("[::ffff:").map_or_else(|| text.to_owned(), |rest| rest.replacen(']', "", 1));
    let (address, port) = match bare.rsplit_once(':') {
        Some((address, port)) => (address.to_owned(), Some(port.to_owned())),
        None => (bare, None),
    };
    let port = match port.as_deref() {
        None | Some("*") => None,
        Some(name) => Some(number(name).ok_or_else(|| {
            Wrong::Says(format!("Error: \"{name}\" does not look like a port.\nCannot parse dst/src address.\n"), 1)
        })?),
    };
    if address.is_empty() || address == "*" {
        return Ok(SsFilter::End(side, None, port));
    }
    let (addr, len) = address.split_once('/').map_or((address.as_str(), "32"), |(addr, len)| (addr, len));
    let prefix = addr.parse::<Ipv4Addr>().ok().zip(len.parse::<u32>().ok().filter(|len| *len <= 32));
    let prefix = prefix.ok_or_else(|| {
        let expected = format!("Error: an inet prefix is expected rather than \"{address}\".\n");
        Wrong::Says(format!("{expected}Cannot parse dst/src address.\n"), 1)
    })?;
    Ok(SsFilter::End(side, Some(prefix), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<SsOptions, Wrong> {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        match parse(&args)? {
            Asked::Sockets(options) => Ok(options),
            Asked::Summary | Asked::Version => panic!("{line} lists sockets"),
        }
    }

    #[test]
    fn options_in_any_order_and_spelling() {
        let tanpo = asked("-tanpo").unwrap();
        assert!(tanpo.tcp && !tanpo.udp && tanpo.processes && tanpo.timers && tanpo.numeric);
        assert_eq!(tanpo.states, States::ALL);
        assert_eq!(asked("-tnapo").unwrap(), tanpo);
        assert_eq!(asked("--tcp --all --numeric --processes --options").unwrap(), tanpo);
        assert_eq!(asked("-t").unwrap().states, States::CONNECTED);
        assert!(asked("-an").unwrap().udp);
        assert_eq!(asked("-4tan").unwrap().families, [true, false]);
        assert_eq!(parse(&["-s".into()]), Ok(Asked::Summary));
        assert_eq!(asked("-tQ"), Err(Wrong::Says("ss: invalid option -- 'Q'\n".into(), 255)));
        assert_eq!(asked("-ti"), Err(Wrong::NotSimulated("-i".into())));
    }

    #[test]
    fn states_and_filters() {
        let close_wait = asked("-tn state close-wait").unwrap();
        assert_eq!(close_wait.states, States::NONE.with(TcpState::CloseWait));
        let both = asked("-tn state close-wait state time-wait").unwrap();
        assert_eq!(both.states.len(), 2);
        let without = asked("-tan exclude listening exclude close-wait").unwrap();
        assert_eq!(without.states.len(), 9);
        let to_server = SsFilter::End(Side::Destination, None, Some(3306));
        for line in ["-tan ( dport = :3306 )", "-tan dport :mysql", "-tan (dport=:3306)", "-tan dst :3306"] {
            assert_eq!(asked(line).unwrap().filter, to_server, "{line}");
        }
        let prefix = Some((Ipv4Addr::new(172, 31, 0, 0), 16));
        assert_eq!(asked("-tan dst 172.31.0.0/16").unwrap().filter, SsFilter::End(Side::Destination, prefix, None));
        let or = asked("-tan sport gt :40000 and dport = :3306 or not src 127.0.0.1").unwrap().filter;
        assert!(matches!(or, SsFilter::Or(..)), "{or:?}");
    }

    #[test]
    fn errors_of_the_real_tool() {
        let says = |line: &str| match asked(line) {
            Err(Wrong::Says(text, _)) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(says("-tan state bogus"), "ss: wrong state name: bogus\n");
        let foo = "Error: an inet prefix is expected rather than \"foo\".\nCannot parse dst/src address.\n";
        assert_eq!(says("-tan foo"), foo);
        assert!(says("-tan state close-wait or state time-wait").contains("bison bellows"));
        assert!(says(&format!("-tan {}", "( ".repeat(9_000).trim_end())).contains("bison bellows"));
    }
}
