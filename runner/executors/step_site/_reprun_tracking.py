"""`mlflow.set_tracking_uri` to another store: the run that reprun named is not there.

MLflow would look for it there and fail. Any Python from 2.7 on and any MLflow reads this.
"""

import functools
import os

NAMES = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID")


def install(module):
    """Have the run's id told only while the step logs to the run's own endpoint."""
    original = module.set_tracking_uri
    home = os.environ.get("REPRUN_TRACKING_URI")
    if home is None:
        return
    kept = {}

    @functools.wraps(original)
    def set_tracking_uri(uri, *arguments, **named):
        if os.environ.get("REPRUN_LOG_HERE"):
            return original(home, *arguments, **named)
        result = original(uri, *arguments, **named)
        if str(uri).rstrip("/") == home:
            for name in list(kept):
                os.environ.setdefault(name, kept.pop(name))
        else:
            for name in NAMES:
                if name in os.environ:
                    kept[name] = os.environ.pop(name)
        return result

    module.set_tracking_uri = set_tracking_uri
