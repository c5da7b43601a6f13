//! `halfclose web`: the page from the program itself, for links that need no
//! host on the internet.
//!
//! It answers GET for files, on this machine only.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use halfclose::link;
use halfclose::say;
use halfclose::scenario::Run;
use halfclose::text::Lang;

use crate::args::Web;
use crate::engine;
use crate::exit::{Code, Failure};
use crate::message::Say;
use crate::source::Source;
use crate::terminal;

/// The whole page in one file, where the program was built with it.
#[cfg(page)]
const EMBEDDED: Option<&[u8]> = Some(include_bytes!(env!("HALFCLOSE_PAGE")));
#[cfg(not(page))]
const EMBEDDED: Option<&[u8]> = None;

/// Where `cargo xtask site` leaves the page, from the workspace.
const BUILT: &str = "target/site";
/// Longest request line; a link's part after `#` never comes here.
const MAX_LINE: u64 = 8_192;
/// A browser that says nothing is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the page comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Site {
    /// A folder with `index.html`.
    Folder(PathBuf),
    /// The program.
    Embedded(&'static [u8]),
}

/// Serves the page until it is stopped.
pub fn web(arguments: &Web, lang: Lang) -> Result<Code, Failure> {
    let fragment = fragment(arguments.link.as_deref(), arguments.at.as_deref(), lang)?;
    let site = find(arguments.site.as_deref(), lang)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port))
        .map_err(|error| Failure::Usage(say!(lang, Say::CannotListen, arguments.port, error)))?;
    let port = listener.local_addr().map_err(Failure::Output)?.port();
    terminal::print(&format!("http://127.0.0.1:{port}/{fragment}\n"))?;
    terminal::talk(&format!("{}\n", say!(lang, Say::WebServes)));
    for stream in listener.incoming() {
        // A visitor that breaks off is not our trouble, and one is served at a time.
        let _ended = stream.and_then(|stream| answer(stream, &site));
    }
    Ok(Code::Ok)
}

/// The folder asked for; else what is embedded; else what the workspace has built.
fn find(folder: Option<&Path>, lang: Lang) -> Result<Site, Failure> {
    let is_site = |folder: &Path| folder.join("index.html").is_file();
    if let Some(folder) = folder {
        return if is_site(folder) {
            Ok(Site::Folder(folder.to_owned()))
        } else {
            Err(Failure::Usage(say!(lang, Say::NoSiteThere, folder.display())))
        };
    }
    if let Some(page) = EMBEDDED {
        return Ok(Site::Embedded(page));
    }
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.parent()?.join("site")));
    let places = [Some(PathBuf::from(BUILT)), beside];
    let found = places.into_iter().flatten().find(|folder| is_site(folder));
    found.map(Site::Folder).ok_or_else(|| Failure::Usage(say!(lang, Say::NoSite)))
}

/// What stands after the address: of a whole link only its part after `#`, of a scenario a link to it.
fn fragment(asked: Option<&str>, at: Option<&str>, lang: Lang) -> Result<String, Failure> {
    let Some(asked) = asked else { return Ok(String::new()) };
    let is_link = asked.contains('=') && !Path::new(asked).is_file();
    if !is_link {
        return link_to(&Source::find(asked, lang)?, at, lang);
    }
    if at.is_some() {
        return Err(Failure::Usage(say!(lang, Say::AtOfLink)));
    }
    let hash = asked.split_once('#').map_or(asked, |(_, hash)| hash);
    Ok(format!("#{}", hash.replace(char::is_whitespace, "+")))
}

/// A link to a scenario. A moment that depends on a mark is known when the scenario has run to it.
fn link_to(source: &Source, at: Option<&str>, lang: Lang) -> Result<String, Failure> {
    let mut run: Run = engine::start(source, &[], None, lang)?;
    let moment = match at {
        Some(at) => {
            engine::run_to(&mut run, at, lang)?;
            Some(run.world().now())
        }
        None => None,
    };
    // The bytes were read as a scenario, so they are UTF-8.
    let text = String::from_utf8_lossy(&source.bytes);
    Ok(match engine::preset(&source.name) {
        Some(preset) if preset == text => link::of_preset(&source.name, None, moment),
        Some(_) | None => link::of_text(&text, None, moment),
    })
}

fn answer(mut stream: TcpStream, site: &Site) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?.take(16 * MAX_LINE));
    let mut line = String::new();
    reader.by_ref().take(MAX_LINE).read_line(&mut line)?;
    // The headers are read so that closing does not reset the connection, and mean nothing here.
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let (status, kind, body) = respond(&line, site);
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

/// Status, type and content for a request line.
fn respond(line: &str, site: &Site) -> (&'static str, &'static str, Vec<u8>) {
    let mut words = line.split_whitespace();
    let (Some("GET"), Some(target)) = (words.next(), words.next()) else {
        return ("405 Method Not Allowed", "text/plain", b"GET only\n".to_vec());
    };
    let path = target.split(['?', '#']).next().unwrap_or("/");
    let path = if path.ends_with('/') { format!("{path}index.html") } else { path.to_owned() };
    let none = ("404 Not Found", "text/plain", b"not here\n".to_vec());
    match site {
        Site::Embedded(page) if matches!(path.as_str(), "/index.html" | "/halfclose.html") => {
            ("200 OK", kind_of(Path::new("index.html")), page.to_vec())
        }
        Site::Embedded(_) => none,
        Site::Folder(folder) => {
            let inside = Path::new(path.trim_start_matches('/'));
            // Names only: nothing leads out of the folder.
            if !inside.components().all(|part| matches!(part, Component::Normal(_))) || path.contains('%') {
                return none;
            }
            match std::fs::read(folder.join(inside)) {
                Ok(content) => ("200 OK", kind_of(inside), content),
                Err(_) => none,
            }
        }
    }
}

fn kind_of(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("woff2") => "font/woff2",
        Some("png") => "image/png",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_site_is_served() {
        let folder = std::env::temp_dir().join(format!("halfclose-web-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("assets")).unwrap();
        std::fs::write(folder.join("index.html"), "<p>").unwrap();
        std::fs::write(folder.join("assets/a.wasm"), [0]).unwrap();
        let site = Site::Folder(folder.clone());
        let get = |path: &str| respond(&format!("GET {path} HTTP/1.1\r\n"), &site);
        assert_eq!(get("/?embed").2, b"<p>");
        assert_eq!(get("/assets/a.wasm").1, "application/wasm");
        for path in ["/../secret", "/assets/../../secret", "//etc/passwd", "/%2e%2e/secret", "/nothing", "/assets"] {
            assert_eq!(get(path).0, "404 Not Found", "{path}");
        }
        assert_eq!(respond("POST / HTTP/1.1\r\n", &site).0, "405 Method Not Allowed");
        assert_eq!(respond("", &site).0, "405 Method Not Allowed");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn of_a_link_the_part_after_the_hash_counts() {
        let of = |link: &str| fragment(Some(link), None, Lang::En).ok();
        assert_eq!(fragment(None, None, Lang::En).ok(), Some(String::new()));
        assert_eq!(of("v=1&s=tiny&t=6s").as_deref(), Some("#v=1&s=tiny&t=6s"));
        assert_eq!(of("https://example.invalid/x/#v=1&s=tiny").as_deref(), Some("#v=1&s=tiny"));
        assert_eq!(of("#v=1&s=tiny").as_deref(), Some("#v=1&s=tiny"));
    }

    #[test]
    fn a_scenario_becomes_a_link() {
        let of = |name: &str, at| fragment(Some(name), at, Lang::En);
        assert_eq!(of("tiny", None).ok().as_deref(), Some("#v=1&s=tiny"));
        assert_eq!(of("tiny", Some("6s")).ok().as_deref(), Some("#v=1&s=tiny&t=6s"));
        let Ok(after) = of("tiny", Some("kill+1s")) else { panic!("tiny has a KILL") };
        let moment = after.strip_prefix("#v=1&s=tiny&t=").and_then(|t| t.strip_suffix('s'));
        assert!(moment.is_some_and(|t| t.parse::<f64>().is_ok_and(|t| t > 1.0)), "{after}");
        let file = std::env::temp_dir().join(format!("halfclose-own=1-{}.toml", std::process::id()));
        std::fs::write(&file, "format = 1\nend = \"1s\"\n[host.host]\naddrs = [\"192.0.2.1\"]\n").unwrap();
        let own = of(file.to_str().unwrap(), Some("0.5s"));
        std::fs::remove_file(&file).unwrap();
        let own = own.ok();
        assert!(own.as_ref().is_some_and(|link| link.starts_with("#v=1&s=&t=0.5s&x=pformat")), "{own:?}");
        for (wrong, at) in [("tyni", None), ("missing.toml", None), ("tiny", Some("soon")), ("v=1&s=tiny", Some("3s"))]
        {
            assert!(of(wrong, at).is_err(), "{wrong} {at:?}");
        }
    }

    #[test]
    fn a_folder_without_a_page_is_told() {
        let Err(Failure::Usage(told)) = find(Some(Path::new("/nowhere")), Lang::En) else { panic!("there is no site") };
        assert!(told.contains("cargo xtask site"), "{told}");
    }
}
