"""Flags of `docker run` that have no effect here, or none that a run could have."""

from __future__ import annotations

# What reprun does by itself, or what has no meaning for it: nothing to tell.
NEEDLESS = frozenset(
    {"attach", "detach", "detach-keys", "disable-content-trust", "quiet", "rm", "sig-proxy"}
)

# What somebody might miss.
WITHOUT_EFFECT = {
    "cidfile": "the container's id stands in no file; it is gone when the step ends",
    "interactive": "a step has no input",
    "kernel-memory": "engines no longer know it",
    "name": "reprun names the container, so that two runs don't meet",
    "tty": "a step's output goes to a log, not to a terminal",
}

WINDOWS = ("it is Windows' own", "remove it")
REFUSED = {
    "cpu-count": ("it is Windows' own", "use `-A cpus=…`"),
    "cpu-percent": ("it is Windows' own", "use `-A cpus=…`"),
    "help": ("there is nothing to run", "see `docker run --help`"),
    "io-maxbandwidth": WINDOWS,
    "io-maxiops": WINDOWS,
    "isolation": ("it is Windows' own", "remove it"),
    "restart": ("a step that starts again has no end", "remove it, and run again what failed"),
    "use-api-socket": (
        "it hands the engine's socket and your logins to the step",
        "use `-A v=SOCKET:SOCKET`, with a socket that the step may have",
    ),
    "workdir": (
        "the step runs in its checkout",
        "write `cd FOLDER && …` in the entry point's command",
    ),
}

# The one value of a refused or needless flag that has the other fate.
HARMLESS = {("restart", "no"), ("restart", ""), ("isolation", "default"), ("isolation", "")}
SWITCHED_OFF = {
    "disable-content-trust": (
        "reprun pins images by digest, and asks no notary for signatures",
        "remove it",
    ),
    "rm": ("the container is always removed", "remove it"),
    "sig-proxy": ("a signal always reaches the step", "remove it"),
}
NO_VALUE = frozenset(
    {"detach", "disable-content-trust", "help", "interactive", "quiet", "rm", "sig-proxy", "tty"}
    | {"use-api-socket"}
)
ALL = NEEDLESS | WITHOUT_EFFECT.keys() | REFUSED.keys()
