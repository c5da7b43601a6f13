//! The program as a user meets it: every file of `tests/cmd` is a command and
//! what it prints.

#[test]
fn commands() {
    trycmd::TestCases::new().env("LC_ALL", "C.UTF-8").env("NO_COLOR", "1").case("tests/cmd/*.trycmd");
}
