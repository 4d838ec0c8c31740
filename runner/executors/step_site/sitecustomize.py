"""Runs when a step's Python starts: hands MLflow's calls to run a project to reprun.

Any Python from 2.7 on reads this, of any environment; it must cost nothing and never raise. What
MLflow needs is in modules beside this one, imported only by a step that imports MLflow.
"""

import os
import sys

# Module -> the module beside this one whose `install(module)` is called once it is imported.
HOOKS = {
    "mlflow.projects": "_reprun_projects",
    "mlflow.utils.validation": "_reprun_validation",
    "mlflow.tracking._tracking_service.utils": "_reprun_tracking",
}


class Finder(object):  # noqa: UP004  Python 2
    """Finds nothing itself; has the hook called after the real loader."""

    def find_spec(self, name, path=None, target=None):
        """Python 3: the real spec, its loader told to call the hook."""
        if name not in HOOKS:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                _follow(spec.loader, name)
                return spec
        return None

    def find_module(self, name, path=None):
        """Python 2: be the loader."""
        if name not in HOOKS or sys.version_info[0] > 2:
            return None
        self.path = path
        return self

    def load_module(self, name):
        """Python 2: load it as everybody does, then call the hook."""
        import imp

        found = imp.find_module(name.rpartition(".")[2], self.path)
        try:
            module = imp.load_module(name, *found)
        finally:
            if found[0] is not None:
                found[0].close()
        _install(name, module)
        return module


def _follow(loader, name):
    try:
        execute = loader.exec_module

        def exec_module(module):
            execute(module)
            if module.__name__ == name:
                _install(name, module)

        loader.exec_module = exec_module
    except Exception:
        pass  # a loader that takes no attribute: MLflow does what it does


def _install(name, module):
    try:
        __import__(HOOKS[name]).install(module)
    except Exception:
        pass  # an MLflow that has nothing of what is looked for


def _shadowed():
    """Run the `sitecustomize` that would have run without us."""
    here = os.path.dirname(os.path.abspath(__file__))
    rest = [folder for folder in sys.path if os.path.abspath(folder) != here]
    if sys.version_info[0] == 2:
        import imp

        try:
            found = imp.find_module("sitecustomize", rest)
        except ImportError:
            return
        imp.load_module("sitecustomize", *found)
        return
    from _frozen_importlib import module_from_spec
    from _frozen_importlib_external import PathFinder

    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if "REPRUN_PARENT_RUN" in os.environ:
    sys.meta_path.insert(0, Finder())
_shadowed()
