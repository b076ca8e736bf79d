"""Classes whose instances the fixtures pickle: what torch.load(weights_only=True) refuses, and a Cairn reader keeps
as an opaque node."""
import enum


class Schedule:
    """A plain object, as users put into their hyper-parameters."""

    def __init__(self, kind, warmup):
        self.kind = kind
        self.warmup = warmup

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)


class Holder:
    """An object that holds tensors, with a state of its own making (__reduce_ex__ with BUILD)."""

    def __init__(self, **tensors):
        self.tensors = tensors

    def __getstate__(self):
        return {"tensors": self.tensors, "version": 3}

    def __setstate__(self, state):
        self.tensors = state["tensors"]


class Slotted:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left = left
        self.right = right

    def __eq__(self, other):
        return isinstance(other, Slotted) and (self.left, self.right) == (other.left, other.right)


class Precision(enum.Enum):
    half = 16
    full = 32
