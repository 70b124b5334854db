#!/usr/bin/env python3
"""Reads a headscope trace with plain h5py: one prompt's tokens and recorded values.

usage: read_trace.py TRACE [--prompt N] [--json]
"""
import argparse
import json

import h5py
import numpy as np

RAGGED = {"pos", "query", "key"}  # axes as long as the prompt; beyond it they hold zeros


def prompt_values(dataset, prompt, length):
    """The values of one prompt, without the padding."""
    axes = list(dataset.attrs["axes"])
    cut = tuple(slice(0, length) if axis in RAGGED else slice(None) for axis in axes[1:])
    return dataset[(prompt, *cut)]


def recorded(trace):
    """Name and dataset of everything recorded."""
    for name, dataset in trace["activations"].items():
        yield name, dataset
    for name, dataset in trace.get("logits", {}).items():
        yield "logits/" + name, dataset


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace")
    parser.add_argument("--prompt", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="every value, as JSON")
    options = parser.parse_args()

    with h5py.File(options.trace, "r") as trace:  # always "r": a changed trace is refused
        assert trace.attrs["format"] == "headscope-trace" and trace.attrs["version"] == 1
        done = np.flatnonzero(trace["done"][:])
        prompt = options.prompt
        if prompt not in done:
            raise SystemExit(f"prompt {prompt} was not finished; these were: {done.tolist()}")
        length = int(trace["prompts/length"][prompt])
        spans = {name: rows[prompt].tolist() for name, rows in trace["spans"].items()}
        summary = {
            "model": trace.attrs["model"],
            "provenance": json.loads(trace.attrs["provenance"]),
            "complete": len(done) == len(trace["done"]),
            "done": done.tolist(),
            "text": trace["prompts/text"].asstr()[prompt],
            "tokens": trace["prompts/tokens"][prompt, :length].tolist(),
            "spans": {name: span for name, span in spans.items() if span[0] >= 0},
            "datasets": {},
        }
        for name, dataset in recorded(trace):
            values = prompt_values(dataset, prompt, length)
            summary["datasets"][name] = {
                "axes": list(dataset.attrs["axes"]),
                "dtype": str(values.dtype),
                "shape": list(values.shape),
                "values": values.astype(np.float64).ravel().tolist() if options.json else None,
            }

    if options.json:
        print(json.dumps(summary))
        return
    print(f"{summary['model']}: {len(done)} prompts done, complete: {summary['complete']}")
    print(f"prompt {prompt}: {summary['text']!r}, {length} tokens, spans {summary['spans']}")
    for name, entry in summary["datasets"].items():
        print(f"  {name}: {entry['axes'][1:]} {entry['shape']} {entry['dtype']}")


if __name__ == "__main__":
    main()
