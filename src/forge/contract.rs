//! What forges say of their own interfaces, held against what is sent to them and against the answers that tests prepare.
//!
//! The descriptions are cut by `tests/fleet/slice.py`, which names their sources.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::budget::tests::Virtual;
use super::scripted::{Asked, Say, Scripted};
use super::*;

/// A description of an interface: GitHub's is `OpenAPI` 3, Forgejo's is Swagger 2.
struct Contract {
    document: Value,
    base: &'static str,
}

impl Contract {
    fn read(file: &str, base: &'static str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fleet").join(file);
        let text = std::fs::read(path).expect("it is there");
        Self { document: serde_json::from_slice(&text).expect("JSON"), base }
    }

    /// The path, as the description writes it, and the operation; none when there is no such thing.
    fn operation(&self, asked: &Asked) -> Option<(String, &Value)> {
        let (method, path) = asked.line.split_once(' ')?;
        let path = path.split('?').next()?.strip_prefix(self.base)?;
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |template: &str| {
            let wanted: Vec<&str> = template.split('/').collect();
            let same = |(wanted, part): (&&str, &&str)| wanted == part || (wanted.starts_with('{') && !part.is_empty());
            wanted.len() == parts.len() && wanted.iter().zip(&parts).all(same)
        };
        let paths = self.document["paths"].as_object()?;
        // `/repos/search` is no repository.
        let template = if paths.contains_key(path) { path } else { paths.keys().find(|template| fits(template))? };
        let operation = paths[template].get(method.to_lowercase())?;
        Some((format!("{method} {template}"), operation))
    }

    /// What is wrong with a request.
    fn faults(&self, asked: &Asked) -> Vec<String> {
        let Some((_, operation)) = self.operation(asked) else { return vec![format!("{} is no operation", asked.line)] };
        let mut faults = Vec::new();
        let none = Vec::new();
        let parameters: Vec<&Value> =
            operation["parameters"].as_array().unwrap_or(&none).iter().map(|one| self.resolved(one)).collect();
        let query = asked.line.split_once('?').map_or("", |(_, query)| query);
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let known = parameters.iter().find(|one| one["in"] == "query" && one["name"] == key);
            let Some(known) = known else {
                faults.push(format!("{}: there is no parameter {key}", asked.line));
                continue;
            };
            let schema = known.get("schema").unwrap_or(known);
            let value = match schema["type"].as_str() {
                Some("integer") => value.parse::<u64>().map_or_else(|_| json!(value), |number| json!(number)),
                Some("boolean") => value.parse::<bool>().map_or_else(|_| json!(value), |flag| json!(flag)),
                _ => json!(value),
            };
            self.check(schema, &value, key, &mut faults);
        }
        let body = parameters.iter().find(|one| one["in"] == "body").map(|one| &one["schema"]);
        let body = body.or_else(|| operation.pointer("/requestBody/content/application~1json/schema"));
        match (body, asked.body.as_str()) {
            (_, "") => {}
            (None, body) => faults.push(format!("{} takes no text: {body}", asked.line)),
            (Some(schema), body) => {
                self.check(schema, &serde_json::from_str(body).expect("JSON"), &asked.line, &mut faults);
            }
        }
        faults
    }

    /// What is wrong with an answer that says yes.
    fn answer_faults(&self, asked: &Asked, said: &Say) -> Vec<String> {
        let (Say::This(status @ 200..=299, _, text), Some((_, operation))) = (said, self.operation(asked)) else {
            return Vec::new();
        };
        let Some(answer) = operation["responses"].get(status.to_string()) else {
            return vec![format!("{} never answers {status}", asked.line)];
        };
        let mut faults = Vec::new();
        if let Some(schema) = self.resolved(answer).get("schema") {
            self.check(schema, &serde_json::from_str(text).expect("JSON"), &format!("answer to {}", asked.line), &mut faults);
        }
        faults
    }

    fn resolved<'v>(&'v self, value: &'v Value) -> &'v Value {
        let mut value = value;
        while let Some(pointer) = value["$ref"].as_str() {
            value = self.document.pointer(pointer.trim_start_matches('#')).expect("the slice holds what it refers to");
        }
        value
    }

    /// Holds a value against a schema. What the schema does not name is a fault: it is a word that nobody understands.
    fn check(&self, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
        let mut waiting = vec![(self.resolved(schema), value, place.to_owned())];
        while let Some((schema, value, place)) = waiting.pop() {
            let ways = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
            if let Some(ways) = ways {
                let fits = |way: &Value| {
                    let mut faults = Vec::new();
                    self.check(way, value, "", &mut faults);
                    faults.is_empty()
                };
                if !ways.iter().any(fits) {
                    faults.push(format!("{place}: {value} fits no way"));
                }
                continue;
            }
            let kind = schema["type"].as_str();
            let right = match (kind, value) {
                (Some("string"), Value::String(_))
                | (Some("boolean"), Value::Bool(_))
                | (Some("array"), Value::Array(_))
                | (Some("integer" | "number"), Value::Number(_))
                | (Some("object") | None, Value::Object(_)) => true,
                (None, _) => schema.get("properties").is_none(),
                _ => false,
            };
            let listed = schema["enum"].as_array().is_none_or(|known| known.contains(value));
            if !right || !listed {
                faults.push(format!("{place}: {value} is not what is asked for: {kind:?}"));
                continue;
            }
            if let Value::Array(items) = value {
                let item = |item| (self.resolved(&schema["items"]), item, format!("{place}[]"));
                waiting.extend(items.iter().map(item));
            }
            let (Some(properties), Value::Object(object)) = (schema["properties"].as_object(), value) else { continue };
            for (key, value) in object {
                match properties.get(key) {
                    Some(schema) => waiting.push((self.resolved(schema), value, format!("{place}.{key}"))),
                    None => faults.push(format!("{place}: there is no {key}")),
                }
            }
            let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
            let missing = required.iter().filter_map(Value::as_str).filter(|key| !object.contains_key(*key));
            faults.extend(missing.map(|key| format!("{place}: {key} is missing")));
        }
    }

    /// Everything that mlfix ever asks of a forge is an operation of the description, and the other way round.
    fn holds(&self, asked: &[Asked], said: &[Say]) {
        let faults: Vec<String> = asked.iter().flat_map(|asked| self.faults(asked)).collect();
        assert!(faults.is_empty(), "{faults:#?}");
        let faults: Vec<String> = asked.iter().zip(said).flat_map(|(asked, said)| self.answer_faults(asked, said)).collect();
        assert!(faults.is_empty(), "{faults:#?}");
        let used: BTreeSet<String> = asked.iter().filter_map(|asked| Some(self.operation(asked)?.0)).collect();
        let known = self.document["paths"].as_object().expect("paths").iter().flat_map(|(path, operations)| {
            operations.as_object().expect("operations").keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        assert_eq!(used, known.collect(), "asked for, and described");
    }
}

fn name(text: &str) -> RepoName {
    text.parse().expect("a name")
}

fn new_pull(head_repo: &str) -> NewPull {
    NewPull {
        owner: "bot".into(),
        head_repo: name(head_repo),
        branch: "mlfix/c".into(),
        base: "main".into(),
        title: "Fix it".into(),
        body: "b".into(),
        draft: true,
    }
}

/// Does everything that a forge can do.
fn tour(forge: &dyn Forge) {
    let query = |owner: Option<&str>, topic: Option<&str>| Query {
        owner: owner.map(str::to_owned),
        topic: topic.map(str::to_owned),
        language: Some("Python".into()),
        forks: true,
    };
    let (repo, fork) = (name("o/r"), name("bot/r"));
    forge.login().expect("an account");
    forge.list(&query(Some("o"), None)).expect("those of an organisation");
    forge.list(&query(Some("bot"), Some("ml"))).expect("one's own");
    forge.list(&query(Some("ada"), None)).expect("those of a user");
    forge.list(&query(None, Some("ml"))).expect("a search");
    forge.repo(&repo).expect("a repository");
    forge.pulls(&repo, "bot", "mlfix/c").expect("a list");
    forge.open(&repo, &new_pull("bot/r")).expect("opened");
    let change = Change { title: Some("t".into()), body: Some("b".into()), close: true, draft: true };
    forge.edit(&repo, 1, &change).expect("changed");
    forge.comment(&repo, 1, "text").expect("said");
    forge.label(&repo, 1, &["mlfix".into(), "bot".into()]).expect("labelled");
    forge.ask_review(&repo, 1, &["ada".into(), "o/team".into()]).expect("asked");
    forge.fork(&repo).expect("forked");
    forge.sync_fork(&fork, "main").expect("in step");
    forge.delete_fork(&fork).expect("deleted");
}

const REPO: &str = r#"{"full_name": "o/r", "clone_url": "u", "default_branch": "main", "archived": false, "fork": false,
    "private": true, "permissions": {"push": true, "admin": false}, "size": 1, "topics": ["ml"], "language": "Python"}"#;

fn pull(more: &str) -> String {
    format!(
        r#"{{"number": 1, "state": "open", "title": "t", "body": "b", "html_url": "u", "base": {{"ref": "main", "label": "main"}},
        "head": {{"ref": "mlfix/c", "label": "bot:mlfix/c", "repo": {REPO}}}, "labels": [{{"name": "mlfix"}}]{more}}}"#
    )
}

#[test]
fn github_takes_what_is_sent() {
    let contract = Contract::read("github-openapi.json", "");
    let (list, gone) = (format!("[{REPO}]"), Say::json(404, "{}"));
    let user = r#"{"login": "bot"}"#;
    let said = vec![
        Say::json(200, user),
        Say::json(200, &list),
        gone.clone(),
        Say::json(200, user),
        Say::json(200, &list),
        gone,
        Say::json(200, user),
        Say::json(200, &list),
        Say::json(200, &format!(r#"{{"total_count": 1, "incomplete_results": false, "items": {list}}}"#)),
        Say::json(200, REPO),
        Say::json(200, &format!("[{}]", pull(""))),
        Say::json(201, &pull("")),
        Say::json(200, &pull("")),
        Say::json(201, "{}"),
        Say::json(200, "[]"),
        Say::json(201, "{}"),
        Say::json(202, REPO),
        Say::json(200, "{}"),
        Say::This(204, "", String::new()),
    ];
    // A label that is there is in the answer, and so not added; everything goes out once.
    let asked = asked_of(said.clone(), "", |base, token, clock| GitHub::new(base, Some(token), budget(), clock));
    contract.holds(&asked, &said);
}

#[test]
fn forgejo_takes_what_is_sent_and_answers_as_prepared() {
    let contract = Contract::read("forgejo-swagger.json", "/api/v1");
    let (list, gone) = (format!("[{REPO}]"), Say::json(404, "{}"));
    let user = r#"{"login": "bot"}"#;
    let merged = pull(r#", "merged": false, "user": {"login": "bot"}"#);
    let said = vec![
        Say::json(200, user),
        Say::json(200, &list),
        gone.clone(),
        Say::json(200, &list),
        gone,
        Say::json(200, &list),
        Say::json(200, &format!(r#"{{"ok": true, "data": {list}}}"#)),
        Say::json(200, REPO),
        Say::json(200, &format!("[{merged}]")),
        Say::json(201, &merged),
        Say::json(201, &merged),
        Say::json(201, "{}"),
        Say::json(200, r#"[{"id": 7, "name": "mlfix"}]"#),
        Say::json(201, r#"{"id": 8}"#),
        Say::json(200, "[]"),
        Say::json(201, "[]"),
        // There is a fork already.
        Say::json(409, r#"{"message": "repository is already forked by user"}"#),
        Say::json(200, user),
        Say::json(200, &format!("[{}]", REPO.replace("\"private\"", r#""owner": {"login": "bot"}, "private""#))),
        Say::json(200, r#"{"allowed": true, "commits_behind": 3, "base_commit": "a", "fork_commit": "b"}"#),
        Say::This(204, "", String::new()),
        Say::This(204, "", String::new()),
    ];
    let asked = asked_of(said.clone(), "/api/v1", |base, token, clock| Gitea::new(base, Some(token), budget(), clock));
    contract.holds(&asked, &said);
}

#[test]
fn the_check_sees_what_is_wrong() {
    let ask = |line: &str, body: &str| Asked { line: line.into(), authorization: None, body: body.into() };
    let (github, forgejo) = (Contract::read("github-openapi.json", ""), Contract::read("forgejo-swagger.json", "/api/v1"));
    for (contract, base) in [(&github, ""), (&forgejo, "/api/v1")] {
        let post = |body: &str| contract.faults(&ask(&format!("POST {base}/repos/o/r/pulls"), body));
        assert_eq!(post(r#"{"title": "t", "base": "main", "head": "h"}"#), [""; 0]);
        for body in [r#"{"title": 5, "base": "main", "head": "h"}"#, r#"{"title": "t", "base": "main", "head": "h", "x": 1}"#] {
            assert_eq!(post(body).len(), 1, "{body}");
        }
        for line in ["GET /nothing", "GET /repos/o/r/pulls?state=sideways", "GET /repos/o/r/pulls?limits=5", "PUT /user"] {
            let line = line.replace(" /", &format!(" {base}/"));
            assert_eq!(contract.faults(&ask(&line, "")).len(), 1, "{line}");
        }
    }
    assert_eq!(github.faults(&ask("POST /repos/o/r/pulls", r#"{"title": "t", "base": "main"}"#)).len(), 1, "no head");
    let odd = Say::json(200, r#"{"login": 5, "nick": "x"}"#);
    assert_eq!(forgejo.answer_faults(&ask("GET /api/v1/user", ""), &odd).len(), 2);
}

fn budget() -> Budget {
    Budget::new(Pace { per_minute: 1000, ..Pace::default() })
}

/// All that a forge is asked for on a tour.
fn asked_of<F: Forge>(
    said: Vec<Say>,
    base: &str,
    connect: impl FnOnce(&str, Token, Arc<dyn Clock>) -> Result<F>,
) -> Vec<Asked> {
    let count = said.len();
    let server = Scripted::new(said);
    let token = Token::new("s3cret").expect("a token");
    let forge = connect(&format!("{}{base}", server.base), token, Arc::new(Virtual::default())).expect("loopback");
    tour(&forge);
    let asked = server.asked();
    assert_eq!(asked.len(), count);
    asked
}
