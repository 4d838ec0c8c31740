"""The key under which variables are digested; it never leaves this data home."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runner.store.layout import storing

if TYPE_CHECKING:
    from runner.settings import Settings

KEY_BYTES = 32


def variable_key(settings: Settings) -> bytes:
    """The key, made on first use and readable by its owner only.

    Raises:
        StoreError: it can't be made.
    """
    path = settings.data / "variables.key"
    try:
        key = path.read_bytes()
        if len(key) == KEY_BYTES:
            return key
        path.unlink()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise storing("the key for variables", error) from error
    return _make(settings)


def _make(settings: Settings) -> bytes:
    path = settings.data / "variables.key"
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        new.write_bytes(os.urandom(KEY_BYTES))
        try:
            # Of two first runs at once, one names the key and both use it.
            os.link(new, path)
        except FileExistsError:
            pass
        finally:
            new.unlink()
        return path.read_bytes()
    except OSError as error:
        raise storing("the key for variables", error) from error
