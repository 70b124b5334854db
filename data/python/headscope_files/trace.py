"""Traces: what was recorded of a model on a list of prompts."""
import fnmatch
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .file import File, texts

RAGGED = frozenset(("pos", "query", "key"))  # axes as long as the prompt; beyond it the file holds zeros


class Unfinished(LookupError):
    """A prompt whose values are not all in the file."""


@dataclass(frozen=True)
class Prompt:
    index: int
    id: str
    text: str
    tokens: np.ndarray  # int32, as run: with the token a sequence begins with, if one was put first
    pieces: list  # the text of each token: str, or bytes where they are no UTF-8; empty if not known
    spans: dict  # name → (begin, end), a half-open range of tokens
    done: bool  # whether every value of the prompt is in the file

    def __len__(self):
        return len(self.tokens)


class Recorded(Sequence):
    """The values of one hook point: a sequence of numpy arrays, one a prompt, read when asked for.

    `recorded[i]` is prompt i, cut to its own length; `recorded[i, …]` goes on with indices for
    `axes`: `pattern[0, 2]` is head 2 of prompt 0, and no other head is read.
    """

    def __init__(self, trace, name, dataset):
        self._trace = trace
        self._dataset = dataset
        self.name = name
        self.axes = tuple(texts(dataset.attrs["axes"]))[1:]  # of one prompt's array
        self.dtype = dataset.dtype  # bf16 is read as float32, exactly
        self.shape = dataset.shape[1:]  # of the longest prompt's array

    def __len__(self):
        return len(self._dataset)

    def __getitem__(self, index):
        prompt, rest = (index[0], index[1:]) if isinstance(index, tuple) else (index, ())
        if isinstance(prompt, slice):
            if rest:
                raise TypeError("choose one prompt before choosing a part of its values")
            return [self[i] for i in range(*prompt.indices(len(self)))]
        if len(rest) > len(self.axes):
            raise IndexError(f"{self.name}: {len(rest)} indices for the axes {self.axes}")
        return self.select(prompt, **dict(zip(self.axes, rest)))

    def select(self, prompt, **indices):
        """Values of one prompt; an integer or a slice by the name of an axis chooses a part of it."""
        for axis in indices:
            if axis not in self.axes:
                raise KeyError(f"{self.name}: no axis {axis!r}, only {self.axes}")
        prompt = self._trace._finished(prompt)
        length = int(self._trace.lengths[prompt])
        chosen, backwards = [], []
        for axis, size in zip(self.axes, self.shape):
            index = indices.get(axis, slice(None))
            size = length if axis in RAGGED else size
            chosen.append(_within(index, size, f"{self.name}, axis {axis}"))
            if isinstance(index, slice):
                backwards.append(slice(None, None, -1 if (index.step or 1) < 0 else 1))
        values = self._dataset[(prompt, *chosen)]
        return values[tuple(backwards)] if backwards else values

    def __repr__(self):
        return f"<{self.name}: {len(self)} prompts of {dict(zip(self.axes, self.shape))} at most, {self.dtype}>"


def _within(index, size, what):
    """The index as h5py takes it: not negative, slices forward; as if the axis had `size` entries."""
    if isinstance(index, slice):
        steps = range(*index.indices(size))
        if len(steps) == 0:
            return slice(0, 0)
        steps = steps if steps.step > 0 else steps[::-1]
        return slice(steps.start, steps.stop, steps.step)
    number = index.__index__()
    if not -size <= number < size:
        raise IndexError(f"{what}: index {number} of {size}")
    return number % size


class Trace(File, Mapping):
    """A dictionary from hook name ("blocks.3.attn.hook_z", "logits/last") to what was Recorded."""

    FORMAT = "headscope-trace"

    def __init__(self, path):
        super().__init__(path)
        self.done = self.h5["done"][:] == 1  # bool, one a prompt
        self.lengths = self.h5["prompts/length"][:]  # tokens, one a prompt
        self._recorded = {name: Recorded(self, name, data) for name, data in self._datasets()}
        self._prompts = None

    def _datasets(self):
        yield from self.h5["activations"].items()
        for name, dataset in self.h5.get("logits", {}).items():
            yield "logits/" + name, dataset

    def _finished(self, prompt):
        number = prompt.__index__()
        if not -len(self.done) <= number < len(self.done):
            raise IndexError(f"{self.path}: prompt {number} of {len(self.done)}")
        number %= len(self.done)
        if not self.done[number]:
            raise Unfinished(f"{self.path}: prompt {number} was not finished; record the rest with --resume")
        return number

    @property
    def complete(self):
        return bool(self.done.all())

    @property
    def prompts(self):
        """Every prompt, finished or not."""
        if self._prompts is None:
            self._prompts = [self._prompt(*each) for each in enumerate(zip(*self._prompt_columns()))]
        return self._prompts

    def _prompt_columns(self):
        group = self.h5["prompts"]
        pieces = texts(group["pieces"]) if "pieces" in group else ["[]"] * len(self.done)
        return texts(group["id"]), texts(group["text"]), group["tokens"][:], pieces

    def _prompt(self, index, columns):
        name, text, tokens, pieces = columns
        pieces = [bytes(p["bytes"]) if isinstance(p, dict) else p for p in json.loads(pieces)]
        rows = {span: data[index] for span, data in self._spans.items()}
        spans = {span: (int(b), int(e)) for span, (b, e) in rows.items() if b >= 0}
        return Prompt(index, name, text, tokens[: self.lengths[index]], pieces, spans, bool(self.done[index]))

    @property
    def _spans(self):
        if not hasattr(self, "_span_rows"):
            self._span_rows = {name: data[:] for name, data in self.h5["spans"].items()}
        return self._span_rows

    def matching(self, pattern):
        """The recorded points whose names match a pattern with * and ?, as a dictionary."""
        return {name: each for name, each in self.items() if fnmatch.fnmatchcase(name, pattern)}

    def __getitem__(self, name):
        if name not in self._recorded:
            raise KeyError(f"{self.path}: {name} was not recorded; these were: {', '.join(self._recorded)}")
        return self._recorded[name]

    def __iter__(self):
        return iter(self._recorded)

    def __len__(self):
        return len(self._recorded)

    def __repr__(self):
        return f"<trace {self.path}: {len(self)} hook points, {int(self.done.sum())} of {len(self.done)} prompts done>"
