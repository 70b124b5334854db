"""Files made by the program, read by the package.

HEADSCOPE_PROGRAM names the program. Without h5py the tests are skipped: exit code 77 for ctest, and a
line in the file that HEADSCOPE_SKIPPED names.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "data/python"))

try:
    import numpy as np

    import headscope_files as files
except ImportError as missing:
    why = f"{sys.executable} has no {missing.name}; HEADSCOPE_PYTHON can name one that has h5py and numpy"
    print("skipped:", why)
    if "HEADSCOPE_SKIPPED" in os.environ:
        log = pathlib.Path(os.environ["HEADSCOPE_SKIPPED"])
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"the Python package\t{why}\n")
    sys.exit(77)

MODEL = str(ROOT / "data/fixtures/models/gpt2")  # 3 layers, 4 heads of 8, context 40
PROMPTS = [
    {"id": "a", "tokens": [5, 6, 7, 8, 9, 10], "spans": {"subject": [1, 3]}},
    {"id": "b", "tokens": [11, 12, 13]},
    {"id": "c", "tokens": [14, 15, 16, 17]},
]
ITEM = {"answer_tokens": [11], "wrong_tokens": [12], "spans": {"S": [1, 2], "end": [3, 4]}}
TASK = [
    {"id": "0", "clean_tokens": [5, 6, 7, 8], "corrupted_tokens": [5, 9, 7, 8], **ITEM},
    {"id": "1", "clean_tokens": [5, 16, 7, 8], "corrupted_tokens": [5, 19, 7, 8], **ITEM},
]
DETECTOR = {"name": "mover", "task": "task.jsonl", "from": "end", "to": "S", "threshold": 0.2}


class Folder:
    """A folder with the inputs, gone with the tests."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self._folder.name)
        (self.path / "prompts.jsonl").write_text("\n".join(map(json.dumps, PROMPTS)))
        (self.path / "task.jsonl").write_text("\n".join(map(json.dumps, TASK)))
        (self.path / "mover.json").write_text(json.dumps(DETECTOR))

    def run(self, *words):
        """Runs the program; detect also ends otherwise than well where a detector is undefined."""
        command = [os.environ["HEADSCOPE_PROGRAM"], *words, "--threads", "1", "--json"]
        done = subprocess.run(command, cwd=self.path, capture_output=True, text=True)
        assert done.returncode == 0 or "the other detectors ran" in done.stderr, f"{command}: {done.stderr}"

    def close(self):
        self._folder.cleanup()


class FilesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Folder()
        cls.addClassCleanup(cls.folder.close)

    def made(self, name, *words):
        """The file, made by `words` at its first use."""
        path = self.folder.path / name
        if not path.exists():
            self.folder.run(*words, "-o", name)
        opened = files.open(path)
        self.addCleanup(opened.close)
        return opened


class TraceTest(FilesTest):
    def trace(self, store="f32"):
        hooks = ["--hooks", "blocks.*.attn.hook_z", "--hooks", "blocks.1.attn.hook_pattern"]
        words = ["record", MODEL, "--prompts", "prompts.jsonl", *hooks, "--logits", "last", "--store", store]
        return self.made(f"{store}.h5", *words)

    def test_is_a_dictionary_by_hook_name_in_forward_order(self):
        trace = self.trace()
        z = [f"blocks.{layer}.attn.hook_z" for layer in range(3)]
        self.assertEqual(list(trace), [z[0], "blocks.1.attn.hook_pattern", z[1], z[2], "logits/last"])
        self.assertEqual(list(trace.matching("blocks.*.attn.hook_z")), z)
        self.assertEqual(trace[z[0]].axes, ("pos", "head", "d_head"))
        self.assertEqual(trace["blocks.1.attn.hook_pattern"].axes, ("head", "query", "key"))
        self.assertEqual(trace["logits/last"].axes, ("vocab",))
        with self.assertRaisesRegex(KeyError, "hook_q was not recorded; these were: blocks.0.attn.hook_z"):
            trace["blocks.0.attn.hook_q"]

    def test_prompts_come_with_tokens_spans_and_pieces(self):
        trace = self.trace()
        self.assertTrue(trace.complete)
        self.assertEqual([p.tokens.tolist() for p in trace.prompts], [p["tokens"] for p in PROMPTS])
        self.assertEqual([p.id for p in trace.prompts], ["a", "b", "c"])
        self.assertEqual([p.spans for p in trace.prompts], [{"subject": (1, 3)}, {}, {}])
        self.assertEqual([len(p.pieces) for p in trace.prompts], [6, 3, 4])
        self.assertEqual(trace.provenance["config"]["n_heads"], 4)

    def test_ragged_prompts_are_cut_to_their_length(self):
        trace = self.trace()
        for i, length in enumerate([6, 3, 4]):
            self.assertEqual(trace["blocks.0.attn.hook_z"][i].shape, (length, 4, 8))
            pattern = trace["blocks.1.attn.hook_pattern"][i]
            self.assertEqual(pattern.shape, (4, length, length))
            np.testing.assert_allclose(pattern.sum(axis=-1), 1.0, rtol=1e-5)
            self.assertEqual(trace["logits/last"][i].shape, (288,))
        self.assertEqual([v.shape[0] for v in trace["blocks.0.attn.hook_z"]], [6, 3, 4])
        self.assertEqual([v.shape[0] for v in trace["blocks.0.attn.hook_z"][1:]], [3, 4])

    def test_parts_are_what_numpy_would_choose_of_the_whole(self):
        recorded = self.trace()["blocks.1.attn.hook_pattern"]
        whole = recorded[2]
        for index in [(1,), (-1, 2), (slice(None), -1), (slice(None), slice(None), slice(0, 99)), (0, slice(None, None, -1)),
                      (slice(3, 0, -2), 1, slice(-3, None)), (slice(2, 2), 0)]:
            with self.subTest(index=index):
                np.testing.assert_array_equal(recorded[(2, *index)], whole[index])
        np.testing.assert_array_equal(recorded.select(2, head=3, key=-1), whole[3, :, -1])
        np.testing.assert_array_equal(recorded[-1], whole)
        for wrong in [(2, 4), (2, 0, 4), (2, 0, 0, 0, 0), (3,), (-4,)]:
            with self.subTest(wrong=wrong), self.assertRaises(IndexError):
                recorded[wrong]  # query 4 is in the file, but not of a prompt of 4 tokens
        with self.assertRaisesRegex(KeyError, "no axis 'pos'"):
            recorded.select(0, pos=1)

    def test_16_bit_values_are_those_of_32_rounded(self):
        exact = self.trace()
        for store, bits, kind in [("bf16", 8, np.float32), ("f16", 11, np.float16)]:
            trace = self.trace(store)
            for name, recorded in trace.items():
                self.assertEqual(recorded.dtype, kind)
                np.testing.assert_allclose(recorded[0].astype(np.float64), exact[name][0], rtol=2.0**-bits, atol=1e-6)

    def test_a_prompt_that_was_not_finished_is_refused(self):
        whole = self.trace()
        path = self.folder.path / "part.h5"
        data = bytearray((self.folder.path / "f32.h5").read_bytes())
        data[whole.h5["done"].id.get_offset() + 1] = 0
        path.write_bytes(data)
        with files.open(path) as trace:
            self.assertFalse(trace.complete)
            self.assertEqual([p.done for p in trace.prompts], [True, False, True])
            with self.assertRaisesRegex(files.Unfinished, "prompt 1 was not finished; record the rest with --resume"):
                trace["logits/last"][1]
            np.testing.assert_array_equal(trace["logits/last"][2], whole["logits/last"][2])


class ResultTest(FilesTest):
    def test_holds_what_the_program_says(self):
        words = ["patch", MODEL, "--task", "task.jsonl", "--site", "z", "--over", "layer,head"]
        result = self.made("patch.h5", *words)
        self.assertEqual((result.kind, result.metric), ("patch", "logit_diff"))
        self.assertEqual(result.axes, {"layer": [0, 1, 2], "head": [0, 1, 2, 3]})
        self.assertEqual(result.prompts, ["0", "1"])
        self.assertEqual(result.per_prompt.shape, (3, 4, 2))
        self.assertTrue(result.complete)
        np.testing.assert_allclose(result.mean, result.h5["result"][:])
        self.assertEqual(list(result.by_hook()), [f"blocks.{layer}.attn.hook_z" for layer in range(3)])
        np.testing.assert_array_equal(result.by_hook()["blocks.1.attn.hook_z"], result.mean[1])
        self.assertEqual((len(result.clean), len(result.corrupted)), (2, 2))

    def test_shares_of_the_logits_are_found_by_what_writes_them(self):
        result = self.made("dla.h5", "dla", MODEL, "--task", "task.jsonl")
        shares = result.by_hook()
        self.assertEqual(shares["blocks.2.attn.hook_result"].shape, (4,))
        names = {"hook_embed", "hook_pos_embed"}
        names |= {f"blocks.{i}.{hook}" for i in range(3) for hook in ("attn.hook_result", "hook_mlp_out")}
        self.assertEqual(set(shares), names)
        every_cell = np.nansum(result.per_prompt, axis=(0, 1))
        np.testing.assert_allclose(every_cell, result.clean, rtol=1e-4)

    def test_what_was_not_measured_is_nan(self):
        words = ["ablate", MODEL, "--task", "task.jsonl", "--mode", "zero", "--over", "layer,head"]
        whole = self.made("ablate.h5", *words)
        data = bytearray((self.folder.path / "ablate.h5").read_bytes())
        data[whole.h5["done"].id.get_offset() + 3] = 0  # layer 0, head 1, prompt 1
        (self.folder.path / "part.h5").write_bytes(data)
        with files.open(self.folder.path / "part.h5") as result:
            self.assertFalse(result.complete)
            self.assertEqual(np.argwhere(np.isnan(result.per_prompt)).tolist(), [[0, 1, 1]])
            self.assertTrue(np.isnan(result.mean[0, 1]))


class AtlasTest(FilesTest):
    def test_is_a_dictionary_by_detector(self):
        words = ["detect", MODEL, "--detectors", "induction", "--detector-file", "mover.json", "--seeds", "1"]
        atlas = self.made("atlas.h5", *words)
        self.assertEqual((atlas.n_layers, atlas.n_heads), (3, 4))
        self.assertEqual(set(atlas), {"induction", "mover"})
        mover = atlas["mover"]
        self.assertEqual((mover.score.shape, mover.threshold, mover.undefined), ((3, 4), 0.2, ""))
        self.assertTrue(((mover.low <= mover.score) & (mover.score <= mover.high)).all())
        np.testing.assert_allclose(mover.samples.mean(axis=0), mover.score)
        found = mover.heads()
        self.assertEqual({(i, j) for i, j in found}, set(zip(*map(np.ndarray.tolist, np.nonzero(mover.score >= 0.2)))))
        self.assertEqual([mover.score[h] for h in found], sorted((mover.score[h] for h in found), reverse=True))
        np.testing.assert_array_equal(atlas.by_hook("mover")["blocks.2.attn.hook_pattern"], mover.score[2])
        self.assertIn("context is 40", atlas["induction"].undefined)
        self.assertIsNone(atlas["induction"].score)
        with self.assertRaisesRegex(KeyError, "no detector movr"):
            atlas["movr"]


class ErrorsTest(FilesTest):
    def test_name_the_file(self):
        text = self.folder.path / "text.h5"
        text.write_text("hello")
        with self.assertRaisesRegex(files.FileError, "text.h5: not an HDF5 file"):
            files.open(text)
        with self.assertRaisesRegex(FileNotFoundError, "absent.h5: no such file"):
            files.open(self.folder.path / "absent.h5")
        self.made("dla.h5", "dla", MODEL, "--task", "task.jsonl")
        with self.assertRaisesRegex(files.FileError, "format 'headscope-result' version 1, not 'headscope-trace'"):
            files.Trace(self.folder.path / "dla.h5")


if __name__ == "__main__":
    unittest.main()
