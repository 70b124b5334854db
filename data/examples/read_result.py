#!/usr/bin/env python3
"""Reads a headscope result: the mean of every cell, and what is behind it.

usage: read_result.py RESULT [--json]
"""
import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "python"))  # or: pip install ./data/python

import headscope_files  # noqa: E402
import numpy as np  # noqa: E402


def plain(values):
    """A flat list JSON can hold: NaN and infinities as text."""
    return [] if values is None else [v if np.isfinite(v) else str(v) for v in np.ravel(values).tolist()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result")
    parser.add_argument("--json", action="store_true", help="every value, as JSON")
    options = parser.parse_args()

    with headscope_files.Result(options.result) as result:
        done, per_prompt, mean = result.done, result.per_prompt, result.h5["result"][:]
        summary = {
            "kind": result.kind,
            "metric": result.metric,
            "provenance": result.provenance,
            "done": int(done.sum()),
            "complete": bool(done.all()),
            "axes": result.axes,
            "prompts": result.prompts,
            "templates": result.templates,
            "shape": list(per_prompt.shape),
            "per_prompt": plain(per_prompt),
            "result": plain(mean),
            "clean": plain(result.clean),
            "corrupted": plain(result.corrupted),
        }

    if options.json:
        print(json.dumps(summary, allow_nan=False))
        return
    print(f"{summary['kind']} by {summary['metric']}: {summary['done']} of {done.size} values done")
    if np.isnan(mean).all():
        raise SystemExit("no cell has its mean yet; go on with --resume")
    for flat in np.argsort(-np.abs(np.nan_to_num(mean, nan=0.0)), axis=None)[:10]:
        cell = np.unravel_index(flat, mean.shape)
        name = ", ".join(f"{axis} {labels[i]}" for (axis, labels), i in zip(summary["axes"].items(), cell))
        print(f"  {name}: {mean[cell]:.4f}")


if __name__ == "__main__":
    main()
