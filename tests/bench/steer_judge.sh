#!/bin/bash
# About 3 to 5 minutes on one H100 or H200 and 16 cores (some 45 fits and as many evaluations, four at a time).
# Every steering method on SmolLM2, judged on examples that nothing was fitted to, against 20 random counterparts, KL on
# 512 tokens of neutral prose beside it. $OUT/table.md is the table, $OUT/rows the JSON of every run, $OUT/log what failed.
# $HS: the program; $M: SmolLM2's GGUF; $OUT: an empty folder. $ONLY: a regular expression of the names to run, as in
# 'pasta|boost|function-vector|low-rank|lofit'. $OUT/wrong_task holds LoFiT against offsets of heads that another task chose.
set -u
D=$PWD/data/steering; W=$(mktemp -d); mkdir -p "$OUT/rows" "$OUT/log"
DEV=${DEV:---device cuda}; DRAWS=${DRAWS:-20}; TEXT=${TEXT:-512}; JOBS=${JOBS:-4}
head -80 $D/antonyms.jsonl > $W/ant_fit.jsonl; tail -34 $D/antonyms.jsonl > $W/ant_eval.jsonl
started=$SECONDS

# one NAME METHOD FIT-DATA EVAL-DATA RUN [options of fit]
one() {
  local name=$1 method=$2 fit=$3 eval=$4 run=$5; shift 5
  local t=$SECONDS
  if timeout 170 $HS steer fit $method $M --data $fit -o $W/$name "$@" $DEV --json > $W/$name.fit 2> "$OUT/log/$name"; then
    local fitted=$((SECONDS - t))
    timeout 170 $HS steer eval $M --edits $W/$name/edits.json --task $eval --run $run --draws $DRAWS --text-tokens $TEXT $DEV --json > $W/$name.eval 2>> "$OUT/log/$name"
    python3 - "$name" "$method" "$*" "$(basename $fit .jsonl)" "$(basename $eval .jsonl)" $run $fitted $W/$name.fit $W/$name.eval > "$OUT/rows/$name.json" 2>> "$OUT/log/$name" <<'PY'
import json, sys
name, method, options, fit, ev, run, seconds, f, e = sys.argv[1:]
print(json.dumps({"name": name, "method": method, "options": options, "fit": fit, "eval": ev, "run": run, "fit_seconds": int(seconds),
                  "fitted": json.load(open(f)), "judged": json.load(open(e))}))
PY
  fi
  [ -s "$OUT/rows/$name.json" ] && rm -f "$OUT/log/$name" || rm -f "$OUT/rows/$name.json"
}
go() { [[ $1 =~ ${ONLY:-.} ]] || return 0; while [ "$(jobs -rp | wc -l)" -ge $JOBS ]; do wait -n; done; one "$@" & }

S="$D/sentiment.jsonl $D/sentiment_eval.jsonl clean"; C="$D/context.jsonl $D/context_eval.jsonl clean"; F="$D/facts.jsonl $D/facts_eval.jsonl clean"
timeout 170 $HS detect $M --detectors induction,retrieval,copying,successor -o $W/atlas.h5 $DEV > "$OUT/log/detect" 2>&1 &
detecting=$!

for task in sentiment context; do
  [ $task = sentiment ] && T=$S || T=$C
  go ${task}_mean-diff mean-diff $T
  go ${task}_pca pca $T
  go ${task}_lofit lofit $T
  go ${task}_iti15 iti $T
  go ${task}_iti4 iti $T --alpha 4
  go ${task}_knockout knockout $T
  go ${task}_scale scale $T
  go ${task}_scale3 scale $T --alpha 3
  go ${task}_temperature temperature $T
  go ${task}_temperature4 temperature $T --alpha 4
  go ${task}_act act $T
  go ${task}_act01 act $T --alpha 0.1
done
go facts_iti15 iti $F
go facts_iti4 iti $F --alpha 4
go facts_mean-diff mean-diff $F
go facts_lofit lofit $F
go context_vhr vhr $C --span fact
go context_vhr3 vhr $C --span fact --alpha 3
go context_vhr20 vhr $C --span fact --heads 20
go context_pasta pasta $C --span fact
go context_pasta02 pasta $C --span fact --alpha 0.2
go antonyms_function-vector function-vector $W/ant_fit.jsonl $W/ant_eval.jsonl corrupted
go antonyms_function-vector2 function-vector $W/ant_fit.jsonl $W/ant_eval.jsonl corrupted --alpha 2
for site in q k v; do
  for rank in 4 16 48; do
    go sentiment_low-rank_${site}$rank low-rank $S --site attn.hook_$site --rank $rank
  done
done
wait
# The control of LoFiT: the same examples, heads that true and false statements chose; compared item by item.
for task in sentiment context; do
  [ $task = sentiment ] && T=$S || T=$C
  [ -d $W/facts_lofit ] && go ${task}_lofit_wrong-task lofit $T --heads-of $W/facts_lofit
done
wait
for task in sentiment context; do
  if [ -d $W/${task}_lofit ] && [ -d $W/${task}_lofit_wrong-task ]; then
    timeout 170 $HS steer eval $M --edits $W/${task}_lofit/edits.json --against $W/${task}_lofit_wrong-task/edits.json --task $D/${task}_eval.jsonl \
      --draws $DRAWS --text-tokens $TEXT $DEV
  fi
done > "$OUT/wrong_task" 2>&1
if [ -s $W/atlas.h5 ]; then
  rm -f "$OUT/log/detect"
  for role in induction retrieval copying; do
    go context_boost_$role boost $C --atlas $W/atlas.h5 --detector $role --heads 10
    go context_boost3_$role boost $C --atlas $W/atlas.h5 --detector $role --heads 10 --alpha 3
  done
fi
wait

python3 - "$OUT" <<'PY' | tee "$OUT/table.md"
import glob, json, sys
out = sys.argv[1]
rows = [json.load(open(f)) for f in glob.glob(out + "/rows/*.json")]
rows.sort(key=lambda r: (r["eval"], -abs(r["judged"]["effect"]["mean"])))
num = lambda x, d=2: "–" if x is None else f"{x:.{d}f}"
print("| method | examples | chosen | score | effect [95 %] | random | preferred | KL (random) | perplexity | |")
print("|---|---|---|---|---|---|---|---|---|---|")
for r in rows:
    j = r["judged"]; e = j["effect"]
    chosen = r["fitted"]["chosen"]
    said = chosen.get("point") or f'{len(chosen.get("heads", []))} heads'
    kl = sum(j["random_kl"]) / len(j["random_kl"]) if j["random_kl"] else None
    options = r["options"].replace("/", " ").split()
    options = " ".join(o for o in options if not o.endswith(".h5") and "tmp" not in o)
    print(f'| `{r["method"]}` {options} | {r["eval"]} | {said} | {num(j["before"]["score"]["mean"])} → {num(j["after"]["score"]["mean"])} '
          f'| {num(e["mean"])} [{num(e["low"])}, {num(e["high"])}] | [{num(j["random_low"])}, {num(j["random_high"])}] '
          f'| {num(j["before"]["preferred"])} → {num(j["after"]["preferred"])} | {num(j["kl"], 3)} ({num(kl, 3)}) '
          f'| {num(j["perplexity_before"], 1)} → {num(j["perplexity"], 1)} | {"beyond random" if j["works"] else "no"} |')
PY
echo "took $((SECONDS - started)) s; failed:"; for f in "$OUT"/log/*; do [ -e "$f" ] && { echo "  $(basename $f): $(tail -n 1 $f | cut -c1-300)"; }; done
rm -rf "$W"
