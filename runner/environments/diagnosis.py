"""Turns what uv says when it fails into an error that says whose fault it is and what to do."""

from __future__ import annotations

import re
from typing import Final

from runner.environments.requirements import name_of
from runner.environments.unresolved import unresolved
from runner.errors import (
    BuildFailure,
    EnvironmentFailure,
    HashMismatch,
    IndexUnreachable,
    NoRoom,
)

LAST_LINES: Final = 25
_HASH: Final = re.compile(r"Hash mismatch for `([^`]+)`")
_BUILT: Final = re.compile(
    r"[Ff]ailed to (?:build|download and build|prepare distributions?)[^`]*`([^`]+)`"
)
_ADDRESS: Final = re.compile(r"(?:for url \(|Failed to fetch: `?)([a-z][a-z0-9+.-]*://[^\s)`]+)")
_UNPARSED: Final = re.compile(
    r"Couldn't parse requirement in [^\n]*\n\s*cause: ([^\n]+)\n\s*([^\n]*\S)\n"
)
_HEADER: Final = re.compile(r"fatal error: (\S+\.h(?:pp)?): No such file")
_COMPILER: Final = re.compile(
    r"(?:command|error:|execute) '?(?:[\w-]+-)?"
    r"(gcc|g\+\+|cc|clang|gfortran|cmake|rustc|cargo|nvcc)'?"
    r"[^\n]*(?:No such file|not found|failed: )|unable to execute '([^']+)'"
)
_MODULE: Final = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)'?")


def failure(messages: str, *, origin: str | None = None) -> EnvironmentFailure:
    """The error for `messages`, credentials already removed; `origin` is the project's file."""
    for diagnose in (_room, _unparsed, _hash, _built, _network, unresolved):
        if (error := diagnose(messages, f"{origin}: " if origin else "")) is not None:
            return error
    return EnvironmentFailure(
        f"{origin or 'the environment'} can't be made ready: {_first(messages)}",
        details=last_lines(messages),
    )


def last_lines(messages: str) -> tuple[str, ...]:
    """The last lines of a tool's output, empty ones left out."""
    return tuple(line for line in messages.splitlines() if line.strip())[-LAST_LINES:]


def _first(messages: str) -> str:
    for line in messages.splitlines():
        if line.startswith("error:"):
            return line.removeprefix("error:").strip()
    return (messages.strip().splitlines() or ["uv said nothing"])[-1].strip()


def _room(messages: str, where: str) -> EnvironmentFailure | None:
    del where
    for text, said in (
        ("No space left on device", "the disk is full"),
        ("os error 28", "the disk is full"),
        ("Disk quota exceeded", "the disk quota is used up"),
        ("File too large", "a file is larger than this process may write"),
        ("Read-only file system", "the file system is read-only"),
    ):
        if text in messages:
            return NoRoom(
                f"the environment can't be written: {said}",
                "free some space, or set REPRUN_CACHE to a folder with room",
                details=last_lines(messages),
            )
    return None


def _hash(messages: str, where: str) -> EnvironmentFailure | None:
    if match := _HASH.search(messages):
        return HashMismatch(
            f"{where}`{match.group(1)}` does not have the hash that the lock names",
            "the index serves another file than the one that was locked: find out why before you "
            "lock again",
            details=last_lines(messages),
        )
    if "--require-hashes" in messages or "requires a hash" in messages:
        return HashMismatch(
            f"{where}a requirement of the lock has no hash: {_first(messages)}",
            "every package of a hashed file needs a hash: make the lock again with all of them",
            details=last_lines(messages),
        )
    return None


def _unparsed(messages: str, where: str) -> EnvironmentFailure | None:
    match = _UNPARSED.search(messages)
    if match is None:
        return None
    reason, line = match.groups()
    if single := re.fullmatch(r"([\w.\[\]-]+)\s*=\s*(\d[^=]*)", line):
        meant = f"{single.group(1)}=={single.group(2)}"
        hint = f"did you mean `{meant}`? pass `--add-package {meant}`, or correct the file"
    elif "git+" in line:
        hint = "write it as `name @ git+https://HOST/OWNER/NAME@VERSION`"
    else:
        hint = "write it as `numpy==1.26.4`, or `numpy>=1.26,<2`"
    return EnvironmentFailure(f"{where}`{line}` is no requirement: {reason}", hint)


def _built(messages: str, where: str) -> EnvironmentFailure | None:
    match = _BUILT.search(messages)
    if (
        match is None
        or "Git operation failed" in messages
        or not re.search(
            r"build backend|[Bb]uild failed|setup\.py|exit status|\[stderr\]|build_wheel", messages
        )
    ):
        return None
    package = match.group(1)
    said, hint = cause_of(messages) or (
        "its own build fails",
        "it has no wheel for this Python and platform; try another version of it, or of Python",
    )
    return BuildFailure(
        f"{where}`{package}` can't be built: {said}", hint, details=last_lines(messages)
    )


def cause_of(messages: str) -> tuple[str, str] | None:
    """Why a build failed, and what to do; None where its output shows nothing known."""
    for rule in (_missing_header, _missing_tool, _missing_module, _too_new):
        if (said := rule(messages)) is not None:
            return said
    return None


def built_package(messages: str) -> str | None:
    """The package whose build failed, by its normalised name (PEP 503)."""
    match = _BUILT.search(messages)
    return name_of(match.group(1)) if match else None


def missing_module(messages: str) -> str | None:
    """The module that a build misses."""
    match = _MODULE.search(messages)
    return match.group(1) if match else None


def _missing_header(messages: str) -> tuple[str, str] | None:
    if match := _HEADER.search(messages):
        header = match.group(1)
        package = "python3-dev" if header == "Python.h" else f"the package that has {header}"
        return f"the header `{header}` isn't on this machine", f"install {package}"
    return None


def _missing_tool(messages: str) -> tuple[str, str] | None:
    if match := _COMPILER.search(messages):
        tool = match.group(1) or match.group(2)
        if "No such file" in messages or "not found" in messages or match.group(2):
            return f"the compiler `{tool}` isn't on this machine", f"install {tool}"
    return None


def _missing_module(messages: str) -> tuple[str, str] | None:
    if match := _MODULE.search(messages):
        module = match.group(1)
        return (
            f"its build needs `{module}`, which it does not declare",
            "that is a fault of the package: another version of it may build, or have a wheel",
        )
    return None


def _too_new(messages: str) -> tuple[str, str] | None:
    signs = ("longintrepr.h", "use_2to3", "pkgutil.ImpImporter", "'imp'", "ob_digit", "tp_print",
             "_PyUnicode", "collections.Mapping", "PyFrameObject", "Python version >=",
             "SafeConfigParser", "configparser.readfp")  # fmt: skip
    if any(sign in messages for sign in signs):
        return "it is older than this Python", "ask for an older Python, or a newer version of it"
    return None


def _network(messages: str, where: str) -> EnvironmentFailure | None:
    signs = ("error sending request", "dns error", "Connection refused", "timed out",
             "tcp connect", "Could not connect", "Could not resolve host", "Failed to connect",
             "Network unreachable", "network was disabled", "HTTP status server error",
             "unable to access", "couldn't connect")  # fmt: skip
    refused = re.search(r"\b(401|403) (?:Unauthorized|Forbidden)", messages)
    if refused is None and not any(sign in messages for sign in signs):
        return _repository(messages, where)
    match = _ADDRESS.search(messages)
    address = f" {match.group(1)}" if match else ""
    if "network was disabled" in messages:
        return IndexUnreachable(
            f"{where}a package isn't in uv's cache, and the network is switched off",
            "unset UV_OFFLINE",
            details=last_lines(messages),
        )
    said = f"answers {refused.group()}" if refused else "can't be reached"
    hint = "give a password (`~/.netrc`, UV_INDEX_…)" if refused else "is the network there?"
    return IndexUnreachable(
        f"{where}the package index{address} {said}", hint, details=last_lines(messages)
    )


def _repository(messages: str, where: str) -> EnvironmentFailure | None:
    if "Git operation failed" not in messages and "failed to fetch" not in messages:
        return None
    match = re.search(r"((?:https?|ssh|git|file)://[^\s`')]+)", messages)
    address = f" {match.group(1)}" if match else ""
    return IndexUnreachable(
        f"{where}the repository{address} of a requirement can't be had",
        "are the address and the version right, and may you read it?",
        details=last_lines(messages),
    )
