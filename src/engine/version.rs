//! The Python version that the rewritten code must run on.

use std::fmt;
use std::str::FromStr;

use super::syntax::Tree;

/// Statements and clauses that older versions refuse, with the minor version that brought them.
const NEEDS: &[(&str, u8)] = &[
    ("type_parameter", 12),       // PEP 695
    ("type_alias_statement", 12), // PEP 695
    ("match_statement", 10),      // PEP 634
];

/// A Python 3 minor version, such as 3.10. Ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PythonVersion {
    /// The minor version: 10 for Python 3.10. Between 0 and 99.
    pub minor: u8,
}

impl PythonVersion {
    /// What is assumed when neither the user nor the project says anything: the oldest release with security fixes.
    pub const DEFAULT: Self = Self { minor: 10 };

    /// The oldest version that can run this text, as far as it matters for what a fix may write.
    pub fn needed_by(tree: &Tree) -> Self {
        // The grammar has one kind for the `[T]` of a definition and the `[int]` of `list[int]`.
        let is_needed =
            |kind: &str| tree.of_kind(kind).any(|node| !node.parent().is_some_and(|parent| parent.is("generic_type")));
        let minor = NEEDS.iter().filter(|(kind, _)| is_needed(kind)).map(|&(_, minor)| minor).max();
        Self { minor: minor.unwrap_or(0) }
    }

    /// Whether the items of a `with` may stand in parentheses (official since Python 3.10).
    pub fn has_parenthesized_with(self) -> bool {
        self.minor >= 10
    }

    /// Whether `X | None` may stand in an evaluated annotation (PEP 604, Python 3.10).
    pub fn has_union_operator(self) -> bool {
        self.minor >= 10
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "3.{}", self.minor)
    }
}

impl FromStr for PythonVersion {
    type Err = String;

    /// Accepts `3.9` and `py39`. The error says what was given and what is accepted.
    fn from_str(text: &str) -> Result<Self, String> {
        let minor = text
            .strip_prefix("3.")
            .or_else(|| text.strip_prefix("py3"))
            .filter(|digits| (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok());
        match minor {
            Some(minor) => Ok(Self { minor }),
            None => Err(format!("`{text}` is not a Python 3 version; write it as `3.9` or `py39`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscript_is_no_type_parameter() {
        let needed = |code: &str| PythonVersion::needed_by(&Tree::parse(code)).minor;
        assert_eq!(needed("def f(a: list[int]): pass\n"), 0);
        assert_eq!(needed("def f[T](a: T): pass\n"), 12);
        assert_eq!(needed("class A[T]: pass\n"), 12);
        assert_eq!(needed("type A[T] = list[T]\n"), 12);
    }

    #[test]
    fn both_spellings_are_read() {
        assert_eq!("3.9".parse(), Ok(PythonVersion { minor: 9 }));
        assert_eq!("py312".parse(), Ok(PythonVersion { minor: 12 }));
        for wrong in ["2.7", "py27", "3", "3.", "3.x", "3.100", "310", ""] {
            assert!(wrong.parse::<PythonVersion>().is_err(), "{wrong}");
        }
    }
}
