"""A file for `ssl`, which reads certificates and keys from nothing else."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def file_for_ssl(text: str) -> Iterator[str]:
    """Name a file with this text, which is ours alone and gone again at the end of the block."""
    if sys.platform == "linux":
        # In memory: a key stays off the disk, and containers often have none that can be written to.
        with os.fdopen(os.memfd_create("entryway"), "w") as file:
            file.write(text)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(text)
            file.flush()
            yield file.name
