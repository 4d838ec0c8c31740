"""Says which packages a step imports that the project does not declare: all of them at once."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.environments.popular import IMPORTED_AS
from runner.running.missing_files import Explained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.running.plan import Ready

_LOOKED_AT: Final = 200  # files of the project
_TRACED: Final = re.compile(r'(?m)^\s*File "(.+?)", line \d+')


def explain(text: str, ready: Ready) -> Explained | None:
    """Which packages are missing, by the end of what the step wrote to stderr; None for none."""
    # The last error alone: one that a step has caught and printed is not what ended it.
    errors = re.findall(r"(?m)^(?:[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit)\b)[^\n]*", text)
    found = re.findall(r"^ModuleNotFoundError: No module named '(\w+)'", (errors or [""])[-1])
    if not found or found[-1] in sys.stdlib_module_names or ready.environment.path is None:
        return None
    first, spec = found[-1], ready.planned.spec
    if _lies_in(first, ready.checkout.root):
        return None
    # Whoever adds one package and tries again only learns of the next.
    modules = list(dict.fromkeys((first, *_imported(text, ready))))
    packages = list(dict.fromkeys(map(_package, modules)))
    named = " and ".join(filter(None, (_quoted(packages[:-1]), _quoted(packages[-1:]))))
    if ready.activation.image is not None:
        return Explained(
            f"the step imports {_quoted(modules)}, and its image does not hold {named}",
            f"install {named} where the image is made: its Dockerfile",
        )
    message = f"the step imports {_quoted(modules)}, and the project does not declare {named}"
    if spec.lock_text is not None:
        return Explained(message, f"add {named} to what {spec.origin} is made from")
    them = "it" if len(packages) == 1 else "them"
    where = f"add {them} to {spec.origin}" if spec.origin else f"name {them} in a requirements.txt"
    flags = " ".join(f"--add-package {package}" for package in packages)
    return Explained(message, f"{where}, or pass `{flags}`")


def _quoted(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _package(module: str) -> str:
    if module == "cv2":
        return "opencv-python-headless"  # needs no display, and no libraries of one
    return IMPORTED_AS.get(module.lower(), module.replace("_", "-"))


def _imported(text: str, ready: Ready) -> Iterator[str]:
    """Modules that the step's files import, and that are neither here nor the project's."""
    root = ready.checkout.root
    waiting = [Path(name) for name in _TRACED.findall(text)]
    waiting = [path for path in waiting if path.is_file() and path.is_relative_to(root)]
    there, seen = _installed(ready), set[Path]()
    while waiting and len(seen) < _LOOKED_AT:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        for module in _modules_of(path):
            own = next(iter(_candidates(module, path.parent, ready.checkout.project)), None)
            if own is not None:
                waiting.append(own)
            elif module not in there | sys.stdlib_module_names and not _lies_in(module, root):
                yield module


def _modules_of(path: Path) -> Iterator[str]:
    """The first parts of what a file imports at its top level, as it is when it is started."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _candidates(module: str, *folders: Path) -> Iterator[Path]:
    for folder in folders:
        for path in (folder / f"{module}.py", folder / module / "__init__.py"):
            if path.is_file():
                yield path


def _installed(ready: Ready) -> frozenset[str]:
    """The names of the modules in the step's environment."""
    from runner.environments import contents

    if ready.environment.path is None:
        return frozenset()
    try:
        entries = list(contents.site_packages(ready.environment.path).iterdir())
    except OSError:
        return frozenset()
    return frozenset(entry.name.partition(".")[0] for entry in entries)


def _lies_in(module: str, root: Path) -> bool:
    """Whether it lies in the checkout: then it is a matter of where the step looks for it."""
    return any(
        next(root.rglob(name), None) is not None
        for name in (f"{module}.py", f"{module}/__init__.py")
    )
