"""`mlflow.projects.run` by reprun: the same arguments, the same result, a child run.

Any Python from 2.7 on and any MLflow from 1.0 on reads this.
"""

import os
import subprocess
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
MANAGERS = {"local": "local", "virtualenv": "venv", "uv": "venv"}  # conda: what the project says


def install(module):
    """Have `run` of the module `mlflow.projects` start a child run of the run around it."""
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

    def run(
        uri,
        entry_point="main",
        version=None,
        parameters=None,
        docker_args=None,
        experiment_name=None,
        experiment_id=None,
        backend="local",
        backend_config=None,
        *arguments,
        **named
    ):
        if backend not in (None, "local"):
            return original(
                uri,
                entry_point,
                version,
                parameters,
                docker_args,
                experiment_name,
                experiment_id,
                backend,
                backend_config,
                *arguments,
                **named
            )
        # Their order is the same in no two versions of MLflow; nobody passes them by place.
        if arguments:
            named.setdefault("use_conda", arguments[0])
        asked = _arguments(
            uri, entry_point, version, parameters, experiment_name, experiment_id, named
        )
        child = ChildRun(*_start(asked, named.get("run_id")))
        if not named.get("synchronous", True):
            return child
        try:
            succeeded = child.wait()
        except KeyboardInterrupt:
            child.cancel()
            raise
        if not succeeded:
            raise failed("Run (ID '%s') failed" % child.run_id)
        return child

    run.__doc__ = original.__doc__
    module.run = run


def _states():
    from mlflow.entities import RunStatus

    return RunStatus.RUNNING, RunStatus.FINISHED, RunStatus.FAILED


def _arguments(uri, entry_point, version, parameters, experiment_name, experiment_id, named):
    asked = ["run", str(uri)]
    manager = named.get("env_manager")
    if manager is None and named.get("use_conda") is False:
        manager = "local"
    flags = [
        ("-e", entry_point if entry_point != "main" else None),
        ("-v", version),
        ("--experiment-name", experiment_name),
        ("--experiment-id", experiment_id if experiment_name is None else None),
        ("--env-manager", MANAGERS.get(manager)),
        ("--run-name", named.get("run_name")),
        ("--run-id", named.get("run_id")),
        ("--storage-dir", named.get("storage_dir")),
    ]
    for flag, value in flags:
        if value is not None:
            asked += [flag, _text(value)]
    for name, value in (parameters or {}).items():
        asked += ["-P", _text(name) + "=" + _text(value)]
    return asked


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
