//! System variables under their own names, with MySQL's defaults, ranges and
//! rules for `SET GLOBAL`.

use super::server::Flavour;

macro_rules! variables {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $range:expr, $dynamic:literal;)*) => {
        /// A numeric system variable.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Var { $($(#[$doc])* $variant,)* }

        /// All variables, by discriminant, with what the server allows.
        pub(super) const SPECS: &[VarSpec] = &[$(VarSpec {
            var: Var::$variant, name: $name, min: *$range.start(), max: *$range.end(), dynamic: $dynamic,
        },)*];
    };
}

/// A variable's name and limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VarSpec {
    /// Which.
    pub var: Var,
    /// Name, verbatim.
    pub name: &'static str,
    /// Least value; smaller ones are raised to it with a warning.
    pub min: u64,
    /// Greatest value; larger ones are lowered to it with a warning.
    pub max: u64,
    /// `SET GLOBAL` works at run time.
    pub dynamic: bool,
}

const YEAR: u64 = 31_536_000;

variables! {
    /// Length of the listen queue.
    BackLog = "back_log", 0..=65_535, false;
    /// Seconds for each read and write of a login.
    ConnectTimeout = "connect_timeout", 2..=YEAR, true;
    /// MariaDB: connections admitted on `extra_port`.
    ExtraMaxConnections = "extra_max_connections", 1..=100_000, true;
    /// MariaDB: a second port with its own limit; 0 for none.
    ExtraPort = "extra_port", 0..=65_535, false;
    /// MySQL 8.0.14: the administrative port.
    AdminPort = "admin_port", 0..=65_535, false;
    /// Hosts remembered; 0 turns the host cache off.
    HostCacheSize = "host_cache_size", 0..=65_536, true;
    /// Seconds an interactive session may be idle.
    InteractiveTimeout = "interactive_timeout", 1..=YEAR, true;
    /// Consecutive handshake errors after which a host is blocked.
    MaxConnectErrors = "max_connect_errors", 1..=u64::MAX, true;
    /// Sessions admitted, less the one for an administrator.
    MaxConnections = "max_connections", 1..=100_000, true;
    /// Sessions of one account; 0 for no limit.
    MaxUserConnections = "max_user_connections", 0..=u32::MAX as u64, true;
    /// X Protocol sessions.
    MysqlxMaxConnections = "mysqlx_max_connections", 1..=65_535, true;
    /// X Protocol port.
    MysqlxPort = "mysqlx_port", 1..=65_535, false;
    /// Seconds to wait for the rest of a packet.
    NetReadTimeout = "net_read_timeout", 1..=YEAR, true;
    /// Retries of an interrupted read.
    NetRetryCount = "net_retry_count", 1..=u64::MAX, true;
    /// Seconds to wait for room to write.
    NetWriteTimeout = "net_write_timeout", 1..=YEAR, true;
    /// Descriptors granted at start.
    OpenFilesLimit = "open_files_limit", 0..=u32::MAX as u64, false;
    /// TCP port.
    Port = "port", 0..=65_535, false;
    /// No host names are looked up, and the host cache is not used.
    SkipNameResolve = "skip_name_resolve", 0..=1, false;
    /// Table handles kept open.
    TableOpenCache = "table_open_cache", 1..=524_288, true;
    /// Threads kept for the next connections.
    ThreadCacheSize = "thread_cache_size", 0..=16_384, true;
    /// Seconds a session may be idle.
    WaitTimeout = "wait_timeout", 1..=YEAR, true;
}

/// Why a `SET GLOBAL` failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetError {
    /// `ER_UNKNOWN_SYSTEM_VARIABLE` (1193).
    Unknown(String),
    /// `ER_INCORRECT_GLOBAL_LOCAL_VAR` (1238).
    ReadOnly(&'static str),
    /// `ER_WRONG_TYPE_FOR_VAR` (1232).
    WrongType(&'static str),
}

impl SetError {
    /// As the server reports it.
    #[must_use]
    pub fn to_server_error(&self) -> super::protocol::ServerError {
        use super::protocol::ServerError;
        match self {
            Self::Unknown(name) => ServerError::new(1193, "HY000", format!("Unknown system variable '{name}'")),
            Self::ReadOnly(name) => {
                ServerError::new(1238, "HY000", format!("Variable '{name}' is a read only variable"))
            }
            Self::WrongType(name) => {
                ServerError::new(1232, "42000", format!("Incorrect argument type to variable '{name}'"))
            }
        }
    }
}

/// The server's variables. A value of `None` follows the default's formula at start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vars {
    values: [u64; SPECS.len()],
    /// Given by the configuration, not derived.
    given: [bool; SPECS.len()],
    flavour: Flavour,
}

impl Vars {
    /// The defaults of a flavour.
    #[must_use]
    pub fn new(flavour: Flavour) -> Self {
        let mut vars = Self { values: [0; SPECS.len()], given: [false; SPECS.len()], flavour };
        let mariadb = flavour == Flavour::MariaDb;
        let defaults = [
            (Var::ConnectTimeout, 10),
            (Var::ExtraMaxConnections, 1),
            (Var::AdminPort, 33_062),
            (Var::InteractiveTimeout, 28_800),
            (Var::WaitTimeout, 28_800),
            (Var::MaxConnectErrors, 100),
            (Var::MaxConnections, 151),
            (Var::MysqlxMaxConnections, 100),
            (Var::MysqlxPort, 33_060),
            (Var::NetReadTimeout, 30),
            (Var::NetRetryCount, 10),
            (Var::NetWriteTimeout, 60),
            (Var::Port, 3_306),
            (Var::TableOpenCache, if mariadb || flavour == Flavour::Mysql57 { 2_000 } else { 4_000 }),
        ];
        for (var, value) in defaults {
            vars.values[var as usize] = value;
        }
        vars.derive();
        vars
    }

    /// The value of a variable.
    #[must_use]
    pub const fn get(&self, var: Var) -> u64 {
        self.values[var as usize]
    }

    /// Sets a variable from the configuration, before the start; out of range
    /// values are clamped as the server does.
    pub fn configure(&mut self, var: Var, value: u64) {
        let spec = &SPECS[var as usize];
        self.values[var as usize] = value.clamp(self.min(spec), spec.max);
        self.given[var as usize] = true;
        self.derive();
    }

    /// Lowers a value at start for want of descriptors.
    pub(super) fn adjust(&mut self, var: Var, value: u64) {
        self.values[var as usize] = value;
    }

    /// Least and greatest value of a variable in this flavour.
    #[must_use]
    pub const fn range(&self, var: Var) -> (u64, u64) {
        let spec = &SPECS[var as usize];
        (self.min(spec), spec.max)
    }

    const fn min(&self, spec: &VarSpec) -> u64 {
        if matches!(spec.var, Var::MaxConnections) && matches!(self.flavour, Flavour::MariaDb) { 10 } else { spec.min }
    }

    /// Defaults computed from `max_connections` (manual, WL#9704).
    fn derive(&mut self) {
        let max_connections = self.get(Var::MaxConnections);
        let mariadb = self.flavour == Flavour::MariaDb;
        let back_log = match self.flavour {
            Flavour::Mysql57 => (50 + max_connections / 5).min(900),
            Flavour::Mysql80Early | Flavour::Mysql80 => max_connections.min(65_535),
            Flavour::MariaDb => 50 + max_connections / 5,
        };
        let host_cache = if max_connections <= 500 {
            128 + max_connections
        } else {
            (628 + (max_connections - 500) / 20).min(2_000)
        };
        let thread_cache = if mariadb { 256.min(max_connections) } else { (8 + max_connections / 100).min(100) };
        let derived =
            [(Var::BackLog, back_log), (Var::HostCacheSize, host_cache), (Var::ThreadCacheSize, thread_cache)];
        for (var, value) in derived {
            if !self.given[var as usize] {
                self.values[var as usize] = value;
            }
        }
    }

    /// Descriptors the server asks for at start.
    #[must_use]
    pub fn wanted_files(&self) -> u64 {
        let max_connections = self.get(Var::MaxConnections);
        let requested = self.get(Var::OpenFilesLimit);
        let requested = if requested == 0 { 5_000 } else { requested };
        (10 + max_connections + 2 * self.get(Var::TableOpenCache)).max(5 * max_connections).max(requested)
    }

    /// What the operating system granted; with too few descriptors the server
    /// lowers `max_connections` (`adjust_max_connections`).
    pub fn grant_files(&mut self, granted: u64) {
        /// `TABLE_OPEN_CACHE_MIN`, twice, and ten descriptors of the server's own.
        const RESERVED: u64 = 10 + 2 * 400;
        self.adjust(Var::OpenFilesLimit, granted);
        let limit = granted.saturating_sub(RESERVED).max(1);
        if limit < self.get(Var::MaxConnections) {
            self.adjust(Var::MaxConnections, limit);
        }
    }

    /// Whether the flavour has the variable at all.
    #[must_use]
    pub const fn exists(&self, var: Var) -> bool {
        match var {
            Var::ExtraMaxConnections | Var::ExtraPort => matches!(self.flavour, Flavour::MariaDb),
            Var::AdminPort => matches!(self.flavour, Flavour::Mysql80Early | Flavour::Mysql80),
            Var::MysqlxMaxConnections | Var::MysqlxPort => !matches!(self.flavour, Flavour::MariaDb),
            Var::BackLog
            | Var::ConnectTimeout
            | Var::HostCacheSize
            | Var::InteractiveTimeout
            | Var::MaxConnectErrors
            | Var::MaxConnections
            | Var::MaxUserConnections
            | Var::NetReadTimeout
            | Var::NetRetryCount
            | Var::NetWriteTimeout
            | Var::OpenFilesLimit
            | Var::Port
            | Var::SkipNameResolve
            | Var::TableOpenCache
            | Var::ThreadCacheSize
            | Var::WaitTimeout => true,
        }
    }

    /// A variable by its name, in any case.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'static VarSpec> {
        SPECS.iter().find(|s| s.name.eq_ignore_ascii_case(name) && self.exists(s.var))
    }

    /// `SET GLOBAL name = value`. Returns the number of warnings (1 for a
    /// value that had to be clamped).
    ///
    /// # Errors
    /// As the server has them: unknown, read only, not a number.
    pub fn set_global(&mut self, name: &str, value: &str) -> Result<u16, SetError> {
        let spec = self.find(name).ok_or_else(|| SetError::Unknown(name.to_owned()))?;
        if !spec.dynamic {
            return Err(SetError::ReadOnly(spec.name));
        }
        let min = self.min(spec);
        if value.eq_ignore_ascii_case("default") {
            self.values[spec.var as usize] = Self::new(self.flavour).get(spec.var);
            return Ok(0);
        }
        let Ok(number) = value.parse::<i128>() else { return Err(SetError::WrongType(spec.name)) };
        let clamped = number.clamp(i128::from(min), i128::from(spec.max));
        self.values[spec.var as usize] = u64::try_from(clamped).expect("clamped into a range of u64");
        Ok(u16::from(clamped != number))
    }

    /// Value as `SHOW VARIABLES` prints it.
    #[must_use]
    pub fn show(&self, var: Var) -> String {
        if var == Var::SkipNameResolve {
            return if self.get(var) == 1 { "ON" } else { "OFF" }.to_owned();
        }
        self.get(var).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_stand_at_their_discriminants_and_defaults_are_in_range() {
        for (ix, spec) in SPECS.iter().enumerate() {
            assert_eq!(spec.var as usize, ix);
        }
        let vars = Vars::new(Flavour::Mysql80);
        for var in [Var::MaxConnections, Var::ConnectTimeout, Var::WaitTimeout, Var::ThreadCacheSize, Var::BackLog] {
            let spec = &SPECS[var as usize];
            assert!((spec.min..=spec.max).contains(&vars.get(var)), "{}", spec.name);
        }
    }

    #[test]
    fn derived_defaults() {
        let with = |flavour, max| {
            let mut vars = Vars::new(flavour);
            vars.configure(Var::MaxConnections, max);
            [Var::BackLog, Var::HostCacheSize, Var::ThreadCacheSize].map(|v| vars.get(v))
        };
        assert_eq!(with(Flavour::Mysql80, 151), [151, 279, 9]);
        assert_eq!(with(Flavour::Mysql57, 151), [80, 279, 9]);
        assert_eq!(with(Flavour::MariaDb, 10), [52, 138, 10]);
        assert_eq!(with(Flavour::Mysql80, 65_535), [65_535, 2_000, 100]);
        assert_eq!(with(Flavour::Mysql57, 10_000)[0], 900);
    }

    #[test]
    fn set_global_clamps_with_a_warning_and_refuses() {
        let mut vars = Vars::new(Flavour::Mysql80);
        assert_eq!(vars.set_global("MAX_connections", "65535"), Ok(0));
        assert_eq!(vars.get(Var::MaxConnections), 65_535);
        assert_eq!(vars.get(Var::BackLog), 151, "the listen queue is not changed at run time");
        assert_eq!(vars.set_global("connect_timeout", "1"), Ok(1));
        assert_eq!(vars.get(Var::ConnectTimeout), 2);
        assert_eq!(vars.set_global("max_connections", "-1"), Ok(1));
        assert_eq!(vars.set_global("back_log", "9"), Err(SetError::ReadOnly("back_log")));
        assert_eq!(vars.set_global("max_connektions", "9"), Err(SetError::Unknown("max_connektions".into())));
        assert_eq!(vars.set_global("wait_timeout", "soon"), Err(SetError::WrongType("wait_timeout")));
        assert_eq!(Vars::new(Flavour::MariaDb).range(Var::MaxConnections), (10, 100_000));
        assert_eq!(vars.set_global("max_connections", "default"), Ok(0));
        assert_eq!(vars.get(Var::MaxConnections), 151);
        assert_eq!(Vars::new(Flavour::MariaDb).set_global("mysqlx_max_connections", "5"), {
            Err(SetError::Unknown("mysqlx_max_connections".into()))
        });
    }

    #[test]
    fn open_files_limit_and_what_it_takes_away() {
        let mut vars = Vars::new(Flavour::Mysql80);
        assert_eq!(vars.wanted_files(), 8_161);
        vars.grant_files(8_161);
        assert_eq!(vars.get(Var::MaxConnections), 151);
        vars.grant_files(900);
        assert_eq!(vars.get(Var::MaxConnections), 90);
        vars.configure(Var::MaxConnections, 10_000);
        assert_eq!(vars.wanted_files(), 50_000);
    }
}
