"""How a command ends: errors in clear words on standard error, and the exit codes.

0 is done, 1 is failed, 2 is a mistake in the configuration or in the command, 130 is interrupted.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum

from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.errors import ConfigurationError, EntrywayError


class ExitCode(IntEnum):
    """What the exit code of every command means."""

    DONE = 0
    FAILED = 1
    MISTAKE = 2
    INTERRUPTED = 130


@contextmanager
def told_in_clear_words() -> Iterator[None]:
    """End the process with a message and an exit code, and no traceback, for every error that may be expected."""
    try:
        yield
    except ConfigurationMistakes as error:
        tell_mistakes(error.mistakes)
        sys.exit(ExitCode.MISTAKE)
    except ConfigurationError as error:
        tell(f"error: {error.detail}")
        sys.exit(ExitCode.MISTAKE)
    except EntrywayError as error:
        tell(f"error: {error.detail}")
        sys.exit(ExitCode.FAILED)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # `entryway env … | head`: the reader left, which is its right; Python must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.FAILED)
    except OSError as error:
        # A file that a command was given; where none is named, it is a fault of ours, and the traceback is wanted.
        if error.filename is None:
            raise
        tell(f"error: {error.filename}: {error.strerror}")
        sys.exit(ExitCode.FAILED)


def tell(message: str) -> None:
    """Print one message for the person at the terminal."""
    print(message, file=sys.stderr)  # noqa: T201 - standard error is where a command line speaks


def tell_mistakes(mistakes: Sequence[Mistake]) -> None:
    """Print every mistake with its file, path, rule and suggestion, and how many there are."""
    for mistake in mistakes:
        tell(f"{mistake.severity}: {mistake.file}{mistake.path and ' at '}{mistake.path}: {mistake.rule}")
        if mistake.suggestion:
            tell(f"  → {mistake.suggestion}")
    tell(counted(mistakes))


def counted(mistakes: Sequence[Mistake]) -> str:
    """Return the closing line of a list of mistakes."""
    errors = sum(mistake.severity == "error" for mistake in mistakes)
    warnings = len(mistakes) - errors
    return f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
