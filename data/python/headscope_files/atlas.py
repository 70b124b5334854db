"""Atlases: how strongly every head does what each detector looks for."""
import json
from collections.abc import Mapping

from .file import File, texts


class Detector:
    """One detector's scores. Arrays are float64 [layer, head], read when asked for."""

    axes = ("layer", "head")

    def __init__(self, name, group):
        self._group = group
        self.name = name
        self.role = _text(group, "role")
        self.summary = _text(group, "summary")
        self.definition = _text(group, "definition")
        self.source = _text(group, "source")
        threshold = _text(group, "threshold")
        self.threshold = float(threshold) if threshold else None  # None: a profile, which has no heads
        self.undefined = _text(group, "undefined")  # why it did not run on this model; empty: it did
        self.notes = json.loads(_text(group, "notes") or "{}")

    def _read(self, name):
        return self._group[name][:] if name in self._group else None

    score = property(lambda self: self._read("score"), doc="mean over the samples; None if undefined")
    low = property(lambda self: self._read("low"), doc="lower end of the 95 % bootstrap interval")
    high = property(lambda self: self._read("high"), doc="upper end of it")
    control = property(lambda self: self._read("control"), doc="the control's score; None if it has none")
    samples = property(lambda self: self._read("samples"), doc="float64 [sample, layer, head]")

    @property
    def by_group(self):
        """The mean of each domain of text or template, by its name."""
        groups = self._group.get("by_group", {})
        return {name: data[:] for name, data in groups.items()}

    def heads(self):
        """(layer, head) of every head at or above the threshold, the highest first."""
        score = self.score
        if score is None or self.threshold is None:
            return []
        found = [(i, j) for i, row in enumerate(score) for j, s in enumerate(row) if s >= self.threshold]
        return sorted(found, key=lambda head: -score[head])

    def __repr__(self):
        return f"<detector {self.name}: {self.undefined or self.summary}>"


def _text(group, name):
    value = group.attrs.get(name, "")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class Atlas(File, Mapping):
    """A dictionary from the name of a detector ("induction") to its Detector."""

    FORMAT = "headscope-atlas"

    def __init__(self, path):
        super().__init__(path)
        self.n_layers = int(self.h5.attrs["n_layers"])
        self.n_heads = int(self.h5.attrs["n_heads"])
        self.n_kv_heads = int(self.h5.attrs["n_kv_heads"])
        self.confirmations = json.loads(self.h5.attrs.get("confirmations", "[]"))
        self._detectors = {name: Detector(name, group) for name, group in self.h5["detectors"].items()}

    def by_hook(self, detector):
        """The scores of a detector by the name of the layers' patterns: "blocks.3.attn.hook_pattern" → [head]."""
        scores = self[detector].score
        return {} if scores is None else {f"blocks.{i}.attn.hook_pattern": row for i, row in enumerate(scores)}

    def __getitem__(self, name):
        if name not in self._detectors:
            raise KeyError(f"{self.path}: no detector {name}; there are: {', '.join(self._detectors)}")
        return self._detectors[name]

    def __iter__(self):
        return iter(self._detectors)

    def __len__(self):
        return len(self._detectors)

    def __repr__(self):
        return f"<atlas {self.path}: {len(self)} detectors of {self.n_layers} × {self.n_heads} heads>"
