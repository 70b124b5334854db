"""Results of sweeps: one number a cell and prompt."""
import numpy as np

from .file import File, texts

_HOOKS = {
    "resid_pre": "hook_resid_pre",
    "resid_mid": "hook_resid_mid",
    "attn_out": "hook_attn_out",
    "mlp_out": "hook_mlp_out",
    "q": "attn.hook_q",
    "k": "attn.hook_k",
    "v": "attn.hook_v",
    "z": "attn.hook_z",
    "pattern": "attn.hook_pattern",
}


def _labels(dataset):
    return dataset[:].tolist() if dataset.dtype.kind == "i" else texts(dataset)


class Result(File):
    """`axes` are the cells' labels, `per_prompt` and `mean` the numbers; nothing is read before it is asked for."""

    FORMAT = "headscope-result"

    def __init__(self, path):
        super().__init__(path)
        self.kind = str(self.h5.attrs["kind"])  # "patch", "ablate", "dla", …
        self.metric = str(self.h5.attrs["metric"])  # "logit_diff", …
        names = texts(self.h5["result"].attrs["axes"])
        self.axes = {name: _labels(self.h5["axes"][name]) for name in names}  # in the arrays' order
        self.prompts = texts(self.h5["prompts/id"])
        self.templates = texts(self.h5["prompts/template"]) if "template" in self.h5["prompts"] else []

    @property
    def done(self):
        """bool [axes…, prompt]: whether the number is there."""
        return self.h5["done"][:] == 1

    @property
    def complete(self):
        return bool(self.done.all())

    @property
    def per_prompt(self):
        """float64 [axes…, prompt]: the metric of the changed run (of `dla`: a share); NaN where it is not there."""
        done = self.done  # before the values: what is marked was written before its mark
        return np.where(done, self.h5["per_prompt"][:], np.nan)

    @property
    def mean(self):
        """float64 [axes…]: the mean over the prompts; NaN in a cell that lacks one."""
        return self.per_prompt.mean(axis=-1)

    def _baseline(self, row, name):
        there = self.h5["baseline/done"][row] == 1
        return self.h5["baseline"][name][:] if there else None

    @property
    def clean(self):
        """float64 [prompt]: the metric of the clean runs that nobody changed; None if it is not there."""
        return self._baseline(0, "clean")

    @property
    def corrupted(self):
        """The same of the corrupted runs."""
        return self._baseline(1, "corrupted")

    def by_hook(self):
        """The means by the name of the hook point that was changed (for `dla`: that writes the share).

        {"blocks.3.attn.hook_z": array [head]}: the axes are those of the file after "layer". Raises
        ValueError where the cells are not hook points of layers.
        """
        if self.kind == "dla":
            return self._shares_by_hook()
        identity = self.provenance.get("identity", {})
        site = identity.get("site") or ("z" if identity.get("senders") == "heads" else None)
        if site not in _HOOKS or next(iter(self.axes)) != "layer":
            raise ValueError(f"{self.path}: its cells ({', '.join(self.axes)}) are not hook points of layers")
        means = self.mean
        return {f"blocks.{layer}.{_HOOKS[site]}": means[i] for i, layer in enumerate(self.axes["layer"])}

    def _shares_by_hook(self):
        parts = self.axes["part"]
        heads = [i for i, part in enumerate(parts) if part.isdecimal()]
        named = {"token": "hook_embed", "position": "hook_pos_embed"}
        means, shares = self.mean, {}
        for row, layer in zip(means, self.axes["layer"]):
            if layer.isdecimal():
                shares[f"blocks.{layer}.attn.hook_result"] = row[heads]
                shares[f"blocks.{layer}.hook_mlp_out"] = row[parts.index("mlp")]
            elif layer == "embed":
                shares.update({hook: row[parts.index(p)] for p, hook in named.items() if p in parts})
        return {hook: share for hook, share in shares.items() if not np.isnan(share).all()}

    def __repr__(self):
        shape = {name: len(labels) for name, labels in self.axes.items()}
        return f"<{self.kind} {self.path}: {self.metric} of {shape}, {len(self.prompts)} prompts>"
