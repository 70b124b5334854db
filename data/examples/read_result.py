#!/usr/bin/env python3
"""Reads a headscope result with plain h5py: the mean of every cell, and what is behind it.

usage: read_result.py RESULT [--json]
"""
import argparse
import json

import h5py
import numpy as np


def labels(dataset):
    """The labels of an axis: numbers or text."""
    return dataset[:].tolist() if dataset.dtype.kind == "i" else dataset.asstr()[:].tolist()


def plain(values):
    """A flat list JSON can hold: NaN and infinities as text."""
    return [v if np.isfinite(v) else str(v) for v in np.ravel(values).tolist()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result")
    parser.add_argument("--json", action="store_true", help="every value, as JSON")
    options = parser.parse_args()

    with h5py.File(options.result, "r") as file:  # always "r": a changed file is refused
        assert file.attrs["format"] == "headscope-result" and file.attrs["version"] == 1
        done = file["done"][:] == 1  # marks before values: what is marked was written before
        per_prompt = np.where(done, file["per_prompt"][:], np.nan)  # [axis…, prompt]
        axes = list(file["result"].attrs["axes"])
        clean_done, corrupted_done = file["baseline/done"][:]
        summary = {
            "kind": file.attrs["kind"],
            "metric": file.attrs["metric"],
            "provenance": json.loads(file.attrs["provenance"]),
            "done": int(done.sum()),
            "complete": bool(done.all()),
            "axes": {name: labels(file["axes"][name]) for name in axes},
            "prompts": labels(file["prompts/id"]),
            "templates": labels(file["prompts/template"]) if "template" in file["prompts"] else [],
            "shape": list(per_prompt.shape),
            "per_prompt": plain(per_prompt),
            "result": plain(file["result"][:]),
            "clean": plain(file["baseline/clean"][:]) if clean_done else [],
            "corrupted": plain(file["baseline/corrupted"][:]) if corrupted_done else [],
        }
        mean = file["result"][:]

    if options.json:
        print(json.dumps(summary))
        return
    print(f"{summary['kind']} by {summary['metric']}: {summary['done']} of {done.size} values done")
    if np.isnan(mean).all():
        raise SystemExit("no cell has its mean yet; go on with --resume")
    for flat in np.argsort(-np.abs(np.nan_to_num(mean, nan=0.0)), axis=None)[:10]:
        cell = np.unravel_index(flat, mean.shape)
        name = ", ".join(f"{axis} {summary['axes'][axis][i]}" for axis, i in zip(axes, cell))
        print(f"  {name}: {mean[cell]:.4f}")


if __name__ == "__main__":
    main()
