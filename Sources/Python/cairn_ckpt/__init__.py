"""Cairn: a repository of training checkpoints, for PyTorch and Lightning.

``Trainer(plugins=[CairnCheckpointIO()])`` keeps checkpoints in a repository, in which what does
not change from one to the next is stored once; at their paths lie small pointer files that
``torch.load`` follows.

Importing this imports neither torch nor lightning: torch itself imports it (see ``_hook``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._hook import pip_install_cairn_ckpt, register_soon
from ._version import VERSION as __version__

if TYPE_CHECKING:
    from ._errors import (
        BackupDiverged,
        CairnError,
        CheckpointNotFound,
        CheckpointRemoved,
        DamagedRepository,
        InvalidArgument,
        InvalidPointer,
        NewerFormat,
        NoSpace,
        NotWritable,
        RepositoryExists,
        RepositoryIOError,
        RepositoryNotFound,
        SaveCancelled,
        Stopped,
        UnsupportedState,
        UntrustedRepository,
    )
    from ._fsspec import CairnFileSystem
    from ._records import Records
    from .callback import CairnCallback
    from .checkpoint_io import CairnCheckpointIO
    from .repository import Repository

__all__ = [
    "BackupDiverged",
    "CairnCallback",
    "CairnCheckpointIO",
    "CairnError",
    "CairnFileSystem",
    "CheckpointNotFound",
    "CheckpointRemoved",
    "DamagedRepository",
    "InvalidArgument",
    "InvalidPointer",
    "NewerFormat",
    "NoSpace",
    "NotWritable",
    "Records",
    "Repository",
    "RepositoryExists",
    "RepositoryIOError",
    "RepositoryNotFound",
    "SaveCancelled",
    "Stopped",
    "UnsupportedState",
    "UntrustedRepository",
    "__version__",
    "pip_install_cairn_ckpt",
]

_MODULES = {
    "CairnCallback": "callback",
    "CairnCheckpointIO": "checkpoint_io",
    "CairnFileSystem": "_fsspec",
    "Records": "_records",
    "Repository": "repository",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    # Not kept as a global: CairnCheckpointIO is made known to the Lightnings that are loaded by
    # the time that somebody asks for it.
    module = importlib.import_module(f".{_MODULES.get(name, '_errors')}", __name__)
    if name == "CairnCheckpointIO":
        module.register_with_lightning()
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


# PyTorch 2.4 has no entry point that would do it.
register_soon()
