//! The oldest Python that a project says it runs on.

use crate::engine::version::PythonVersion;

/// The oldest Python 3 that a requirement lets in: `>=3.9,<4`, `~=3.10`, `==3.11.*`, or poetry's `^3.9`, `~3.9`,
/// `3.9 || 3.11`. `None` when it sets no lower limit or cannot be read.
///
/// The syntax is that of <https://packaging.python.org/en/latest/specifications/version-specifiers/> and
/// <https://python-poetry.org/docs/dependency-specification/>.
pub(super) fn oldest(requirement: &str) -> Option<PythonVersion> {
    let alternatives = requirement.split('|').filter(|alternative| !alternative.trim().is_empty());
    // Each alternative must have a limit, or the whole has none.
    alternatives.map(lower_limit).collect::<Option<Vec<_>>>()?.into_iter().min()
}

fn lower_limit(clauses: &str) -> Option<PythonVersion> {
    clauses.split(',').filter_map(|clause| clause_limit(clause.trim())).max()
}

fn clause_limit(clause: &str) -> Option<PythonVersion> {
    let digits = clause.find(|c: char| c.is_ascii_digit())?;
    let (operator, version) = clause.split_at(digits);
    if !matches!(operator.trim(), "" | ">=" | ">" | "~=" | "==" | "===" | "^" | "~" | "=") {
        return None;
    }
    let mut parts = version.trim().split('.');
    match parts.next()?.parse::<u32>().ok()? {
        // Python 2 is let in too; the oldest Python 3 is what the code must run on.
        0..=2 => Some(PythonVersion { minor: 0 }),
        3 => match parts.next() {
            None | Some("*") => Some(PythonVersion { minor: 0 }),
            Some(minor) => {
                let digits: String = minor.chars().take_while(char::is_ascii_digit).collect();
                Some(PythonVersion { minor: digits.parse().ok().filter(|&minor| minor < 100)? })
            }
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_version_is_found() {
        for (requirement, expected) in [
            (">=3.9", Some(9)),
            (">= 3.9 , < 4", Some(9)),
            ("<4,>=3.8.1", Some(8)),
            ("~=3.10", Some(10)),
            ("==3.11.*", Some(11)),
            (">3.8", Some(8)),
            ("^3.9", Some(9)),
            ("~3.12", Some(12)),
            ("3.9 || 3.11", Some(9)),
            (">=3.8,!=3.9.*,>=3.10", Some(10)),
            (">=3", Some(0)),
            (">=2.7,!=3.0.*", Some(0)),
            (">=3.13rc1", Some(13)),
            ("<4", None),
            ("!=3.9", None),
            ("*", None),
            ("", None),
            ("nonsense", None),
        ] {
            assert_eq!(oldest(requirement).map(|version| version.minor), expected, "{requirement}");
        }
    }
}
