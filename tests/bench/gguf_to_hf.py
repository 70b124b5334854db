"""gguf_to_hf.py MODEL.gguf FOLDER: a llama model of llama.cpp as a folder that transformers loads, in f32.

So that the peers of BENCHMARKS.md run the very weights that headscope runs. Needs numpy and safetensors alone; takes
encodings F32, F16, Q4_1 and Q8_0, and the tokenizer is left out: the benchmarks send token ids.
"""
import json
import pathlib
import struct
import sys

import numpy as np

NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
NAMES = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
         "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, code):
        size = struct.calcsize("<" + code)
        self.at += size
        return struct.unpack_from("<" + code, self.data, self.at - size)[0]

    def text(self):
        size = self.number("Q")
        self.at += size
        return bytes(self.data[self.at - size:self.at]).decode("utf-8", "replace")

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            of, count = self.number("I"), self.number("Q")
            return [self.value(of) for _ in range(count)]
        return self.number(NUMBERS[kind])


def halves(bytes_):
    return bytes_.copy().view(np.float16).astype(np.float32)


def numbers(data, encoding, count):
    if encoding == 0:
        return np.frombuffer(data, np.float32, count)
    if encoding == 1:
        return np.frombuffer(data, np.float16, count).astype(np.float32)
    if encoding == 3:  # Q4_1: scale, offset, then 32 nibbles, the low ones first
        blocks = np.frombuffer(data, np.uint8, count // 32 * 20).reshape(-1, 20)
        nibbles = np.concatenate([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], 1).astype(np.float32)
        return (halves(blocks[:, :2]) * nibbles + halves(blocks[:, 2:4])).ravel()
    if encoding == 8:  # Q8_0: scale, then 32 signed bytes
        blocks = np.frombuffer(data, np.uint8, count // 32 * 34).reshape(-1, 34)
        return (halves(blocks[:, :2]) * blocks[:, 2:].copy().view(np.int8).astype(np.float32)).ravel()
    raise SystemExit(f"gguf_to_hf.py: encoding {encoding} is not read")


def read(path):
    reader = Reader(np.memmap(path, np.uint8, "r"))
    reader.at = 8
    tensors, keys = reader.number("Q"), reader.number("Q")
    meta = {}
    for _ in range(keys):
        name = reader.text()
        meta[name] = reader.value(reader.number("I"))
    entries = []
    for _ in range(tensors):
        name, dims = reader.text(), reader.number("I")
        shape = [reader.number("Q") for _ in range(dims)][::-1]
        entries.append((name, shape, reader.number("I"), reader.number("Q")))
    align = meta.get("general.alignment", 32)
    start = (reader.at + align - 1) // align * align
    return meta, {name: numbers(reader.data[start + offset:], encoding, int(np.prod(shape))).reshape(shape)
                  for name, shape, encoding, offset in entries}


def turned_back(weight, heads):
    """llama.cpp keeps the two halves that a rotation joins side by side."""
    return weight.reshape(heads, -1, 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def main(path, folder):
    from safetensors.numpy import save_file
    meta, tensors = read(path)
    get = lambda key: meta["llama." + key]
    heads, kv_heads = get("attention.head_count"), get("attention.head_count_kv")
    out = {"model.embed_tokens.weight": tensors["token_embd.weight"], "model.norm.weight": tensors["output_norm.weight"]}
    if "output.weight" in tensors:
        out["lm_head.weight"] = tensors["output.weight"]
    for name, value in tensors.items():
        if name.startswith("blk."):
            _, layer, part, _ = name.split(".")
            value = turned_back(value, {"attn_q": heads, "attn_k": kv_heads}[part]) if part in ("attn_q", "attn_k") else value
            out[f"model.layers.{layer}.{NAMES[part]}.weight"] = value
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
              "hidden_size": get("embedding_length"), "intermediate_size": get("feed_forward_length"),
              "num_hidden_layers": get("block_count"), "num_attention_heads": heads, "num_key_value_heads": kv_heads,
              "max_position_embeddings": get("context_length"), "rope_theta": get("rope.freq_base"),
              "rms_norm_eps": get("attention.layer_norm_rms_epsilon"), "vocab_size": tensors["token_embd.weight"].shape[0],
              "tie_word_embeddings": "output.weight" not in tensors, "bos_token_id": meta["tokenizer.ggml.bos_token_id"],
              "eos_token_id": meta["tokenizer.ggml.eos_token_id"], "torch_dtype": "float32"}
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file({name: np.ascontiguousarray(value, np.float32) for name, value in out.items()},
              folder / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main(*sys.argv[1:])
