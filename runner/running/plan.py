"""What the chain has gathered when it locks, and when the step can start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from runner.environments.base import Activation, Backend, Environment, Spec
    from runner.inputs import Prepared
    from runner.manifest.model import Manifest, Step
    from runner.nesting import Outer
    from runner.request import Request
    from runner.running.container_settings import Asked
    from runner.source.model import Checkout, ProjectFiles, Source
    from runner.store.artifacts import Baseline
    from runner.store.records import RecordedFile


class Plan(Struct, frozen=True):
    """Everything that is known before anything is locked, built or started.

    Attributes:
        run_id: the id that the run will have.
        request: with what an outer run decides for those inside it.
        known_as: `source` by the address that a record has; another one only where the project
            stands in the checkout of an outer run.
        files: open as long as the plan's context is.
        outer: the run that this process is a part of.
        container: what is asked of the step's container; None where there is to be none.
    """

    run_id: str
    request: Request
    source: Source
    known_as: Source
    files: ProjectFiles
    manifest: Manifest
    prepared: Prepared
    backend: Backend
    spec: Spec
    outer: Outer | None = None
    container: Asked | None = None


class Ready(Struct, frozen=True):
    """A step with its checkout, environment, inputs and command.

    Attributes:
        read: the inputs, digested.
        command: as the shell gets it.
        shown_command: the same with secret values hidden.
        secrets: the texts that must not be shown or kept.
        baseline: what the checkout holds before the step.
        handles: what the step's supervisor holds too: its checkout and its environment.
    """

    planned: Plan
    step: Step
    environment: Environment
    activation: Activation
    checkout: Checkout
    read: tuple[RecordedFile, ...]
    command: str
    shown_command: str
    secrets: tuple[str, ...]
    baseline: Baseline
    handles: tuple[int, ...]
