"""Says that a step imports a package that the project does not declare."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from runner.environments.popular import IMPORTED_AS
from runner.running.missing_files import Explained

if TYPE_CHECKING:
    from runner.running.plan import Ready


def explain(text: str, ready: Ready) -> Explained | None:
    """Which package is missing, by the end of what the step wrote to stderr; None for none."""
    found = re.findall(r"(?m)^ModuleNotFoundError: No module named '(\w+)'", text)
    if not found or found[-1] in sys.stdlib_module_names or not ready.planned.backend.LOCKS:
        return None
    module, spec = found[-1], ready.planned.spec
    if _is_the_projects(module, ready):
        return None
    package = _package(module)
    message = f"the step imports `{module}`, and the project does not declare `{package}`"
    if spec.lock_text is not None:
        return Explained(message, f"add `{package}` to what {spec.origin} is made from")
    where = f"add it to {spec.origin}" if spec.origin else "name it in a requirements.txt"
    return Explained(message, f"{where}, or pass `--add-package {package}`")


def _package(module: str) -> str:
    if module == "cv2":
        return "opencv-python-headless"  # needs no display, and no libraries of one
    return IMPORTED_AS.get(module.lower(), module.replace("_", "-"))


def _is_the_projects(module: str, ready: Ready) -> bool:
    """Whether it lies in the checkout: then it is a matter of where the step looks for it."""
    root = ready.checkout.root
    return any(
        next(root.rglob(name), None) is not None
        for name in (f"{module}.py", f"{module}/__init__.py")
    )
