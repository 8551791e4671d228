//! One pull request for a repository, or several: by transform, by folder, or by who owns the files.

use std::collections::BTreeMap;

use clap::ValueEnum;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::record::{RepoPath, Step};

/// How to divide what is to be changed in one repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Split {
    /// One pull request for everything
    #[default]
    None,
    /// One for each transform; those that change the same file stay together
    Transform,
    /// One for each folder at the top
    Folder,
    /// One for each group of owners in CODEOWNERS
    Owner,
}

/// What one pull request changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The last part of the branch's name; none when nothing is divided.
    pub name: Option<String>,
    /// Its commits.
    pub steps: Vec<Step>,
}

/// Divides the steps. The parts are sorted by name, and no two of them change the same file.
pub fn parts(steps: &[Step], split: Split, owners: &Owners) -> Vec<Part> {
    let name: Box<dyn Fn(&RepoPath) -> String> = match split {
        Split::None if steps.is_empty() => return Vec::new(),
        Split::None => return vec![Part { name: None, steps: steps.to_vec() }],
        Split::Transform => {
            let groups = groups(steps);
            Box::new(move |path| groups.get(path).cloned().unwrap_or_default())
        }
        Split::Folder => Box::new(|path| {
            let text = String::from_utf8_lossy(&path.0);
            text.split_once('/').map_or("root", |(folder, _)| folder).to_owned()
        }),
        Split::Owner => Box::new(|path| match owners.of(path) {
            [] => "unowned".to_owned(),
            owners => owners.join("-"),
        }),
    };
    let mut parts: BTreeMap<String, Vec<Step>> = BTreeMap::new();
    for step in steps {
        let mut divided: BTreeMap<String, Step> = BTreeMap::new();
        for edit in &step.edits {
            let part = divided.entry(slug(&name(&edit.path)));
            part.or_insert_with(|| Step { edits: Vec::new(), ..step.clone() }).edits.push(edit.clone());
        }
        let alone = divided.len() == 1;
        for (name, mut part) in divided {
            if !alone {
                // How many fixes are in which file is not known here; one for each file there is.
                (part.safe, part.risky) = if step.risky == 0 { (part.edits.len(), 0) } else { (0, part.edits.len()) };
            }
            parts.entry(name).or_default().push(part);
        }
    }
    parts.into_iter().map(|(name, steps)| Part { name: Some(name), steps }).collect()
}

/// For each file the ids of all transforms that must go with it, because they change the same files.
fn groups(steps: &[Step]) -> BTreeMap<RepoPath, String> {
    let mut group: Vec<usize> = (0..steps.len()).collect();
    let mut first: BTreeMap<&RepoPath, usize> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        for edit in &step.edits {
            let (old, new) = (group[index], group[*first.entry(&edit.path).or_insert(index)]);
            group.iter_mut().filter(|group| **group == old).for_each(|group| *group = new);
        }
    }
    let name = |of: usize| {
        let members = steps.iter().zip(&group).filter(|(_, group)| **group == of);
        members.map(|(step, _)| step.transform.as_str()).collect::<Vec<_>>().join("-")
    };
    first.into_iter().map(|(path, index)| (path.clone(), name(group[index]))).collect()
}

/// A text as one part of a branch's name (git-check-ref-format(1)).
fn slug(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
    let clean = clean.trim_matches('-');
    if clean.is_empty() { "part".to_owned() } else { clean.chars().take(80).collect() }
}

/// What CODEOWNERS says; see "About code owners" in GitHub's documentation. The last line that fits decides.
#[derive(Debug, Default)]
pub struct Owners {
    lines: Vec<(Gitignore, Vec<String>)>,
}

impl Owners {
    /// Where forges look for the file; the first that is there counts.
    pub const PLACES: [&'static str; 5] =
        [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS", ".gitea/CODEOWNERS"];

    /// Lines that cannot be understood are left out.
    pub fn parse(text: &str) -> Self {
        let mut lines = Vec::new();
        for line in text.lines().take(10_000) {
            let line = line.split(" #").next().unwrap_or_default().trim();
            let mut words = line.split_whitespace();
            let Some(pattern) = words.next().filter(|word| !word.starts_with(['#', '[', '!'])) else { continue };
            let mut builder = GitignoreBuilder::new("");
            if builder.add_line(None, pattern).is_err() {
                continue;
            }
            if let Ok(matcher) = builder.build() {
                lines.push((matcher, words.map(str::to_owned).collect()));
            }
        }
        Self { lines }
    }

    /// The owners of a file: `@user`, `@org/team` or an address. None where nobody is named.
    pub fn of(&self, path: &RepoPath) -> &[String] {
        let path = String::from_utf8_lossy(&path.0);
        let fits = |matcher: &Gitignore| matcher.matched_path_or_any_parents(path.as_ref(), false).is_ignore();
        self.lines.iter().rev().find(|(matcher, _)| fits(matcher)).map_or(&[], |(_, owners)| owners)
    }

    /// Those who own most of the changed files, as a forge names them: at most `most`.
    pub fn reviewers(&self, steps: &[Step], most: usize) -> Vec<String> {
        let mut files: BTreeMap<&str, usize> = BTreeMap::new();
        for edit in steps.iter().flat_map(|step| &step.edits) {
            for owner in self.of(&edit.path).iter().filter_map(|owner| owner.strip_prefix('@')) {
                *files.entry(owner).or_default() += 1;
            }
        }
        let mut names: Vec<(&str, usize)> = files.into_iter().collect();
        names.sort_by_key(|(_, files)| std::cmp::Reverse(*files));
        names.into_iter().take(most).map(|(name, _)| name.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Edit;
    use super::*;

    fn step(transform: &str, paths: &[&str]) -> Step {
        let edit = |path: &&str| Edit {
            path: RepoPath(path.as_bytes().to_vec()),
            mode: "100644".into(),
            blob_before: String::new(),
            blob_after: String::new(),
            content: Vec::new(),
            diff: Vec::new(),
        };
        Step { transform: transform.into(), safe: paths.len(), risky: 0, edits: paths.iter().map(edit).collect() }
    }

    fn shown(steps: &[Step], split: Split, owners: &str) -> Vec<String> {
        let one = |step: &Step| {
            let paths: Vec<_> = step.edits.iter().map(|edit| String::from_utf8_lossy(&edit.path.0)).collect();
            format!("{} {}", step.transform, paths.join(" "))
        };
        let parts = parts(steps, split, &Owners::parse(owners));
        let part = |part: Part| {
            format!("{}: {}", part.name.unwrap_or_default(), part.steps.iter().map(one).collect::<Vec<_>>().join(", "))
        };
        parts.into_iter().map(part).collect()
    }

    #[test]
    fn parts_never_share_a_file() {
        let steps = [step("a", &["x.py", "m/y.py"]), step("b", &["m/y.py"]), step("c", &["n/z.py"])];
        assert_eq!(shown(&steps, Split::None, ""), [": a x.py m/y.py, b m/y.py, c n/z.py"]);
        assert_eq!(shown(&steps, Split::Transform, ""), ["a-b: a x.py m/y.py, b m/y.py", "c: c n/z.py"]);
        assert_eq!(shown(&steps, Split::Folder, ""), ["m: a m/y.py, b m/y.py", "n: c n/z.py", "root: a x.py"]);
        let owners = "* @all\n/m/ @org/team  # why\n*.txt @text\n";
        assert_eq!(shown(&steps, Split::Owner, owners), ["all: a x.py, c n/z.py", "org-team: a m/y.py, b m/y.py"]);
        assert_eq!(shown(&[], Split::None, ""), [] as [&str; 0]);
    }

    #[test]
    fn the_last_line_that_fits_names_the_owners() {
        let owners = Owners::parse("# who\n*.py @py\n/src/ @src me@x.org\nsrc/free.py\n[Section]\nbad[ @x\n**/deep/** @deep\n");
        let of = |path: &str| owners.of(&RepoPath(path.as_bytes().to_vec())).join(" ");
        assert_eq!(of("a.py"), "@py");
        assert_eq!(of("src/b.py"), "@src me@x.org");
        assert_eq!(of("src/free.py"), "");
        assert_eq!(of("x/deep/y/z.py"), "@deep");
        let steps = [step("a", &["a.py", "b.py", "src/b.py"])];
        assert_eq!(owners.reviewers(&steps, 5), ["py", "src"]);
        assert_eq!(owners.reviewers(&steps, 1), ["py"]);
    }

    #[test]
    fn any_folder_gives_a_branch() {
        assert_eq!(slug("@org/team"), "org-team");
        assert_eq!(slug("..lock"), "lock");
        assert_eq!(slug("日本"), "part");
    }
}
