"""Counts the letters or words of a text, and how much information one of them carries."""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections import Counter
from math import log2
from pathlib import Path

PATTERNS = {"letters": r"[^\W\d_]", "words": r"[^\W\d_]+(?:['’-][^\W\d_]+)*"}


def count(text: str, unit: str, shortest: int) -> Counter[str]:
    """How often each letter or word occurs, case aside; words below `shortest` left out."""
    found = re.findall(PATTERNS[unit], text.lower())
    return Counter(item for item in found if unit == "letters" or len(item) >= shortest)


def entropy(counts: Counter[str]) -> float:
    """Shannon's entropy in bits per symbol (C. E. Shannon, 1948)."""
    total = counts.total()
    return sum(n / total * log2(total / n) for n in counts.values())


def show(ranked: list[tuple[str, int]], total: int) -> None:
    """A bar per symbol, the longest 40 characters wide."""
    for symbol, n in ranked:
        print(f"{symbol:>14} {n:5d} {n / total:6.1%} {'█' * max(1, 40 * n // ranked[0][1])}")


def main() -> None:
    """Read the text, write `frequencies.csv` and `metrics.json`, show the most frequent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--unit", choices=PATTERNS, default="letters")
    parser.add_argument("--top", type=int, default=10)
    parser.add_argument("--shortest", type=int, default=1)
    options = parser.parse_args()

    counts = count(options.text.read_text(encoding="utf-8"), options.unit, options.shortest)
    if not counts:
        parser.exit(1, f"there are no {options.unit} in {options.text}\n")
    # By frequency, then by symbol: equally frequent ones must not change places between runs.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    with Path("frequencies.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([(options.unit, "count"), *ranked])
    metrics = {
        "total": counts.total(),
        "distinct": len(counts),
        "entropy_bits": round(entropy(counts), 6),
    }
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    show(ranked[: options.top], counts.total())
    print(f"{len(counts)} different {options.unit}, {metrics['entropy_bits']:.2f} bits each")


if __name__ == "__main__":
    main()
