"""Run ids: MLflow before 0.9.1 takes none that is not made of 32 hexadecimal digits.

Any Python from 2.7 on reads this.
"""

import re


def install(module):
    """Let the module `mlflow.utils.validation` take what later releases take."""
    if module._RUN_ID_REGEX.match("01m888g5sx1sm2dxnm8wpvb5cs") is None:
        module._RUN_ID_REGEX = re.compile(r"^[a-zA-Z0-9][\w\-]{0,255}$")
