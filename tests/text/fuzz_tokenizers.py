#!/usr/bin/env python3
"""Random odd strings through Hugging Face's tokenizers, or sentencepiece, and through ours; all differences are printed.

    python fuzz_tokenizers.py [--seconds 600] [--seed 1] build/headscope [FOLDER …]

Needs tokenizers 0.23.3, sentencepiece 0.2.3 and transformers 5.23.0 (what the fixtures are made with). FOLDER: with a
tokenizer.json, a SentencePiece model, or a vocabulary that transformers reads; all of data/fixtures/text if none is
named. Of ours one process a tokenizer runs throughout (`tokenize FOLDER --jsonl`), so that no time goes into starting.
Exits with 1 if anything differed, each difference cut to the shortest string that shows it.
"""
import argparse
import collections
import itertools
import json
import pathlib
import random
import subprocess
import sys
import time
import types

from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "data/fixtures/text"))
from make_sentence_pieces import Reference  # noqa: E402
from make_tokenizers import EMOJI, MARKS, SENTENCES, SPACES, WORDS, random_text  # noqa: E402

BATCH = 50
MOST_SHOWN = 20  # differences printed of one tokenizer
PLANES = [(0x0, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x2FFFF), (0x30000, 0x3FFFF), (0x40000, 0xDFFFF),
          (0xE0000, 0xEFFFF), (0xF0000, 0x10FFFF)]


class SentencePieces:
    """sentencepiece, asked as tokenizers is."""

    def __init__(self, folder):
        self.reference = Reference(folder)

    def encode(self, text):
        ids = self.reference.encode(text)
        return types.SimpleNamespace(ids=ids, tokens=[self.reference.proto.pieces[i].piece for i in ids])

    def get_vocab(self, with_added_tokens):
        del with_added_tokens
        return {piece.piece: i for i, piece in enumerate(self.reference.proto.pieces)}

    def get_added_tokens_decoder(self):
        return {i: types.SimpleNamespace(content=p.piece) for i, p in enumerate(self.reference.proto.pieces)
                if p.type in (2, 3, 4)}  # unknown, control, user-defined


def theirs_of(folder):
    if (folder / "tokenizer.json").exists():
        return Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = folder / "tokenizer.model"
    if model.exists() and model.read_bytes().startswith(b"\n"):
        return SentencePieces(folder)
    from transformers import AutoTokenizer
    return AutoTokenizer.from_pretrained(str(folder)).backend_tokenizer


class Ours:
    """The tokenizer of a folder, as a program that answers line by line."""

    def __init__(self, program, folder):
        self.process = subprocess.Popen([program, "tokenize", str(folder), "--jsonl"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, encoding="ascii")

    def encode(self, texts):
        # In small parts: both pipes have to hold what the other side has not read yet.
        ids = []
        for text in texts:
            self.process.stdin.write(json.dumps(text) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(f"our program ended, given {ascii(text)}")
            ids.append(json.loads(line))
        return ids

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


class Strings:
    """Strings of many kinds for one tokenizer, whose own tokens take part in some."""

    def __init__(self, tokenizer, rng):
        self.rng = rng
        self.pieces = sorted(tokenizer.get_vocab(with_added_tokens=False))
        self.added = [token.content for token in tokenizer.get_added_tokens_decoder().values()] or ["<s>"]
        self.kinds = {"planes": self.planes, "marks": self.marks, "spaces": self.spaces, "controls": self.controls,
                      "pieces": self.fragments, "added tokens": self.added_tokens, "broken added tokens": self.broken,
                      "repeats": self.repeats, "words": self.words, "all together": self.mixed}

    def many(self, make, most):
        return "".join(make() for _ in range(self.rng.randint(1, most)))

    def planes(self):
        return self.many(lambda: chr(self.rng.randint(*self.rng.choice(PLANES))), 12)

    def marks(self):
        base = lambda: self.rng.choice(["", "a", "E", "Å", "한", "\u1112", "\u0915", "か", " ", "▁", "ß", "İ"])
        mark = lambda: self.rng.choice([*MARKS, chr(self.rng.randint(0x300, 0x36F)), "\u200d", "\ufe0f", "\u1161", "\u11ab"])
        return self.many(lambda: base() + self.many(mark, 4), 4)

    def spaces(self):
        return self.many(lambda: self.rng.choice([*SPACES, "a", "▁", "Ġ"]) * self.rng.choice([1, 1, 2, 7, 30]), 8)

    def controls(self):
        point = lambda: self.rng.choice([self.rng.randrange(32), self.rng.randint(127, 159), 0xAD, 0x200B, 0x202E, 0xFFFD,
                                         0xFFFE, 0xFFFF, 0xFEFF, 0x61])
        return self.many(lambda: chr(point()), 8)

    def fragments(self):
        def piece():
            text = self.rng.choice(self.pieces)
            start = self.rng.randrange(len(text) + 1)
            return self.rng.choice([text, text.replace("Ġ", " ").replace("▁", " "), text[start:], text[:start]])
        return self.many(piece, 8)

    def added_tokens(self):
        around = lambda: self.rng.choice(["", "", " ", "  ", "\n", "a", "é", "\u0301", ".", "▁", "1", "\u3000", "_"])
        return self.many(lambda: around() + self.rng.choice(self.added) + around(), 5)

    def broken(self):
        def token():
            text = list(self.rng.choice(self.added))
            at = self.rng.randrange(len(text))
            change = self.rng.randrange(4)
            if change == 0:
                del text[at]
            elif change == 1:
                text.insert(at, self.rng.choice([*MARKS, " ", "\u200b", *"<|>[]"]))
            elif change == 2:
                text[at] = text[at].swapcase()
            else:
                text = text[:at] + list(self.rng.choice(self.added)) + text[at:]
            return "".join(text)
        return self.many(token, 4)

    def repeats(self):
        part = self.rng.choice([self.rng.choice(self.pieces), self.rng.choice(EMOJI), self.rng.choice(WORDS), "a", "."])
        return part * self.rng.randint(2, 60)

    def words(self):
        return self.many(lambda: self.rng.choice([random_text(self.rng), self.rng.choice(SENTENCES)[:40]]), 3)

    def mixed(self):
        kinds = [make for name, make in self.kinds.items() if name != "all together"]
        return self.many(lambda: self.rng.choice(kinds)(), 4)


class Pair:
    def __init__(self, program, folder, rng):
        self.name = folder.name
        self.theirs = theirs_of(folder)
        self.ours = Ours(program, folder)
        self.strings = Strings(self.theirs, rng)
        self.differences = 0

    def differs(self, text):
        return self.theirs.encode(text).ids != self.ours.encode([text])[0]

    def shortest(self, text):
        """`text` without what the difference does not need: halves first, single characters last."""
        size = max(1, len(text) // 2)
        while True:
            for at in range(0, len(text), size):
                less = text[:at] + text[at + size:]
                if less != text and self.differs(less):
                    text = less
                    break
            else:
                if size == 1:
                    return text
                size = max(1, size // 2)

    def check(self, kind, texts):
        for text, ours in zip(texts, self.ours.encode(texts)):
            if self.theirs.encode(text).ids != ours:
                self.report(kind, text)

    def report(self, kind, text):
        self.differences += 1
        if self.differences > MOST_SHOWN:
            return
        text = self.shortest(text)
        theirs = self.theirs.encode(text)
        print(f"DIFFERENCE {self.name}, {kind}: {ascii(text)}\n  theirs {theirs.ids} {ascii(theirs.tokens)}\n"
              f"  ours   {self.ours.encode([text])[0]}", flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("program", help="headscope")
    parser.add_argument("folders", nargs="*", type=pathlib.Path, help="with a tokenizer each")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    folders = arguments.folders or sorted(
        f for f in (ROOT / "data/fixtures/text").iterdir() if f.is_dir() and f.name != "__pycache__")
    rng = random.Random(arguments.seed)
    pairs = [Pair(arguments.program, folder, rng) for folder in folders]
    counts = collections.Counter()
    end = time.monotonic() + arguments.seconds
    for pair in itertools.cycle(pairs):
        if time.monotonic() >= end:
            break
        for kind, make in pair.strings.kinds.items():
            pair.check(kind, [make() for _ in range(BATCH)])
            counts[kind] += BATCH
    for kind, count in counts.items():
        print(f"{count:9,}  {kind}")
    for pair in pairs:
        print(f"{pair.differences:9,}  differences of {pair.name}")
    print(f"{sum(counts.values()):9,}  strings through {len(pairs)} tokenizers, seed {arguments.seed}")
    failed = [pair.name for pair in pairs if pair.ours.close() != 0]
    sys.exit(1 if failed or any(pair.differences for pair in pairs) else 0)


if __name__ == "__main__":
    main()
