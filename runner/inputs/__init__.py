"""The input stage: what a step reads is found, fetched, digested and laid into its checkout."""

from __future__ import annotations

from runner.inputs.laying import lay
from runner.inputs.model import Laid, Prepared
from runner.inputs.resolve import resolve

__all__ = ["Laid", "Prepared", "lay", "resolve"]
