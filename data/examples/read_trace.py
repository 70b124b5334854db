#!/usr/bin/env python3
"""Reads a headscope trace: one prompt's tokens and recorded values.

usage: read_trace.py TRACE [--prompt N] [--json]
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
    flat = values.astype(np.float64).ravel()
    return [v if np.isfinite(v) else str(v) for v in flat.tolist()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace")
    parser.add_argument("--prompt", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="every value, as JSON")
    options = parser.parse_args()

    with headscope_files.Trace(options.trace) as trace:
        done = np.flatnonzero(trace.done).tolist()
        if options.prompt not in done:
            raise SystemExit(f"prompt {options.prompt} was not finished; these were: {done}")
        prompt = trace.prompts[options.prompt]
        summary = {
            "model": trace.provenance["model"],
            "provenance": trace.provenance,
            "complete": trace.complete,
            "done": done,
            "text": prompt.text,
            "tokens": prompt.tokens.tolist(),
            "spans": prompt.spans,
            "datasets": {},
        }
        for name, recorded in trace.items():
            values = recorded[options.prompt]
            summary["datasets"][name] = {
                "axes": ["prompt", *recorded.axes],
                "dtype": str(values.dtype),
                "shape": list(values.shape),
                "values": plain(values) if options.json else None,
            }

    if options.json:
        print(json.dumps(summary, allow_nan=False))
        return
    print(f"{summary['model']}: {len(done)} prompts done, complete: {summary['complete']}")
    print(f"prompt {prompt.index}: {prompt.text!r}, {len(prompt)} tokens, spans {prompt.spans}")
    for name, entry in summary["datasets"].items():
        print(f"  {name}: {entry['axes'][1:]} {entry['shape']} {entry['dtype']}")


if __name__ == "__main__":
    main()
