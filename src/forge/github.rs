//! GitHub and GitHub Enterprise Server over their REST interface.
//!
//! Source: docs.github.com, version 2022-11-28. Drafts that become ready and automatic merging exist in GraphQL only and
//! are not offered.

use std::sync::Arc;

use serde_json::{Value, json};

use super::http::{Effect, Http, encode};
use super::json::{any, labels, name, odd, text, texts};
use super::{Budget, Change, Class, Clock, Forge, Listed, NewPull, Pull, Query, Repo, RepoName, Result, State, Token};

/// See [`Forge`].
pub struct GitHub {
    http: Http,
}

impl GitHub {
    /// `api` is `https://api.github.com`, or `https://HOST/api/v3`.
    ///
    /// # Errors
    /// Those of [`Http::new`].
    pub fn new(api: &str, token: Option<Token>, budget: Budget, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self { http: Http::new(api, "Bearer", token, budget, clock)? })
    }
}

impl GitHub {
    /// All repositories of an organisation or a user.
    fn owned(&self, owner: &str) -> Result<Vec<Value>> {
        let name = encode(owner);
        // Only an organisation has the first list; a user has the second.
        match self.http.pages(&format!("/orgs/{name}/repos?per_page=100&type=all")) {
            Err(error) if error.class == Class::Gone => {}
            repos => return repos,
        }
        // What is private is only in the list of whoever asks.
        if self.http.has_token() && self.login()?.is_some_and(|login| login.eq_ignore_ascii_case(owner)) {
            return self.http.pages("/user/repos?affiliation=owner&per_page=100");
        }
        self.http.pages(&format!("/users/{name}/repos?per_page=100"))
    }

    /// What a search for a topic shows, and what it says of the rest: it shows a thousand at most.
    fn topic(&self, topic: &str, which: &Query) -> Result<(Vec<Value>, Option<String>)> {
        let language = which.language.as_ref().map_or(String::new(), |language| format!(" language:\"{language}\""));
        let forks = if which.forks { " fork:true" } else { "" };
        let words = encode(&format!("topic:{topic}{language} archived:false{forks}"));
        let (repos, besides) = self.http.search(&format!("/search/repositories?q={words}&per_page=100"))?;
        let cut = match besides["total_count"].as_u64() {
            Some(all) if all > repos.len() as u64 => Some(format!(
                "GitHub's search shows {} of {all} repositories: name owners with --org, or a language",
                repos.len()
            )),
            _ if besides["incomplete_results"] == true => Some("GitHub's search gave up before it was through".to_owned()),
            _ => None,
        };
        Ok((repos, cut))
    }
}

impl Forge for GitHub {
    fn login(&self) -> Result<Option<String>> {
        match self.http.get("/user") {
            Ok(user) => Ok(text(&user, "login")),
            // The token that Actions makes for a job has no user.
            Err(error) if error.class == Class::Auth && error.text.contains("403") => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(&self, which: &Query) -> Result<Listed> {
        let (repos, cut) = match (&which.owner, &which.topic) {
            (Some(owner), _) => (self.owned(owner)?, None),
            (None, Some(topic)) => self.topic(topic, which)?,
            (None, None) => return Err(odd("name an owner or a topic")),
        };
        let repos: Result<Vec<Repo>> = repos.iter().map(repo).collect();
        Ok(Listed { repos: which.fitting(repos?), cut })
    }

    fn repo(&self, name: &RepoName) -> Result<Repo> {
        repo(&self.http.get(&format!("/repos/{name}"))?)
    }

    fn pulls(&self, repo: &RepoName, owner: &str, branch: &str) -> Result<Vec<Pull>> {
        let head = encode(&format!("{owner}:{branch}"));
        let pulls = self.http.pages(&format!("/repos/{repo}/pulls?head={head}&state=all&per_page=100"))?;
        // With a head that it does not understand, GitHub lists everything.
        let ours = |pull: &&Value| {
            let head = &pull["head"];
            let label = text(head, "label").unwrap_or_default();
            let account = label.split_once(':').map_or("", |(account, _)| account);
            // Of a fork that was deleted it is only certain who opened the pull request.
            let opener = text(&pull["user"], "login").filter(|_| head["repo"].is_null()).unwrap_or_default();
            let is_owner = [account, &opener].iter().any(|account| account.eq_ignore_ascii_case(owner));
            text(head, "ref").as_deref() == Some(branch) && is_owner
        };
        let mut pulls = pulls.iter().filter(ours).map(pull).collect::<Result<Vec<_>>>()?;
        pulls.sort_by_key(|pull| std::cmp::Reverse(pull.number));
        Ok(pulls)
    }

    fn open(&self, repo: &RepoName, new: &NewPull) -> Result<Pull> {
        let mut body = json!({
            "title": new.title,
            "body": new.body,
            "base": new.base,
            "head": format!("{}:{}", new.owner, new.branch),
            "draft": new.draft,
        });
        if new.head_repo != *repo {
            body["maintainer_can_modify"] = json!(true);
            // A fork in the same organisation has the same owner.
            body["head_repo"] = json!(new.head_repo.name);
        }
        pull(&self.http.send("POST", &format!("/repos/{repo}/pulls"), Some(&body), Effect::Creates)?.json)
    }

    fn edit(&self, repo: &RepoName, number: u64, change: &Change) -> Result<()> {
        let mut body = json!({});
        for (key, value) in [("title", &change.title), ("body", &change.body)] {
            if let Some(value) = value {
                body[key] = json!(value);
            }
        }
        if change.close {
            body["state"] = json!("closed");
        }
        self.http.send("PATCH", &format!("/repos/{repo}/pulls/{number}"), Some(&body), Effect::Sets).map(|_| ())
    }

    fn comment(&self, repo: &RepoName, number: u64, text: &str) -> Result<()> {
        let path = format!("/repos/{repo}/issues/{number}/comments");
        self.http.send("POST", &path, Some(&json!({ "body": text })), Effect::Creates).map(|_| ())
    }

    fn label(&self, repo: &RepoName, number: u64, labels: &[String]) -> Result<()> {
        let path = format!("/repos/{repo}/issues/{number}/labels");
        self.http.send("POST", &path, Some(&json!({ "labels": labels })), Effect::Sets).map(|_| ())
    }

    fn ask_review(&self, repo: &RepoName, number: u64, reviewers: &[String]) -> Result<()> {
        let (teams, people): (Vec<_>, Vec<_>) = reviewers.iter().partition(|name| name.contains('/'));
        let teams: Vec<&str> = teams.iter().filter_map(|team| Some(team.rsplit_once('/')?.1)).collect();
        let path = format!("/repos/{repo}/pulls/{number}/requested_reviewers");
        let body = json!({ "reviewers": people, "team_reviewers": teams });
        self.http.send("POST", &path, Some(&body), Effect::Sets).map(|_| ())
    }

    fn fork(&self, name: &RepoName) -> Result<Repo> {
        // For a repository that is forked already, GitHub answers with the fork that is there.
        let body = json!({ "default_branch_only": true });
        repo(&self.http.send("POST", &format!("/repos/{name}/forks"), Some(&body), Effect::Sets)?.json)
    }

    fn sync_fork(&self, fork: &RepoName, branch: &str) -> Result<()> {
        let path = format!("/repos/{fork}/merge-upstream");
        self.http.send("POST", &path, Some(&json!({ "branch": branch })), Effect::Sets).map(|_| ())
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
    let rights = &json["permissions"];
    Ok(Repo {
        name: name(json).ok_or_else(|| odd("a repository without a name"))?,
        clone_url: text(json, "clone_url").unwrap_or_default(),
        default_branch: text(json, "default_branch"),
        archived: json["archived"] == true || json["disabled"] == true,
        fork: json["fork"] == true,
        private: json["private"] == true,
        can_push: rights["push"] == true || rights["admin"] == true,
        size: json["size"].as_u64().unwrap_or(0),
        topics: texts(json, "topics"),
        language: text(json, "language"),
        parent: name(&json["parent"]),
        used: any(json, &["stargazers_count", "open_issues_count", "forks_count"]),
    })
}

fn pull(json: &Value) -> Result<Pull> {
    let state = match (&json["merged_at"], json["state"].as_str()) {
        (Value::String(_), _) => State::Merged,
        (_, Some("open")) => State::Open,
        (_, Some("closed")) => State::Closed,
        _ => return Err(odd("a pull request without a state")),
    };
    Ok(Pull {
        number: json["number"].as_u64().ok_or_else(|| odd("a pull request without a number"))?,
        url: text(json, "html_url").unwrap_or_default(),
        title: text(json, "title").unwrap_or_default(),
        body: text(json, "body").unwrap_or_default(),
        state,
        base: text(&json["base"], "ref").unwrap_or_default(),
        labels: labels(json),
        head_repo: name(&json["head"]["repo"]),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Pace;
    use super::super::budget::tests::Virtual;
    use super::super::scripted::{Say, Scripted};
    use super::*;

    fn github(token: Option<&str>, script: Vec<Say>) -> (Scripted, GitHub) {
        let server = Scripted::new(script);
        let token = token.map(|token| Token::new(token).expect("a token"));
        let github = GitHub::new(&server.base, token, Budget::new(Pace::default()), Arc::new(Virtual::default()));
        (server, github.expect("loopback"))
    }

    fn query(owner: Option<&str>, topic: Option<&str>, language: Option<&str>) -> Query {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Query { owner: text(owner), topic: text(topic), language: text(language), forks: false }
    }

    const GONE: &str = r#"{"message": "Not Found"}"#;

    #[test]
    fn whoever_asks_sees_what_is_private() {
        let repos = r#"[{"full_name": "ada/x", "private": true, "language": "Python", "topics": ["ml"]},
            {"full_name": "ada/y", "language": "Rust", "topics": ["ml"]}, {"full_name": "ada/z", "language": "Python"}]"#;
        let script = || vec![Say::json(404, GONE), Say::json(200, r#"{"login": "Ada"}"#), Say::json(200, repos)];
        let (server, known) = github(Some("s3cret"), script());
        let listed = known.list(&query(Some("ada"), Some("ML"), Some("python"))).expect("a list");
        let names: Vec<_> = listed.repos.iter().map(|repo| repo.name.to_string()).collect();
        assert_eq!((names, listed.cut), (vec!["ada/x".to_owned()], None));
        assert_eq!(server.lines()[2], "GET /user/repos?affiliation=owner&per_page=100");

        let (server, nobody) = github(None, vec![Say::json(404, GONE), Say::json(200, "[]")]);
        assert_eq!(nobody.list(&query(Some("ada"), None, None)), Ok(Listed::default()));
        assert_eq!(server.lines()[1], "GET /users/ada/repos?per_page=100");
        assert!(server.asked().iter().all(|asked| asked.authorization.is_none()));
    }

    #[test]
    fn a_search_says_when_it_shows_a_part_only() {
        let page = r#"{"total_count": 4312, "incomplete_results": false, "items": [{"full_name": "a/b", "language": "Jupyter Notebook", "topics": ["ml"]}]}"#;
        let (server, forge) = github(None, vec![Say::json(200, page)]);
        let listed = forge.list(&query(None, Some("ml"), Some("Jupyter Notebook"))).expect("a list");
        assert_eq!(listed.repos.len(), 1);
        assert!(listed.cut.is_some_and(|cut| cut.starts_with("GitHub's search shows 1 of 4312 repositories")));
        let line =
            "GET /search/repositories?q=topic%3Aml%20language%3A%22Jupyter%20Notebook%22%20archived%3Afalse&per_page=100";
        assert_eq!(server.lines(), [line]);
        let slow = r#"{"total_count": 0, "incomplete_results": true, "items": []}"#;
        let (_, forge) = github(None, vec![Say::json(200, slow)]);
        assert!(forge.list(&query(None, Some("ml"), None)).expect("a list").cut.is_some());
    }
}
