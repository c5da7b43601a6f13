//! Protocol crates run on simulated sockets unchanged: hyper, and mysql_common.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use halfclose::app::task::{Program, SimNet};
use halfclose::check::{Live, Plan};
use halfclose::time::Duration;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use mysql_common::io::ParseBuf;
use mysql_common::packets::HandshakePacket;
use mysql_common::proto::MyDeserialize as _;

use crate::session;

async fn serve(net: SimNet) -> io::Result<()> {
    let listener = net.listen("127.0.0.1:8080").await?;
    loop {
        let (stream, _) = listener.accept().await?;
        net.spawn(async move {
            let hello = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async move {
                let body = format!("you asked for {}", request.uri().path());
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body))))
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), hello).await;
        });
    }
}

async fn get(net: &SimNet, path: &str) -> Result<String, Box<dyn std::error::Error>> {
    let stream = TokioIo::new(net.connect("127.0.0.1:8080").await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    net.spawn(async move { drop(connection.await) });
    let request = Request::get(path).header("host", "localhost").body(Empty::<Bytes>::new())?;
    let body = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec())?)
}

#[test]
fn hyper_talks_to_hyper() {
    let said = Rc::new(RefCell::new(Vec::new()));
    let own = Rc::clone(&said);
    let make = move || {
        let said = Rc::clone(&own);
        Program::new(move |net: SimNet| {
            let said = Rc::clone(&said);
            async move {
                let server = net.clone();
                net.spawn(async move { drop(serve(server).await) });
                net.sleep(std::time::Duration::from_millis(10)).await;
                for path in ["/one", "/two"] {
                    let text = get(&net, path).await.unwrap();
                    said.borrow_mut().push(text);
                }
            }
        })
    };
    let mut live = Live::client(&Plan::default(), make);
    live.wait(Duration::from_secs(5)).unwrap();
    assert_eq!(*said.borrow(), ["you asked for /one", "you asked for /two"]);
}

#[test]
fn mysql_common_reads_our_greeting() {
    let said = Rc::new(RefCell::new(None));
    let own = Rc::clone(&said);
    let make = move || {
        let said = Rc::clone(&own);
        Program::new(move |net: SimNet| {
            let said = Rc::clone(&said);
            async move {
                let mut stream = net.connect("db.example:3306").await.unwrap();
                let (_, body) = session::packet(&mut stream).await.unwrap();
                let greeting = HandshakePacket::deserialize((), &mut ParseBuf(&body)).unwrap();
                let plugin = greeting.auth_plugin().map(|plugin| plugin.as_bytes().to_vec());
                let version = greeting.server_version_parsed();
                let salt = greeting.nonce().len();
                *said.borrow_mut() = Some((greeting.connection_id(), version, plugin, salt));
            }
        })
    };
    let mut live = Live::client(&Plan::default(), make);
    live.wait(Duration::from_secs(2)).unwrap();
    let (id, version, plugin, salt) = said.borrow_mut().take().unwrap();
    assert_eq!((id, version), (8, Some((8, 0, 36))));
    assert_eq!((plugin.as_deref(), salt), (Some(&b"caching_sha2_password"[..]), 20));
}
