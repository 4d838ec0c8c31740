"""Values of `docker run`'s flags that stand for themselves: sizes, times, numbers, addresses.

Each reader takes the text and raises ValueError with what is wrong with it, in words.
The SDK's own readers know fewer forms than the command line does (no `2GiB`, no `1m30s`).
"""

from __future__ import annotations

import re

TRUE = ("1", "t", "T", "true", "TRUE", "True")
FALSE = ("0", "f", "F", "false", "FALSE", "False")
DIGITS = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
SIZE = rf"({DIGITS}(?:e[+-]?\d{{1,2}})?) ?(?:b|([kmgtp])(?:i?b)?)?"
DECIMAL = rf"[+-]?(?:{DIGITS}(?:e[+-]?\d{{1,2}})?|[0-9]+/[0-9]+)"
TIME = rf"({DIGITS})(ns|us|µs|ms|s|m|h)"
WORD = r"[+-]?[0-9A-Za-z_]{1,40}"
OCTAL = r"[+-]?0[0-7]+"
NANO = 10**9
NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": NANO,
    "m": 60 * NANO,
    "h": 3600 * NANO,
}
LONGEST = 40  # of a number's text: a stranger may have written it, and fractions are exact
LARGEST = 2**63 - 1
LARGEST_WEIGHT = 2**16 - 1
SWAPPINESS = (-1, 100)


def boolean(text: str) -> bool:
    """`true` or `false`, as Go reads them."""
    if text not in TRUE + FALSE:
        raise ValueError(f"must be `true` or `false`, not `{text}`")
    return text in TRUE


def whole(text: str) -> int:
    """An integer as Go's flags read it: `0x10` and `010` (octal), too."""
    try:
        # Spaces around it are nothing to Python, and wrong to Go.
        bare = text if re.fullmatch(WORD, text) else ""
        value = int(bare, 8 if re.fullmatch(OCTAL, bare) else 0)
    except ValueError:
        raise ValueError(f"must be a whole number, not `{text}`") from None
    if not -LARGEST - 1 <= value <= LARGEST:
        raise ValueError(f"must be a number of 64 bits, not `{text}`")
    return value


def natural(text: str) -> int:
    """An integer of zero or more."""
    value = whole(text)
    if value < 0:
        raise ValueError(f"must be zero or more, not `{text}`")
    return value


def weight(text: str) -> int:
    """A 16-bit weight; what the engine makes of it is the engine's."""
    value = natural(text)
    if value > LARGEST_WEIGHT:
        raise ValueError(f"must be at most {LARGEST_WEIGHT}, not `{text}`")
    return value


def swappiness(text: str) -> int:
    """A percentage, -1 for the kernel's own."""
    value = whole(text)
    low, high = SWAPPINESS
    if not low <= value <= high:
        raise ValueError(f"must lie between 0 and {high}, not `{text}`")
    return value


def size(text: str) -> int:
    """Bytes, from `512`, `64m`, `1.5g`, `2GiB` (all in powers of 1024)."""
    match = re.fullmatch(SIZE, text, re.IGNORECASE)
    if not match or len(text) > LONGEST:
        raise ValueError(f"must be a size such as `512m` or `2g`, not `{text}`")
    power = " kmgtp".index((match[2] or " ").lower())
    value = int(float(match[1]) * 1024**power)
    if value > LARGEST:
        raise ValueError(f"must be below 8 EiB, not `{text}`")
    return value


def swap(text: str) -> int:
    """Bytes, -1 for no limit."""
    return -1 if text == "-1" else size(text)


def cpus(text: str) -> int:
    """Billionths of a processor, from `2`, `1.5`, `1/2`."""
    from fractions import Fraction

    try:
        tame = len(text) <= LONGEST and re.fullmatch(DECIMAL, text, re.IGNORECASE)
        value = Fraction(text if tame else "") * NANO
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"must be a number such as `1.5`, not `{text}`") from None
    if value < 0:
        raise ValueError(f"must be zero or more, not `{text}`")
    if value.denominator != 1:
        raise ValueError(f"must have no more than nine decimals, not `{text}`")
    if value > LARGEST:
        raise ValueError(f"must be a number of processors, not `{text}`")
    return int(value)


def duration(text: str) -> int:
    """Nanoseconds, from `500ms`, `1m30s`, `1.5h`."""
    from fractions import Fraction

    parts = re.findall(TIME, text)
    if (
        len(text) > LONGEST
        or text not in ("0", "".join(number + unit for number, unit in parts))
        or not text
    ):
        raise ValueError(f"must be a time such as `30s` or `1m30s`, not `{text}`")
    return int(sum(Fraction(number) * NANOSECONDS[unit] for number, unit in parts))


def address(text: str, *, version: int | None = None) -> str:
    """An IP address, of version 4 or 6 where that is asked."""
    import ipaddress

    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"must be an IP address, not `{text}`") from None
    if version and found.version != version:
        raise ValueError(f"must be an IPv{version} address, not `{text}`")
    return text


def hardware_address(text: str) -> str:
    """A MAC address: pairs of hexadecimal digits."""
    if not re.fullmatch(
        r"[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}", text, re.IGNORECASE
    ):
        raise ValueError(f"must be a MAC address such as `92:d0:c6:0a:29:33`, not `{text}`")
    return text


def pair(text: str) -> dict[str, str]:
    """`NAME` or `NAME=VALUE`."""
    name, _, value = text.partition("=")
    if not name:
        raise ValueError(f"must be `NAME` or `NAME=VALUE`, not `{text}`")
    return {name: value}


def full_pair(text: str) -> dict[str, str]:
    """`NAME=VALUE`."""
    if "=" not in text:
        raise ValueError(f"must be `NAME=VALUE`, not `{text}`")
    return pair(text)
