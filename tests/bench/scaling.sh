#!/bin/bash
# What two GPUs of one host bring over one, each pair in the same run, and whether the results are the same:
#   tests/bench/scaling.sh build/headscope [FOLDER [SHAPE [SMALL]]]
# A head sweep of SHAPE (llama-8b, random weights, made in FOLDER), detect and niah of SMALL (SmolLM2-135M: a folder,
# a .gguf file, or a shape that `headscope model random --like` knows), and a model whose layers lie on both GPUs.
# About 4 minutes on 2 × H200. JSON lines, and the ratios at the end.
set -uo pipefail
program=$(realpath "$1"); folder=${2:-scaling}; shape=${3:-llama-8b}; small=${4:-smollm2}
one=${ONE:-cuda:0}; two=${TWO:-cuda:0-1}; torchrun=${TORCHRUN:-torchrun}
[ -e "$small" ] && small=$(realpath "$small")
mkdir -p "$folder"; cd "$folder"

made() { # made SHAPE DTYPE: a folder of random weights, unless it is one already
  if [ -e "$1" ]; then realpath "$1"; return; fi
  "$program" model random --like "$1" --dtype "$2" -o "random-$1" > /dev/null 2>&1 && echo "random-$1" || echo "$1"
}
awk 'BEGIN { for (i = 0; i < 32; ++i) { a = ""; b = ""
  for (t = 0; t < 16; ++t) { x = 100 + (i * 37 + t * 101) % 20000; y = (t == 9) ? x + 1 : x
    a = a (t ? ", " : "") x; b = b (t ? ", " : "") y }
  printf "{\"clean_tokens\": [%s], \"corrupted_tokens\": [%s], \"answer_tokens\": [%d], \"wrong_tokens\": [%d]}\n", a, b, 300 + i, 301 + i } }' > task.jsonl
awk 'BEGIN { for (i = 0; i < 24; ++i) { t = "1"; n = i % 3 == 0 ? 8000 : 4000
  for (j = 1; j < n; ++j) t = t ", " (3 + (17 * i + 29 * j) % 20000)
  printf "{\"id\": \"p%d\", \"spans\": {\"needle\": [80, 92]}, \"answer\": \"x\", \"tokens\": [%s]}\n", i, t } }' > needles.jsonl

ratios=""
took() { # took NAME COMMAND…: seconds by the clock, start-up and reading of weights among them
  local name=$1 begin end; shift
  begin=$(date +%s.%N)
  "$@" > "$name.out" 2> "$name.err" || { [ $? = 3 ] || { echo "FAILED $name: $(tail -n 1 "$name.err")" >&2; return 1; }; }
  end=$(date +%s.%N)
  seconds=$(awk -v a="$begin" -v b="$end" 'BEGIN { print b - a }')
  echo "{\"run\": \"$name\", \"seconds\": $seconds}"
}
own() { python3 -c 'import json,sys; s = json.load(open(sys.argv[1]))["seconds"]; print(s[0] if isinstance(s, list) else s)' "$1"; }
ratio() { # ratio NAME ONE TWO
  local line; line=$(awk -v n="$1" -v a="$2" -v b="$3" 'BEGIN { printf "%s: %.2f × on two GPUs (%.1f s against %.1f s)", n, a / b, b, a }')
  ratios="$ratios$line"$'\n'
}
same() { # same NAME A B: result files are joined only if bit for bit they agree
  rm -f same.h5
  "$program" merge "$2" "$3" -o same.h5 > /dev/null 2> same.err && ratios="$ratios$1: the same bits"$'\n' || ratios="$ratios$1: OTHER BITS"$'\n'
}

large=$(made "$shape" bf16)
sweep=("$program" patch "$large" --task task.jsonl --site z --over layer,head --dtype bf16 --memory 40GB --json --overwrite)
took sweep-warm "${sweep[@]}" --heads 0-0 --device "$one" -o warm.h5
took sweep-one "${sweep[@]}" --device "$one" -o sweep-1.h5 && a=$(own sweep-one.out)
took sweep-two "${sweep[@]}" --devices "$two" -o sweep-2.h5 && ratio "head sweep of $shape" "$a" "$(own sweep-two.out)" && same "head sweep" sweep-1.h5 sweep-2.h5
if command -v "$torchrun" > /dev/null; then
  took sweep-torchrun "$torchrun" --no-python --nproc-per-node=2 "${sweep[@]}" --device cuda -o sweep-t.h5 &&
    ratio "the same by torchrun" "$a" "$(own sweep-torchrun.out)"
fi
took split "${sweep[@]}" --device "$two" -o sweep-split.h5 && same "layers split over two GPUs" sweep-1.h5 sweep-split.h5

tiny=$(made "$small" f32)
detect=("$program" detect "$tiny" --json --overwrite)
took detect-one "${detect[@]}" --device "$one" -o atlas-1.h5 && a=$seconds
took detect-two "${detect[@]}" --devices "$two" -o atlas-2.h5 && ratio "detect of $small, start-up included" "$a" "$seconds"
niah=("$program" niah "$tiny" --prompts needles.jsonl --allow-beyond --max-new 20 --json --overwrite)
took niah-one "${niah[@]}" --device "$one" -o niah-1.json && a=$(own niah-one.out)
took niah-two "${niah[@]}" --devices "$two" -o niah-2.json && ratio "niah of $small to 8k" "$a" "$(own niah-two.out)"
printf '%s' "$ratios"
