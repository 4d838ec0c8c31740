"""`reprun doctor`: what is on this machine, and what is missing for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.homes import homes
from runner.cli.options import json_option
from runner.cli.render import size
from runner.cli.streams import say, say_json

if TYPE_CHECKING:
    from runner.examination import Finding

MARKS = {"ok": ("green", "✓"), "missing": ("red", "✗"), "note": ("yellow", "•")}


@click.command(epilog="Example:  reprun doctor --json")
@json_option
def doctor(*, as_json: bool) -> int:
    """Say what is on this machine and what is missing for what.

    Exits with 1 where something is missing that every run needs.
    """
    from runner import examination

    findings = examination.examine(homes())
    if as_json:
        say_json([finding.to_json() for finding in findings])
    else:
        for finding in findings:
            say(_line(finding))
    return 1 if any(f.state == "missing" and f.needed for f in findings) else 0


def _line(finding: Finding) -> str:
    colour, mark = MARKS[finding.state]
    hint = f"\n{'':16}{finding.hint}" if finding.hint else ""
    amount = "" if finding.size_bytes is None else f"{size(finding.size_bytes)} in "
    return f"{click.style(mark, fg=colour)} {finding.name.ljust(14)}{amount}{finding.found}{hint}"
