"""The peers' side of BENCHMARKS.md: Hugging Face sdpa and TransformerLens run_with_cache.

python3 tests/bench/peer_forward.py {gpt2|smollm2} PROMPTS TOKENS {f32|bf16} {cpu|cuda} [--threads N]
Random weights of the model's shape, random tokens; minimum and median of the repeats.
"""
import argparse
import time

import torch


def report(what, run, repeats, device):
    times = []
    for i in range(repeats + 2):
        start = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        if i >= 2:
            times.append((time.perf_counter() - start) * 1e3)
    times.sort()
    print(f"{what:44s} min {times[0]:8.2f}  median {times[len(times) // 2]:8.2f} ms", flush=True)


def huggingface(shape):
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    if shape == "gpt2":
        return GPT2LMHeadModel(GPT2Config(attn_implementation="sdpa"))
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
                    num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192,
                    rms_norm_eps=1e-5, tie_word_embeddings=True, attn_implementation="sdpa"))


def transformer_lens(shape, device):
    from transformer_lens import HookedTransformer, HookedTransformerConfig

    if shape == "gpt2":
        config = dict(n_layers=12, d_model=768, n_heads=12, d_head=64, d_mlp=3072, d_vocab=50257,
                      n_ctx=1024, act_fn="gelu_new", normalization_type="LN")
    else:
        config = dict(n_layers=30, d_model=576, n_heads=9, n_key_value_heads=3, d_head=64, d_mlp=1536,
                      d_vocab=49152, n_ctx=1024, act_fn="silu", normalization_type="RMS",
                      positional_embedding_type="rotary", rotary_dim=64, gated_mlp=True, final_rms=True)
    return HookedTransformer(HookedTransformerConfig(device=device, seed=0, **config))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shape", choices=["gpt2", "smollm2"])
    parser.add_argument("prompts", type=int)
    parser.add_argument("tokens", type=int)
    parser.add_argument("dtype", choices=["f32", "bf16"])
    parser.add_argument("device", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[args.dtype]
    tokens = torch.randint(0, 49000, (args.prompts, args.tokens), device=args.device)
    with torch.no_grad():
        model = huggingface(args.shape).eval().to(args.device, dtype)
        report("Hugging Face sdpa, forward", lambda: model(tokens, use_cache=False).logits,
               args.repeats, args.device)
        del model
        try:
            model = transformer_lens(args.shape, args.device).eval()
        except ImportError as error:
            print(f"TransformerLens: {error}")
            return
        wanted = lambda name: name.endswith("hook_z") or name.endswith("hook_pattern")
        report("TransformerLens run_with_cache, z and pattern",
               lambda: model.run_with_cache(tokens, names_filter=wanted), args.repeats, args.device)


main()
