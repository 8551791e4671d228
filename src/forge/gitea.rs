//! Gitea and Forgejo over their REST interface, which is GitHub's in most names and not in all.
//!
//! Source: the `swagger.v1.json` that both serve; Forgejo's is in `tests/fleet`, and a test holds this to it. Drafts are marked in the title; a list of pull requests cannot be asked
//! for by branch; reviewers are added after the pull request was opened; labels are known by numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::http::{Effect, Http, encode};
use super::json::{any, labels, name, odd, text, texts};
use super::{Budget, Change, Class, Clock, Forge, Listed, NewPull, Pull, Query, Repo, RepoName, Result, State, Token};

/// See [`Forge`].
pub struct Gitea {
    http: Http,
}

/// What marks a draft. The default of both, and the only prefix that every instance has.
const DRAFT: &str = "WIP: ";
/// As many as a page has at most, unless an administrator allows more.
const PAGE: usize = 50;

impl Gitea {
    /// `api` is `https://HOST/api/v1`.
    ///
    /// # Errors
    /// Those of [`Http::new`].
    pub fn new(api: &str, token: Option<Token>, budget: Budget, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self { http: Http::new(api, "token", token, budget, clock)? })
    }

    fn change(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        self.http.send(method, path, Some(body), Effect::Sets).map(|answer| answer.json)
    }
}

impl Forge for Gitea {
    fn login(&self) -> Result<Option<String>> {
        Ok(text(&self.http.get("/user")?, "login"))
    }

    fn list(&self, which: &Query) -> Result<Listed> {
        let repos = match (&which.owner, &which.topic) {
            (Some(owner), _) => {
                let name = encode(owner);
                match self.http.pages(&format!("/orgs/{name}/repos?limit={PAGE}")) {
                    Err(error) if error.class == Class::Gone => self.http.pages(&format!("/users/{name}/repos?limit={PAGE}")),
                    repos => repos,
                }?
            }
            (None, Some(topic)) => self.http.pages(&format!("/repos/search?q={}&topic=true&limit={PAGE}", encode(topic)))?,
            (None, None) => return Err(odd("name an owner or a topic")),
        };
        let repos: Result<Vec<Repo>> = repos.iter().map(repo).collect();
        Ok(Listed { repos: which.fitting(repos?), cut: None })
    }

    fn repo(&self, name: &RepoName) -> Result<Repo> {
        repo(&self.http.get(&format!("/repos/{name}"))?)
    }

    fn pulls(&self, repo: &RepoName, owner: &str, branch: &str) -> Result<Vec<Pull>> {
        let pulls = self.http.pages(&format!("/repos/{repo}/pulls?state=all&sort=recentupdate&limit={PAGE}"))?;
        let ours = |json: &&Value| {
            let head = &json["head"];
            // Of a branch that was deleted only the label is left: `branch`, or `owner:branch` from a fork.
            let label = text(head, "label").unwrap_or_default();
            let account = text(&head["repo"]["owner"], "login");
            let account = account.or_else(|| label.split_once(':').map(|(account, _)| account.to_owned()));
            // Without one it was a branch here, or one of a fork that is gone, and then of whoever opened it.
            let accounts = match (account, text(&json["user"], "login")) {
                (Some(account), _) => vec![account],
                (None, opener) => [Some(repo.owner.clone()), opener].into_iter().flatten().collect(),
            };
            let name = label.split_once(':').map_or(label.as_str(), |(_, name)| name);
            (name == branch || text(head, "ref").as_deref() == Some(branch))
                && accounts.iter().any(|account| account.eq_ignore_ascii_case(owner))
        };
        let mut pulls = pulls.iter().filter(ours).map(pull).collect::<Result<Vec<_>>>()?;
        pulls.sort_by_key(|pull| std::cmp::Reverse(pull.number));
        Ok(pulls)
    }

    fn open(&self, repo: &RepoName, new: &NewPull) -> Result<Pull> {
        let elsewhere = new.head_repo != *repo;
        let body = json!({
            "title": if new.draft { format!("{DRAFT}{}", new.title) } else { new.title.clone() },
            "body": new.body,
            "base": new.base,
            "head": if elsewhere { format!("{}:{}", new.owner, new.branch) } else { new.branch.clone() },
        });
        pull(&self.http.send("POST", &format!("/repos/{repo}/pulls"), Some(&body), Effect::Creates)?.json)
    }

    fn edit(&self, repo: &RepoName, number: u64, change: &Change) -> Result<()> {
        let mut body = json!({});
        if let Some(title) = &change.title {
            body["title"] = json!(if change.draft { format!("{DRAFT}{title}") } else { title.clone() });
        }
        if let Some(text) = &change.body {
            body["body"] = json!(text);
        }
        if change.close {
            body["state"] = json!("closed");
        }
        self.change("PATCH", &format!("/repos/{repo}/pulls/{number}"), &body).map(|_| ())
    }

    fn comment(&self, repo: &RepoName, number: u64, text: &str) -> Result<()> {
        let path = format!("/repos/{repo}/issues/{number}/comments");
        self.http.send("POST", &path, Some(&json!({ "body": text })), Effect::Creates).map(|_| ())
    }

    fn label(&self, repo: &RepoName, number: u64, labels: &[String]) -> Result<()> {
        let known = self.http.pages(&format!("/repos/{repo}/labels?limit={PAGE}"))?;
        let known: BTreeMap<String, u64> =
            known.iter().filter_map(|label| Some((text(label, "name")?, label["id"].as_u64()?))).collect();
        let mut ids = Vec::new();
        for label in labels {
            if let Some(id) = known.get(label) {
                ids.push(*id);
                continue;
            }
            let body = json!({ "name": label, "color": "#0e8a16" });
            let made = self.http.send("POST", &format!("/repos/{repo}/labels"), Some(&body), Effect::Creates)?;
            ids.push(made.json["id"].as_u64().ok_or_else(|| odd("a label without a number"))?);
        }
        self.change("POST", &format!("/repos/{repo}/issues/{number}/labels"), &json!({ "labels": ids })).map(|_| ())
    }

    fn ask_review(&self, repo: &RepoName, number: u64, reviewers: &[String]) -> Result<()> {
        let (teams, people): (Vec<_>, Vec<_>) = reviewers.iter().partition(|name| name.contains('/'));
        let teams: Vec<&str> = teams.iter().filter_map(|team| Some(team.rsplit_once('/')?.1)).collect();
        let body = json!({ "reviewers": people, "team_reviewers": teams });
        self.change("POST", &format!("/repos/{repo}/pulls/{number}/requested_reviewers"), &body).map(|_| ())
    }

    fn fork(&self, name: &RepoName) -> Result<Repo> {
        match self.change("POST", &format!("/repos/{name}/forks"), &json!({})) {
            Ok(made) => repo(&made),
            // A second fork in one account is refused; the first is found by whose it is.
            Err(error) if error.class == Class::Exists => {
                let login = self.login()?;
                let forks = self.http.pages(&format!("/repos/{name}/forks?limit={PAGE}"))?;
                let mine = |fork: &&Value| text(&fork["owner"], "login") == login;
                repo(forks.iter().find(mine).ok_or(error)?)
            }
            Err(error) => Err(error),
        }
    }

    fn sync_fork(&self, fork: &RepoName, branch: &str) -> Result<()> {
        // Forgejo says how far behind the fork is, and refuses to bring up to date what is; Gitea has another request.
        let path = format!("/repos/{fork}/sync_fork/{}", encode(branch));
        match self.http.get(&path) {
            Ok(info) if info["commits_behind"] == 0 => return Ok(()),
            Ok(_) => return self.http.send("POST", &path, None, Effect::Sets).map(|_| ()),
            Err(error) if error.class != Class::Gone => return Err(error),
            Err(_) => {}
        }
        match self.change("POST", &format!("/repos/{fork}/merge-upstream"), &json!({ "branch": branch })) {
            // Before 1.23 there was none; git says so when it pushes to a fork that is too old.
            Err(error) if error.class != Class::Gone => Err(error),
            _ => Ok(()),
        }
    }

    fn delete_fork(&self, fork: &RepoName) -> Result<()> {
        self.http.send("DELETE", &format!("/repos/{fork}"), None, Effect::Sets).map(|_| ())
    }

    fn rest(&self) -> bool {
        self.http.rest()
    }

    fn budget(&self) -> &Budget {
        self.http.budget()
    }
}

fn repo(json: &Value) -> Result<Repo> {
    Ok(Repo {
        name: name(json).ok_or_else(|| odd("a repository without a name"))?,
        clone_url: text(json, "clone_url").unwrap_or_default(),
        default_branch: text(json, "default_branch").filter(|_| json["empty"] != true),
        archived: json["archived"] == true || json["mirror"] == true,
        fork: json["fork"] == true,
        private: json["private"] == true || json["internal"] == true,
        can_push: json["permissions"]["push"] == true,
        size: json["size"].as_u64().unwrap_or(0),
        topics: texts(json, "topics"),
        language: text(json, "language").filter(|language| !language.is_empty()),
        parent: name(&json["parent"]),
        used: any(json, &["stars_count", "open_issues_count", "open_pr_counter", "release_counter", "forks_count"]),
    })
}

fn pull(json: &Value) -> Result<Pull> {
    let state = match (json["merged"] == true, json["state"].as_str()) {
        (true, _) => State::Merged,
        (_, Some("open")) => State::Open,
        (_, Some("closed")) => State::Closed,
        _ => return Err(odd("a pull request without a state")),
    };
    let title = text(json, "title").unwrap_or_default();
    Ok(Pull {
        number: json["number"].as_u64().ok_or_else(|| odd("a pull request without a number"))?,
        url: text(json, "html_url").unwrap_or_default(),
        title: title.strip_prefix(DRAFT).map_or(title.clone(), str::to_owned),
        body: text(json, "body").unwrap_or_default(),
        state,
        base: text(&json["base"], "ref").unwrap_or_default(),
        labels: labels(json),
        head_repo: name(&json["head"]["repo"]),
    })
}

#[cfg(test)]
mod tests {
    use super::super::budget::tests::Virtual;
    use super::super::scripted::{Say, Scripted};
    use super::super::{Pace, open_once};
    use super::*;

    fn gitea(script: Vec<Say>) -> (Scripted, Gitea) {
        let server = Scripted::new(script);
        let token = Token::new("s3cret").expect("a token");
        let api = format!("{}/api/v1", server.base);
        let gitea =
            Gitea::new(&api, Some(token), Budget::new(Pace::default()), Arc::new(Virtual::default())).expect("loopback");
        (server, gitea)
    }

    fn name() -> RepoName {
        "o/r".parse().expect("a name")
    }

    #[test]
    fn a_draft_is_a_word_in_the_title() {
        let answer = r#"{"number": 3, "state": "open", "merged": false, "title": "WIP: Fix it", "html_url": "u", "body": "b",
            "base": {"ref": "main"}, "head": {"ref": "mlfix/c", "label": "mlfix/c"}, "labels": [{"name": "x"}]}"#;
        let (server, gitea) = gitea(vec![Say::json(201, answer), Say::json(201, "{}")]);
        let new = NewPull {
            owner: "o".into(),
            head_repo: name(),
            branch: "mlfix/c".into(),
            base: "main".into(),
            title: "Fix it".into(),
            body: "b".into(),
            draft: true,
        };
        let pull = open_once(&gitea, &name(), &new).expect("opened");
        assert_eq!((pull.number, pull.title.as_str(), pull.labels), (3, "Fix it", vec!["x".to_owned()]));
        let change = Change { title: Some("Fix that".into()), draft: true, close: true, ..Change::default() };
        gitea.edit(&name(), 3, &change).expect("changed");
        let asked = server.asked();
        assert_eq!(asked[0].line, "POST /api/v1/repos/o/r/pulls");
        assert_eq!(asked[0].authorization.as_deref(), Some("token s3cret"));
        assert_eq!(asked[0].body, r#"{"title":"WIP: Fix it","body":"b","base":"main","head":"mlfix/c"}"#);
        assert_eq!(asked[1].body, r#"{"title":"WIP: Fix that","state":"closed"}"#);
    }

    #[test]
    fn the_branch_is_looked_for_here() {
        let list = r#"[
            {"number": 1, "state": "closed", "merged": true, "head": {"ref": "mlfix/c", "label": "mlfix/c", "repo": {"owner": {"login": "o"}}}},
            {"number": 2, "state": "open", "head": {"ref": "mlfix/c", "label": "mlfix/c", "repo": {"owner": {"login": "thief"}}}},
            {"number": 3, "state": "open", "head": {"ref": "other", "label": "other", "repo": {"owner": {"login": "o"}}}},
            {"number": 4, "state": "closed", "head": {"ref": "refs/pull/4/head", "label": "mlfix/c", "repo": null}},
            {"number": 5, "state": "closed", "user": {"login": "bot"}, "head": {"ref": "refs/pull/5/head", "label": "mlfix/c", "repo": null}}
        ]"#;
        let (_, gitea) = gitea(vec![Say::json(200, list), Say::json(200, list)]);
        let pulls = gitea.pulls(&name(), "O", "mlfix/c").expect("a list");
        let known: Vec<_> = pulls.iter().map(|pull| (pull.number, pull.state)).collect();
        assert_eq!(known, [(5, State::Closed), (4, State::Closed), (1, State::Merged)]);
        let from_fork: Vec<_> =
            gitea.pulls(&name(), "bot", "mlfix/c").expect("a list").iter().map(|pull| pull.number).collect();
        assert_eq!(from_fork, [5], "the fork is gone, and it was declined all the same");
    }

    #[test]
    fn labels_have_numbers() {
        let (server, gitea) =
            gitea(vec![Say::json(200, r#"[{"id": 7, "name": "a"}]"#), Say::json(201, r#"{"id": 8}"#), Say::json(200, "[]")]);
        gitea.label(&name(), 3, &["a".into(), "b".into()]).expect("labelled");
        assert_eq!(server.asked()[2].body, r#"{"labels":[7,8]}"#);
    }
}
