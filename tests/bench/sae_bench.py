"""Training throughput of `headscope sae train` beside a plain PyTorch trainer (what SAELens' topk and
standard trainers compute: dense decode, autograd, Adam), on the same rows, batch, width and
precision, in one run; and the limit that the encoder's matrix product alone sets.

    python3 tests/bench/sae_bench.py build/headscope MODEL [--arch topk] [--d-sae 4608] [--batch 1024]
        [--steps 40] [--threads 2] [--device cpu]

Records a trace first; the rows are read from it by both. Needs torch, numpy and h5py (data/python).
"""
import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import torch


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout


def synchronize(device):
    if device != "cpu":
        torch.cuda.synchronize()


def plain_trainer(x, options):
    """Seconds a step of the plain trainer: a step as SAELens' TrainingSAE takes it."""
    d_in, d_sae = x.shape[1], options.d_sae
    device = options.device
    W_dec = torch.nn.functional.normalize(torch.randn(d_sae, d_in, device=device), dim=1)
    parameters = [W_dec.T.contiguous(), torch.zeros(d_sae, device=device), W_dec, torch.zeros(d_in, device=device)]
    parameters = [torch.nn.Parameter(parameter) for parameter in parameters]
    W_enc, b_enc, W_dec, b_dec = parameters
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    times = []
    for step in range(options.steps):
        rows = x[torch.randint(len(x), (options.batch,))].to(device)
        synchronize(device)
        begin = time.perf_counter()
        hidden = (rows - b_dec) @ W_enc + b_enc
        if options.arch == "topk":
            values, index = hidden.topk(options.k, dim=-1, sorted=False)
            codes = torch.zeros_like(hidden).scatter_(-1, index, values.relu())
            penalty = 0.0
        else:
            codes = hidden.relu()
            penalty = (codes * W_dec.norm(dim=1)).sum(-1).mean()
        loss = (codes @ W_dec + b_dec - rows).pow(2).sum(-1).mean() + penalty
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        synchronize(device)
        times.append(time.perf_counter() - begin)
    half = sorted(times[len(times) // 4 :])
    return half[len(half) // 2]


def product_limit(d_in, options):
    """Seconds of the encoder's product alone: what no trainer with a dense encoder goes below."""
    a = torch.randn(options.batch, d_in, device=options.device)
    b = torch.randn(d_in, options.d_sae, device=options.device)
    times = []
    for _ in range(10):
        synchronize(options.device)
        begin = time.perf_counter()
        a @ b
        synchronize(options.device)
        times.append(time.perf_counter() - begin)
    return sorted(times)[5]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("--arch", default="topk", choices=["topk", "standard"])
    parser.add_argument("--site", default="blocks.5.attn.hook_z")
    parser.add_argument("--d-sae", type=int, default=4608)
    parser.add_argument("-k", type=int, default=32)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--prompts", required=True, help="JSONL for `headscope record`")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "rows.h5"
        run(options.program, "record", options.model, "--prompts", options.prompts, "--hooks", options.site, "-o", trace)
        import h5py

        with h5py.File(trace, "r") as file:
            stored = [torch.tensor(value[()]) for value in find_values(file, options.site)]
        x = torch.cat([value.reshape(-1, value.shape[-2] * value.shape[-1]) for value in stored]).float()
        made = json.loads(
            run(options.program, "sae", "train", trace, "--site", options.site, "--arch", options.arch,
                "--d-sae", options.d_sae, "-k", options.k, "--batch", options.batch,
                "--tokens", options.batch * options.steps, "--log-every", options.steps,
                "--threads", options.threads, "--device", options.device, "-o", Path(folder) / "sae", "--json")
        )
        x = x[x.abs().sum(1) > 0]  # what lies behind the end of a prompt is 0
        ours = made["tokens_per_second"]
        plain = options.batch / plain_trainer(x, options)
        limit = options.batch / product_limit(x.shape[1], options)
    print(f"{options.arch} {x.shape[1]} → {options.d_sae}, batch {options.batch}, f32, {options.device}, "
          f"{options.threads} threads")
    print(f"headscope      {ours:12,.0f} tokens/s (reading included)")
    print(f"plain PyTorch  {plain:12,.0f} tokens/s (reading not counted)")
    print(f"ratio          {ours / plain:12.2f}")
    print(f"encoder alone  {limit:12,.0f} tokens/s")


def find_values(file, site):
    """The datasets of a hook point in a trace, whatever group holds them."""
    found = []
    file.visititems(lambda name, item: found.append(item) if hasattr(item, "shape") and name.endswith(site) and item.ndim >= 2 else None)
    if not found:
        raise SystemExit(f"{site}: not in the trace")
    return found


if __name__ == "__main__":
    main()
