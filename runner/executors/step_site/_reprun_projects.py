"""`mlflow.projects.run` by reprun: the same arguments, the same result, a child run.

Any Python from 2.7 on and any MLflow from 1.0 on reads this.
"""

import functools
import inspect
import os
import subprocess
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
MANAGERS = {"local": "local", "virtualenv": "venv", "uv": "venv"}  # conda: what the project says


def install(module):
    """Have `run` of the module `mlflow.projects` start a child run of the run around it."""
    if "REPRUN_PROGRAM" not in os.environ:
        return  # in a container reprun can't be reached: MLflow does it itself
    from mlflow.projects.submitted_run import SubmittedRun

    original = module.run
    failed = module.ExecutionException
    states = _states()

    class ChildRun(SubmittedRun):
        """A run of reprun, in a process of its own."""

        def __init__(self, process, run_id):
            SubmittedRun.__init__(self)
            self.process = process
            self._run_id = run_id

        @property
        def run_id(self):
            """Names the run, to reprun and to MLflow's client."""
            return self._run_id

        @property
        def command_proc(self):
            """The process, by the name that MLflow's own class has for it."""
            return self.process

        def wait(self):
            """Wait for its end; whether it finished well."""
            return self.process.wait() == 0

        def get_status(self):
            """One of MLflow's states."""
            code = self.process.poll()
            return states[0] if code is None else states[1] if code == 0 else states[2]

        def cancel(self):
            """End the run and everything that it started."""
            if self.process.poll() is None:
                self.process.terminate()
                self.process.wait()

    @functools.wraps(original)
    def run(*arguments, **named):
        asked = _bound(original, arguments, named)
        if asked.get("backend") not in (None, "local"):
            return original(*arguments, **named)
        child = ChildRun(*_start(_arguments(asked), asked.get("run_id")))
        if not asked.get("synchronous", asked.get("block", True)):
            return child
        try:
            succeeded = child.wait()
        except KeyboardInterrupt:
            child.cancel()
            raise
        if not succeeded:
            raise failed("Run (ID '%s') failed" % child.run_id)
        return child

    module.run = run


def _bound(original, arguments, named):
    """What was given, by name; the order of the arguments is that of the step's own MLflow."""
    if hasattr(inspect, "signature"):
        return dict(inspect.signature(original).bind(*arguments, **named).arguments)
    given = inspect.getcallargs(original, *arguments, **named)
    return {name: value for name, value in given.items() if value is not None}


def _states():
    from mlflow.entities import RunStatus

    return RunStatus.RUNNING, RunStatus.FINISHED, RunStatus.FAILED


def _arguments(asked):
    """What `reprun` is given for what MLflow was asked for."""
    manager = asked.get("env_manager")
    if manager is None and asked.get("use_conda") is False:
        manager = "local"
    name = asked.get("experiment_name")
    flags = [
        ("-e", asked.get("entry_point")),
        ("-v", asked.get("version")),
        ("--experiment-name", name),
        ("--experiment-id", asked.get("experiment_id") if name is None else None),
        ("--env-manager", MANAGERS.get(manager)),
        ("--run-name", asked.get("run_name")),
        ("--run-id", asked.get("run_id")),
        ("--storage-dir", asked.get("storage_dir")),
    ]
    words = ["run"]
    for flag, value in flags:
        if value is not None and (flag, value) != ("-e", "main"):
            words += [flag, _text(value)]
    for name, value in (asked.get("parameters") or {}).items():
        words += ["-P", _text(name) + "=" + _text(value)]
    # Behind `--`: an address that looks like an option is reprun's to refuse.
    return words + ["--", _text(asked["uri"])]


def _text(value):
    if isinstance(value, type(u"")) and str is bytes:
        return value.encode("utf-8")
    return value if isinstance(value, str) else str(value)


def _start(asked, logs_to):
    """The process, and the id that MLflow knows its run by."""
    child = _new_id()
    variables = dict(os.environ, REPRUN_RUN_ID=child)
    process = subprocess.Popen([os.environ["REPRUN_PROGRAM"]] + asked, env=variables)
    return process, logs_to or child


def _new_id():
    """A ULID in lower case, as reprun's own ids: they sort by time."""
    moment = int(time.time() * 1000)
    number = int((u"%012x" % moment) + _hex(os.urandom(10)), 16)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def _hex(data):
    return "".join("%02x" % byte for byte in bytearray(data))
