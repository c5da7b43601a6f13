use super::*;

const GIB: u64 = 1 << 30;

fn sysctls(release: &str) -> Sysctls {
    Sysctls::new(&KernelProfile::parse(release).unwrap(), 8 * GIB)
}
fn get(sysctls: &Sysctls, name: &str) -> String {
    sysctls.get(name).unwrap_or_else(|| "absent".to_owned())
}

/// Values read from a running 6.18.44 with 23.5 GiB and HZ 250.
#[test]
fn defaults_of_the_measured_kernel() {
    let profile = KernelProfile::parse("6.18.44").unwrap();
    let s = Sysctls::new(&profile, 24_682_416 * 1024);
    for (name, value) in [
        ("fs.nr_open", "1048576"),
        ("net.core.somaxconn", "4096"),
        ("net.ipv4.ip_autobind_reuse", "0"),
        ("net.ipv4.ip_local_port_range", "32768\t60999"),
        ("net.ipv4.ip_local_reserved_ports", ""),
        ("net.ipv4.ip_unprivileged_port_start", "1024"),
        ("net.ipv4.tcp_abort_on_overflow", "0"),
        ("net.ipv4.tcp_challenge_ack_limit", "2147483647"),
        ("net.ipv4.tcp_child_ehash_entries", "0"),
        ("net.ipv4.tcp_ehash_entries", "262144"),
        ("net.ipv4.tcp_fin_timeout", "60"),
        ("net.ipv4.tcp_invalid_ratelimit", "500"),
        ("net.ipv4.tcp_keepalive_intvl", "75"),
        ("net.ipv4.tcp_keepalive_probes", "9"),
        ("net.ipv4.tcp_keepalive_time", "7200"),
        ("net.ipv4.tcp_max_orphans", "131072"),
        ("net.ipv4.tcp_max_syn_backlog", "2048"),
        ("net.ipv4.tcp_max_tw_buckets", "131072"),
        ("net.ipv4.tcp_orphan_retries", "0"),
        ("net.ipv4.tcp_retries1", "3"),
        ("net.ipv4.tcp_retries2", "15"),
        ("net.ipv4.tcp_rfc1337", "0"),
        ("net.ipv4.tcp_rmem", "4096\t131072\t33554432"),
        ("net.ipv4.tcp_rto_max_ms", "120000"),
        ("net.ipv4.tcp_rto_min_us", "200000"),
        ("net.ipv4.tcp_sack", "1"),
        ("net.ipv4.tcp_syn_linear_timeouts", "4"),
        ("net.ipv4.tcp_syn_retries", "6"),
        ("net.ipv4.tcp_synack_retries", "5"),
        ("net.ipv4.tcp_syncookies", "1"),
        ("net.ipv4.tcp_timestamps", "1"),
        ("net.ipv4.tcp_tw_reuse", "2"),
        ("net.ipv4.tcp_tw_reuse_delay", "1000"),
        ("net.ipv4.tcp_window_scaling", "1"),
        ("net.ipv4.tcp_wmem", "4096\t16384\t4194304"),
    ] {
        assert_eq!(get(&s, name), value, "{name}");
    }
    assert_eq!(s.names().count(), 36, "those and fs.file-max");
}

#[test]
fn defaults_of_the_incidents_kernel() {
    let s = sysctls("5.10.213-201.855.amzn2.x86_64");
    assert_eq!(s.table_sizes(), TableSizes { ehash: 65_536, bhash: 65_536 });
    for (name, value) in [
        ("net.ipv4.tcp_max_tw_buckets", "32768"),
        ("net.ipv4.tcp_max_syn_backlog", "512"),
        ("net.ipv4.tcp_challenge_ack_limit", "1000"),
        ("net.ipv4.tcp_rmem", "4096\t131072\t6291456"),
        ("fs.file-max", "838860"),
        ("net.ipv4.tcp_syn_linear_timeouts", "absent"),
        ("net.ipv4.tcp_tw_reuse_delay", "absent"),
        ("net.ipv4.tcp_rto_min_us", "absent"),
        ("net.ipv4.tcp_rto_max_ms", "absent"),
        ("net.ipv4.tcp_child_ehash_entries", "absent"),
        ("net.ipv4.tcp_ehash_entries", "absent"),
        ("net.ipv4.ip_autobind_reuse", "0"),
    ] {
        assert_eq!(get(&s, name), value, "{name}");
    }
    assert_eq!(get(&sysctls("5.3.18"), "net.core.somaxconn"), "128");
    assert_eq!(get(&sysctls("4.18"), "net.ipv4.tcp_tw_reuse"), "0");
}

#[test]
fn names_are_sorted_documented_and_readable() {
    let s = sysctls("6.18.44");
    let names: Vec<_> = s.names().collect();
    assert!(names.windows(2).all(|w| w[0] < w[1]));
    for name in names {
        let doc = Sysctls::doc(name).unwrap();
        assert!(doc.starts_with(&format!("`{name}`: ")) && !doc.contains('\n'), "{doc}");
        assert!(s.get(name).is_some());
    }
    assert_eq!(Sysctls::doc("net.ipv4.tcp_ecn"), None);
}

/// A value written and what is read back; `None` for EINVAL.
type Write = (&'static str, Option<&'static str>);

/// Written to a running 6.18.44 at HZ 250, except `fs.*`, which follow the source.
#[test]
fn writes_are_checked_as_linux_checks_them() {
    let cases: &[(&str, &[Write])] = &[
        (
            "net.ipv4.ip_local_port_range",
            &[
                ("1024 65535", Some("1024\t65535")),
                ("1024", Some("1024\t60999")),
                (" 1024\t2000 \n", Some("1024\t2000")),
                ("1024 2000 3000", Some("1024\t2000")),
                ("5000 5000", Some("5000\t5000")),
                ("2000 1000", None),
                ("0 100", None),
                ("1 100", None),
                ("1023 5000", None),
                ("1024 65536", None),
                ("1024,2000", None),
                ("1024 abc", None),
                ("-1 5000", None),
                ("\n", None),
            ],
        ),
        (
            "net.ipv4.ip_unprivileged_port_start",
            &[("0", Some("0")), ("32768", Some("32768")), ("32769", None), ("65536", None), ("-1", None)],
        ),
        ("net.ipv4.ip_autobind_reuse", &[("1", Some("1")), ("2", None), ("-1", None)]),
        ("net.ipv4.tcp_rfc1337", &[("2", Some("2")), ("255", Some("255")), ("256", None), ("-1", None), ("1x", None)]),
        ("net.ipv4.tcp_tw_reuse", &[("1 2", Some("1")), ("3", None), ("-1", None)]),
        (
            "net.ipv4.tcp_fin_timeout",
            &[
                ("0", Some("0")),
                ("-100", Some("-100")),
                ("8589934", Some("8589934")),
                ("8589935", None),
                ("2147483647", None),
                ("0x10", Some("16")),
                ("010", Some("8")),
            ],
        ),
        ("net.ipv4.tcp_keepalive_probes", &[("255", Some("255")), ("256", None)]),
        ("net.ipv4.tcp_tw_reuse_delay", &[("0", None), ("1", Some("1")), ("60000", Some("60000")), ("60001", None)]),
        (
            "net.ipv4.tcp_invalid_ratelimit",
            &[("0", Some("0")), ("1", Some("4")), ("5", Some("8")), ("255", Some("256")), ("-1", None)],
        ),
        ("net.ipv4.tcp_max_tw_buckets", &[("-1", Some("-1")), ("2147483648", None)]),
        ("net.core.somaxconn", &[("0", Some("0")), ("65536", Some("65536")), ("-1", None)]),
        ("net.ipv4.tcp_syn_retries", &[("0", None), ("127", Some("127")), ("128", None)]),
        ("net.ipv4.tcp_syn_linear_timeouts", &[("0", Some("0")), ("127", Some("127")), ("128", None)]),
        ("net.ipv4.tcp_rto_min_us", &[("0", None), ("1", Some("1")), ("2147483647", Some("2147483647"))]),
        (
            "net.ipv4.tcp_rto_max_ms",
            &[("999", None), ("1000", Some("1000")), ("120000", Some("120000")), ("120001", None)],
        ),
        ("net.ipv4.tcp_child_ehash_entries", &[("16777216", Some("16777216")), ("16777217", None)]),
        ("net.ipv4.tcp_rmem", &[("1 2 3", Some("1\t2\t3")), ("3 2 1", Some("3\t2\t1")), ("0 1 2", None)]),
        ("net.ipv4.tcp_wmem", &[("1 2", Some("1\t2\t4194304")), ("4096 131072 2147483648", None)]),
        ("net.ipv4.ip_local_reserved_ports", &[("8080,9000-9100", Some("8080,9000-9100")), ("8080, 9000", None)]),
        ("fs.nr_open", &[("64", Some("64")), ("63", None), ("2147483584", Some("2147483584")), ("2147483585", None)]),
        (
            "fs.file-max",
            &[
                ("1000000", Some("1000000")),
                ("9223372036854775807", Some("9223372036854775807")),
                ("9223372036854775808", None),
            ],
        ),
    ];
    for &(name, writes) in cases {
        for &(value, read) in writes {
            let mut s = sysctls("6.18.44");
            let result = s.set(name, value);
            match read {
                Some(read) => assert_eq!((result, get(&s, name).as_str()), (Ok(()), read), "{name}={value}"),
                None => {
                    let error = result.expect_err(&format!("{name}={value} is refused"));
                    assert_eq!(error.errno(), Errno::Inval);
                }
            }
        }
    }
}

#[test]
fn a_refused_value_changes_nothing() {
    let mut s = sysctls("6.18.44");
    let before = s.clone();
    for (name, value) in [
        ("net.ipv4.ip_local_port_range", "2000 1000"),
        ("net.ipv4.ip_local_reserved_ports", "5,6,x"),
        ("net.ipv4.tcp_tw_reuse", "3"),
        ("fs.file-max", "many"),
        ("net.ipv4.tcp_ehash_entries", "5"),
    ] {
        assert!(s.set(name, value).is_err());
    }
    assert_eq!(s, before);
    assert_eq!(s.set("fs.file-max", "-1"), Ok(()), "ignored");
    assert_eq!(s, before);
}

#[test]
fn range_and_unprivileged_start_bind_each_other() {
    let mut s = sysctls("5.10.213");
    s.set("net.ipv4.ip_unprivileged_port_start", "80").unwrap();
    s.set("net.ipv4.ip_local_port_range", "80 90").unwrap();
    assert!(s.set("net.ipv4.ip_unprivileged_port_start", "81").is_err());
    assert_eq!(s.ip_local_port_range(), PortRange { low: Port(80), high: Port(90) });
    let mut old = sysctls("4.9.1");
    assert_eq!(old.set("net.ipv4.ip_local_port_range", "1 90"), Ok(()), "no such rule before 4.11");
}

#[test]
fn before_5_13_most_switches_took_any_int() {
    let mut s = sysctls("5.10.213");
    for name in ["net.ipv4.tcp_rfc1337", "net.ipv4.tcp_synack_retries", "net.ipv4.tcp_retries2"] {
        assert_eq!(s.set(name, "1000"), Ok(()));
    }
    assert!(s.set("net.ipv4.tcp_retries1", "256").is_err());
    assert!(s.set("net.ipv4.tcp_tw_reuse", "3").is_err());
    let profile = KernelProfile::parse("5.10.213").unwrap();
    assert_eq!(s.tcp_config(&profile).tcp_synack_retries, 255);
    let mut old = sysctls("4.18");
    old.set("net.ipv4.tcp_tw_reuse", "2").unwrap();
    assert_eq!(old.tw_reuse(), TwReuse::Always);
}

#[test]
fn unknown_names_get_the_nearest() {
    let mut s = sysctls("5.10.213");
    for (name, nearest) in [
        ("net.ipv4.tcp_fin_timout", Some("net.ipv4.tcp_fin_timeout")),
        ("tcp_tw_reuse", Some("net.ipv4.tcp_tw_reuse")),
        ("net.core.tcp_tw_reuse", Some("net.ipv4.tcp_tw_reuse")),
        ("net.ipv4.ip_local_ports_range", Some("net.ipv4.ip_local_port_range")),
        ("fs.filemax", Some("fs.file-max")),
        ("kernel.pid_max", None),
        ("", None),
    ] {
        let error = s.set(name, "1").unwrap_err();
        assert_eq!(error.errno(), Errno::NoEnt);
        assert_eq!(error, SysctlError::Unknown { name: name.to_owned(), nearest });
    }
    assert_eq!(s.get("net.ipv4.tcp_fin_timout"), None);
}

#[test]
fn later_sysctls_are_named_with_their_kernel() {
    let mut s = sysctls("5.10.213");
    let error = s.set("net.ipv4.tcp_syn_linear_timeouts", "0").unwrap_err();
    assert_eq!(error.to_string(), "`net.ipv4.tcp_syn_linear_timeouts` came with Linux 6.5; this kernel is 5.10.213");
    assert_eq!(error.errno(), Errno::NoEnt);
    let error = sysctls("6.1").set("net.ipv4.tcp_ehash_entries", "5").unwrap_err();
    assert_eq!(error.errno(), Errno::Acces);
}

#[test]
fn messages_say_what_would_be_right() {
    let mut s = sysctls("6.18.44");
    let message = |s: &mut Sysctls, name, value| s.set(name, value).unwrap_err().to_string();
    assert_eq!(
        message(&mut s, "net.ipv4.tcp_syn_retries", "0"),
        "`net.ipv4.tcp_syn_retries` does not take `0`: it must be a whole number from 1 to 127"
    );
    assert_eq!(
        message(&mut s, "net.ipv4.ip_local_port_range", "9 5"),
        "`net.ipv4.ip_local_port_range` does not take `9 5`: it must be two ports up to 65535, the first at least 1024 \
         and not above the second"
    );
}

#[test]
fn negative_limits_mean_what_the_comparison_makes_of_them() {
    let mut s = sysctls("6.18.44");
    assert_eq!((s.max_tw_buckets(), s.max_orphans()), (32_768, 32_768));
    s.set("net.ipv4.tcp_max_tw_buckets", "-1").unwrap();
    s.set("net.ipv4.tcp_max_orphans", "-1").unwrap();
    assert_eq!((s.max_tw_buckets(), s.max_orphans()), (u32::MAX, 0));
    s.set("net.ipv4.tcp_max_tw_buckets", "0").unwrap();
    assert_eq!(s.max_tw_buckets(), 0);
}

#[test]
fn the_list_is_what_get_says() {
    let s = sysctls("5.10.213");
    assert!(s.iter().map(|(name, _)| name).eq(s.names()));
    assert!(s.iter().all(|(name, value)| s.get(name) == Some(value)));
}

#[test]
fn slashes_are_dots() {
    let mut s = sysctls("6.18.44");
    s.set("net/ipv4/tcp_fin_timeout", "30").unwrap();
    assert_eq!(get(&s, "net.ipv4.tcp_fin_timeout"), "30");
    assert_eq!(get(&s, "net/ipv4/tcp_fin_timeout"), "30");
}

#[test]
fn the_machine_gets_what_the_sysctls_say() {
    let profile = KernelProfile::parse("5.10.213").unwrap();
    let mut s = Sysctls::new(&profile, 8 * GIB);
    s.set("net.ipv4.tcp_fin_timeout", "-1").unwrap();
    s.set("net.ipv4.tcp_timestamps", "2").unwrap();
    let config = s.tcp_config(&profile);
    assert_eq!(config.tcp_syn_linear_timeouts, 0);
    assert_eq!(config.tcp_fin_timeout, Duration::ZERO);
    assert_eq!((config.tcp_rto_min, config.tcp_rto_max), (Duration::from_millis(200), Duration::from_secs(120)));
    assert_eq!(config.tcp_keepalive_time, Duration::from_secs(7200));
    assert_eq!((config.tcp_rmem_default, config.tcp_rmem_max, config.tcp_wmem_default), (131_072, 6_291_456, 16_384));
    assert!(config.tcp_timestamps && config.tcp_sack && config.tcp_window_scaling);
    assert!(!config.tcp_rfc1337 && !config.tcp_abort_on_overflow);
    assert_eq!(config.peer_tsval_hz, 1_024);
    let new = KernelProfile::parse("6.18.44").unwrap();
    let config = Sysctls::new(&new, 8 * GIB).tcp_config(&new);
    assert_eq!((config.tcp_syn_linear_timeouts, config.peer_tsval_hz), (4, 1_200));
}

#[test]
fn another_tick_rate_changes_what_jiffies_hold() {
    let profile = KernelProfile::parse("6.18.44").unwrap().with_hz(1000).unwrap();
    let mut s = Sysctls::new(&profile, 8 * GIB);
    s.set("net.ipv4.tcp_invalid_ratelimit", "255").unwrap();
    assert_eq!(get(&s, "net.ipv4.tcp_invalid_ratelimit"), "255");
    assert!(s.set("net.ipv4.tcp_fin_timeout", "2147484").is_err());
}
