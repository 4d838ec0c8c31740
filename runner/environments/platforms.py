"""What a platform is called in locks and records."""

from __future__ import annotations

import os
import sys

# The kernel's name → that of Go's toolchain, which engines use.
_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm/v7",
    "i686": "386",
}


def platform_name() -> str:
    """Such as `linux-x86_64`."""
    return f"{sys.platform}-{os.uname().machine}"


def engine_platform() -> str:
    """What container engines call it: `linux/amd64`; the engine's machine is this one."""
    machine = os.uname().machine
    return f"linux/{_ARCHITECTURES.get(machine, machine)}"


def conda_subdir() -> str:
    """What conda calls it: `linux-64`, `linux-aarch64`."""
    machine = os.uname().machine
    system = {"darwin": "osx"}.get(sys.platform, sys.platform)
    if machine == "x86_64":
        return f"{system}-64"
    return f"{system}-{machine}"
