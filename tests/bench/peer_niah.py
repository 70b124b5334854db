"""What a needle-in-a-haystack script does, for comparison with `headscope niah`: one prompt after the
other, prefill by sdpa attention, then decode steps by eager attention that return every head's row
(as in the published retrieval-head code), and for each step the strongest key of every head.

usage: peer_niah.py niah [DTYPE] [STEPS]      20 lengths to 8,000 tokens × 10 depths, SmolLM2's shape
       peer_niah.py maps                      32 heads, d 128, bf16: patterns materialised, 16k and 32k
"""
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM


def model_of(attention, dtype):
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
                         num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192,
                         rope_theta=100000.0, tie_word_embeddings=True, attn_implementation=attention)
    return LlamaForCausalLM(config).to("cuda", dtype).eval()


@torch.no_grad()
def niah(dtype, steps):
    fast, rows = model_of("sdpa", dtype), model_of("eager", dtype)
    lengths = [round(500 + 7500 * i / 19) for i in range(20)]

    def one(length):
        ids = torch.randint(1000, 40000, (1, length), device="cuda")
        cache = fast(ids[:, :-1], use_cache=True, logits_to_keep=1).past_key_values
        token, strongest = ids[:, -1:], []
        for _ in range(steps):
            out = rows(token, past_key_values=cache, use_cache=True, output_attentions=True)
            cache, token = out.past_key_values, out.logits[:, -1:].argmax(-1)
            strongest.append(torch.stack([a[0, :, -1].argmax(-1) for a in out.attentions]).cpu())
        return strongest

    one(500)
    torch.cuda.synchronize()
    begin = time.time()
    for length in lengths:  # one depth; the ten cost alike
        one(length)
    torch.cuda.synchronize()
    took = time.time() - begin
    print(f"script loop, {dtype}, {steps} decode steps a prompt: {took:.1f} s for 20 prompts, "
          f"{10 * took:.0f} s for 200")


@torch.no_grad()
def maps():
    for length in (16384, 32768):
        try:
            q, k = (torch.randn(1, 32, length, 128, device="cuda", dtype=torch.bfloat16) for _ in range(2))
            hidden = torch.ones(length, length, dtype=torch.bool, device="cuda").triu_(1)

            def run():
                scores = (q @ k.transpose(2, 3)).mul_(128 ** -0.5).masked_fill_(hidden, float("-inf"))
                return scores.softmax(-1)

            run()
            torch.cuda.synchronize()
            begin = time.time()
            for _ in range(3):
                run()
            torch.cuda.synchronize()
            print(f"patterns materialised at {length}: {(time.time() - begin) / 3 * 1e3:.1f} ms, "
                  f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")
        except torch.OutOfMemoryError:
            print(f"patterns materialised at {length}: out of memory")
        torch.cuda.empty_cache()


if sys.argv[1] == "niah":
    niah(getattr(torch, sys.argv[2] if len(sys.argv) > 2 else "float32"),
         int(sys.argv[3]) if len(sys.argv) > 3 else 20)
else:
    maps()
