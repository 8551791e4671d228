//! A server for tests that gives prepared answers, one for each request, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What to answer.
#[derive(Clone, Debug)]
pub(super) enum Say {
    /// Status, headers (each with its line end) and text.
    This(u16, &'static str, String),
    /// The connection ends without an answer.
    Nothing,
    /// Half an answer.
    Half,
}

impl Say {
    pub(super) fn json(status: u16, text: &str) -> Self {
        Self::This(status, "", text.to_owned())
    }
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// `GET /path?query`.
    pub(super) line: String,
    pub(super) authorization: Option<String>,
    pub(super) body: String,
}

pub(super) struct Scripted {
    pub(super) base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _thread: JoinHandle<()>,
}

impl Scripted {
    /// `{base}` in an answer stands for the server's own address.
    pub(super) fn new(script: Vec<Say>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, own) = (Arc::clone(&asked), base.clone());
        let thread = std::thread::spawn(move || {
            for say in script {
                let Ok((stream, _)) = listener.accept() else { return };
                log.lock().expect("nobody panics").push(answer(&stream, &say, &own));
            }
        });
        Self { base, asked, _thread: thread }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("nobody panics").clone()
    }

    /// The first lines of all requests.
    pub(super) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

fn answer(stream: &TcpStream, say: &Say, base: &str) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).expect("a request");
    let mut asked =
        Asked { line: line.trim_end().trim_end_matches(" HTTP/1.1").to_owned(), authorization: None, body: String::new() };
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).expect("a header");
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a number"),
            "authorization" | "private-token" => asked.authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the whole text");
    asked.body = String::from_utf8(body).expect("UTF-8");
    let mut stream = stream;
    let sent = match say {
        Say::Nothing => Ok(()),
        Say::Half => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"number"),
        Say::This(status, headers, text) => {
            let (headers, text) = (headers.replace("{base}", base), text.replace("{base}", base));
            let length = text.len();
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{text}");
            stream.write_all(answer.as_bytes())
        }
    };
    sent.expect("the client listens");
    asked
}
