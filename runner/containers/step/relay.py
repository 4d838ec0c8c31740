"""Leads a port on the container's loopback to the run's endpoint, a socket that is mounted.

Any Python from 2.7 on runs this, inside of a step's container, which may have no network at all.
It returns once the port is open and goes on in the background.
"""

import os
import select
import signal
import socket
import sys

BLOCK = 1 << 16


def open_port(port):
    """A listening socket on loopback."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def detach():
    """Go on as a process of its own that holds nothing of the step's."""
    if os.fork():
        os._exit(0)
    os.setsid()
    # What ends the step comes to all of it: what it logs while it tidies up is to be heard, too.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):
        os.dup2(null, handle)


class Relay(object):  # noqa: UP004  Python 2
    """Pairs of connections, each end's data handed to the other; ends are half-closed alone."""

    def __init__(self, listener, place):
        self.listener = listener
        self.place = place
        self.other = {}
        self.closed = set()

    def serve(self):
        """Hand on, for ever: the container's end ends this."""
        while True:
            reading = [self.listener] + [one for one in self.other if one not in self.closed]
            for ready in select.select(reading, [], [])[0]:
                if ready is self.listener:
                    self.accept()
                elif ready in self.other:
                    self.hand_on(ready)

    def accept(self):
        """A client has come: connect to the endpoint for it."""
        client = self.listener.accept()[0]
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.connect(self.place)
        except (OSError, IOError, socket.error):  # noqa: UP024, B014  Python 2
            client.close()
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.other[client] = server
        self.other[server] = client

    def hand_on(self, one):
        """One block, or the end."""
        other = self.other[one]
        try:
            block = one.recv(BLOCK)
            if block:
                other.sendall(block)
                return
            other.shutdown(socket.SHUT_WR)
        except (OSError, IOError, socket.error):  # noqa: UP024, B014  Python 2
            self.closed.add(other)
        self.closed.add(one)
        if other in self.closed:
            for end in (one, other):
                self.closed.discard(end)
                del self.other[end]
                end.close()


if __name__ == "__main__":
    PORT = open_port(int(sys.argv[1]))
    detach()
    Relay(PORT, sys.argv[2]).serve()
