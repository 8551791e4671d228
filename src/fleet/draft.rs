//! The commits and the text of a pull request, made where nobody sees them yet.

use super::body::{Text, commit_message};
use super::record::{Edit, Step};
use super::wish::Wish;
use crate::git::{self, Commit, Failure, Put, Repository};

/// What would be pushed and opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The branch with the commits.
    pub branch: String,
    /// The branch that they are for.
    pub base: String,
    /// Name and message of each commit.
    pub commits: Vec<(String, String)>,
    /// What the pull request says.
    pub text: Text,
}

/// The branch of a campaign, or of a part of it.
pub fn branch(campaign: &str, part: Option<&str>) -> String {
    match part {
        None => format!("mlfix/{campaign}"),
        Some(part) => format!("mlfix/{campaign}/{part}"),
    }
}

/// What the pull request says.
pub(super) fn text(steps: &[Step], wish: &Wish, version: &str) -> Text {
    let text = Text::new(steps, &wish.campaign, version);
    Text { title: wish.title.clone().unwrap_or(text.title), ..text }
}

/// Makes the commits in `clone`, where nobody sees them, and the text. `base` is the name of the branch and its commit.
///
/// # Errors
/// Those of [`commits`].
pub fn draft(
    clone: &Repository,
    (base, commit): (&str, &str),
    branch: String,
    steps: &[Step],
    wish: &Wish,
    version: &str,
) -> Result<Draft, Failure> {
    let names = commits(clone, commit, steps, &wish.author, version)?;
    let commits = names.into_iter().zip(steps.iter().map(|step| commit_message(step, version))).collect();
    Ok(Draft { branch, base: base.to_owned(), commits, text: text(steps, wish, version) })
}

/// Makes one commit for each step, upon `base`, and returns their names.
///
/// # Errors
/// When git refuses, and when a record is damaged: a content that does not have the name that it should have.
pub fn commits(clone: &Repository, base: &str, steps: &[Step], author: &str, version: &str) -> Result<Vec<String>, Failure> {
    let contents: Vec<&[u8]> = steps.iter().flat_map(|step| &step.edits).map(|edit| edit.content.as_slice()).collect();
    let names = clone.names(&contents)?;
    let expected = steps.iter().flat_map(|step| &step.edits).map(|edit| edit.blob_after.as_str());
    if !names.iter().map(String::as_str).eq(expected) {
        return Err(Failure::new(git::Kind::Other, "the record is damaged: a content does not have its name"));
    }
    let messages: Vec<String> = steps.iter().map(|step| commit_message(step, version)).collect();
    let commits: Vec<Commit<'_>> = steps
        .iter()
        .zip(&messages)
        .map(|(step, message)| Commit { message, puts: step.edits.iter().map(put).collect() })
        .collect();
    clone.commit(base, author, &commits)
}

fn put(edit: &Edit) -> Put<'_> {
    Put { path: &edit.path.0, mode: edit.mode(), content: &edit.content }
}
