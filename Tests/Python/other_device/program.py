"""What happens to a state on a device that is not the CPU: run in a process of its own, since a
device that is registered stays. Arguments: the device's library, and one of the functions below.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import other_device
import torch

from cairn_ckpt import CairnCheckpointIO, Repository

MEBIBYTE = 1 << 20


def state() -> dict[str, Any]:
    base = torch.arange(3_000_000, dtype=torch.float32)
    there = base.to("other:1")
    return {
        "first": torch.arange(100).to("other:0"),
        "second": there,
        "view": there[1000:1200].view(20, 10),
        "tied": there,
        "empty": torch.empty(0, device="other:0"),
        "half": torch.rand(7).half().to("other:0"),
        "host": base,
        "parameter": torch.nn.Parameter(base[:10].to("other:0")),
    }


def same(loaded: dict[str, Any], expected: dict[str, Any]) -> bool:
    return list(loaded) == list(expected) and all(
        torch.equal(loaded[key].detach().cpu(), value.detach().cpu())
        for key, value in expected.items()
    )


def devices(loaded: dict[str, Any]) -> dict[str, str]:
    return {key: str(value.device) for key, value in loaded.items()}


def save_and_load() -> None:
    saved = state()
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(saved, "a.ckpt")
    # What was queued on the devices is waited for, once each.
    assert torch.other.synchronized == 2, torch.other.synchronized

    default = plugin.load_checkpoint("a.ckpt")
    assert same(default, saved) and set(devices(default).values()) == {"cpu"}
    as_saved = plugin.load_checkpoint("a.ckpt", None)
    assert same(as_saved, saved) and devices(as_saved) == devices(saved)
    assert as_saved["tied"] is as_saved["second"]
    view = as_saved["view"].untyped_storage()
    assert view.data_ptr() == as_saved["second"].untyped_storage().data_ptr()

    for weights_only in (True, False):
        for place, expected in (
            (None, devices(saved)),
            ("cpu", dict.fromkeys(saved, "cpu")),
            ("other:1", dict.fromkeys(saved, "other:1")),
            (torch.device("other", 0), dict.fromkeys(saved, "other:0")),
            ({"other:1": "other:0", "cpu": "other:1"},
             {key: {"other:1": "other:0", "cpu": "other:1"}.get(where, where)
              for key, where in devices(saved).items()}),
            (lambda storage, where: storage, dict.fromkeys(saved, "cpu")),
        ):
            loaded = torch.load("a.ckpt", map_location=place, weights_only=weights_only)
            assert same(loaded, saved) and devices(loaded) == expected, (place, devices(loaded))
    assert Repository().load("a.ckpt", verify=True)["second"].device == torch.device("other", 1)


def full_file() -> None:
    """It says of its storages where they were, as a file of torch.save's own does."""
    saved = state()
    CairnCheckpointIO(files="full").save_checkpoint(saved, "a.ckpt")
    torch.save(saved, "torchs.ckpt")
    for place in (None, "cpu", {"other:1": "cpu"}):
        ours = torch.load("a.ckpt", map_location=place)
        theirs = torch.load("torchs.ckpt", map_location=place)
        assert same(ours, saved) and devices(ours) == devices(theirs)


def unchanged() -> None:
    """The same bytes on another device, or on none, are no new bytes."""
    plugin = CairnCheckpointIO(keep_versions=None)
    values = torch.rand(5_000_000)
    for place in ("cpu", "other:0", "other:1"):
        plugin.save_checkpoint({"w": values.to(place)}, "a.ckpt")
    records = Repository().log()
    assert all(record["new_bytes"] < 100_000 for record in records[:2])
    assert records[2]["new_bytes"] >= 20_000_000


def module_and_optimizer() -> None:
    """A state is restored in place, where the module and the optimizer are."""
    model = torch.nn.Linear(3, 2)
    content = {key: value + 1 for key, value in model.state_dict().items()}
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint({"model": content}, "a.ckpt")
    there = torch.nn.Linear(3, 2).to("other:0")
    memory = there.weight.data_ptr()
    assert plugin.load_checkpoint("a.ckpt", state={"model": there}) is None
    assert there.weight.data_ptr() == memory and there.weight.device.type == "other"
    assert torch.equal(there.weight.detach().cpu(), content["weight"])


def memory() -> None:
    """Copied to the host in pieces, several at a time, and never all of it."""
    large = torch.rand(64 * MEBIBYTE).to("other:0")  # 256 MiB
    small = [torch.rand(300_000).to("other:0") for _ in range(20)]
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint({"w": torch.rand(10).to("other:0")}, "warm.ckpt")
    other_device.copies()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before = peak()
    plugin.save_checkpoint({"large": large, "small": small}, "a.ckpt")
    extra = peak() - before
    count, largest, most = other_device.copies()
    assert count >= 256 // 64 and largest <= 64 * MEBIBYTE, (count, largest)
    assert most >= 2, most
    assert extra <= 64 * MEBIBYTE, extra
    print(f"{count} copies of at most {largest} bytes, {most} at once, {extra} bytes more")


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no peak in /proc/self/status")


if __name__ == "__main__":
    other_device.register(sys.argv[1])
    globals()[sys.argv[2]]()
