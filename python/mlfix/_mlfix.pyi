"""The native half of ``mlfix``. Use what ``mlfix`` itself has: this may change from one version to the next."""

from typing import Any, List, Optional, Sequence, Tuple, final

__all__ = ["Fixer", "Run", "SECRETS", "Scanner", "VERSION", "campaign"]

VERSION: str
SECRETS: List[str]

def campaign(
    select: Sequence[str],
    ignore: Sequence[str],
    exclude: Sequence[str],
    unsafe_fixes: bool,
    target_version: Optional[str],
    config: Optional[str],
) -> str: ...
@final
class Fixer:
    def __new__(
        cls,
        select: Sequence[str],
        ignore: Sequence[str],
        exclude: Sequence[str],
        unsafe_fixes: bool,
        target_version: Optional[str],
        config: Optional[str],
    ) -> Fixer: ...
    def fix(
        self, sources: Sequence[Any], paths: Optional[Sequence[Any]], named: bool, as_text: bool
    ) -> List[Tuple[str, Optional[str], Optional[str], Any]]: ...

@final
class Scanner:
    def __new__(cls, campaign: str, timeout: int, max_size: int, mirror: Optional[str], allow_http: bool) -> Scanner: ...
    def scan(self, url: str, branch: Optional[str]) -> Tuple[bytes, float, float]: ...

@final
class Run:
    def __new__(
        cls, folder: str, campaign: str, files: Sequence[str], named: Sequence[str], allow_http: bool
    ) -> Run: ...
    def waiting(self) -> List[Tuple[str, Optional[str]]]: ...
    def done(self) -> int: ...
    def put(self, line: bytes, cloning: float, all: float) -> str: ...
    def lost(self, url: str, branch: Optional[str], because: str) -> None: ...
    def finish(self) -> None: ...
    def close(self) -> None: ...
