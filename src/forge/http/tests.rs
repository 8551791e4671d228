//! Each way in which a forge says no, not now, or nothing at all.

use serde_json::json;

use super::super::budget::tests::Virtual;
use super::super::scripted::{Say, Scripted};
use super::super::{Forge as _, GitHub, NewPull, Pace, RepoName, open_once};
use super::*;

const SECRET: &str = "ghp_s3cret";
/// As GitHub answers when there were too many creating requests: no header says so.
const SECONDARY: &str = r#"{"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}"#;

struct Rig {
    server: Scripted,
    http: Http,
    clock: Arc<Virtual>,
    start: u64,
}

fn rig(script: Vec<Say>) -> Rig {
    let server = Scripted::new(script);
    let clock = Arc::new(Virtual::default());
    let http = Http::new(&server.base, "Bearer", Some(token()), Budget::new(Pace::default()), clock.clone()).expect("loopback");
    Rig { server, http, start: clock.now(), clock }
}

fn token() -> Token {
    Token::new(SECRET).expect("a token")
}

impl Rig {
    fn seconds(&self) -> u64 {
        (self.clock.now() - self.start) / 1000
    }

    fn post(&self) -> Result<Answer> {
        self.http.send("POST", "/x", Some(&json!({ "a": 1 })), Effect::Creates)
    }
}

#[test]
fn reading_is_repeated_and_gives_up_in_the_end() {
    let rig = rig(vec![Say::json(502, "<html>"), Say::Nothing, Say::Half, Say::json(200, r#"{"a": 1}"#)]);
    assert_eq!(rig.http.get("/x").expect("the fourth time"), json!({ "a": 1 }));
    assert!((14..18).contains(&rig.seconds()), "2 + 4 + 8 s and up to a quarter more: {}", rig.seconds());

    let rig = self::rig(vec![Say::json(503, "{}"); 5]);
    assert_eq!(rig.http.get("/x").expect_err("five times no").class, Class::Transient);
    assert_eq!(rig.server.lines().len(), 5);
}

#[test]
fn creating_is_never_repeated_blindly() {
    for lost in [Say::json(502, ""), Say::Nothing, Say::Half, Say::json(201, "no JSON")] {
        let rig = rig(vec![lost]);
        assert_eq!(rig.post().expect_err("lost").class, Class::Unknown);
        assert_eq!(rig.server.lines(), ["POST /x"]);
    }
}

#[test]
fn what_is_set_may_be_repeated() {
    let rig = rig(vec![Say::json(500, ""), Say::json(200, "{}")]);
    rig.http.send("PATCH", "/x", Some(&json!({})), Effect::Sets).expect("the second time");
    assert_eq!(rig.server.lines(), ["PATCH /x", "PATCH /x"]);
}

#[test]
fn limits_are_waited_for() {
    let reset = "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1700001000\r\n";
    for (status, headers, text, least, most) in [
        (403, "Retry-After: 30\r\n", "{}", 30, 39),
        (429, "Retry-After: 30\r\n", "{}", 30, 39),
        (403, reset, r#"{"message": "API rate limit exceeded"}"#, 1000, 1252),
        (403, "", SECONDARY, 60, 76),
        (429, "", "{}", 60, 76),
        (403, "Retry-After: 999999\r\n", "{}", 3600, 3661),
    ] {
        let rig = rig(vec![Say::This(status, headers, text.to_owned()), Say::json(201, "{}")]);
        rig.post().expect("the second time");
        assert!((least..=most).contains(&rig.seconds()), "{status} {headers}: {} s", rig.seconds());
        assert_eq!(rig.server.lines().len(), 2, "a limit is a clear no, so it may be asked again");
    }
    let rig = rig(vec![Say::json(403, SECONDARY); 5]);
    assert_eq!(rig.post().expect_err("five times").class, Class::Transient);
    assert!(rig.seconds() >= 60 + 120 + 240 + 480, "each pause is twice as long");
}

#[test]
fn refusals_are_told_apart_and_never_show_the_token() {
    for (status, text, class, told) in [
        (401, r#"{"message": "Bad credentials ghp_s3cret"}"#, Class::Auth, "401 Bad credentials [token]"),
        (403, r#"{"message": "Resource not accessible by integration"}"#, Class::Auth, "403 Resource"),
        (404, r#"{"message": "Not Found"}"#, Class::Gone, "404 Not Found"),
        (451, "", Class::Gone, "451"),
        (
            422,
            r#"{"message": "Validation Failed", "errors": [{"message": "A pull request already exists for o:b."}]}"#,
            Class::Exists,
            "422 Validation Failed: A pull request already exists",
        ),
        (422, r#"{"message": "Validation Failed", "errors": [{"field": "base"}]}"#, Class::Refused, "Failed: base"),
        (400, "<html>", Class::Refused, "400"),
    ] {
        let rig = rig(vec![Say::json(status, text)]);
        let error = rig.post().expect_err("refused");
        assert_eq!(error.class, class, "{status} {text}");
        assert!(error.text.contains(told), "{}", error.text);
        assert!(!format!("{error:?}").contains(SECRET));
        assert_eq!(rig.server.asked()[0].authorization.as_deref(), Some("Bearer ghp_s3cret"));
    }
}

#[test]
fn the_token_stays_with_its_host() {
    let moved = || Say::This(301, "Location: {base}/repositories/7\r\n", String::new());
    let rig = rig(vec![moved(), Say::json(200, "[]")]);
    assert_eq!(rig.http.get("/repos/a/b").expect("followed"), json!([]));
    assert_eq!(rig.server.lines(), ["GET /repos/a/b", "GET /repositories/7"]);

    let other = Scripted::new(vec![Say::json(200, "[]")]);
    for elsewhere in [other.base.clone(), rig.server.base.replace("//", "//u@"), format!("{}.example.org/x", rig.server.base)] {
        let location: &'static str = format!("Location: {elsewhere}/x\r\n").leak();
        let rig = self::rig(vec![Say::This(302, location, String::new())]);
        let error = rig.http.get("/x").expect_err("not followed");
        assert!(error.text.contains("another host"), "{error}");
    }
    assert!(other.lines().is_empty());

    let rig = self::rig(vec![moved(), moved(), moved(), moved()]);
    assert!(rig.http.get("/x").expect_err("in a circle").text.contains("too many redirects"));
    // GitHub answers a POST to the old name of a repository with 307. A 302 would turn it into a GET.
    let rig = self::rig(vec![Say::This(307, "Location: {base}/new\r\n", String::new()), Say::json(201, "{}")]);
    rig.post().expect("followed");
    assert_eq!(rig.server.lines(), ["POST /x", "POST /new"]);
    let rig = self::rig(vec![Say::This(302, "Location: {base}/new\r\n", String::new())]);
    rig.post().expect_err("not followed");
}

#[test]
fn lists_are_read_to_their_end() {
    let rig = rig(vec![
        Say::This(200, "Link: <{base}/x?page=2>; rel=\"next\", <{base}/x?page=9>; rel=\"last\"\r\n", "[1]".to_owned()),
        Say::This(200, "Link: <{base}/x?page=1>; rel=\"prev\", <{base}/x?page=3>; rel=\"next\"\r\n", "[2]".to_owned()),
        Say::This(200, "Link: <http://127.0.0.1:1/x?page=4>; rel=\"next\"\r\n", r#"{"items": [3]}"#.to_owned()),
    ]);
    assert_eq!(rig.http.pages("/x").expect("three pages"), [json!(1), json!(2), json!(3)]);
    assert_eq!(rig.server.lines(), ["GET /x", "GET /x?page=2", "GET /x?page=3"], "never to another host");
}

#[test]
fn an_answer_without_end_is_refused() {
    let rig = rig(vec![Say::json(200, &format!("[{}]", "1,".repeat(9 << 20)))]);
    let error = rig.http.get("/x").expect_err("too long");
    assert!(error.text.contains("16 MiB"), "{error}");
}

#[test]
fn addresses_that_would_show_the_token() {
    let new = |base: &str| Http::new(base, "Bearer", Some(token()), Budget::new(Pace::default()), Arc::new(Virtual::default()));
    for bad in ["http://example.com", "ftp://x", "x", "https://u:p@x", "http://127.0.0.1.example.com", "https://x/?a"] {
        assert!(new(bad).is_err(), "{bad}");
    }
    for good in ["https://api.github.com/", "http://localhost:1", "http://[::1]:1/api/v3"] {
        assert!(new(good).is_ok(), "{good}");
    }
}

#[test]
fn never_two_pull_requests() {
    let opened = r#"{"number": 7, "state": "open", "head": {"ref": "b", "label": "o:b"}}"#;
    let list = format!("[{opened}]");
    let exists = r#"{"errors": [{"message": "A pull request already exists for o:b."}]}"#;
    for (script, lines, number) in [
        // It was opened, and only the answer was lost.
        (vec![Say::json(502, ""), Say::json(200, &list)], vec!["POST", "GET"], Some(7)),
        // It was not.
        (vec![Say::Nothing, Say::json(200, "[]"), Say::json(201, opened)], vec!["POST", "GET", "POST"], Some(7)),
        (vec![Say::json(422, exists), Say::json(200, &list)], vec!["POST", "GET"], Some(7)),
        (vec![Say::json(422, exists), Say::json(200, "[]")], vec!["POST", "GET"], None),
    ] {
        let server = Scripted::new(script);
        let clock = Arc::new(Virtual::default());
        let github = GitHub::new(&server.base, Some(token()), Budget::new(Pace::default()), clock).expect("loopback");
        let repo: RepoName = "o/r".parse().expect("a name");
        let new = NewPull {
            owner: "o".into(),
            head_repo: repo.clone(),
            branch: "b".into(),
            base: "main".into(),
            title: "t".into(),
            body: String::new(),
            draft: false,
        };
        let opened = open_once(&github, &repo, &new).map(|pull| pull.number).ok();
        assert_eq!(opened, number);
        let methods: Vec<String> = server.lines().iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(methods, lines);
        assert_eq!(github.budget().estimate(&Virtual::default(), 0, Duration::ZERO), Duration::ZERO);
    }
}
