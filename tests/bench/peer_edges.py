"""The peers' side of edge attribution in BENCHMARKS.md, and models and tasks for both.

peer_edges.py make MODEL_DIR {gpt2|llama8b} ITEMS TOKENS   random weights and a task, on disk
peer_edges.py eap MODEL_DIR BATCH                          EAP as EAP-IG's convention has it, in plain Torch

The convention: a tensor [batch, pos, writers, d_model] of what every writer wrote otherwise, every head's query, key
and value reading a copy of the stream of its own, and a backward pass whose hooks multiply the two. Prints seconds
and the most memory beside the weights as JSON, and writes scores to MODEL_DIR/peer_scores.json by EAP-IG's names.
"""
import json
import pathlib
import sys
import time

import torch
import torch.nn.functional as F


def make(folder, shape, items, tokens):
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    torch.set_default_device("cuda" if torch.cuda.is_available() else "cpu")
    if shape == "gpt2":
        model = GPT2LMHeadModel(GPT2Config())
    else:
        torch.set_default_dtype(torch.bfloat16)
        model = LlamaForCausalLM(LlamaConfig(
            vocab_size=128256, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
            num_key_value_heads=8, max_position_embeddings=8192, rms_norm_eps=1e-5, rope_theta=500000.0))
    model.save_pretrained(folder, max_shard_size="4GB")
    torch.set_default_device("cpu")
    generator = torch.Generator().manual_seed(1)
    clean = torch.randint(0, 50000, (items, tokens), generator=generator)
    corrupted = clean.clone()
    corrupted[:, tokens // 2:] = torch.randint(0, 50000, (items, tokens - tokens // 2), generator=generator)
    answers = torch.randint(0, 50000, (items, 2), generator=generator)
    with open(pathlib.Path(folder) / "task.jsonl", "w") as file:
        for i in range(items):
            print(json.dumps({"clean_tokens": clean[i].tolist(), "corrupted_tokens": corrupted[i].tolist(),
                              "answer_tokens": [int(answers[i, 0])], "wrong_tokens": [int(answers[i, 1])]}), file=file)


class Gpt2:
    """GPT-2 with split query, key and value inputs and a result a head."""

    def __init__(self, folder, device):
        from transformers import GPT2LMHeadModel

        hf = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).to(device).eval()
        self.hf, self.c = hf, hf.config
        for p in hf.parameters():
            p.requires_grad_(False)
        self.heads, self.d_head = self.c.n_head, self.c.n_embd // self.c.n_head
        self.writers = 1 + self.c.n_layer * (self.heads + 1)
        self.readers = self.c.n_layer * (3 * self.heads + 1) + 1

    def forward(self, tokens, wrote, read):
        """wrote(first writer, value [b, t, w, d]); read(first reader, writers before, value [b, t, r, d]) -> value."""
        t = self.hf.transformer
        x = t.wte(tokens)
        wrote(0, x.detach().unsqueeze(2))
        x = (x + t.wpe(torch.arange(tokens.shape[1], device=tokens.device))).requires_grad_(torch.is_grad_enabled())
        H, E, D = self.heads, self.d_head, self.c.n_embd
        mask = torch.full((tokens.shape[1],) * 2, float("-inf"), device=x.device).triu(1)
        for l, block in enumerate(t.h):
            writers, readers = 1 + l * (H + 1), l * (3 * H + 1)
            W, b = block.attn.c_attn.weight, block.attn.c_attn.bias
            parts = []
            for i in range(3):
                stream = read(readers + i * H, writers, x.unsqueeze(2).repeat(1, 1, H, 1))
                normed = F.layer_norm(stream, (D,), block.ln_1.weight, block.ln_1.bias, block.ln_1.eps)
                w = W[:, i * D:(i + 1) * D].view(D, H, E)
                parts.append(torch.einsum("bthd,dhe->bhte", normed, w) + b[i * D:(i + 1) * D].view(1, H, 1, E))
            q, k, v = parts
            pattern = torch.softmax(q @ k.transpose(-1, -2) / E ** 0.5 + mask, -1)
            z = (pattern @ v).transpose(1, 2)
            result = torch.einsum("bthe,hed->bthd", z, block.attn.c_proj.weight.view(H, E, D))
            wrote(writers, result.detach())
            x = x + result.sum(2) + block.attn.c_proj.bias
            inner = read(readers + 3 * H, writers + H, x.unsqueeze(2)).squeeze(2)
            out = block.mlp(block.ln_2(inner))
            wrote(writers + H, out.detach().unsqueeze(2))
            x = x + out
        x = read(self.readers - 1, self.writers, x.unsqueeze(2)).squeeze(2)
        return self.hf.lm_head(t.ln_f(x[:, -1]))


def eap(folder, batch):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Gpt2(folder, device)
    items = [json.loads(line) for line in open(pathlib.Path(folder) / "task.jsonl")]
    tensor = lambda key: torch.tensor([item[key] for item in items], device=device)
    clean, corrupted = tensor("clean_tokens"), tensor("corrupted_tokens")
    right, wrong = tensor("answer_tokens")[:, 0], tensor("wrong_tokens")[:, 0]
    scores = torch.zeros(model.writers, model.readers, device=device)

    def run(rows):
        difference = torch.zeros(len(rows), clean.shape[1], model.writers, model.c.n_embd, device=device)

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
    writer = ["input"] + [n for l in range(model.c.n_layer) for n in [f"a{l}.h{h}" for h in range(H)] + [f"m{l}"]]
    for l in range(model.c.n_layer):
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


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        eap(sys.argv[2], int(sys.argv[3]))
