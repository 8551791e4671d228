//! GitLab over its REST interface, where a pull request is a merge request and a repository a project.
//!
//! Source: docs.gitlab.com, "REST API", version 4. No description of it in a machine-readable form and no server were at
//! hand: what is here was tried against prepared answers only.

use std::sync::Arc;

use serde_json::{Value, json};

use super::http::{Effect, Http, encode};
use super::json::{any, labels, odd, text, texts};
use super::{Budget, Change, Class, Clock, Forge, Listed, NewPull, Pull, Query, Repo, RepoName, Result, State, Token};

/// See [`Forge`].
pub struct GitLab {
    http: Http,
}

/// What marks a draft.
const DRAFT: &str = "Draft: ";
/// The right from which on branches may be pushed: Developer.
const DEVELOPER: u64 = 30;

impl GitLab {
    /// `api` is `https://HOST/api/v4`.
    ///
    /// # Errors
    /// Those of [`Http::new`].
    pub fn new(api: &str, token: Option<Token>, budget: Budget, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self { http: Http::new(api, "", token, budget, clock)? })
    }

    fn send(&self, method: &str, path: &str, body: &Value, effect: Effect) -> Result<Value> {
        self.http.send(method, path, Some(body), effect).map(|answer| answer.json)
    }
}

/// The path of a project: its name is one part of it.
fn project(name: &RepoName) -> String {
    format!("/projects/{}", encode(&name.to_string()))
}

impl Forge for GitLab {
    fn login(&self) -> Result<Option<String>> {
        Ok(text(&self.http.get("/user")?, "username"))
    }

    fn list(&self, which: &Query) -> Result<Listed> {
        let language =
            which.language.as_ref().map_or(String::new(), |name| format!("&with_programming_language={}", encode(name)));
        let repos = match (&which.owner, &which.topic) {
            (Some(_), _) if which.language.is_some() => {
                return Err(odd("GitLab does not say the languages of a group's projects: leave the language out"));
            }
            (Some(owner), _) => {
                let name = encode(owner);
                match self.http.pages(&format!("/groups/{name}/projects?include_subgroups=true&per_page=100")) {
                    Err(error) if error.class == Class::Gone => {
                        self.http.pages(&format!("/users/{name}/projects?per_page=100"))
                    }
                    repos => repos,
                }?
            }
            (None, Some(topic)) => self.http.pages(&format!("/projects?topic={}{language}&per_page=100", encode(topic)))?,
            (None, None) => return Err(odd("name a group or a topic")),
        };
        let repos: Result<Vec<Repo>> = repos.iter().map(repo).collect();
        // The list was asked for the language, and does not repeat it.
        let which = Query { language: None, ..which.clone() };
        Ok(Listed { repos: which.fitting(repos?), cut: None })
    }

    fn repo(&self, name: &RepoName) -> Result<Repo> {
        repo(&self.http.get(&project(name))?)
    }

    fn pulls(&self, repo: &RepoName, owner: &str, branch: &str) -> Result<Vec<Pull>> {
        let path = format!("{}/merge_requests?source_branch={}&state=all&per_page=100", project(repo), encode(branch));
        let requests = self.http.pages(&path)?;
        let mut here = Vec::new();
        for json in &requests {
            if text(json, "source_branch").as_deref() != Some(branch) {
                continue;
            }
            // From a fork only the number of the project is told, and nothing when the fork is gone.
            let source = match json["source_project_id"].as_u64() {
                Some(_) if json["source_project_id"] == json["target_project_id"] => Some(repo.clone()),
                Some(source) => match self.http.get(&format!("/projects/{source}")) {
                    Ok(source) => Some(self::repo(&source)?.name),
                    Err(error) if error.class == Class::Gone => None,
                    Err(error) => return Err(error),
                },
                None => None,
            };
            let account = source.as_ref().map(|source| source.owner.clone()).or_else(|| text(&json["author"], "username"));
            if account.is_some_and(|account| account.eq_ignore_ascii_case(owner)) {
                here.push(Pull { head_repo: source, ..pull(json)? });
            }
        }
        here.sort_by_key(|pull| std::cmp::Reverse(pull.number));
        Ok(here)
    }

    fn open(&self, repo: &RepoName, new: &NewPull) -> Result<Pull> {
        let mut body = json!({
            "title": if new.draft { format!("{DRAFT}{}", new.title) } else { new.title.clone() },
            "description": new.body,
            "source_branch": new.branch,
            "target_branch": new.base,
            "remove_source_branch": true,
        });
        let source = if new.head_repo == *repo {
            project(repo)
        } else {
            // It is opened in the fork, and points to the project that it was forked from.
            body["target_project_id"] = self.http.get(&project(repo))?["id"].clone();
            body["allow_collaboration"] = json!(true);
            project(&new.head_repo)
        };
        pull(&self.send("POST", &format!("{source}/merge_requests"), &body, Effect::Creates)?)
    }

    fn edit(&self, repo: &RepoName, number: u64, change: &Change) -> Result<()> {
        let mut body = json!({});
        if let Some(title) = &change.title {
            body["title"] = json!(if change.draft { format!("{DRAFT}{title}") } else { title.clone() });
        }
        if let Some(text) = &change.body {
            body["description"] = json!(text);
        }
        if change.close {
            body["state_event"] = json!("close");
        }
        self.send("PUT", &format!("{}/merge_requests/{number}", project(repo)), &body, Effect::Sets).map(|_| ())
    }

    fn comment(&self, repo: &RepoName, number: u64, text: &str) -> Result<()> {
        let path = format!("{}/merge_requests/{number}/notes", project(repo));
        self.send("POST", &path, &json!({ "body": text }), Effect::Creates).map(|_| ())
    }

    fn label(&self, repo: &RepoName, number: u64, labels: &[String]) -> Result<()> {
        let body = json!({ "add_labels": labels.join(",") });
        self.send("PUT", &format!("{}/merge_requests/{number}", project(repo)), &body, Effect::Sets).map(|_| ())
    }

    fn ask_review(&self, repo: &RepoName, number: u64, reviewers: &[String]) -> Result<()> {
        let mut ids = Vec::new();
        for name in reviewers {
            let users = self.http.pages(&format!("/users?username={}", encode(name)))?;
            let id = users.first().and_then(|user| user["id"].as_u64());
            ids.push(id.ok_or_else(|| odd(&format!("there is no user {name}")))?);
        }
        let path = format!("{}/merge_requests/{number}", project(repo));
        self.send("PUT", &path, &json!({ "reviewer_ids": ids }), Effect::Sets).map(|_| ())
    }

    fn fork(&self, name: &RepoName) -> Result<Repo> {
        match self.send("POST", &format!("{}/fork", project(name)), &json!({}), Effect::Sets) {
            Ok(made) => repo(&made),
            // The name is taken, as a rule by the fork that is there.
            Err(error) if matches!(error.class, Class::Exists | Class::Refused) => {
                let owned = self.http.pages(&format!("{}/forks?owned=true&per_page=100", project(name)))?;
                repo(owned.first().ok_or(error)?)
            }
            Err(error) => Err(error),
        }
    }

    fn sync_fork(&self, _: &RepoName, _: &str) -> Result<()> {
        // There is no request for it; git says so when it pushes to a fork that is too old.
        Ok(())
    }

    fn delete_fork(&self, fork: &RepoName) -> Result<()> {
        self.http.send("DELETE", &project(fork), None, Effect::Sets).map(|_| ())
    }

    fn rest(&self) -> bool {
        self.http.rest()
    }

    fn budget(&self) -> &Budget {
        self.http.budget()
    }
}

fn repo(json: &Value) -> Result<Repo> {
    let name = text(json, "path_with_namespace").and_then(|name| name.parse().ok());
    let rights = &json["permissions"];
    let level = |key: &str| rights[key]["access_level"].as_u64().unwrap_or(0);
    Ok(Repo {
        name: name.ok_or_else(|| odd("a project without a name"))?,
        clone_url: text(json, "http_url_to_repo").unwrap_or_default(),
        default_branch: text(json, "default_branch").filter(|_| json["empty_repo"] != true),
        archived: json["archived"] == true || json["merge_requests_access_level"] == "disabled",
        fork: json["forked_from_project"].is_object(),
        private: json["visibility"].as_str().is_some_and(|visibility| visibility != "public"),
        can_push: level("project_access").max(level("group_access")) >= DEVELOPER,
        size: json["statistics"]["repository_size"].as_u64().unwrap_or(0) / 1024,
        topics: texts(json, "topics").iter().map(|topic| topic.to_lowercase()).collect(),
        language: None,
        parent: text(&json["forked_from_project"], "path_with_namespace").and_then(|name| name.parse().ok()),
        used: any(json, &["star_count", "open_issues_count", "forks_count"]),
    })
}

fn pull(json: &Value) -> Result<Pull> {
    let state = match json["state"].as_str() {
        Some("opened" | "locked") => State::Open,
        Some("merged") => State::Merged,
        Some("closed") => State::Closed,
        _ => return Err(odd("a merge request without a state")),
    };
    let title = text(json, "title").unwrap_or_default();
    Ok(Pull {
        number: json["iid"].as_u64().ok_or_else(|| odd("a merge request without a number"))?,
        url: text(json, "web_url").unwrap_or_default(),
        title: title.strip_prefix(DRAFT).map_or(title.clone(), str::to_owned),
        body: text(json, "description").unwrap_or_default(),
        state,
        base: text(json, "target_branch").unwrap_or_default(),
        labels: labels(json),
        head_repo: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::budget::tests::Virtual;
    use super::super::scripted::{Say, Scripted};
    use super::super::{Pace, open_once};
    use super::*;

    fn gitlab(script: Vec<Say>) -> (Scripted, GitLab) {
        let server = Scripted::new(script);
        let token = Token::new("s3cret").expect("a token");
        let api = format!("{}/api/v4", server.base);
        let gitlab =
            GitLab::new(&api, Some(token), Budget::new(Pace::default()), Arc::new(Virtual::default())).expect("loopback");
        (server, gitlab)
    }

    #[test]
    fn a_merge_request_lives_in_the_fork_and_points_home() {
        let made = r#"{"iid": 5, "state": "opened", "title": "Draft: Fix it", "description": "b", "web_url": "u",
            "target_branch": "main", "labels": ["x"]}"#;
        let exists = r#"{"message": ["Another open merge request already exists for this source branch: !5"]}"#;
        let list =
            r#"[{"iid": 5, "state": "opened", "source_branch": "mlfix/c", "source_project_id": 9, "target_project_id": 4}]"#;
        let fork = r#"{"path_with_namespace": "bot/r", "visibility": "public"}"#;
        let script = vec![
            Say::json(200, r#"{"id": 4}"#),
            Say::json(201, made),
            Say::json(200, r#"{"id": 4}"#),
            Say::json(409, exists),
            Say::json(200, list),
            Say::json(200, fork),
        ];
        let (server, gitlab) = gitlab(script);
        let repo: RepoName = "group/sub/r".parse().expect("a name");
        let new = NewPull {
            owner: "bot".into(),
            head_repo: "bot/r".parse().expect("a name"),
            branch: "mlfix/c".into(),
            base: "main".into(),
            title: "Fix it".into(),
            body: "b".into(),
            draft: true,
        };
        let pull = open_once(&gitlab, &repo, &new).expect("opened");
        assert_eq!((pull.number, pull.title.as_str(), pull.labels), (5, "Fix it", vec!["x".to_owned()]));
        assert_eq!(open_once(&gitlab, &repo, &new).expect("found").number, 5);
        let asked = server.asked();
        assert_eq!(asked[0].line, "GET /api/v4/projects/group%2Fsub%2Fr");
        assert_eq!(asked[1].line, "POST /api/v4/projects/bot%2Fr/merge_requests");
        assert_eq!(asked[1].authorization.as_deref(), Some("s3cret"));
        assert!(asked[1].body.contains(r#""target_project_id":4"#) && asked[1].body.contains("Draft: Fix it"));
        assert_eq!(
            asked[4].line,
            "GET /api/v4/projects/group%2Fsub%2Fr/merge_requests?source_branch=mlfix%2Fc&state=all&per_page=100"
        );
    }

    #[test]
    fn what_a_project_says() {
        let project = r#"{"path_with_namespace": "g/s/r", "default_branch": "main", "visibility": "internal", "topics": ["ML"],
            "permissions": {"project_access": null, "group_access": {"access_level": 30}}, "archived": false,
            "http_url_to_repo": "https://x/g/s/r.git"}"#;
        let (_, gitlab) = gitlab(vec![Say::json(200, project)]);
        let repo = gitlab.repo(&"g/s/r".parse().expect("a name")).expect("there");
        assert!(repo.can_push && repo.private && !repo.archived && !repo.fork);
        assert_eq!((repo.name.owner.as_str(), repo.topics), ("g/s", vec!["ml".to_owned()]));
    }
}
