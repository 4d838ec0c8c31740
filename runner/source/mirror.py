"""One bare mirror per address in the cache: made once, fetched only when it must be."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.errors import SourceError
from runner.source import plumbing, repository

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.progress import Progress
    from runner.settings import Settings
    from runner.source.address import Address

_EVERYTHING = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_PACKS = 50
# No repository at all, so that `ls-remote` reads no configuration but the person's.
_NOWHERE = Path(os.devnull)


class Advertised(Struct, frozen=True):
    """What a remote answers.

    Attributes:
        references: name → object; `HEAD` and peeled tags (`…^{}`) among them.
        head: the reference that `HEAD` stands for, None where it names none.
    """

    references: Mapping[str, str]
    head: str | None


def locate(address: Address, settings: Settings) -> Path:
    """Where the mirror of `address` is, or would be."""
    return settings.mirrors / f"{address.key}.git"


def exists(store: Path) -> bool:
    """Whether the mirror was ever finished."""
    return (store / "HEAD").is_file()


def ask(address: Address) -> Advertised:
    """Ask the remote what it has; one connection, nothing is fetched.

    Raises:
        SourceError: it can't be reached, is not there or lets nobody in.
    """
    try:
        answer = plumbing.git(
            ["ls-remote", "--symref", "--end-of-options", _plain(address)],
            store=_NOWHERE,
            # The oldest protocol lists everything in its first answer: one round trip less.
            variables=_network(address, ("protocol.version", "0")),
        )
    except SourceError as error:
        raise _named(error, address) from None
    references: dict[str, str] = {}
    head = None
    for line in os.fsdecode(answer).splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: "):
            head = value.removeprefix("ref: ") if name == "HEAD" else head
        else:
            references[name] = value
    return Advertised(references, head)


def remembered(store: Path) -> Advertised:
    """What the remote had when it was last fetched from."""
    references = repository.read_references(store, "refs/")
    head = repository.read_head(store)
    if head in references:
        references["HEAD"] = references[head]
    return Advertised(references, head)


def fetched_at(store: Path) -> float:
    """When the mirror was last fetched into, in seconds since the epoch."""
    return (store / "HEAD").stat().st_mtime


def update(
    address: Address,
    *,
    satisfied: Callable[[Path], bool],
    settings: Settings,
    progress: Progress,
    advertised: Advertised,
    wanted: Sequence[str] = (),
) -> Path:
    """Make the mirror of `address`, or bring it up to date, unless somebody else just did.

    `satisfied` says whether the mirror holds what is wanted, and is asked again once the lock is
    held; `advertised` is what the remote has; `wanted` are references or commits beyond all
    branches and tags.

    Raises:
        SourceError: it can't be fetched, or the cache can't be written.
    """
    from runner.locking import hold

    store = locate(address, settings)
    try:
        with hold(settings.mirrors / f"{address.key}.lock", waiting=progress.update):
            if not (exists(store) and satisfied(store)):
                progress.update(f"fetching {address.public}")
                _update(address, store, advertised, wanted, progress)
    except OSError as error:
        raise SourceError(
            f"can't write the mirror {store}: {error.strerror}",
            hint="set REPRUN_CACHE to a folder that can be written and has room",
        ) from error
    return store


def discard(store: Path, *, progress: Progress) -> None:
    """Put a damaged mirror out of the way, so that the next look finds none."""
    from runner.files import remove_tree
    from runner.locking import hold

    with hold(store.with_suffix(".lock"), waiting=progress.update):
        aside = store.with_name(f".{store.stem}.damaged.{os.getpid()}")
        with contextlib.suppress(FileNotFoundError):
            store.rename(aside)
        remove_tree(aside)


def _update(
    address: Address,
    store: Path,
    advertised: Advertised,
    wanted: Sequence[str],
    progress: Progress,
) -> None:
    if exists(store):
        _clear_leftovers(store)
        _fetch(address, store, advertised, wanted, progress)
        return
    from runner.files import remove_tree

    # The lock is ours, so whatever an earlier process left half-made is nobody's.
    for stale in store.parent.glob(f".{store.stem}.*"):
        remove_tree(stale)
    new = store.with_name(f".{store.stem}.new.{os.getpid()}")
    digits = max((len(value) for value in advertised.references.values()), default=40)
    try:
        repository.write(new, head="ref: refs/heads/main", bare=True, digits=digits)
        _fetch(address, new, advertised, wanted, progress)
        remove_tree(store)
        new.rename(store)
    finally:
        remove_tree(new)


def _fetch(
    address: Address,
    store: Path,
    advertised: Advertised,
    wanted: Sequence[str],
    progress: Progress,
) -> None:
    from runner.source.git import fetch

    refspecs = [f"+{name}:{name}" if name.startswith("refs/") else name for name in wanted]
    try:
        fetch(
            store,
            _plain(address),
            [*_EVERYTHING, *refspecs],
            where=address.public,
            variables=_network(address),
            report=progress.update,
        )
    except SourceError as error:
        raise _named(error, address) from None
    # Written every time: its time says when the mirror was last up to date.
    head = advertised.head or repository.read_head(store) or "refs/heads/main"
    (store / "HEAD").write_text(f"ref: {head}\n")
    plumbing.git(["pack-refs", "--all"], store=store)
    if sum(1 for _ in (store / "objects" / "pack").glob("*.pack")) > _PACKS:
        # Everything is kept, also what no branch names any more: a record may name it.
        plumbing.git(["repack", "-a", "-d", "-k", "-q"], store=store)


def _clear_leftovers(store: Path) -> None:
    for lock in (*store.glob("*.lock"), *(store / "refs").rglob("*.lock")):
        lock.unlink(missing_ok=True)
    for part in (store / "objects" / "pack").glob("tmp_*"):
        part.unlink(missing_ok=True)


def _named(error: SourceError, address: Address) -> SourceError:
    """The same error about the address instead of a folder of the cache."""
    if os.devnull in error.message:
        text = error.message.replace(os.devnull, address.public)
        return type(error)(text, hint=error.hint, details=error.details)
    return error


def _plain(address: Address) -> str:
    """The URL as git gets it: with no user and password, which any process list would show.

    Of `git://` they mean nothing; git would take them for a part of the host's name, and say it.
    """
    scheme, separator, rest = address.url.partition("://")
    if not separator or scheme.lower() not in {"http", "https"}:
        return address.public if scheme.lower() in {"ssh", "git"} else address.url
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def _network(address: Address, *more: tuple[str, str]) -> dict[str, str]:
    """Variables for a git that may talk to the remote, and gets its credentials out of sight."""
    configuration = [
        ("http.lowSpeedLimit", "1000"),
        ("http.lowSpeedTime", "60"),
        ("fetch.unpackLimit", "1"),  # a pack is there whole or not at all, loose objects are not
        ("fetch.recurseSubmodules", "false"),
        *more,
    ]
    secrets: dict[str, str] = {}
    scheme, _, rest = address.url.partition("://")
    user, at, host = rest.partition("/")[0].rpartition("@")
    if at and scheme.lower() in {"http", "https"}:
        _credentials(f"credential.{scheme}://{host}", user, configuration, secrets)
    variables = plumbing.personal(configuration) | secrets
    variables["GIT_ALLOW_PROTOCOL"] = "https:http:ssh:git"
    if scheme.lower() == "file":
        variables["GIT_ALLOW_PROTOCOL"] += ":file"
    if scheme.lower() not in {"https", "http", "git", "file"}:
        variables["GIT_SSH_COMMAND"] = _ssh_command(variables)
    return variables


def _credentials(
    section: str, user: str, configuration: list[tuple[str, str]], secrets: dict[str, str]
) -> None:
    from urllib.parse import unquote

    name, colon, password = user.partition(":")
    configuration.append((f"{section}.username", unquote(name)))
    if colon:
        secrets["REPRUN_SOURCE_USER"] = unquote(name)
        secrets["REPRUN_SOURCE_PASSWORD"] = unquote(password)
        answer = r"printf 'username=%s\npassword=%s\n' "
        answer += '"$REPRUN_SOURCE_USER" "$REPRUN_SOURCE_PASSWORD"'
        # The empty one takes the person's own helpers off: none of them shall keep this password.
        configuration.append((f"{section}.helper", ""))
        configuration.append((f"{section}.helper", f'!f() {{ test "$1" = get && {answer}; }}; f'))


def _ssh_command(variables: Mapping[str, str]) -> str:
    command = variables.get("GIT_SSH_COMMAND") or variables.get("GIT_SSH")
    if command is None:
        try:
            arguments = ["config", "--get", "core.sshCommand"]
            asked = plumbing.git(arguments, store=_NOWHERE, variables=variables)
            command = os.fsdecode(asked).strip()
        except SourceError:
            command = "ssh"
    program = command.split(maxsplit=1)[0] if command.strip() else "ssh"
    # Batch mode turns a question nobody would see into an error; other programs don't know it.
    return f"{command} -o BatchMode=yes" if program.rpartition("/")[2] == "ssh" else command
