"""Takes credentials out of addresses, wherever in a text they stand."""

from __future__ import annotations

import re
from typing import Final

_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s'\"`]+@")


def without_credentials(text: str) -> str:
    """`text` with `user:password@` taken out of every address."""
    return _CREDENTIALS.sub("", text)
