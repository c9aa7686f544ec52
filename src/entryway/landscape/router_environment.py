"""The environment that a router's folder would have in the application that it belongs to."""

from __future__ import annotations

from pathlib import Path

from entryway.landscape.application import find_descriptor, read_application
from entryway.landscape.environment_file import kept_modules, load_environment
from entryway.landscape.state import FOLDER_NAME, StateFolder, is_held

LEVELS_UP = 4


def environment_around(workdir: Path) -> dict[str, str]:
    """Return what the running landscape gives the folder's module, else what its descriptor says, else nothing."""
    workdir = workdir.resolve()
    for folder in (workdir, *workdir.parents[:LEVELS_UP]):
        if find_descriptor(folder) is None:
            continue
        application, _ = read_application(folder)
        modules = application.descriptor.modules if application else ()
        module = next((each for each in modules if (folder / each.folder).resolve() == workdir), None)
        if module is None:
            continue
        state = StateFolder(folder / FOLDER_NAME)
        if is_held(state) and module.name in kept_modules(state):
            return load_environment(state, module.name)
        return dict(module.environment)
    return {}
