"""Finds anti-patterns in Python machine-learning code and fixes them: in one text, a table of texts, or a repository.

    >>> import mlfix
    >>> result = mlfix.fix_source(b"def add(x, acc=[]):\\n    acc.append(x)\\n    return acc\\n", "add.py")
    >>> result.status
    'changed'

Options have the names of the command line, and mean the same: ``select``, ``ignore`` and ``exclude`` are texts, joined by
commas or in a list. The program itself comes with this package, as ``mlfix`` and as ``python -m mlfix``.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple, Union

from mlfix import _mlfix
from mlfix.batch import fix_batch

__all__ = ["Result", "__version__", "fix_batch", "fix_source", "scan_repo"]
__version__: str = _mlfix.VERSION

Names = Union[str, Iterable[str]]
"""Texts: in a list, or in one text and joined by commas."""


class Result(NamedTuple):
    """What became of one text."""

    status: str
    """``clean``: nothing found. ``findings``: found, and not changed. ``changed``: fixed. ``skipped``: it cannot be worked
    on, such as text that is not Python. ``failed``: a mistake of mlfix, and the text is as it was."""
    because: Optional[str]
    """Why it was skipped or failed; also why nothing was changed although something was found."""
    findings: List[Dict[str, Any]]
    """What was found, as ``mlfix --output-format json`` says it."""
    source: bytes
    """The text afterwards. It is what came in unless ``status`` is ``changed``."""


def fix_source(
    source: bytes,
    path: Union[str, "os.PathLike[str]"] = "-.py",
    *,
    select: Names = (),
    ignore: Names = (),
    exclude: Names = (),
    unsafe_fixes: bool = False,
    target_version: Optional[str] = None,
    config: Union[str, "os.PathLike[str]", None] = None,
) -> Result:
    """Fixes one text.

    Nothing is read or written but the file ``config``. ``path`` is where the text would be: its ending tells a stub, and
    patterns of ``exclude`` and ``config`` match it. Other threads of Python run meanwhile.

    Raises ``TypeError`` if ``source`` is not bytes, and ``ValueError`` for an option that cannot be; whatever is wrong
    with the text itself is a status.
    """
    if not isinstance(source, (bytes, bytearray)):
        raise TypeError(f"source: bytes are needed, not {type(source).__name__}")
    fixer = _fixer(select, ignore, exclude, unsafe_fixes, target_version, config)
    [(status, because, findings, text)] = fixer.fix([source], [os.fspath(path)], True, False)
    return Result(status, because, json.loads(findings or "[]"), bytes(source) if text is None else text)


def scan_repo(
    url: str,
    *,
    branch: Optional[str] = None,
    select: Names = (),
    ignore: Names = (),
    exclude: Names = (),
    unsafe_fixes: bool = False,
    target_version: Optional[str] = None,
    config: Union[str, "os.PathLike[str]", None] = None,
    timeout: int = 300,
    max_size: int = 2048,
    mirror: Union[str, "os.PathLike[str]", None] = None,
    allow_http: bool = False,
) -> Dict[str, Any]:
    """Clones a repository and says what there is to change in it: the record that ``mlfix fleet scan`` writes.

    ``url`` is a URL, ``owner/name``, ``host/owner/name``, or a folder that starts with ``/`` or ``./``. Nothing is pushed, no
    token is needed or given to git, and nothing of the repository is run. ``timeout`` is in seconds, ``max_size`` in MiB;
    ``mirror`` is a folder that ``mlfix fleet mirror`` filled.

    A repository that cannot be cloned or understood is a record with the status ``failed``. Raises ``ValueError`` for an
    address or option that cannot be, and ``RuntimeError`` without git.
    """
    campaign = _campaign(select, ignore, exclude, unsafe_fixes, target_version, config)
    line, _, _ = _scanner(campaign, timeout, max_size, _path(mirror), allow_http).scan(url, branch)
    record: Dict[str, Any] = json.loads(line)
    return record


def _names(names: Names) -> Tuple[str, ...]:
    given = names.split(",") if isinstance(names, str) else names
    return tuple(name.strip() for name in given if name.strip())


def _globs(globs: Names) -> Tuple[str, ...]:
    # They are split on the other side, which knows of commas in braces.
    return (globs,) if isinstance(globs, str) else tuple(globs)


def _path(path: Union[str, "os.PathLike[str]", None]) -> Optional[str]:
    return None if path is None else os.fspath(path)


def _fixer(
    select: Names,
    ignore: Names,
    exclude: Names,
    unsafe_fixes: bool,
    target_version: Optional[str],
    config: Union[str, "os.PathLike[str]", None],
) -> _mlfix.Fixer:
    path, stamp = _path(config), None
    if path is not None:
        state = os.stat(path)
        stamp = (state.st_mtime_ns, state.st_size)
    return _fixer_of(_names(select), _names(ignore), _globs(exclude), unsafe_fixes, target_version, path, stamp)


@lru_cache(maxsize=32)
def _fixer_of(
    select: Tuple[str, ...],
    ignore: Tuple[str, ...],
    exclude: Tuple[str, ...],
    unsafe_fixes: bool,
    target_version: Optional[str],
    config: Optional[str],
    _stamp: Optional[Tuple[int, int]],
) -> _mlfix.Fixer:
    # It keeps compiled queries. The stamp is there so that another text of the configuration is another fixer.
    return _mlfix.Fixer(select, ignore, exclude, unsafe_fixes, target_version, config)


def _campaign(
    select: Names,
    ignore: Names,
    exclude: Names,
    unsafe_fixes: bool,
    target_version: Optional[str],
    config: Union[str, "os.PathLike[str]", None],
) -> str:
    return _mlfix.campaign(_names(select), _names(ignore), _globs(exclude), unsafe_fixes, target_version, _path(config))


@lru_cache(maxsize=8)
def _scanner(campaign: str, timeout: int, max_size: int, mirror: Optional[str], allow_http: bool) -> _mlfix.Scanner:
    return _mlfix.Scanner(campaign, timeout, max_size, mirror, allow_http)
