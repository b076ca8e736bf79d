"""The plugin for Lightning's Trainer and Fabric."""

from __future__ import annotations

import os
import shutil
from typing import Any

from . import (
    _afterwards,
    _files,
    _holding,
    _lightning,
    _options,
    _paths,
    _places,
    _pointer,
    _temporaries,
    _torch_files,
)
from ._open_repositories import OpenRepositories
from ._runs import Runs, run_of

# Where Lightning's launchers hand a child's weights over to its parent, which removes the file:
# no checkpoint that anybody would look for (lightning/pytorch/strategies/launchers).
_HANDOVER = ".temp.ckpt"


def _to_cpu(storage: Any, location: str) -> Any:
    """TorchCheckpointIO's own default: the CPU."""
    return storage


class CairnCheckpointIO:
    """Keeps checkpoints in a Cairn repository, and pointer files at their paths.

    ``Trainer(plugins=[CairnCheckpointIO()])``, ``Fabric(plugins=[…])``. It is a ``CheckpointIO``
    of both ``lightning`` and ``pytorch_lightning``.

    Args:
        repo: The repository, or the directory that holds it as ``.cairn``; it is made if it is
            not there. By default what ``CAIRN_REPO`` says, else the nearest ``.cairn`` above a
            checkpoint's directory, else one made there at the first save: in the current
            directory if the checkpoint's directory lies below it, else in the checkpoint's.
        run: The run that checkpoints belong to. By default one of the name of their directory; a
            training that was resumed goes on with the run it was resumed from.
        keep_versions: How many versions a path holds on to when it is saved to again; None: all.
        files: ``"pointer"``: small files that ``torch.load`` follows where this package is
            installed. ``"full"``: the real files beside the repository, for those who upload,
            copy or serve them.
    """

    def __init__(
        self,
        repo: str | os.PathLike[str] | None = None,
        run: str | None = None,
        keep_versions: int | None = 1,
        files: str = "pointer",
    ) -> None:
        if files not in ("pointer", "full"):
            raise ValueError(f"files must be 'pointer' or 'full', not {files!r}")
        _options.check_keep_versions(keep_versions)
        self.repo = None if repo is None else os.fspath(repo)
        self.run = run
        self.keep_versions = keep_versions
        self.files = files
        self._reset()
        register_with_lightning()

    def _reset(self) -> None:
        self._repositories = OpenRepositories(self.repo)
        self._runs = Runs(self.run)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "repo": self.repo,
            "run": self.run,
            "keep_versions": self.keep_versions,
            "files": self.files,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()
        register_with_lightning()

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        # `isinstance(plugin, CheckpointIO)` asks for this first: a Lightning that was imported
        # after the plugin was made gets to know it here.
        register_with_lightning()
        return type(self)

    # The interface

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | os.PathLike[str],
        storage_options: Any | None = None,
    ) -> None:
        """Saves a checkpoint. When it returns, it survives power loss.

        Args:
            checkpoint: The state of model and trainer.
            path: Where; a link there is replaced, never followed.
            storage_options: A dictionary of ``run``, ``tags``, ``metrics``, ``metadata`` and
                ``keep_versions``.

        Raises:
            TypeError: If there is anything else in `storage_options`.
        """
        options = _options.checked(storage_options)
        given = os.fspath(path)
        checkpoint = _options.taking_metrics(checkpoint, options)
        if _paths.is_repository_path(given):
            self._save_by_name(checkpoint, given, options)
            return
        local = _paths.local_path(given)
        if local is None:
            _torch_files.plugin_for_url(given).save_checkpoint(checkpoint, given)
            return
        absolute = os.path.abspath(local)
        directory = os.path.dirname(absolute)
        _files.make_directories(directory)
        if os.path.isdir(absolute) and not os.path.islink(absolute):
            raise IsADirectoryError(f"{absolute}: is a directory, not saved over")
        if os.path.basename(absolute) == _HANDOVER:
            _torch_files.save(checkpoint, absolute)
            return
        self._save_file(checkpoint, absolute, options)

    def load_checkpoint(
        self,
        path: str | os.PathLike[str],
        map_location: Any = _to_cpu,
        weights_only: bool | None = None,
        *,
        state: Any | None = None,
    ) -> Any:
        """Loads a checkpoint: what TorchCheckpointIO would load from it.

        Storages on the CPU are mapped copy-on-write: nothing is read before it is touched. A
        file that is no pointer is loaded by ``torch.load``.

        Args:
            path: Where it was saved.
            map_location: As that of ``torch.load``; the CPU by default, as saved for None.
            weights_only: As that of ``torch.load``.
            state: A dictionary (or module, or optimizer) to load the checkpoint into, in place.

        Returns:
            The checkpoint. With `state`, what of it the caller still has to apply; None if it
            was restored completely.
        """
        checkpoint = self._load(os.fspath(path), map_location, weights_only)
        if state is None or (isinstance(state, dict) and not state):
            return checkpoint
        from ._restoring import restore_into

        return restore_into(state, checkpoint)

    def remove_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Removes what is at a path: a pointer and the version it holds, a link (not what it
        leads to), another file, a directory; nothing if there is nothing.

        Args:
            path: Where.
        """
        given = os.fspath(path)
        if _paths.is_repository_path(given):
            place, name = _paths.split_repository_path(given)
            self._repositories.open(place).remove(name)
            return
        local = _paths.local_path(given)
        if local is None:
            _torch_files.plugin_for_url(given).remove_checkpoint(given)
            return
        absolute = os.path.abspath(local)
        if os.path.islink(absolute):
            os.unlink(absolute)
        elif os.path.isdir(absolute):
            # There may be a repository in it.
            _afterwards.wait()
            shutil.rmtree(absolute)
        elif os.path.exists(absolute):
            _holding.remove(absolute, self._repositories.open)

    def teardown(self) -> None:
        """Waits until what was replaced is freed, and lets go of the open repositories. The plugin
        works afterwards.
        """
        self._repositories.close()
        self._runs.resume(None)

    @property
    def requires_cpu_collectives(self) -> bool:
        """Whether saving needs collective operations on the CPU: no."""
        return False

    @property
    def _restore_after_setup(self) -> bool:
        """Whether checkpoints have to be restored after the strategy's setup: no."""
        return False

    @property
    def requires_state_on_load(self) -> bool:
        """Whether loading needs ``state``: no."""
        return self._restore_after_setup

    # Saving and loading

    def _save_file(self, checkpoint: Any, path: str, options: dict[str, Any]) -> None:
        directory = os.path.dirname(path)
        _temporaries.remove_abandoned(directory)
        repository = self._repositories.for_directory(directory)
        run, parent = self._runs.run_and_parent(repository, path)
        keep = options.pop("keep_versions", self.keep_versions)
        _holding.save(
            checkpoint,
            path,
            repository,
            {"run": run, "parent": parent, **options},
            keep=keep,
            full=self.files == "full",
            opener=self._repositories.open,
        )

    def _save_by_name(self, checkpoint: Any, path: str, options: dict[str, Any]) -> None:
        place, name = _paths.split_repository_path(path)
        keep = options.pop("keep_versions", self.keep_versions)
        run = options.pop("run", None) or self.run or run_of(os.path.dirname(name))
        repository = self._repositories.open(place)
        repository.save(checkpoint, name, run=run, keep_versions=keep, **options)

    def _load(self, given: str, map_location: Any, weights_only: bool | None) -> Any:
        if _paths.is_repository_path(given):
            place, name = _paths.split_repository_path(given)
            return self._repositories.open(place).load(name, map_location, weights_only)
        local = _paths.local_path(given)
        if local is None:
            plugin = _torch_files.plugin_for_url(given)
            return plugin.load_checkpoint(given, map_location, weights_only)
        if not os.path.exists(local):
            raise FileNotFoundError(f"Checkpoint file not found: {given}")
        absolute = os.path.abspath(local)
        pointer = _pointer.read(absolute)
        if pointer is None:
            # torch.load then raises what there is to say of a directory.
            return _torch_files.load(absolute, map_location, weights_only)
        from . import _following

        with _places.open_pointer(pointer, absolute) as checkpoint:
            loaded = _following.load(checkpoint, map_location, weights_only)
        self._runs.resume(pointer)
        return loaded


def register_with_lightning() -> None:
    """Makes the plugin a ``CheckpointIO`` of each Lightning that is loaded; loads none."""
    _lightning.register_plugin(CairnCheckpointIO)


register_with_lightning()
