"""Loading a checkpoint into a state that is there (``load_checkpoint(…, state=…)``)."""

from __future__ import annotations

from typing import Any


def restore_into(state: Any, checkpoint: Any) -> Any:
    """Loads a checkpoint into a state, in place.

    Args:
        state: A module, an optimizer, or a dictionary of such, of tensors and of values.
        checkpoint: What was loaded.

    Returns:
        What of the checkpoint the caller still has to apply; None if nothing.
    """
    if hasattr(state, "load_state_dict"):
        state.load_state_dict(checkpoint)
        return None
    if not isinstance(state, dict):
        raise TypeError(f"state must be a dictionary, module or optimizer, not {type(state)}")
    rest = dict(checkpoint)
    for key in list(state):
        if key in rest:
            state[key] = _restored(state[key], rest.pop(key))
    return rest or None


def _restored(target: Any, value: Any) -> Any:
    """`target` with `value` in it, or `value` where it cannot be changed in place."""
    import torch

    if hasattr(target, "load_state_dict"):
        target.load_state_dict(value)
        return target
    if isinstance(target, torch.Tensor) and isinstance(value, torch.Tensor):
        if target.shape == value.shape and target.layout == value.layout:
            with torch.no_grad():
                target.copy_(value)
            return target
        return value
    if isinstance(target, dict) and isinstance(value, dict):
        for key, item in value.items():
            target[key] = _restored(target[key], item) if key in target else item
        return target
    return value
