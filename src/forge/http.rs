//! Requests to one forge: when they go out, when they are repeated, and what their failures mean.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, Request, Response, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::{Budget, Class, Clock, Error, Result, Token};

/// Longer answers are refused: a page of a hundred pull requests with texts of full length is 7 MB.
const MAX_ANSWER: u64 = 16 << 20;
/// More pages are not asked for: 100,000 repositories.
const MAX_PAGES: usize = 1000;
/// How often a request is sent that fails for a reason which may pass.
const ATTEMPTS: u32 = 5;
/// The longest that one answer makes us wait: GitHub's window is an hour.
const LONGEST_PAUSE: Duration = Duration::from_mins(61);

/// What it means to send a request twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is changed.
    Reads,
    /// The second time changes nothing more.
    Sets,
    /// There would be two.
    Creates,
}

/// One forge over HTTP.
pub struct Http {
    agent: Agent,
    base: String,
    header: Option<(&'static str, String)>,
    token: Option<Token>,
    budget: Budget,
    clock: Arc<dyn Clock>,
}

/// An answer that says yes.
#[derive(Debug)]
pub struct Answer {
    /// The text as JSON; null when there is none.
    pub json: Value,
    /// The address of the next page, on the same host.
    next: Option<String>,
}

/// An answer of any kind, or what came instead.
enum Reply {
    Done(Answer),
    /// Elsewhere on the same host.
    Moved(String),
    /// Not now, for so long; it was not done.
    Later(Duration, String),
    /// It may have been done or not.
    Lost(String),
    No(Error),
}

impl Http {
    /// `scheme` is what stands before the token in the header; an empty one makes the header `PRIVATE-TOKEN`.
    ///
    /// # Errors
    /// An address that is not `https`, except on this machine: the token would be readable on its way.
    pub fn new(base: &str, scheme: &str, token: Option<Token>, budget: Budget, clock: Arc<dyn Clock>) -> Result<Self> {
        let refuse = |why: &str| Error { class: Class::Refused, text: format!("cannot use {base}: {why}") };
        let base = base.trim_end_matches('/');
        let uri: Uri = base.parse().map_err(|_| refuse("it is no address"))?;
        let here = matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if here => {}
            _ => return Err(refuse("the address must begin with https://")),
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) || uri.query().is_some() {
            return Err(refuse("the address must not hold a name, a password or a question mark"));
        }
        let mut tls = TlsConfig::builder();
        // The variable by which OpenSSL, curl and Python find the certificates of a company.
        if let Some(file) = std::env::var_os("SSL_CERT_FILE") {
            let text = std::fs::read(&file).map_err(|error| refuse(&format!("SSL_CERT_FILE: {error}")))?;
            let certificates = ureq::tls::parse_pem(&text).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            });
            tls = tls.root_certs(RootCerts::from(certificates));
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // Redirects are followed here, where it is known whether the token may go along.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_global(Some(Duration::from_mins(1)))
            .user_agent(concat!("mlfix/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build()
            .new_agent();
        let header = token.as_ref().map(|token| match scheme {
            "" => ("PRIVATE-TOKEN", token.secret().to_owned()),
            scheme => ("Authorization", format!("{scheme} {}", token.secret())),
        });
        Ok(Self { agent, base: base.to_owned(), header, token, budget, clock })
    }

    /// What was spent of the limits.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Waits three seconds; false when the user interrupts.
    pub fn rest(&self) -> bool {
        self.clock.sleep(Duration::from_secs(3))
    }

    /// Reads one thing. `path` begins with `/` and is below the address of the interface.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.send("GET", path, None, Effect::Reads).map(|answer| answer.json)
    }

    /// Whether requests are made in somebody's name.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Reads a list to its end, over all its pages.
    pub fn pages(&self, path: &str) -> Result<Vec<Value>> {
        self.search(path).map(|(items, _)| items)
    }

    /// The same for a search, with what its last page says besides; null for a list that is nothing but a list.
    pub fn search(&self, path: &str) -> Result<(Vec<Value>, Value)> {
        let (mut items, mut besides) = (Vec::new(), Value::Null);
        let mut next = Some(path.to_owned());
        for _ in 0..MAX_PAGES {
            let Some(path) = next else { return Ok((items, besides)) };
            let answer = self.send("GET", &path, None, Effect::Reads)?;
            next = answer.next;
            match answer.json {
                Value::Array(page) => items.extend(page),
                // A search wraps its page: GitHub's in one word, Gitea's in another.
                Value::Object(mut object) => match object.remove("items").or_else(|| object.remove("data")) {
                    Some(Value::Array(page)) => {
                        items.extend(page);
                        besides = Value::Object(object);
                    }
                    _ => return Err(self.odd("GET", &path, "no list")),
                },
                _ => return Err(self.odd("GET", &path, "no list")),
            }
        }
        Err(self.odd("GET", path, "no end of pages"))
    }

    /// Sends a request and does what its answer asks for, until there is a yes or a no.
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>, effect: Effect) -> Result<Answer> {
        let mut path = path.to_owned();
        let mut redirects = 0;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let silent = self.budget.keep_silent(&*self.clock);
            let mine = effect == Effect::Reads || self.budget.take(&*self.clock);
            if !(silent && mine) {
                return Err(interrupted());
            }
            let (wait, text, class) = match self.attempt(method, &path, body, attempt) {
                Reply::Done(answer) => return Ok(answer),
                Reply::No(error) => return Err(error),
                Reply::Moved(_) if redirects == 3 => return Err(self.odd(method, &path, "too many redirects")),
                Reply::Moved(to) => {
                    redirects += 1;
                    attempt -= 1;
                    path = to;
                    continue;
                }
                Reply::Later(wait, text) => {
                    self.budget.pause(&*self.clock, wait);
                    (Duration::ZERO, text, Class::Transient)
                }
                Reply::Lost(text) if effect == Effect::Creates => {
                    return Err(Error { class: Class::Unknown, text });
                }
                Reply::Lost(text) => (jittered(Duration::from_secs(1 << attempt.min(5))), text, Class::Transient),
            };
            if attempt == ATTEMPTS {
                return Err(Error { class, text });
            }
            if !wait.is_zero() && !self.clock.sleep(wait) {
                return Err(interrupted());
            }
        }
    }

    fn attempt(&self, method: &str, path: &str, body: Option<&Value>, attempt: u32) -> Reply {
        let mut builder =
            Request::builder().method(method).uri(format!("{}{path}", self.base)).header("Accept", "application/json");
        if let Some((name, value)) = &self.header {
            builder = builder.header(*name, value);
        }
        let sent = match body {
            None => builder.body(()).map(|request| self.agent.run(request)),
            Some(json) => {
                let builder = builder.header("Content-Type", "application/json");
                builder.body(json.to_string()).map(|request| self.agent.run(request))
            }
        };
        let lost = |error: &dyn std::fmt::Display| Reply::Lost(self.say(method, path, &error.to_string()));
        match sent {
            Err(error) => Reply::No(self.odd(method, path, &error.to_string())),
            Ok(Err(error)) => lost(&error),
            Ok(Ok(mut response)) => {
                let text = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
                match text {
                    Err(ureq::Error::BodyExceedsLimit(_)) => Reply::No(self.odd(method, path, "an answer of more than 16 MiB")),
                    Err(error) => lost(&error),
                    Ok(text) => self.judge(method, path, &response, &text, attempt),
                }
            }
        }
    }

    fn judge(&self, method: &str, path: &str, response: &Response<Body>, text: &[u8], attempt: u32) -> Reply {
        let status = response.status().as_u16();
        let headers = response.headers();
        let no = |class: Class, text: String| Reply::No(Error { class, text });
        let told = self.say(method, path, &format!("{status} {}", message(text)));
        match status {
            200..=299 => {
                let json = if text.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(text) };
                match json {
                    Ok(json) => Reply::Done(Answer { json, next: next(headers).and_then(|next| self.below(&next)) }),
                    // It was done, but nobody knows how the thing is called.
                    Err(_) => Reply::Lost(self.say(method, path, "an answer that is no JSON")),
                }
            }
            301 | 302 | 307 | 308 if method == "GET" || status >= 307 => {
                let location = header(headers, "location").and_then(|location| self.below(location));
                location.map_or_else(|| no(Class::Refused, format!("{told}: it leads to another host")), Reply::Moved)
            }
            403 | 429 => match self.silence(status, headers, text, attempt) {
                Some(wait) => Reply::Later(wait, told),
                None => no(Class::Auth, told),
            },
            401 => no(Class::Auth, told),
            404 | 410 | 451 => no(Class::Gone, told),
            422 | 409 if is_there_already(text) => no(Class::Exists, told),
            408 | 500.. => Reply::Lost(told),
            _ => no(Class::Refused, told),
        }
    }

    /// How long a refusal asks to wait; `None` when it is about rights.
    ///
    /// Source: "Rate limits for the REST API" of GitHub's documentation. The secondary limit sometimes comes without any
    /// header and is known by its text only.
    fn silence(&self, status: u16, headers: &HeaderMap, text: &[u8], attempt: u32) -> Option<Duration> {
        let number = |name: &str| header(headers, name).and_then(|value| value.trim().parse::<u64>().ok());
        if let Some(seconds) = number("retry-after") {
            return Some(jittered(Duration::from_secs(seconds.max(1))).min(LONGEST_PAUSE));
        }
        let remaining = number("x-ratelimit-remaining").or_else(|| number("ratelimit-remaining"));
        let reset = number("x-ratelimit-reset").or_else(|| number("ratelimit-reset"));
        if let (Some(0), Some(reset)) = (remaining, reset) {
            let left = (reset * 1000).saturating_sub(self.clock.now());
            return Some(jittered(Duration::from_millis(left + 1000)).min(LONGEST_PAUSE));
        }
        let text = String::from_utf8_lossy(text).to_lowercase();
        let limited = ["secondary rate limit", "abuse detection", "rate limit exceeded", "too many requests"];
        if status == 429 || limited.iter().any(|words| text.contains(words)) {
            return Some(jittered(Duration::from_mins(1 << (attempt - 1).min(4))).min(LONGEST_PAUSE));
        }
        None
    }

    /// The path of an address, if it is below this forge's: only then may the token go there.
    fn below(&self, address: &str) -> Option<String> {
        let path = address.strip_prefix(&self.base)?;
        path.starts_with('/').then(|| path.to_owned())
    }

    fn odd(&self, method: &str, path: &str, what: &str) -> Error {
        Error { class: Class::Refused, text: self.say(method, path, what) }
    }

    fn say(&self, method: &str, path: &str, what: &str) -> String {
        let path = path.split('?').next().unwrap_or(path);
        let text = format!("{method} {}{path}: {what}", self.base);
        self.token.as_ref().map_or_else(|| text.clone(), |token| token.scrub(&text))
    }
}

fn interrupted() -> Error {
    Error { class: Class::Interrupted, text: "interrupted".to_owned() }
}

/// Up to a quarter longer, so that many who were sent away do not come back together.
fn jittered(time: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 250;
    time + time * (random as u32) / 1000
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The address marked `rel="next"` in the `Link` header (RFC 8288).
fn next(headers: &HeaderMap) -> Option<String> {
    let links = header(headers, "link")?;
    let next = links.split(',').find(|link| link.split(';').any(|part| part.trim() == r#"rel="next""#))?;
    let address = next.split(';').next()?.trim();
    Some(address.strip_prefix('<')?.strip_suffix('>')?.to_owned())
}

/// What the forge says, in one line of at most 300 characters.
fn message(text: &[u8]) -> String {
    let json: Value = serde_json::from_slice(text).unwrap_or(Value::Null);
    let mut parts = Vec::new();
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for key in ["message", "error", "error_description"] {
        parts.extend(json.get(key).map(plain));
    }
    if let Some(Value::Array(errors)) = json.get("errors") {
        let of = |error: &Value| {
            ["message", "field", "code"].iter().find_map(|key| error.get(key)).map_or_else(|| plain(error), plain)
        };
        parts.extend(errors.iter().map(of));
    }
    parts.join(": ").split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

/// GitHub: 422 "A pull request already exists for o:b"; GitLab: 409 "Another open merge request already exists for this
/// source branch"; Gitea and Forgejo: 409 "pull request already exists for these targets", 409 "repository is already
/// forked by user".
fn is_there_already(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.contains("already exist") || text.contains("already forked")
}

/// A text as part of a path or a query (RFC 3986: everything but the unreserved characters is encoded).
pub(super) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
#[path = "http/tests.rs"]
mod tests;
