"""What was asked for: the project's address, the version, the parameters and the options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Request:
    """One request to run a step; nothing in it has been looked at beyond its syntax.

    Attributes:
        uri: path or URL as given, without `#subdirectory`. It may hold credentials: only
            `source.model.public_url(uri)` may be shown or recorded.
        subdirectory: POSIX path of the project inside the source, "" for its root.
        entry_point: name of the entry point, or None for `main`.
        version: branch, tag, commit or an expression such as `main~2`; None for the default.
        parameters: name → the text exactly as given.
        caller: the absolute directory that relative paths given as values start from.
        env_manager: `local`, `venv`, … as given after aliases are resolved; None: the manifest's.
        timeout: seconds of wall time the step may take, None for no limit of the request's.
        pass_env: names of variables passed on although `clean_env` is set.
        as_of: `commit` or an ISO 8601 date: resolve with the packages of that time.
        tags: name → value, kept in the record.
    """

    uri: str
    caller: Path
    subdirectory: str = ""
    entry_point: str | None = None
    version: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    env_manager: str | None = None
    experiment: str | None = None
    experiment_id: str | None = None
    run_name: str | None = None
    run_id: str | None = None
    storage_dir: Path | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    as_of: str | None = None
    pass_env: tuple[str, ...] = ()
    clean_env: bool = False
    in_place: bool = False
    keep: bool = False
    relock: bool = False
    exact: bool = False
