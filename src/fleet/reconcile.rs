//! What to do about one branch, from what is wanted and what is there. A table without any I/O.

use crate::forge::{Pull, State as Open};

use super::body::State;

/// All that the decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The hash of what is to be changed (see [`change`](super::body::change)); none when there is nothing.
    pub wanted: Option<&'a str>,
    /// The branch as it is on the remote.
    pub branch: Branch<'a>,
    /// All pull requests that ever came from this branch, the newest first.
    pub pulls: &'a [Pull],
    /// Whether what people closed may be opened again.
    pub reopen: bool,
}

/// A branch on the remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch<'a> {
    /// There is none.
    Absent,
    /// Its tip was made by mlfix.
    Ours(&'a str),
    /// Its tip was made by somebody else.
    Foreign(&'a str),
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Push the branch and open a pull request.
    New,
    /// Nothing: it is open, and says what is wanted.
    Unchanged(u64),
    /// Push the branch again, and bring the text up to date.
    Update(u64),
    /// Nothing is left to change: close it with a comment, and delete the branch.
    Superseded(u64),
    /// Nothing: people closed it.
    Declined(u64),
    /// Nothing: people work on the branch, or on the pull request, or asked for silence.
    HandsOff(u64, &'static str),
    /// Nothing: it is in.
    Merged(u64),
    /// Nothing: somebody else has a branch of that name.
    Conflict(&'static str),
    /// No pull request and nothing to change, but a branch of ours: delete it.
    Leftover,
    /// Nothing is wanted, and nothing is there.
    Nothing,
}

/// A label that stops mlfix.
pub const STOP_LABELS: [&str; 2] = ["mlfix:ignore", "mlfix:stop-updating"];

/// The table.
pub fn decide(seen: &Seen<'_>) -> Deed {
    let open = seen.pulls.iter().find(|pull| pull.state == Open::Open);
    if let Some(pull) = open {
        let number = pull.number;
        if pull.labels.iter().any(|label| STOP_LABELS.contains(&label.as_str())) {
            return Deed::HandsOff(number, "it is labelled so that mlfix leaves it alone");
        }
        let Some(state) = State::of(&pull.body) else {
            return Deed::HandsOff(number, "its text is not from mlfix");
        };
        return match (seen.branch, seen.wanted) {
            (Branch::Foreign(_), _) => Deed::HandsOff(number, "somebody else has committed to the branch"),
            (_, None) => Deed::Superseded(number),
            (Branch::Ours(_), Some(wanted)) if state.change == wanted => Deed::Unchanged(number),
            // Without its branch, a forge closes a pull request; this one will be whole again.
            (Branch::Ours(_) | Branch::Absent, Some(_)) => Deed::Update(number),
        };
    }
    let Some(wanted) = seen.wanted else {
        return if matches!(seen.branch, Branch::Ours(_)) { Deed::Leftover } else { Deed::Nothing };
    };
    // What mlfix closed itself was not declined by anybody.
    let by_people = |pull: &&Pull| State::of(&pull.body).is_none_or(|state| state.closed.is_none());
    let decided = seen.pulls.iter().find(|pull| pull.state == Open::Merged || by_people(pull));
    match decided {
        // Merged, and the same change is wanted: the scan is older than the merge.
        Some(pull) if pull.state == Open::Merged && State::of(&pull.body).is_some_and(|state| state.change == wanted) => {
            return Deed::Merged(pull.number);
        }
        Some(pull) if pull.state == Open::Merged => {}
        Some(pull) if !seen.reopen => return Deed::Declined(pull.number),
        _ => {}
    }
    match seen.branch {
        Branch::Foreign(_) => Deed::Conflict("there is a branch of that name with commits of somebody else"),
        Branch::Absent | Branch::Ours(_) => Deed::New,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(number: u64, state: Open, change: Option<&str>, closed: Option<&str>) -> Pull {
        let text = change.map(|change| State {
            campaign: "c".into(),
            head: "h".into(),
            base: "b".into(),
            change: change.into(),
            text: String::new(),
            closed: closed.map(str::to_owned),
        });
        Pull {
            number,
            url: String::new(),
            title: String::new(),
            body: text.map_or_else(|| "by hand".into(), |state| state.sign("text")),
            state,
            base: "main".into(),
            labels: Vec::new(),
            head_repo: None,
        }
    }

    #[test]
    fn row_by_row() {
        const NONE: Branch<'_> = Branch::Absent;
        const OURS: Branch<'_> = Branch::Ours("h");
        const THEIRS: Branch<'_> = Branch::Foreign("x");
        let open = || pull(7, Open::Open, Some("a"), None);
        let manual = pull(7, Open::Open, None, None);
        let closed = || pull(5, Open::Closed, Some("a"), None);
        let ended = || pull(6, Open::Closed, Some("a"), Some("superseded"));
        let merged = || pull(4, Open::Merged, Some("a"), None);
        let ignored = Pull { labels: vec!["bug".into(), "mlfix:ignore".into()], ..open() };
        let foreign = Deed::HandsOff(7, "somebody else has committed to the branch");
        let (same, other, none) = (Some("a"), Some("z"), None);
        for (line, (wanted, branch, pulls, reopen, deed)) in [
            // Nothing there yet.
            (same, NONE, vec![], false, Deed::New),
            (same, OURS, vec![], false, Deed::New),
            (same, THEIRS, vec![], false, Deed::Conflict("there is a branch of that name with commits of somebody else")),
            (none, NONE, vec![], false, Deed::Nothing),
            (none, OURS, vec![], false, Deed::Leftover),
            (none, THEIRS, vec![], false, Deed::Nothing),
            // One is open.
            (same, OURS, vec![open()], false, Deed::Unchanged(7)),
            (other, OURS, vec![open()], false, Deed::Update(7)),
            (same, NONE, vec![open()], false, Deed::Update(7)),
            (none, OURS, vec![open()], false, Deed::Superseded(7)),
            (none, NONE, vec![open()], false, Deed::Superseded(7)),
            (same, THEIRS, vec![open()], false, foreign),
            (none, THEIRS, vec![open()], true, foreign),
            (other, OURS, vec![manual.clone()], false, Deed::HandsOff(7, "its text is not from mlfix")),
            (none, OURS, vec![ignored], false, Deed::HandsOff(7, "it is labelled so that mlfix leaves it alone")),
            // What was closed before does not matter while one is open.
            (same, OURS, vec![open(), closed(), merged()], false, Deed::Unchanged(7)),
            // People closed it.
            (same, NONE, vec![closed()], false, Deed::Declined(5)),
            (other, OURS, vec![closed()], false, Deed::Declined(5)),
            (same, NONE, vec![closed()], true, Deed::New),
            (same, NONE, vec![ended(), closed()], false, Deed::Declined(5)),
            (none, NONE, vec![closed()], false, Deed::Nothing),
            (same, NONE, vec![pull(3, Open::Closed, None, None)], false, Deed::Declined(3)),
            // We closed it.
            (same, NONE, vec![ended()], false, Deed::New),
            // It is in.
            (same, NONE, vec![merged()], false, Deed::Merged(4)),
            (same, OURS, vec![merged()], false, Deed::Merged(4)),
            (other, NONE, vec![merged()], false, Deed::New),
            (
                other,
                THEIRS,
                vec![merged()],
                false,
                Deed::Conflict("there is a branch of that name with commits of somebody else"),
            ),
            (none, OURS, vec![merged()], false, Deed::Leftover),
            (other, NONE, vec![merged(), pull(2, Open::Closed, Some("a"), None)], false, Deed::New),
            (other, NONE, vec![closed(), merged()], false, Deed::Declined(5)),
        ]
        .into_iter()
        .enumerate()
        {
            let seen = Seen { wanted, branch, pulls: &pulls, reopen };
            assert_eq!(decide(&seen), deed, "row {line}: {seen:?}");
        }
    }
}
