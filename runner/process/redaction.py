"""Secrets in a stream of bytes become `***`, also where a read ends in the middle of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = b"***"


class Redaction:
    """Replaces secrets in blocks that arrive one after the other.

    Of a block it keeps back only what may be the beginning of a secret; of two secrets that begin
    at the same byte the longer one is replaced.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        import re

        known = {secret.encode(errors="surrogateescape") for secret in secrets if secret}
        self._secrets = sorted(known, key=len, reverse=True)
        self._first = {secret[0] for secret in self._secrets}
        self._longest = len(self._secrets[0]) if self._secrets else 0
        self._pattern = re.compile(b"|".join(map(re.escape, self._secrets)) or b"(?!)")
        self._kept = b""

    def feed(self, block: bytes) -> bytes:
        """What of everything so far can be passed on now."""
        text = self._kept + block
        done: list[bytes] = []
        position = 0
        while True:
            open_end = self._open_end(text, position)
            match = self._pattern.search(text, position)
            if match is None or match.start() >= open_end:
                break
            done += (text[position : match.start()], MASK)
            position = match.end()
        self._kept = text[open_end:]
        return b"".join((*done, text[position:open_end]))

    def flush(self) -> bytes:
        """What was kept back, once nothing follows any more."""
        text, self._kept = self._kept, b""
        return self._pattern.sub(MASK, text)

    def _open_end(self, text: bytes, position: int) -> int:
        """Where a secret may begin that the text doesn't show whole; the text's end if nowhere."""
        for start in range(max(position, len(text) - self._longest + 1), len(text)):
            if text[start] not in self._first:
                continue
            rest = text[start:]
            if any(len(rest) < len(secret) and secret.startswith(rest) for secret in self._secrets):
                return start
        return len(text)
