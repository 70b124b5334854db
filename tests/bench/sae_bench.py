"""Training steps of `headscope sae bench` beside those of SAELens' own trainer (SAETrainer.fit of the sae-lens
package), on rows of the same trace in memory, at the same batch, width, architecture and precision (f32), in one run.

    python3 tests/bench/sae_bench.py build/headscope MODEL [--arch topk] [--d-sae 4608] [--batch 1024]
        [--steps 20] [--threads 2] [--device cpu] [--libs DIR]

Records a trace of the model on its texts first, or takes --trace; without a MODEL (-) the rows are random, the same for
both in kind. Needs torch, h5py for a trace, and sae-lens or a copy of its sources in --libs: what it imports and the
trainer never calls (transformers, datasets, wandb) is replaced by empty modules where it is missing, and
TransformerLens' hook points by ones that pass their value on. Prints a line of JSON for each --arch.
"""
import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path
from unittest.mock import MagicMock

import torch

UNUSED = ("transformers", "datasets", "wandb", "huggingface_hub", "transformer_lens", "nltk", "babe", "plotly", "matplotlib",
          "tenacity", "dotenv", "automated_interpretability", "pandas", "einops", "safetensors", "yaml", "requests", "scipy", "sklearn")


class EmptyModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Empty modules for packages that are not installed and that training does not call."""

    def __init__(self):
        self.names = {name for name in UNUSED if name == "transformer_lens" or importlib.util.find_spec(name) is None}

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__path__ = []
        module.__getattr__ = lambda name: hook_class(name) or MagicMock()
        return module

    def exec_module(self, module):
        pass


class HookPoint(torch.nn.Module):
    def forward(self, x):
        return x


class HookedRootModule(torch.nn.Module):
    def setup(self):
        self.hook_dict = {name: part for name, part in self.named_modules() if isinstance(part, HookPoint)}


def hook_class(name):
    classes = {"HookPoint": HookPoint, "HookedRootModule": HookedRootModule, "HookedTransformer": HookedRootModule}
    return classes.get(name)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout


def synchronize(device):
    if device != "cpu":
        torch.cuda.synchronize()


class TimedRows:
    """Batches for SAETrainer; a batch is asked for when the step before it is done, so the time between two is a step's."""

    def __init__(self, x, batch, device):
        self.x, self.batch, self.device, self.at, self.times = x.to(device), batch, device, 0, []

    def __iter__(self):
        return self

    def __next__(self):
        if self.at + self.batch > len(self.x):
            self.at = 0
        own = self.x[self.at:self.at + self.batch]
        self.at += self.batch
        synchronize(self.device)
        self.times.append(time.perf_counter())
        return own


def saelens_step_ms(x, arch, options):
    """Median milliseconds of a step of SAETrainer.fit."""
    import sae_lens
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    shape = {"d_in": x.shape[1], "d_sae": options.d_sae, "dtype": "float32", "device": options.device}
    if arch == "standard":
        sae = sae_lens.StandardTrainingSAE(sae_lens.StandardTrainingSAEConfig(**shape, l1_coefficient=1.0))
    elif arch == "topk":
        sae = sae_lens.TopKTrainingSAE(sae_lens.TopKTrainingSAEConfig(
            **shape, k=options.k, use_sparse_activations=options.sparse))
    elif arch == "batchtopk":
        sae = sae_lens.BatchTopKTrainingSAE(sae_lens.BatchTopKTrainingSAEConfig(**shape, k=options.k))
    elif arch == "jumprelu":
        sae = sae_lens.JumpReLUTrainingSAE(sae_lens.JumpReLUTrainingSAEConfig(**shape))
    else:
        sae = sae_lens.GatedTrainingSAE(sae_lens.GatedTrainingSAEConfig(**shape))
    steps = options.steps + options.warm_ups
    config = SAETrainerConfig(total_training_samples=steps * options.batch, train_batch_size_samples=options.batch,
                              lr=1e-3, lr_end=1e-4, device=options.device, logger=LoggingConfig(log_to_wandb=False))
    rows = TimedRows(x, options.batch, options.device)
    SAETrainer(config, sae, rows).fit()
    synchronize(options.device)
    rows.times.append(time.perf_counter())
    times = sorted(after - before for before, after in list(zip(rows.times, rows.times[1:]))[options.warm_ups:])
    return 1000 * times[len(times) // 2], sae_lens.__version__


def rows_of_trace(path, site):
    """Rows [tokens, width] of a hook point in a trace, what lies behind a prompt's end left out."""
    import h5py

    found = []
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: found.append(torch.tensor(item[()])) if hasattr(item, "shape")
                        and name.endswith(site) and item.ndim >= 2 else None)
    if not found:
        raise SystemExit(f"{site}: not in the trace")
    width = found[0].shape[-1] * (found[0].shape[-2] if site.endswith("hook_z") else 1)
    x = torch.cat([value.reshape(-1, width) for value in found]).float()
    return x[x.abs().sum(1) > 0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("model", help="a model, or - for random rows")
    parser.add_argument("--arch", default=["topk"], nargs="+",
                        choices=["topk", "standard", "batchtopk", "jumprelu", "gated"])
    parser.add_argument("--site", default="blocks.5.attn.hook_z")
    parser.add_argument("--d-in", type=int, default=576, help="of random rows")
    parser.add_argument("--d-sae", type=int, default=4608)
    parser.add_argument("-k", type=int, default=32)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warm-ups", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sparse", action="store_true", help="SAELens' use_sparse_activations (topk)")
    parser.add_argument("--trace", help="a trace made before")
    parser.add_argument("--prompts", help="JSONL for `headscope record`")
    parser.add_argument("--libs", help="folder with the sources of sae_lens and what it needs")
    options = parser.parse_args()
    if options.libs:
        sys.path.append(options.libs)
    sys.meta_path.insert(0, EmptyModules())
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        trace = options.trace
        if options.model != "-" and trace is None:
            trace = Path(folder) / "rows.h5"
            run(options.program, "record", options.model, "--prompts", options.prompts, "--hooks", options.site, "-o", trace,
                "--device", options.device)
        x = rows_of_trace(trace, options.site) if trace else torch.randn(4 * options.batch, options.d_in)
        rows = [trace, "--site", options.site] if trace else ["--d-in", options.d_in]
        for arch in options.arch:
            ours = json.loads(run(options.program, "sae", "bench", *rows, "--arch", arch, "--d-sae", options.d_sae, "-k",
                                  options.k, "--batch", options.batch, "--steps", options.steps, "--warm-ups",
                                  options.warm_ups, "--threads", options.threads, "--device", options.device, "--json"))
            theirs, version = saelens_step_ms(x, arch, options)
            print(json.dumps({
                "arch": arch, "d_in": x.shape[1], "d_sae": options.d_sae, "batch": options.batch, "device": options.device,
                "threads": options.threads, "headscope_ms": round(ours["step_ms"], 3), "saelens_ms": round(theirs, 3),
                "saelens": version, "ratio": round(theirs / ours["step_ms"], 3),
                "headscope_tokens_per_second": round(ours["tokens_per_second"]),
                "saelens_tokens_per_second": round(1000 * options.batch / theirs),
                "encoder_product_ms": round(ours["encoder_product_ms"], 3),
            }), flush=True)


if __name__ == "__main__":
    main()
