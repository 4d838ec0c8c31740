"""One way to turn values of this stage into a digest."""

from __future__ import annotations

import hashlib
import json


def of_text(text: str) -> str:
    """The hexadecimal SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def of_value(kind: str, value: object) -> str:
    """The hexadecimal SHA-256 of a JSON-like value; `kind` keeps different things apart."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return of_text(f"reprun/{kind}/1\n{text}")
