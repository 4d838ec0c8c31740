"""What a platform is called in locks and records."""

from __future__ import annotations

import os
import sys


def platform_name() -> str:
    """Such as `linux-x86_64`."""
    return f"{sys.platform}-{os.uname().machine}"
