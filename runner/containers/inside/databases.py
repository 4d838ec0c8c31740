"""What the package managers of Debian, Alpine and conda say is installed, in their own formats.

Debian: dpkg(1), deb-control(5). Alpine: "Apk spec", the installed database. conda: "The conda-meta
directory", one JSON file for each package.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

import msgspec

from runner.environments.base import Package
from runner.source.address import public_url

if TYPE_CHECKING:
    from collections.abc import Iterator

DPKG: Final = b"var/lib/dpkg/status"
DPKG_FOLDER: Final = b"var/lib/dpkg/status.d/"  # one file for each package, as distroless has it
APK: Final = frozenset((b"lib/apk/db/installed", b"usr/lib/apk/db/installed"))
# The databases that are not read: their place, or the beginning of it → whose they are.
OTHERS: Final = {
    b"var/lib/rpm/Packages": "rpm",
    b"var/lib/rpm/rpmdb.sqlite": "rpm",
    b"usr/lib/sysimage/rpm/Packages": "rpm",
    b"usr/lib/sysimage/rpm/rpmdb.sqlite": "rpm",
    b"usr/share/rpm/rpmdb.sqlite": "rpm",
    b"var/lib/rpmmanifest/": "rpm",
    b"var/lib/pacman/local/": "pacman",
    b"var/db/pkg/": "portage",
    b"var/db/xbps/": "xbps",
    b"nix/var/nix/db/": "nix",
    b"usr/lib/opkg/status": "opkg",
}

_GONE: Final = frozenset((b"not-installed", b"config-files"))  # of dpkg's states
_TOKEN: Final = re.compile(r"/t/[^/]+")  # conda's way to put a credential into an address
_WORD: Final = re.compile(r"[!-~]{1,256}")


class _CondaRecord(msgspec.Struct):
    name: str
    version: str
    build: str = ""
    channel: object = None
    sha256: object = None


def word(text: object) -> str | None:
    """`text` if it can be a name or a version: printable ASCII without blanks, and short."""
    return text if isinstance(text, str) and _WORD.fullmatch(text) else None


def digest(text: object) -> str | None:
    """`text` if it is a SHA-256."""
    return text if isinstance(text, str) and re.fullmatch(r"[0-9a-f]{64}", text) else None


def debian(content: bytes) -> Iterator[Package]:
    """The packages of dpkg's status file, without those of which only settings are left."""
    for stanza in _stanzas(content, b": "):
        status = stanza.get(b"Status", b"installed").split()
        if status and status[-1] not in _GONE:
            yield from _package("deb", stanza.get(b"Package"), stanza.get(b"Version"))


def alpine(content: bytes) -> Iterator[Package]:
    """The packages of apk's database, without the groups that `apk add --virtual` names."""
    for stanza in _stanzas(content, b":"):
        # A group holds nothing, and its version is the time at which it was made.
        if not stanza.get(b"P", b"").startswith(b"."):
            yield from _package("apk", stanza.get(b"P"), stanza.get(b"V"))


def conda(content: bytes) -> Package | None:
    """The package of one file of `conda-meta`; None where it is no such file."""
    try:
        record = msgspec.json.decode(content, type=_CondaRecord)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    name, version = word(record.name), word(record.version)
    if name is None or version is None:
        return None
    channel = record.channel if isinstance(record.channel, str) else ""
    channel = word(_TOKEN.sub("", public_url(channel), count=1)) or "unknown"
    source = f"{channel}::{name}={version}={word(record.build) or 'unknown'}"
    return Package(name, version, source, digest(record.sha256), "conda")


def unread(name: bytes) -> str | None:
    """In words, the database that the file `name` belongs to, of those that are not read."""
    for place, whose in OTHERS.items():
        if name.startswith(place):
            return f"the packages that {whose} installed (/{place.decode()})"
    return None


def _package(sort: str, name: bytes | None, version: bytes | None) -> Iterator[Package]:
    found = word((name or b"").decode("latin-1")), word((version or b"").decode("latin-1"))
    if found[0] is not None and found[1] is not None:
        yield Package(found[0], found[1], type=sort)


def _stanzas(content: bytes, colon: bytes) -> Iterator[dict[bytes, bytes]]:
    """Paragraphs of `KEY: VALUE` lines; of a key that comes again the last counts."""
    stanza: dict[bytes, bytes] = {}
    for raw in io.BytesIO(content):  # a list of all lines may take ten times the room
        if line := raw.rstrip(b"\r\n"):
            key, _, value = line.partition(colon)
            stanza[key] = value.strip()
        elif stanza:
            yield stanza
            stanza = {}
    if stanza:
        yield stanza
