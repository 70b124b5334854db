"""Reads the HDF5 files that headscope writes: traces, results of sweeps, and atlases of heads.

    import headscope_files

    with headscope_files.open("trace.h5") as trace:
        z = trace["blocks.3.attn.hook_z"]     # nothing is read yet
        z.axes                                # ('pos', 'head', 'd_head')
        z[0]                                  # prompt 0, cut to its length: a numpy array
        z.select(0, head=2, pos=-1)           # one head at the last position; only that is read

Files are opened read-only. What they hold is described in data/TRACE_FORMAT.md, RESULT_FORMAT.md and
ATLAS_FORMAT.md of headscope.
"""
from .atlas import Atlas, Detector
from .file import FileError
from .result import Result
from .trace import Prompt, Recorded, Trace, Unfinished

__all__ = ["Atlas", "Detector", "FileError", "Prompt", "Recorded", "Result", "Trace", "Unfinished", "open"]

_KINDS = (Trace, Result, Atlas)


def open(path):  # noqa: A001 (used as headscope_files.open)
    """The Trace, Result or Atlas at `path`, by what the file says it is."""
    from .file import format_of

    found = format_of(path)
    for kind in _KINDS:
        if found == kind.FORMAT:
            return kind(path)
    raise FileError(f"{path}: a {found!r} file, which this version of headscope_files does not read")
