//! The program as a user meets it: every file of `tests/cmd` is a command and
//! what it prints; so are the console blocks of the book's pages.

#[test]
fn commands() {
    trycmd::TestCases::new()
        .env("LC_ALL", "C.UTF-8")
        .env("NO_COLOR", "1")
        .case("tests/cmd/*.trycmd")
        .case("../book/src/shell.md")
        .case("../book/src/diagnose.md")
        .case("../book/src/incident/*.md")
        .case("../book/src/how/*.md");
}
