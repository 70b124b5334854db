#!/bin/bash
# About 3 minutes on one H100 or H200, of which most is making and reading an 8B model. Edge attribution at GPT-2 small's shape
# beside the same scores in plain Torch by EAP-IG's convention (160 items of 64 tokens, its batches of 8), ours with a quarter of
# its memory and with all there is; then a Llama of 8B parameters in bf16 with 512 tokens an item, in 80 GB. $HS: the program;
# $PY: a Python with Torch for the GPU; $OUT: an empty folder (edges.txt is the result; nothing else there is large). SKIP_8B=1
# leaves the second part out. Every command's errors and exit code are in edges.txt.
set -u
PY=${PY:-python3}; DEV=${DEV:---device cuda}; ITEMS=${ITEMS:-160}; TOKENS=${TOKENS:-64}
W=$(mktemp -d); trap 'rm -rf "$W"' EXIT; exec > >(tee "$OUT/edges.txt") 2>&1
say() { echo "== $*"; "$@"; local code=$?; [ $code = 0 ] || echo "exit code $code"; return $code; }
say $HS model random --like gpt2 -o "$W/gpt2" || exit 1
say $PY tests/bench/peer_edges.py task "$W/gpt2" "$ITEMS" "$TOKENS" || exit 1
say $PY tests/bench/peer_edges.py eap "$W/gpt2" 8 | tee "$W/peer.json"
quarter=$(tail -n 1 "$W/peer.json" | $PY -c 'import json, sys; print(int(json.load(sys.stdin)["beside_the_weights"] / 4) or 400_000_000)')
for memory in "$quarter" 4GB 40GB; do
  say $HS circuit bench "$W/gpt2" --task "$W/gpt2/task.jsonl" --method eap --memory "$memory" $DEV --json | tee "$W/ours.json"
  $PY - "$W" <<'PY'
import json, sys
last = lambda name: json.loads(open(f"{sys.argv[1]}/{name}").read()[open(f"{sys.argv[1]}/{name}").read().index("{"):])
try:
    peer, ours = last("peer.json"), last("ours.json")
    print(f"RATIO: {peer['seconds'] / ours['seconds']:.2f} times as fast, with {ours['memory_beside'] / max(1, peer['beside_the_weights']):.3f} of the memory")
except (ValueError, KeyError) as error:
    print("no ratio:", error)
PY
done
say $HS circuit find "$W/gpt2" --task "$W/gpt2/task.jsonl" --method eap $DEV -o "$W/graph.json" && say $PY tests/bench/peer_edges.py compare "$W/gpt2" "$W/graph.json"
say $HS circuit bench "$W/gpt2" --task "$W/gpt2/task.jsonl" --method eap-ig $DEV
[ "${SKIP_8B:-0}" = 1 ] && exit 0
rm -rf "$W/gpt2"
say $HS model random --like llama-8b --dtype bf16 -o "$W/8b" || exit 1
say $PY tests/bench/peer_edges.py task "$W/8b" 1 512
for memory in 20GB 50GB; do
  say $HS circuit bench "$W/8b" --task "$W/8b/task.jsonl" --method eap --memory $memory $DEV --dtype bf16 --repeats 2
done
