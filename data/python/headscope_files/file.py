"""What traces, results and atlases have in common."""
import json

import h5py


class FileError(ValueError):
    """The file is not what it should be; the message names it."""


def _opened(path):
    try:
        return h5py.File(path, "r")  # never for writing: headscope refuses a file that was changed
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file") from None
    except OSError as error:
        raise FileError(f"{path}: not an HDF5 file, or not a whole one ({error})") from None


def format_of(path):
    """What the file says it is: "headscope-trace", "headscope-result" or "headscope-atlas"."""
    with _opened(path) as h5:
        if "format" not in h5.attrs:
            raise FileError(f"{path}: an HDF5 file, but not one of headscope's")
        return str(h5.attrs["format"])


def texts(dataset):
    """A dataset or attribute of texts as a list of str; bytes that are no UTF-8 become U+FFFD."""
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in dataset[...]]


class File:
    """A file of one kind, open for reading: close it, or use it in a `with` statement."""

    FORMAT = ""
    VERSION = 1

    def __init__(self, path):
        self.path = str(path)
        self.h5 = _opened(path)  # the h5py.File, for what this class does not show
        found = self.h5.attrs.get("format"), self.h5.attrs.get("version")
        if found != (self.FORMAT, self.VERSION):
            self.close()
            raise FileError(f"{path}: format {found[0]!r} version {found[1]}, not {self.FORMAT!r} version {self.VERSION}")
        self.provenance = json.loads(self.h5.attrs["provenance"])  # where the file came from

    def close(self):
        self.h5.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
