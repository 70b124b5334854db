"""The peers' side of edge attribution in BENCHMARKS.md, and tasks for both. Needs Torch alone.

peer_edges.py task MODEL_DIR ITEMS TOKENS   MODEL_DIR/task.jsonl: random tokens, the second half of each corrupted otherwise
peer_edges.py eap MODEL_DIR BATCH           EAP as EAP-IG's convention has it, in plain Torch, on a GPT-2 of safetensors
peer_edges.py compare MODEL_DIR GRAPH       its scores beside those of a graph of `headscope circuit find`

`headscope model random --like gpt2 -o MODEL_DIR` makes such a model. The convention: a tensor [batch, pos, writers, d_model]
of what every writer wrote otherwise, every head's query, key and value reading a copy of the stream of its own, and a
backward pass whose hooks multiply the two. Prints seconds and the most memory beside the weights as JSON, and writes
scores to MODEL_DIR/peer_scores.json by EAP-IG's names.
"""
import json
import pathlib
import struct
import sys
import time

import torch
import torch.nn.functional as F


def task(folder, items, tokens):
    vocabulary = json.load(open(pathlib.Path(folder) / "config.json"))["vocab_size"]
    generator = torch.Generator().manual_seed(1)
    drawn = lambda *shape: torch.randint(0, vocabulary, shape, generator=generator)
    clean = drawn(items, tokens)
    corrupted = clean.clone()
    corrupted[:, tokens // 2:] = drawn(items, tokens - tokens // 2)
    answers = drawn(items, 2)
    with open(pathlib.Path(folder) / "task.jsonl", "w") as file:
        for i in range(items):
            print(json.dumps({"clean_tokens": clean[i].tolist(), "corrupted_tokens": corrupted[i].tolist(),
                              "answer_tokens": [int(answers[i, 0])], "wrong_tokens": [int(answers[i, 1])]}), file=file)


def stored(path, device):
    """The tensors of a safetensors file, f32."""
    data = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            assert entry["dtype"] == "F32", (name, entry["dtype"])
            begin, end = (8 + size + place for place in entry["data_offsets"])
            flat = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32)
            tensors[name.removeprefix("transformer.")] = flat.view(entry["shape"]).to(device)
    return tensors


class Gpt2:
    """GPT-2 with split query, key and value inputs and a result a head."""

    def __init__(self, folder, device):
        config = json.load(open(pathlib.Path(folder) / "config.json"))
        self.w = stored(pathlib.Path(folder) / "model.safetensors", device)
        self.layers, self.heads, self.width = config["n_layer"], config["n_head"], config["n_embd"]
        self.eps, self.d_head = config["layer_norm_epsilon"], self.width // self.heads
        self.writers = 1 + self.layers * (self.heads + 1)
        self.readers = self.layers * (3 * self.heads + 1) + 1

    def norm(self, name, x):
        return F.layer_norm(x, (self.width,), self.w[name + ".weight"], self.w[name + ".bias"], self.eps)

    def linear(self, name, x):  # GPT-2 stores [in, out]
        return x @ self.w[name + ".weight"] + self.w[name + ".bias"]

    def forward(self, tokens, wrote, read):
        """wrote(first writer, value [b, t, w, d]); read(first reader, writers before, value [b, t, r, d]) -> value."""
        x = self.w["wte.weight"][tokens]
        wrote(0, x.detach().unsqueeze(2))
        x = (x + self.w["wpe.weight"][:tokens.shape[1]]).requires_grad_(torch.is_grad_enabled())
        H, E, D = self.heads, self.d_head, self.width
        mask = torch.full((tokens.shape[1],) * 2, float("-inf"), device=x.device).triu(1)
        for l in range(self.layers):
            h = f"h.{l}."
            writers, readers = 1 + l * (H + 1), l * (3 * H + 1)
            W, b = self.w[h + "attn.c_attn.weight"], self.w[h + "attn.c_attn.bias"]
            parts = []
            for i in range(3):
                stream = read(readers + i * H, writers, x.unsqueeze(2).repeat(1, 1, H, 1))
                normed = self.norm(h + "ln_1", stream)
                w = W[:, i * D:(i + 1) * D].view(D, H, E)
                parts.append(torch.einsum("bthd,dhe->bhte", normed, w) + b[i * D:(i + 1) * D].view(1, H, 1, E))
            q, k, v = parts
            pattern = torch.softmax(q @ k.transpose(-1, -2) / E ** 0.5 + mask, -1)
            z = (pattern @ v).transpose(1, 2)
            result = torch.einsum("bthe,hed->bthd", z, self.w[h + "attn.c_proj.weight"].view(H, E, D))
            wrote(writers, result.detach())
            x = x + result.sum(2) + self.w[h + "attn.c_proj.bias"]
            inner = read(readers + 3 * H, writers + H, x.unsqueeze(2)).squeeze(2)
            hidden = F.gelu(self.linear(h + "mlp.c_fc", self.norm(h + "ln_2", inner)), approximate="tanh")
            out = self.linear(h + "mlp.c_proj", hidden)
            wrote(writers + H, out.detach().unsqueeze(2))
            x = x + out
        x = read(self.readers - 1, self.writers, x.unsqueeze(2)).squeeze(2)
        return self.norm("ln_f", x[:, -1]) @ self.w["wte.weight"].t()


def eap(folder, batch):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Gpt2(folder, device)
    items = [json.loads(line) for line in open(pathlib.Path(folder) / "task.jsonl")]
    tensor = lambda key: torch.tensor([item[key] for item in items], device=device)
    clean, corrupted = tensor("clean_tokens"), tensor("corrupted_tokens")
    right, wrong = tensor("answer_tokens")[:, 0], tensor("wrong_tokens")[:, 0]
    scores = torch.zeros(model.writers, model.readers, device=device)

    def run(rows):
        difference = torch.zeros(len(rows), clean.shape[1], model.writers, model.width, device=device)

        def adds(sign):
            def wrote(first, value):
                difference[:, :, first:first + value.shape[2]] += sign * value
            return wrote

        def read(first, writers, value):
            def hook(gradient):
                scores[:writers, first:first + gradient.shape[2]] += torch.einsum(
                    "btud,btvd->uv", difference[:, :, :writers], gradient)
            value.register_hook(hook)
            return value

        with torch.no_grad():
            model.forward(corrupted[rows], adds(-1), lambda first, writers, value: value)
        logits = model.forward(clean[rows], adds(1), read)
        index = torch.arange(len(rows), device=device)
        (logits[index, right[rows]] - logits[index, wrong[rows]]).sum().backward()

    sync = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    run(torch.arange(batch))  # warm-up
    scores.zero_()
    sync()
    weights = torch.cuda.memory_allocated() if device == "cuda" else 0
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    for begin in range(0, len(items), batch):
        run(torch.arange(begin, min(begin + batch, len(items))))
    sync()
    seconds = time.perf_counter() - start
    scores /= len(items)
    peak = torch.cuda.max_memory_allocated() - weights if device == "cuda" else 0
    names = {}
    table, H = scores.double().cpu(), model.heads
    writer = ["input"] + [n for l in range(model.layers) for n in [f"a{l}.h{h}" for h in range(H)] + [f"m{l}"]]
    for l in range(model.layers):
        for i, part in enumerate("qkv"):
            for h in range(H):
                for u in range(1 + l * (H + 1)):
                    names[f"{writer[u]}->a{l}.h{h}<{part}>"] = table[u, l * (3 * H + 1) + i * H + h].item()
        for u in range(1 + l * (H + 1) + H):
            names[f"{writer[u]}->m{l}"] = table[u, l * (3 * H + 1) + 3 * H].item()
    for u in range(model.writers):
        names[f"{writer[u]}->logits"] = table[u, model.readers - 1].item()
    json.dump(names, open(pathlib.Path(folder) / "peer_scores.json", "w"))
    print(json.dumps({"seconds": seconds, "beside_the_weights": peak, "items": len(items), "batch": batch}))


def compare(folder, graph):
    theirs = json.load(open(pathlib.Path(folder) / "peer_scores.json"))
    ours = {name: edge["score"] for name, edge in json.load(open(graph))["edges"].items()}
    assert theirs.keys() == ours.keys(), sorted(theirs.keys() ^ ours.keys())[:5]
    print(json.dumps({"edges": len(ours), "largest": max(map(abs, theirs.values())),
                      "furthest_off": max(abs(theirs[name] - ours[name]) for name in ours)}))


if __name__ == "__main__":
    if sys.argv[1] == "task":
        task(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1] == "eap":
        eap(sys.argv[2], int(sys.argv[3]))
    else:
        compare(sys.argv[2], sys.argv[3])
