"""The peers' side of the sweeps in BENCHMARKS.md.

peer_sweep.py make MODEL_DIR {gpt2|llama8b|llama1b} [--layers N]     random weights and a task, on disk
peer_sweep.py patch MODEL_DIR {tl|hf} {cpu|cuda} {f32|bf16} [--heads N] [--threads N] [-o out.npy]
    tl: TransformerLens get_act_patch_attn_head_out_all_pos; hf: transformers, an edit by hook and one
    whole forward a head. Prints seconds; writes the patched logit differences [layer, head].
peer_sweep.py paths MODEL_DIR {cpu|cuda} {f32|bf16} LAYER HEAD [--heads N]
    the four-run loop: every head of the layers before, into the query of one head.
"""
import argparse
import json
import pathlib
import time

import torch

SHAPES = {"gpt2": (100, 15, 10), "llama8b": (32, 64, 48), "llama1b": (32, 64, 48)}


def make(folder, shape, layers):
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    torch.set_default_device("cuda" if torch.cuda.is_available() else "cpu")
    if shape == "gpt2":
        model = GPT2LMHeadModel(GPT2Config())
    else:
        big = shape == "llama8b"
        torch.set_default_dtype(torch.bfloat16)
        model = LlamaForCausalLM(LlamaConfig(
            vocab_size=128256, hidden_size=4096 if big else 2048, intermediate_size=14336 if big else 8192,
            num_hidden_layers=layers or (32 if big else 16), num_attention_heads=32, num_key_value_heads=8,
            max_position_embeddings=8192, rms_norm_eps=1e-5, rope_theta=500000.0))
    model.save_pretrained(folder, max_shard_size="4GB")
    torch.set_default_device("cpu")
    prompts, length, first = SHAPES[shape]
    generator = torch.Generator().manual_seed(1)
    clean = torch.randint(0, 50000, (prompts, length), generator=generator)
    corrupted = clean.clone()
    corrupted[:, first:] = torch.randint(0, 50000, (prompts, length - first), generator=generator)
    answers = torch.randint(0, 50000, (prompts, 2), generator=generator)
    with open(pathlib.Path(folder) / "task.jsonl", "w") as file:
        for i in range(prompts):
            print(json.dumps({"clean_tokens": clean[i].tolist(), "corrupted_tokens": corrupted[i].tolist(),
                              "answer_tokens": [int(answers[i, 0])], "wrong_tokens": [int(answers[i, 1])]}),
                  file=file)


def read_task(folder, device):
    items = [json.loads(line) for line in open(pathlib.Path(folder) / "task.jsonl")]
    tensor = lambda key: torch.tensor([item[key] for item in items], device=device)
    return tensor("clean_tokens"), tensor("corrupted_tokens"), tensor("answer_tokens")[:, 0], tensor("wrong_tokens")[:, 0]


def logit_diff(logits, right, wrong):
    last = logits[:, -1].float()
    rows = torch.arange(len(right), device=last.device)
    return (last[rows, right] - last[rows, wrong]).mean()


def hf_model(folder, device, dtype):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa").eval().to(device)


def tl_model(folder, device):
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights, convert_llama_weights

    hf = hf_model(folder, "cpu", torch.float32)
    c = hf.config
    if c.model_type == "gpt2":
        config = HookedTransformerConfig(n_layers=c.n_layer, d_model=c.n_embd, n_heads=c.n_head, d_head=c.n_embd // c.n_head,
                                         d_mlp=4 * c.n_embd, d_vocab=c.vocab_size, n_ctx=c.n_positions, act_fn="gelu_new",
                                         normalization_type="LN", device=device)
        state = convert_gpt2_weights(hf, config)
    else:
        theta = getattr(c, "rope_theta", None) or c.rope_parameters["rope_theta"]
        d_head = c.hidden_size // c.num_attention_heads
        config = HookedTransformerConfig(n_layers=c.num_hidden_layers, d_model=c.hidden_size, n_heads=c.num_attention_heads,
                                         n_key_value_heads=c.num_key_value_heads, d_head=d_head, d_mlp=c.intermediate_size,
                                         d_vocab=c.vocab_size, n_ctx=1024, act_fn="silu", normalization_type="RMS", eps=c.rms_norm_eps,
                                         positional_embedding_type="rotary", rotary_dim=d_head, rotary_base=int(theta),
                                         rotary_adjacent_pairs=False, gated_mlp=True, final_rms=True, device=device)
        state = convert_llama_weights(hf, config)
    model = HookedTransformer(config).eval()
    model.load_state_dict(state, strict=False)
    return model.to(device)


def sync(device):
    if device == "cuda":
        torch.cuda.synchronize()


def patch_tl(args, clean, corrupted, right, wrong):
    from transformer_lens import patching

    model = tl_model(args.folder, args.device)
    with torch.no_grad():
        _, cache = model.run_with_cache(clean, names_filter=lambda name: name.endswith("hook_z"))
        sync(args.device)
        start = time.perf_counter()
        table = patching.get_act_patch_attn_head_out_all_pos(model, corrupted, cache,
                                                             lambda logits: logit_diff(logits, right, wrong))
        sync(args.device)
    return table.cpu(), time.perf_counter() - start


def patch_hf(args, clean, corrupted, right, wrong):
    model = hf_model(args.folder, args.device, {"f32": torch.float32, "bf16": torch.bfloat16}[args.dtype])
    heads = model.config.num_attention_heads
    outs = [block.self_attn.o_proj if hasattr(block, "self_attn") else block.attn.c_proj
            for block in (model.model.layers if hasattr(model, "model") else model.transformer.h)]
    kept = {}
    with torch.no_grad():
        hooks = [out.register_forward_pre_hook(lambda m, x, i=i: kept.__setitem__(i, x[0])) for i, out in enumerate(outs)]
        model(clean)
        for hook in hooks:
            hook.remove()
        cells = [(l, h) for l in range(len(outs)) for h in range(heads)]
        step = max(1, len(cells) // args.heads) if args.heads else 1
        chosen = cells[::step]
        table = torch.full((len(outs), heads), float("nan"))
        sync(args.device)
        start = time.perf_counter()
        for layer, head in chosen:
            def edit(module, inputs):
                z = inputs[0].clone().unflatten(-1, (heads, -1))
                z[:, :, head] = kept[layer].unflatten(-1, (heads, -1))[:, :, head]
                return (z.flatten(-2),)
            hook = outs[layer].register_forward_pre_hook(edit)
            table[layer, head] = logit_diff(model(corrupted, use_cache=False).logits, right, wrong).cpu()
            hook.remove()
        sync(args.device)
    seconds = (time.perf_counter() - start) * len(cells) / len(chosen)
    print(f"{len(chosen)} of {len(cells)} heads run, seconds scaled to all")
    return table, seconds


def paths(args, clean, corrupted, right, wrong):
    model = tl_model(args.folder, args.device)
    with torch.no_grad():
        _, new = model.run_with_cache(corrupted, names_filter=lambda n: n.endswith("hook_z"))
        _, old = model.run_with_cache(clean, names_filter=lambda n: n.endswith("hook_z"))
        receiver = f"blocks.{args.layer}.attn.hook_q"
        table = torch.full((args.layer, model.cfg.n_heads), float("nan"))
        cells = [(l, h) for l in range(args.layer) for h in range(model.cfg.n_heads)]
        step = max(1, len(cells) // args.heads) if args.heads else 1
        chosen = cells[::step]
        sync(args.device)
        start = time.perf_counter()
        for layer, head in chosen:
            def freeze(value, hook):
                out = old[hook.name].clone()
                if hook.layer() == layer:
                    out[:, :, head] = new[hook.name][:, :, head]
                return out
            kept = {}
            def keep(value, hook):
                kept["q"] = value[:, :, args.head].clone()
            model.run_with_hooks(clean, fwd_hooks=[(lambda n: n.endswith("hook_z"), freeze), (receiver, keep)])
            def put(value, hook):
                value = value.clone()
                value[:, :, args.head] = kept["q"]
                return value
            logits = model.run_with_hooks(clean, fwd_hooks=[(receiver, put)])
            table[layer, head] = logit_diff(logits, right, wrong).cpu()
        sync(args.device)
    print(f"{len(chosen)} of {len(cells)} heads run, seconds scaled to all")
    return table, (time.perf_counter() - start) * len(cells) / len(chosen)


def main():
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("make")
    verb.add_argument("folder")
    verb.add_argument("shape", choices=list(SHAPES))
    verb.add_argument("--layers", type=int, default=0)
    for name in ("patch", "paths"):
        verb = verbs.add_parser(name)
        verb.add_argument("folder")
        if name == "patch":
            verb.add_argument("peer", choices=["tl", "hf"])
        verb.add_argument("device", choices=["cpu", "cuda"])
        verb.add_argument("dtype", choices=["f32", "bf16"])
        if name == "paths":
            verb.add_argument("layer", type=int)
            verb.add_argument("head", type=int)
        verb.add_argument("--heads", type=int, default=0)
        verb.add_argument("--threads", type=int, default=2)
        verb.add_argument("--repeats", type=int, default=1)
        verb.add_argument("-o", default="")
    args = parser.parse_args()
    if args.verb == "make":
        make(args.folder, args.shape, args.layers)
        return
    torch.set_num_threads(args.threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    values = read_task(args.folder, args.device)
    run = paths if args.verb == "paths" else patch_tl if args.peer == "tl" else patch_hf
    for _ in range(args.repeats):
        table, seconds = run(args, *values)
        print(f"{args.verb} {args.folder} {args.device} {args.dtype}: {seconds:.3f} s", flush=True)
    if args.o:
        import numpy
        numpy.save(args.o, table.numpy())


main()
