"""What a supervisor is told to start, and how it reaches it: once, through a pipe."""

from __future__ import annotations

import marshal
import os


class Order:
    """What to start.

    Attributes:
        program: path of the executable.
        timeout: seconds of wall time, None for no limit.
        grace: seconds between SIGTERM and SIGKILL.
    """

    def __init__(
        self,
        program: bytes,
        argv: list[bytes],
        variables: dict[bytes, bytes],
        directory: bytes,
        timeout: float | None,
        grace: float,
    ) -> None:
        self.program = program
        self.argv = argv
        self.variables = variables
        self.directory = directory
        self.timeout = timeout
        self.grace = grace

    def packed(self) -> bytes:
        """The order as it is sent; `read_order` unpacks it."""
        fields = (self.program, self.argv, self.variables)
        return marshal.dumps((*fields, self.directory, self.timeout, self.grace))


def read_order(control: int) -> Order | None:
    """The order, None where reprun ended or changed its mind before it gave one."""
    head = os.read(control, 8)
    content = bytearray()
    while (missing := int.from_bytes(head, "big") - len(content)) > 0:
        block = os.read(control, missing)
        if not block:
            return None
        content += block
    return Order(*marshal.loads(content)) if content else None  # noqa: S302  our own pipe
