"""Fetches into a mirror with GitPython; nothing else imports that library, it is slow to load."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runner.process.relay import deferred
from runner.source import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


_FETCH = (
    "git", "fetch", "--progress", "--prune", "--no-tags", "--no-write-fetch-head",
    "--update-head-ok", "--no-recurse-submodules", "--end-of-options",
)  # fmt: skip


def fetch(
    store: Path,
    url: str,
    refspecs: Sequence[str],
    *,
    where: str,
    variables: Mapping[str, str],
    report: Callable[[str], None],
) -> None:
    """Fetch `refspecs` of `url` into the bare repository `store`.

    `where` is the address as it may be shown, `variables` the whole environment that git shall
    see, and `report` is told how far it is, as often as git says so.

    Raises:
        SourceError: git failed; the message says why.
    """
    import git
    from git.cmd import handle_process_output

    _keep_to_itself()
    said: list[str] = []
    process: git.Git.AutoInterrupt | None = None
    try:
        with deferred():
            process = git.Git(str(store)).execute(
                [*_FETCH, url, *refspecs],
                as_process=True,
                universal_newlines=True,  # progress ends its lines with a carriage return
                env=_complete(variables, store),
            )
        handle_process_output(process, None, _listener(report, said), decode_streams=False)
        process.wait()
    except git.GitCommandError:
        raise failures.explain("\n".join(said), where=where) from None
    except BaseException:
        # Whoever interrupts us clears away what git writes to, so git has to be gone first.
        if process is not None and process.proc is not None:
            process.proc.terminate()
            process.proc.wait()
        raise


def _keep_to_itself() -> None:
    """Have GitPython's log shown only where somebody set logging up.

    Else Python prints it: a reader whose pipe closes on Ctrl-C logs that, with the whole command.
    """
    import logging

    log = logging.getLogger("git")
    if not log.handlers:
        log.addHandler(logging.NullHandler())


def _listener(report: Callable[[str], None], said: list[str]) -> Callable[[str], None]:
    from git import RemoteProgress

    class Listener(RemoteProgress):
        """Turns git's progress into one short text."""

        def update(
            self,
            op_code: int,
            cur_count: str | float,
            max_count: str | float | None = None,
            message: str = "",
        ) -> None:
            if op_code & self.OP_MASK in {self.RECEIVING, self.RESOLVING}:
                verb = "receiving" if op_code & self.RECEIVING else "resolving"
                size = f", {message}" if message else ""
                report(f"{verb} {int(float(cur_count))}/{int(float(max_count or 0))}{size}")

    handle = Listener().new_message_handler()

    def listen(line: str) -> None:
        said.append(line)
        del said[:-50]
        handle(line)

    return listen


def _complete(variables: Mapping[str, str], store: Path) -> dict[str, str]:
    # GitPython adds to this process's variables and can't take any away, so those that would send
    # git elsewhere are pointed home instead.
    home = {
        "GIT_DIR": str(store),
        "GIT_WORK_TREE": str(store),
        "GIT_COMMON_DIR": str(store),
        "GIT_OBJECT_DIRECTORY": str(store / "objects"),
        "GIT_INDEX_FILE": str(store / "index"),
        "GIT_SHALLOW_FILE": str(store / "shallow"),
    }
    unwanted = [name for name in os.environ if name.startswith("GIT_") and name not in variables]
    return {**{name: home.get(name, "") for name in unwanted}, **variables, "GIT_DIR": str(store)}
