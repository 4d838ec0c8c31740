"""The index's SQL. No write-ahead log: it needs shared memory, which network homes lack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.store import summaries

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

    from runner.store.summaries import Filter, Summary

APPLICATION = 0x52505255
VERSION = 3
BUSY_S = 2.0

_SCHEMA = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, stamp TEXT NOT NULL, started TEXT NOT NULL, status TEXT NOT NULL,
    entry_point TEXT NOT NULL, source TEXT NOT NULL, experiment TEXT, experiment_id TEXT,
    parent TEXT NOT NULL, logged_by TEXT NOT NULL, summary TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX by_start ON runs (started, id);
CREATE INDEX by_status ON runs (status, started);
CREATE INDEX by_entry_point ON runs (entry_point, started);
CREATE INDEX by_experiment ON runs (experiment, started);
CREATE INDEX by_parent ON runs (parent, started);
CREATE TABLE tags (
    name TEXT, value TEXT, run TEXT, PRIMARY KEY (name, value, run)
) WITHOUT ROWID;
CREATE INDEX by_run ON tags (run);
CREATE TABLE state (seen TEXT NOT NULL);
INSERT INTO state VALUES ('');
"""


class ForeignIndex(Exception):
    """The file is not an index of this version."""


class Row(Struct, frozen=True):
    """A run in the index; `stamp` says which state of its record was read."""

    id: str
    stamp: str
    summary: Summary


def unusable(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """What tells that an index must be rebuilt, and `others`."""
    import sqlite3

    return (sqlite3.Error, ForeignIndex, *others)


def open_index(path: Path) -> sqlite3.Connection:
    """Open the index that is there.

    Raises:
        ForeignIndex: it isn't one of this version.
        sqlite3.Error: it isn't there, or damaged.
    """
    import sqlite3
    from urllib.parse import quote

    database = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw", uri=True, timeout=BUSY_S, isolation_level=None
    )
    try:
        _check(database)
    except BaseException:
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection) -> None:
    found = [
        database.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version")
    ]
    if found != [APPLICATION, VERSION]:
        raise ForeignIndex(f"application and version are {found}")


def create(path: Path | None) -> sqlite3.Connection:
    """A new, empty index; in memory where `path` is None.

    Raises:
        sqlite3.Error: it can't be written.
    """
    import sqlite3

    database = sqlite3.connect(str(path or ":memory:"), timeout=BUSY_S, isolation_level=None)
    # Derived: a power cut costs a rebuild, so the journal need not reach the disk first.
    database.execute("PRAGMA synchronous = OFF")
    database.execute(f"PRAGMA application_id = {APPLICATION}")
    database.execute(f"PRAGMA user_version = {VERSION}")
    database.executescript(_SCHEMA)
    return database


def seen(database: sqlite3.Connection) -> str:
    """Which state of the runs' folder was read last."""
    row = database.execute("SELECT seen FROM state").fetchone()
    return str(row[0]) if row else ""


def remember(database: sqlite3.Connection, stamp: str) -> None:
    """Keep which state of the runs' folder was read."""
    if seen(database) != stamp:
        database.execute("UPDATE state SET seen = ?", (stamp,))


def known(database: sqlite3.Connection) -> set[str]:
    """The ids of all runs in the index."""
    return {row[0] for row in database.execute("SELECT id FROM runs")}


def replace(database: sqlite3.Connection, run_ids: Iterable[str], rows: Iterable[Row]) -> None:
    """Take out `run_ids` and put in `rows`, in one transaction."""
    gone = [(run_id,) for run_id in run_ids]
    new = list(rows)
    database.execute("BEGIN IMMEDIATE")
    try:
        database.executemany("DELETE FROM runs WHERE id = ?", gone)
        database.executemany("DELETE FROM tags WHERE run = ?", gone)
        database.executemany(
            "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_columns(row) for row in new],
        )
        database.executemany(
            "INSERT OR IGNORE INTO tags VALUES (?, ?, ?)",
            [
                (_safe(name), _safe(value), row.id)
                for row in new
                for name, value in row.summary.tags.items()
            ],
        )
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise


def _columns(row: Row) -> tuple[str | None, ...]:
    summary = row.summary
    return (
        row.id,
        row.stamp,
        _safe(summary.started),
        summary.status,
        _safe(summary.entry_point),
        _safe(summary.source),
        _safe(summary.experiment),
        _safe(summary.experiment_id),
        _safe(summary.parent),
        _safe(summary.logged_by),
        json.dumps(summaries.to_json(summary)),
    )


def _safe(text: str | None) -> str:
    """`text` as SQLite can have it: bytes that aren't UTF-8 come as lone surrogates."""
    return (text or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def select(database: sqlite3.Connection, wanted: Filter) -> list[Row]:
    """The rows that are wanted, in order."""
    conditions, values = _conditions(wanted)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    order = "DESC" if wanted.newest_first else "ASC"
    limit = -1 if wanted.limit is None else wanted.limit
    rows = database.execute(
        f"SELECT id, stamp, summary FROM runs {where} "  # noqa: S608  only texts of this module
        f"ORDER BY started {order}, id {order} LIMIT ?",
        (*values, limit),
    )
    return [Row(run_id, stamp, summaries.from_text(text)) for run_id, stamp, text in rows]


def _conditions(wanted: Filter) -> tuple[list[str], list[str]]:
    conditions: list[str] = []
    values: list[str] = []
    for column, value in (("entry_point", wanted.entry_point), ("status", wanted.status)):
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(_safe(value))
    if wanted.parent is not None:
        conditions.append("parent = ?")
        values.append(_safe(wanted.parent))
    if wanted.experiment is not None:
        conditions.append("(experiment = ? OR experiment_id = ?)")
        values += [_safe(wanted.experiment)] * 2
    if wanted.steps:
        conditions.append("logged_by = ''")
    if wanted.source is not None:
        conditions.append("instr(source, ?) > 0")
        values.append(_safe(wanted.source))
    if wanted.tag is not None:
        name, text = wanted.tag
        conditions.append(_HAS_TAG if text is None else _HAS_TAG_VALUE)
        values += [_safe(name)] + ([] if text is None else [_safe(text)])
    return conditions, values


_HAS_TAG = "id IN (SELECT run FROM tags WHERE name = ?)"
_HAS_TAG_VALUE = "id IN (SELECT run FROM tags WHERE name = ? AND value = ?)"
