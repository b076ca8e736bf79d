"""The states that are saved, and how they change from one save to the next."""

from __future__ import annotations

from typing import Any

import torch

MIB = 2**20
State = dict[str, Any]


def even(mebibytes: int, count: int = 20, dtype: torch.dtype = torch.float32) -> State:
    """`count` tensors of the same size, `mebibytes` together."""
    elements = max(mebibytes * MIB // count // dtype.itemsize, 1)
    return {f"layer.{n:02}.weight": torch.randn(elements, dtype=dtype) for n in range(count)}


def change(state: State, every: int = 1) -> None:
    """Gives every `every`th tensor other bytes, throughout."""
    for tensor in list(state.values())[::every]:
        # Other bits of the same numbers: as all-new as random ones, and quickly made.
        tensor.view(torch.int16 if tensor.itemsize == 2 else torch.int32).bitwise_xor_(
            int(torch.randint(1, 2**15, (1,)))
        )


def adam(mebibytes: int) -> State:
    """A training state: weights, two moments as large, steps."""
    weights = even(mebibytes // 3)
    return {
        "epoch": 3,
        "state_dict": weights,
        "optimizer_states": [
            {
                "state": {
                    n: {
                        "step": torch.tensor(100.0),
                        "exp_avg": torch.randn_like(weight),
                        "exp_avg_sq": torch.rand_like(weight),
                    }
                    for n, weight in enumerate(weights.values())
                },
                "param_groups": [{"lr": 1e-3, "params": list(range(len(weights)))}],
            }
        ],
    }


def change_adam(state: State) -> None:
    """One step: everything changes."""
    change(state["state_dict"])
    for moments in state["optimizer_states"][0]["state"].values():
        moments["step"] += 1
        change({name: moments[name] for name in ("exp_avg", "exp_avg_sq")})


def lora(mebibytes: int) -> State:
    """A frozen base and adapters of 0.5 % of its size."""
    state = even(mebibytes)
    elements = max(mebibytes * MIB // 200 // 40 // 4, 1)
    for n in range(20):
        state[f"layer.{n:02}.lora_a"] = torch.randn(elements)
        state[f"layer.{n:02}.lora_b"] = torch.randn(elements)
    return state


def change_lora(state: State) -> None:
    """The adapters have been trained on."""
    change({name: tensor for name, tensor in state.items() if "lora" in name})


def resnet18() -> State:
    """The shapes of ResNet-18 (He, Zhang, Ren, Sun 2015), 11.7 million parameters."""
    state: State = {"conv1.weight": torch.randn(64, 3, 7, 7)}

    def norm(name: str, width: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{name}.{part}"] = torch.randn(width)
        state[f"{name}.num_batches_tracked"] = torch.tensor(0)

    norm("bn1", 64)
    inner = 64
    for layer, width in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            name = f"layer{layer}.{block}"
            state[f"{name}.conv1.weight"] = torch.randn(width, inner, 3, 3)
            norm(f"{name}.bn1", width)
            state[f"{name}.conv2.weight"] = torch.randn(width, width, 3, 3)
            norm(f"{name}.bn2", width)
            if block == 0 and layer > 1:
                state[f"{name}.downsample.0.weight"] = torch.randn(width, inner, 1, 1)
                norm(f"{name}.downsample.1", width)
            inner = width
    state["fc.weight"] = torch.randn(1000, 512)
    state["fc.bias"] = torch.randn(1000)
    return state


def change_head(state: State) -> None:
    """The head of a ResNet has been trained, its backbone is frozen."""
    change({name: tensor for name, tensor in state.items() if name.startswith("fc.")})


def embedding(mebibytes: int) -> State:
    """One table, rows of 1 KiB."""
    return {"embedding.weight": torch.randn(max(mebibytes * 1024, 100), 256)}


def change_rows(state: State, scattered: bool) -> None:
    """1 % of the rows: here and there, or the block of one shard of the vocabulary."""
    table = state["embedding.weight"]
    count = max(len(table) // 100, 1)
    if scattered:
        rows = torch.randperm(len(table))[:count]
    else:
        first = int(torch.randint(0, len(table) - count + 1, (1,)))
        rows = torch.arange(first, first + count)
    table[rows] = torch.randn(count, table.shape[1])


def tiny(count: int = 20_000, elements: int = 64) -> State:
    """Very many tensors that a page could hold."""
    rows = torch.randn(count, elements)
    return {f"layer.{n:05}.bias": row.clone() for n, row in enumerate(rows)}


def equal(left: Any, right: Any) -> bool:
    """Whether two states are the same, bit for bit."""
    if isinstance(left, torch.Tensor):
        return (
            isinstance(right, torch.Tensor)
            and left.dtype == right.dtype
            and left.shape == right.shape
            and torch.equal(
                left.contiguous().view(-1).view(torch.uint8),
                right.contiguous().view(-1).view(torch.uint8),
            )
        )
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(equal(left[key], right[key]) for key in left)
        )
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right)


def tensors(state: Any) -> list[torch.Tensor]:
    """All tensors in a state."""
    if isinstance(state, torch.Tensor):
        return [state]
    if isinstance(state, dict):
        return [tensor for value in state.values() for tensor in tensors(value)]
    if isinstance(state, (list, tuple)):
        return [tensor for value in state for tensor in tensors(value)]
    return []
