"""Starts a step under its supervisor and stays until all of the step has ended.

The supervisor is a fresh, minimal interpreter (11 ms): a fork of this process would be quicker but
is not safe where other threads run, as they do in a notebook.
"""

from __future__ import annotations

import errno
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from runner.errors import ExecutionError, StepLost
from runner.process import tree
from runner.process.tee import write_all

if TYPE_CHECKING:
    from types import TracebackType

    from runner.process.order import Order
    from runner.process.tee import Tee

# An import, not a script, so that its bytecode is kept.
BOOT = "import sys; sys.path.append(sys.argv[1]); import supervisor; supervisor.main(sys.argv[2:])"
LAST_BYTES = 1 << 20


class Report(NamedTuple):
    """What a supervisor saw.

    Attributes:
        cause: what ended the step: `exit`, `timeout` or `interrupt`.
        number: the signal that it was told to end with, 0 where it wasn't.
        status: the step's wait status.
        started: seconds since the epoch.
        wall, user, system: seconds.
        peak_kib: largest resident set of any single process.
        survivors: how many processes could not be killed.
        left: names of processes that the step left behind, which were ended.
    """

    cause: str
    number: int
    status: int
    started: float
    wall: float
    user: float
    system: float
    peak_kib: int
    survivors: int
    left: tuple[str, ...]


class Supervised:
    """A supervisor that has been started; it waits for its one order.

    Args:
        handles: files that it keeps open until it ends.

    Raises:
        ExecutionError: it can't be started.
    """

    def __init__(self, handles: tuple[int, ...] = ()) -> None:
        self._early: list[int] = []
        self._ordered = False
        self._report, report = os.pipe()
        self.stdout, stdout = os.pipe()
        self.stderr, stderr = os.pipe()
        self._pipes = [self._report, self.stdout, self.stderr]
        kept = (report, self.stdout, self.stderr, *handles)
        try:
            self._process = subprocess.Popen(
                _supervisor_argv(kept),
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                pass_fds=kept,
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            self._close_pipes()
            raise ExecutionError(f"can't start the step's supervisor: {error}") from error
        finally:
            for handle in (report, stdout, stderr):
                os.close(handle)
        assert self._process.stdin
        self._control = self._process.stdin

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._process.pid

    def signal(self, number: int) -> None:
        """Have the step ended by a signal; it may be called by a signal's handler."""
        if not self._ordered:
            self._early.append(number)
        elif not self._control.closed:
            _tell(self._control.fileno(), bytes([number]))

    def run(self, order: Order, stdout: Tee, stderr: Tee) -> Report:
        """Run the step to its end, passing on what it prints.

        Raises:
            ExecutionError: the step could not be started.
            StepLost: the supervisor was killed; what could be found of the step was killed too.
        """
        content = order.packed()
        _tell(self._control.fileno(), len(content).to_bytes(8, "big") + content)
        self._ordered = True
        for number in self._early:
            self.signal(number)
        text = self._attend({self.stdout: stdout, self.stderr: stderr})
        return self._understand(text, order)

    def close(self) -> None:
        """End the step if it still runs, and the supervisor."""
        self._control.close()
        self._close_pipes()
        self._process.wait()

    def _close_pipes(self) -> None:
        while self._pipes:
            os.close(self._pipes.pop())

    def _attend(self, tees: dict[int, Tee]) -> bytes:
        """Pass output on until the supervisor is done; what it reported."""
        poll = select.poll()
        for handle in (*tees, self._report):
            poll.register(handle, select.POLLIN)
        text = bytearray()
        while True:
            for handle, _ in poll.poll():
                if handle != self._report:
                    if tees[handle].pump() == 0:
                        poll.unregister(handle)
                elif block := os.read(self._report, 4096):
                    text += block
                else:
                    for tee in tees.values():
                        tee.drain(LAST_BYTES)
                    return bytes(text)

    def _understand(self, text: bytes, order: Order) -> Report:
        lines = {line.partition(b" ")[0]: line.split(b" ")[1:] for line in text.split(b"\n")}
        if b"failed" in lines:
            raise _not_started(order, int(lines[b"failed"][0]))
        if b"ended" not in lines:
            if b"started" in lines:
                tree.end_session(int(lines[b"started"][0]))
            fault = b" ".join(lines.get(b"crashed", (b"was killed",))).decode(errors="replace")
            raise StepLost(
                f"the step's supervisor (process {self.pid}) is gone ({fault}); the step was ended",
                "look for what kills processes here, such as a memory limit",
            )
        cause, number, status, *seconds, peak, survivors = lines[b"ended"]
        wall, user, system = map(float, seconds)
        left = b" ".join(lines[b"left"]).decode(errors="replace")
        return Report(
            cause=cause.decode(),
            number=int(number),
            status=int(status),
            started=float(lines[b"started"][1]),
            wall=wall,
            user=user,
            system=system,
            peak_kib=int(peak),
            survivors=int(survivors),
            left=tuple(map(_printable, left.split("\0"))) if left else (),
        )


def _supervisor_argv(handles: tuple[int, ...]) -> list[str]:
    if not sys.executable:
        raise ExecutionError("can't start the step's supervisor: this Python has no executable")
    numbers = map(str, (os.getpid(), *handles))
    folder = str(Path(__file__).parent)
    return [sys.executable, "-I", "-S", "-c", BOOT, folder, *numbers]


def _printable(name: str) -> str:
    """A process gives itself its name, which may hold what a terminal obeys."""
    return "".join(character if character.isprintable() else "?" for character in name)


def _tell(handle: int, message: bytes) -> None:
    try:
        write_all(handle, message)
    except OSError:
        return  # the supervisor has ended: its report tells


def _not_started(order: Order, number: int) -> ExecutionError:
    program, folder = os.fsdecode(order.argv[0]), os.fsdecode(order.directory)
    what = f"can't start `{program}` in {folder}: {os.strerror(number).lower()}"
    return ExecutionError(what, "shorten the parameters" if number == errno.E2BIG else None)
