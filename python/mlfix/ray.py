"""``mlfix`` on a Ray cluster: repositories as tasks, and tables of texts by Ray Data.

    from mlfix.ray import scan_repos
    scan_repos("repos.txt", "run", clones=20)          # then: mlfix fleet merge run --expect repos.txt

    import ray, mlfix
    ray.data.read_parquet("code/").map_batches(mlfix.fix_batch, batch_format="pyarrow").write_parquet("fixed/")

Every machine of the cluster needs this package, in the same version, and for repositories git.
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import islice
from typing import Any, Dict, Iterable, Optional, Tuple, Union

import ray

from mlfix import Names, _campaign, _mlfix, _path, _scanner
from mlfix.batch import fix_batch

__all__ = ["fix_batch", "scan_repos"]

Path = Union[str, "os.PathLike[str]"]
DIED = (
    ray.exceptions.NodeDiedError,
    ray.exceptions.ObjectLostError,
    ray.exceptions.OutOfMemoryError,
    ray.exceptions.WorkerCrashedError,
)


def scan_repos(
    repos: Union[Path, Iterable[str]],
    out: Path,
    *,
    clones: int = 20,
    resource: Optional[str] = None,
    retries: int = 3,
    num_cpus: float = 1,
    select: Names = (),
    ignore: Names = (),
    exclude: Names = (),
    unsafe_fixes: bool = False,
    target_version: Optional[str] = None,
    config: Optional[Path] = None,
    timeout: int = 300,
    max_size: int = 2048,
    mirror: Optional[Path] = None,
    allow_http: bool = False,
) -> Dict[str, int]:
    """Scans repositories on the cluster and writes the folder ``out``, as ``mlfix fleet scan`` does: ``mlfix fleet merge``,
    ``progress``, ``show`` and ``publish`` read it, and what has a record there is not done again. Returns how many
    repositories came to what: ``{"changes": 3, "clean": 5}``.

    ``repos`` is a list file, or addresses. Each repository is a task; one that dies with its machine is begun again
    elsewhere, ``retries`` times, and then has a record that says so, which ``mlfix fleet retry`` does again. Only this
    process writes. The tasks see none of the variables that may hold a token (``mlfix.ray.SECRETS``).

    At most ``clones`` repositories are in work at a time, on the whole cluster. Where several programs share a cluster, let
    the machines that may clone offer a resource (``ray start --resources='{"git_clone": 5}'``) and name it with
    ``resource``: each task takes one. A resource belongs to its machine, so the limit of the cluster is the sum.

    The other options are those of ``mlfix.scan_repo``. Raises ``ValueError`` for an address or an option that cannot be,
    and ``RuntimeError`` when ``out`` belongs to another campaign or is in use.
    """
    if resource is not None and resource not in ray.cluster_resources():
        offered = f"ray start --resources='{{\"{resource}\": 5}}'"
        raise ValueError(f"no machine of this cluster offers the resource `{resource}`: start some with {offered}")
    is_file = isinstance(repos, (str, os.PathLike))
    files, named = ([os.fspath(repos)], []) if is_file else ([], list(repos))  # type: ignore[arg-type]
    campaign = _campaign(select, ignore, exclude, unsafe_fixes, target_version, config)
    run = _mlfix.Run(os.fspath(out), campaign, files, named, allow_http)
    task = ray.remote(_scan).options(
        num_cpus=num_cpus,
        max_retries=retries,
        resources={resource: 1} if resource else None,
        runtime_env={"env_vars": dict.fromkeys(SECRETS, "")},
        scheduling_strategy="SPREAD",
    )
    means = (campaign, timeout, max_size, _path(mirror), allow_http)
    waiting = iter(run.waiting())
    flying: Dict[Any, Tuple[str, Optional[str]]] = {}
    sum: Counter[str] = Counter()
    try:
        while True:
            for repo in islice(waiting, max(1, clones) - len(flying)):
                flying[task.remote(repo, means)] = repo
            if not flying:
                run.finish()
                return dict(sum)
            [done], _ = ray.wait(list(flying))
            repo = flying.pop(done)
            try:
                line, cloning, all = ray.get(done)
            except DIED as error:
                run.lost(*repo, f"its task died again and again: {type(error).__name__}")
                sum["failed"] += 1
            else:
                sum[run.put(line, cloning, all)] += 1
    finally:
        run.close()
        for left in flying:
            ray.cancel(left, force=True)


SECRETS = tuple(_mlfix.SECRETS)
"""Variables of the environment that may hold a token with which one can write."""


def _scan(repo: Tuple[str, Optional[str]], means: Tuple[str, int, int, Optional[str], bool]) -> Tuple[bytes, float, float]:
    return _scanner(*means).scan(*repo)
