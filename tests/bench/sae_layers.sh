#!/bin/bash
# Up to 6 minutes on one H100 or H200 and 16 cores. Top-k autoencoders of `hook_z` of three layers of SmolLM2, trained in one
# pass on text that the model writes itself (drawn at temperature 1; nothing else large is at hand without a network), judged on
# the prose of data/haystack, which it never saw: FVU, L0, dead features, loss and KL recovered when spliced in.
# $OUT/table.md is the table, $OUT/eval the JSON of every judgement, $OUT/train.json and train.jsonl the training, $OUT/log what
# was said. $HS: the program; $M: SmolLM2's GGUF; $OUT: an empty folder; KEEP=1 leaves the autoencoders in $OUT/sae (some 130 MB).
# A short look on the CPU: DEV="--threads 1" WRITERS=1 TEXTS=1 LENGTH=40 TOKENS=4096 EXPANSION=2 BATCH=256 HELD=tides
set -u
LAYERS=${LAYERS:-5 15 25}; DEV=${DEV---device cuda}; SEED=${SEED:-0}
TEXTS=${TEXTS:-192}         # of each opening and writer
LENGTH=${LENGTH:-120}       # tokens written to each
WRITERS=${WRITERS:-4}       # processes that write side by side
WRITE_SECONDS=${WRITE_SECONDS:-110}
TOKENS=${TOKENS:-3000000}   # rows to train on: what was written, over and over in other orders
EXPANSION=${EXPANSION:-16}  # 9,216 features of 576 numbers
K=${K:-16}; BATCH=${BATCH:-4096}
TRAIN_SECONDS=${TRAIN_SECONDS:-170}
W=$(mktemp -d); trap 'rm -rf "$W"' EXIT; mkdir -p "$OUT/eval"; LOG=$OUT/log; : > "$LOG"; started=$SECONDS
note() { echo "$((SECONDS - started)) s: $*" | tee -a "$LOG"; }
said() { tr '\r' '\n' < "$1" | tail -n 1; }

openings=("The" "In 1923," "She opened the" "Most people believe that" "To make a good" "The city of" "def " "Dear Sir,"
          "Scientists have" "My grandfather" "It was raining when" "There are three reasons why" "The teacher asked" "A long time ago"
          "Question: What is" "According to the")
prompts=(); for o in "${openings[@]}"; do prompts+=(--prompt "$o"); done
pids=; for w in $(seq "$WRITERS"); do
  timeout "$WRITE_SECONDS" $HS generate "$M" "${prompts[@]}" --temperature 1 --ignore-end --samples "$TEXTS" --batch 256 \
    --max-tokens "$LENGTH" --seed $((SEED + w)) $DEV --json > "$W/$w.json" 2> "$W/$w.err" || note "writer $w: $(said "$W/$w.err")" &
  pids="$pids $!"
done; wait $pids
python3 - "$W" > "$W/texts.jsonl" <<'PY'
import glob, json, os, sys
for path in sorted(glob.glob(sys.argv[1] + "/*.json")):
    if os.path.getsize(path) > 0:
        for prompt in json.load(open(path))["prompts"]:
            for text in prompt["texts"]:
                print(json.dumps({"tokens": prompt["tokens"] + [t["token"] for t in text["tokens"]]}))
PY
note "$(wc -l < "$W/texts.jsonl") texts written"
[ -s "$W/texts.jsonl" ] || { note "no text was written"; exit 1; }

sites=(); for l in $LAYERS; do sites+=(--site "blocks.$l.attn.hook_z"); done
timeout "$TRAIN_SECONDS" $HS sae train "$M" "${sites[@]}" --prompts "$W/texts.jsonl" --arch topk -k "$K" --expansion "$EXPANSION" \
  --tokens "$TOKENS" --batch "$BATCH" --seed "$SEED" -o "$W/sae" $DEV --json > "$OUT/train.json" 2> "$W/train.err" \
  || { note "sae train: $(said "$W/train.err")"; exit 1; }
cp "$W/sae/train.jsonl" "$OUT/"; note "trained"

held=(); for f in data/haystack/${HELD:-*}.txt; do held+=(--text "$f"); done
python3 -c 'import json, sys; [print(s["folder"]) for s in json.load(open(sys.argv[1]))["saes"]]' "$OUT/train.json" > "$W/folders"
while read -r folder; do
  timeout 60 $HS sae eval "$folder" "$M" "${held[@]}" $DEV --json > "$OUT/eval/$(basename "$folder").json" 2> "$W/eval.err" \
    || note "sae eval $folder: $(said "$W/eval.err")"
done < "$W/folders"
[ "${KEEP:-0}" = 1 ] && cp -r "$W/sae" "$OUT/sae"
python3 - "$OUT" > "$OUT/table.md" <<'PY'
import glob, json, sys
train = json.load(open(sys.argv[1] + "/train.json"))
print(f"{train['rows']:,} rows of {train['rows_per_epoch']:,}, {train['seconds']:.0f} s, {train['tokens_per_second']:,.0f} tokens/s\n")
print("| autoencoder | L0 | FVU | dead | loss recovered | KL recovered | CE clean, zeroed, spliced |\n|---|---|---|---|---|---|---|")
for path in sorted(glob.glob(sys.argv[1] + "/eval/*.json")):
    try:
        d = json.load(open(path))
    except ValueError:
        continue
    print(f"| {path.split('/')[-1][:-5]} | {d['l0']:.1f} | {d['fvu']:.3f} | {d['dead']} | {d['loss_recovered']:.3f} | {d['kl_recovered']:.3f} | "
          f"{d['ce_clean']:.3f}, {d['ce_zero']:.3f}, {d['ce_sae']:.3f} |")
PY
note "all done"; cat "$OUT/table.md"
