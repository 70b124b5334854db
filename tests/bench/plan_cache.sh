#!/bin/bash
# About 6 minutes on one H200. Llama 3 8B's shape, random weights, bf16: a prompt of 32k and of 128k tokens and steps behind it,
# with half of the KV heads streaming (sink 64, local 256) in a cache of two parts against a whole cache (`bench cache`, paired),
# and transformers' generate (sdpa, DynamicCache) on the same shape where Python has it.
# $OUT/cache.jsonl: a document a run; $OUT/peer.jsonl; $OUT/log. $HS: the program; $OUT: an empty folder.
set -u
HS=${HS:-build/headscope}; mkdir -p "$OUT"; LOG=$OUT/log; : > "$LOG"; W=$(mktemp -d); started=$SECONDS
note() { echo "$((SECONDS - started)) s: $*" | tee -a "$LOG"; }
python3 - "$W" <<'PY' || exit 1
import json, sys
json.dump(dict(architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=4096, intermediate_size=14336, num_hidden_layers=32,
  num_attention_heads=32, num_key_value_heads=8, vocab_size=128256, max_position_embeddings=140000, rms_norm_eps=1e-5, rope_theta=5e5,
  hidden_act="silu", tie_word_embeddings=False, torch_dtype="bfloat16", bos_token_id=1, eos_token_id=2), open(sys.argv[1] + "/config.json", "w"))
PY
measure() {  # TOKENS PREFILLS [--passes]
  timeout 250 $HS bench cache $W --random-weights --device cuda --dtype bf16 --shape 1x$1 --operator streaming:sink=64,local=256 --budget 0.5 \
    --prefills $2 --repeats 40 --warm-ups 5 ${3:-} --json >> $OUT/cache.jsonl 2> $W/err || note "cache $*: $(tail -n 1 $W/err)"
  note "cache $* done"
}
measure 32768 3
measure 131072 1
python3 - "$W" >> $OUT/peer.jsonl 2>> "$LOG" <<'PY'
import json, sys, time
try:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
except ImportError as error:
    sys.exit(f"no peer: {error}")
torch.set_default_dtype(torch.bfloat16)
with torch.device("cuda"):
    model = LlamaForCausalLM(LlamaConfig.from_pretrained(sys.argv[1])).eval()
for tokens in (32768, 131072):
    ids = torch.randint(5, 1000, (1, tokens), device="cuda")
    with torch.no_grad():
        for run in range(2):
            torch.cuda.synchronize(); begin = time.time()
            out = model(ids, use_cache=True, logits_to_keep=1)
            torch.cuda.synchronize(); prefill = time.time() - begin
        cache, token = out.past_key_values, out.logits[:, -1:].argmax(-1)
        times = []
        for step in range(45):
            torch.cuda.synchronize(); begin = time.time()
            out = model(token, past_key_values=cache, use_cache=True, logits_to_keep=1)
            token = out.logits[:, -1:].argmax(-1); torch.cuda.synchronize(); times.append(time.time() - begin)
        print(json.dumps({"tokens": tokens, "prefill_ms": prefill * 1e3, "step_ms": sorted(times[5:])[20] * 1e3}), flush=True)
        del out, cache
PY
# Steps that are not replayed as one launch, if there is time.
measure 32768 1 --passes
measure 131072 1 --passes
note "all done"
