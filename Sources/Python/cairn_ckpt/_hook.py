"""The global that pointer files name, and its registration with torch as a safe one.

Imported by ``import torch`` through an entry point: it imports nothing heavy, and never raises.

Two functions answer to the name ``cairn_ckpt.pip_install_cairn_ckpt``, which is the on-disk
format, frozen, and all that somebody without the package sees in torch's error message:

* the importable one, which ``pickle`` finds, loads fully;
* the one registered with ``torch.serialization.add_safe_globals`` loads weights only.

So the ``weights_only`` that a user gives to ``torch.load`` is obeyed.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from typing import Any

POINTER_MODULE = "cairn_ckpt"
POINTER_FUNCTION = "pip_install_cairn_ckpt"


def pip_install_cairn_ckpt(fields: Any) -> Any:
    """Loads fully what a pointer file names. Called by unpickling one."""
    from ._following import follow

    return follow(fields, weights_only=False)


def _weights_only(fields: Any) -> Any:
    """Loads only tensors and plain values of what a pointer file names."""
    from ._following import follow

    return follow(fields, weights_only=True)


pip_install_cairn_ckpt.__module__ = POINTER_MODULE
# torch looks a safe global up by these (2.4: __module__ and __name__, later: __qualname__).
_weights_only.__module__ = POINTER_MODULE
_weights_only.__name__ = POINTER_FUNCTION
_weights_only.__qualname__ = POINTER_FUNCTION


class _AfterTorch:
    """Registers as soon as torch is imported: for PyTorch 2.4, which knows no entry point, and
    programs that import this package first."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Lets the others find torch, and adds to what importing it does. Never raises."""
        if name != "torch":
            return None
        try:
            sys.meta_path.remove(self)
            spec = importlib.util.find_spec(name)
            if spec is None or spec.loader is None:
                return None
            execute = spec.loader.exec_module

            def execute_and_register(module: Any) -> None:
                execute(module)
                register()

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
            return spec
        except Exception:  # noqa: BLE001 - whatever it is, torch is imported as without this
            return None


def register_soon() -> None:
    """Registers the safe global now, or when torch is imported. Never raises."""
    if "torch" in sys.modules:
        register()
    else:
        sys.meta_path.insert(0, _AfterTorch())


def register() -> None:
    """Registers the safe global with torch, if torch is loaded. Never raises."""
    try:
        torch = sys.modules.get("torch")
        serialization = getattr(torch, "serialization", None)
        add = getattr(serialization, "add_safe_globals", None)
        if add is not None:
            add([_weights_only])
    except Exception:  # noqa: BLE001 - raising here would break `import torch` for everything
        pass
