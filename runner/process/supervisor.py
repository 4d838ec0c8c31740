"""The process between reprun and a step: starts the step, and sees to it that all of it ends.

`spawn.py` runs this file by itself, with nothing but the standard library and as little of that as
can be, because every warm run waits for it. It outlives reprun just long enough to end the step.
Handle 0 brings the order, then one byte per signal, and its end means that reprun is gone; 1 and 2
are the step's output; the handle named on the command line takes the report, in lines of text.
"""

from __future__ import annotations

import os
import select
import sys
import time

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` takes 8 ms
if TYPE_CHECKING:
    import signal
    from typing import NoReturn
else:
    try:
        # `signal` only adds enums to this module, and those take 4 ms to import.
        import _signal as signal
    except ImportError:
        import signal

if __package__:
    from runner.process import tree
    from runner.process.order import Order, read_order
else:
    import tree  # type: ignore[import-not-found, no-redef]  # run by itself, see `spawn.py`
    from order import Order, read_order  # type: ignore[import-not-found, no-redef]

CONTROL = 0
LINGER = 1.0  # seconds that processes in the background have to end by themselves
GIVE_UP = 30.0  # seconds after the first SIGKILL: what stands then can't be killed by us
LONGEST_WAIT = 3600.0  # seconds; poll takes a month at most
DISCARDED = 1 << 16
PAUSE = 0.01  # seconds between two rounds of SIGKILL that find nothing new
SET_PDEATHSIG = 1  # <linux/prctl.h>
SET_CHILD_SUBREAPER = 36
# Not SIGTERM: the kernel sends it too when only the thread that started us is over.
PARENT_DIED = signal.SIGUSR2
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
RUNNING, LINGERING, ENDING, KILLING = range(4)


class Supervisor:
    """One step from its start until nothing of it is left."""

    def __init__(
        self, order: Order, *, parent: int, report: int, outputs: tuple[int, int], wake: int
    ) -> None:
        self.order = order
        self.outputs = outputs
        self.parent = parent
        self.report = report
        self.wake = wake
        self.phase = RUNNING
        self.cause = "exit"
        self.number = 0
        self.status = 0
        self.left: list[bytes] = []
        self.survivors = 0
        self.main = 0
        # Both clocks at once: the end is told as the start and the seconds since.
        self.started, self.begun = time.time(), time.monotonic()
        self.ended = self.begun
        self.deadline = None if order.timeout is None else self.begun + order.timeout
        self.give_up = 0.0

    def run(self) -> None:
        """Start the step and wait until all of it has ended, or can't be ended."""
        self.main = start(self.order, self.report)
        say(self.report, b"started %d %r" % (self.main, self.started))
        silence_output()
        poll = select.poll()
        poll.register(CONTROL, select.POLLIN)
        poll.register(self.wake, select.POLLIN)
        while self.reap():
            for handle, _ in poll.poll(self.patience()):
                if handle == self.wake:
                    self.signalled()
                elif handle in self.outputs:
                    if not os.read(handle, DISCARDED):
                        poll.unregister(handle)
                elif not self.obey():
                    poll.unregister(CONTROL)
                    # A step that prints while it tidies up must not die of nobody reading it.
                    for output in self.outputs:
                        os.set_blocking(output, False)
                        poll.register(output, select.POLLIN)
            if self.deadline is not None and time.monotonic() >= self.deadline and not self.due():
                self.survivors = len(tree.descendants())
                break
        self.conclude()

    def patience(self) -> float | None:
        """Milliseconds until something is due."""
        if self.deadline is None:
            return None
        return min(max(0.0, self.deadline - time.monotonic()), LONGEST_WAIT) * 1000

    def reap(self) -> bool:
        """Collect what has ended; False when nothing is left, however deep it was."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.main:
                self.main_ended(status)

    def main_ended(self, status: int) -> None:
        """The step itself is over; what it left behind gets a moment to end too."""
        self.status = status
        self.ended = time.monotonic()
        if self.phase == RUNNING:
            self.phase = LINGERING
            self.deadline = self.ended + LINGER
        elif self.phase == ENDING:
            # bash has its background jobs ignore SIGINT, so they are told in another way.
            tree.tell(tree.descendants(), signal.SIGTERM)

    def obey(self) -> bool:
        """Read one signal from reprun; False when reprun is gone."""
        byte = os.read(CONTROL, 1)
        if not byte:
            self.end("orphaned", signal.SIGTERM)
        elif byte[0] == signal.SIGKILL:
            self.kill()
        else:
            self.end("interrupt", byte[0])
        return bool(byte)

    def signalled(self) -> None:
        """A child ended, reprun's death reached us as a signal, or somebody wants us to end."""
        for number in os.read(self.wake, 4096):
            if number == PARENT_DIED and os.getppid() != self.parent:
                self.end("orphaned", signal.SIGTERM)
            elif number in ENDING_SIGNALS:
                self.end("interrupt", number)

    def due(self) -> bool:
        """Do what the deadline was for; False when nothing more can be done."""
        if self.phase == RUNNING:
            self.end("timeout", signal.SIGTERM)
        elif self.phase == LINGERING:
            self.left = sorted(name for _, name in tree.descendants())
            self.end("exit", signal.SIGTERM)
        elif self.phase == ENDING:
            self.kill()
        else:
            return self.kill_again()
        return True

    def end(self, cause: str, number: int) -> None:
        """Ask every process of the step to end, and set the time until they have to."""
        if self.phase in (RUNNING, LINGERING):
            self.cause, self.number = cause, number
            self.phase = ENDING
            self.deadline = time.monotonic() + self.order.grace
            tree.tell(tree.descendants(), number)

    def kill(self) -> None:
        """From now on nothing of the step may live."""
        if self.phase != KILLING:
            self.phase = KILLING
            self.give_up = time.monotonic() + GIVE_UP
        self.kill_again()

    def kill_again(self) -> bool:
        """Kill until a round finds nothing new: a fork storm is faster than a pause."""
        seen: set[int] = set()
        while found := {pid for pid, _ in tree.descendants()} - seen:
            for pid in found:
                tree.send(pid, signal.SIGKILL)
            seen |= found
            self.reap()
            if time.monotonic() > self.give_up:
                return False
        self.deadline = time.monotonic() + PAUSE
        return True

    def conclude(self) -> None:
        """Report how the step ended and what it used."""
        import resource  # only now: nothing waits for its import while a step runs

        wall = (self.ended if self.cause == "exit" else time.monotonic()) - self.begun
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        figures = (
            self.number,
            self.status,
            wall,
            used.ru_utime,
            used.ru_stime,
            used.ru_maxrss,
            self.survivors,
        )
        say(self.report, b"left " + b"\0".join(self.left).replace(b"\n", b" "))
        say(self.report, f"ended {self.cause} {' '.join(map(repr, figures))}".encode())


def start(order: Order, report: int) -> int:
    """Start the step in a session of its own, so that `kill 0` in it doesn't reach us."""
    pid = os.fork()
    if pid == 0:
        try:
            become(order)
        except OSError as error:
            say(report, b"failed %d" % (error.errno or 0))
        finally:
            os._exit(127)
    return pid


def become(order: Order) -> NoReturn:
    """Turn this process into the step.

    Raises:
        OSError: the directory or the program can't be used.
    """
    os.setsid()
    control_process(SET_PDEATHSIG, signal.SIGKILL)
    for number in (
        *(signal.SIGINT, signal.SIGQUIT, signal.SIGTERM),
        *(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD),
    ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(order.directory)
    os.execve(order.program, order.argv, order.variables)  # noqa: S606  no shell on purpose


def say(report: int, line: bytes) -> None:
    """Add a line to the report; nobody reads it any more where reprun is gone."""
    try:  # noqa: SIM105  contextlib takes a millisecond to import
        os.write(report, line + b"\n")
    except OSError:
        pass


def control_process(option: int, value: int) -> None:
    """`prctl`, which the standard library has not."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass  # no Linux: what detaches itself from the step is out of reach


def silence_output() -> None:
    """Let go of the step's output, so that its end is seen when the step ends."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)


def listen() -> int:
    """Have signals written to a pipe; its reading end."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, PARENT_DIED, *ENDING_SIGNALS):
        signal.signal(number, lambda *_: None)
    return reading


def main(arguments: list[str]) -> None:
    """Supervise one step: `arguments` are reprun's process id and the handles it gave us.

    These are the report, the ends of the step's output that reprun reads, and the locks to hold.
    """
    parent, report, stdout, stderr, *locks = map(int, arguments)
    for handle in (report, stdout, stderr, *locks):
        os.set_inheritable(handle, False)  # noqa: FBT003  positional only
    wake = listen()
    control_process(SET_CHILD_SUBREAPER, 1)
    control_process(SET_PDEATHSIG, PARENT_DIED)
    order = read_order(CONTROL)
    if order is not None and os.getppid() == parent:
        step = Supervisor(order, parent=parent, report=report, outputs=(stdout, stderr), wake=wake)
        try:
            step.run()
        except BaseException as error:  # noqa: BLE001  told on the far side
            say(report, b"crashed " + repr(error).replace("\n", " ").encode())
    os._exit(0)  # what an interpreter tidies up at its end would take 3 ms


if __name__ == "__main__":
    main(sys.argv[1:])
