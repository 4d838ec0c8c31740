"""Small projects for whole-program tests; none has dependencies, each step says what it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.repositories import Repository

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = """\
name: sample
entry_points:
  main:
    parameters:
      text: {type: string, default: hello}
      count: {type: int, default: 1, min: 1, max: 9}
      mode: {type: string, default: plain, choices: [plain, loud]}
    command: "python main.py {text} {count} {mode}"
    outputs: [out.txt]
    metrics: metrics.json
  need:
    parameters:
      alpha: float
      data: path
    command: "python main.py {alpha} 1 {data}"
  exit:
    parameters:
      status: int
    command: "exit {status}"
  wait:
    command: "touch started; sleep 60 & wait; echo never"
  shown:
    command: "env; pwd"
"""
MAIN = """\
import json, sys
text, count, mode = sys.argv[1:4]
print(text * int(count))
print("to stderr", file=sys.stderr)
open("out.txt", "w").write(text * int(count))
json.dump({"length": len(text) * int(count), "name": "x"}, open("metrics.json", "w"))
"""


def lay(folder: Path, manifest: str = MANIFEST, **files: str) -> Path:
    """A plain directory with the sample, or with another manifest; `a_py` stands for `a.py`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "MLproject").write_text(manifest)
    (folder / "main.py").write_text(MAIN)
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text)
    return folder


def commit(folder: Path, manifest: str = MANIFEST, **files: str) -> Repository:
    """The same, committed."""
    lay(folder, manifest, **files)
    repository = Repository(folder)
    repository.commit("the sample")
    return repository
