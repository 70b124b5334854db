#!/bin/bash
# About 4 to 6 minutes on 16 cores and one H100 or H200. Trains every spec of data/train on one CPU thread each, side by side
# (the shipped models), then the reproductions bigram-backcopy, mqar, modular-addition and random-features from those models;
# beside it the same specs on the GPU, one after the other, for their speed.
# $OUT/models.tar.gz: config, weights, tokenizer, train.json and log of each; $OUT/trained.json, $OUT/index.html.gz: the
# reproductions; $OUT/detect_induction.json; $OUT/speed.jsonl; $OUT/log. $HS: the program; $OUT: an empty folder.
set -u
W=$(mktemp -d); mkdir -p "$OUT" "$W/models" "$W/cuda"; LOG=$OUT/log; : > "$LOG"; started=$SECONDS
note() { echo "$((SECONDS - started)) s: $*" >> "$LOG"; }
SPECS=$(ls data/train/*.json | xargs -n1 basename | sed 's/.json//')
pids=
for s in $SPECS; do
  (timeout 240 $HS train $s -o $W/models/$s --threads 1 --json > $W/$s.json 2> $W/$s.err || note "cpu $s failed: $(tr '\r' '\n' < $W/$s.err | tail -n 1)"
   note "cpu $s done") & pids="$pids $!"
done
(for s in $SPECS; do
  timeout 60 $HS train $s -o $W/cuda/$s --device cuda --threads 1 --json > $W/cuda_$s.json 2> $W/cuda_$s.err || note "cuda $s: $(tr '\r' '\n' < $W/cuda_$s.err | tail -n 1)"
done; note "cuda done") & cuda=$!
wait $pids
for s in $SPECS; do
  [ -s $W/$s.json ] && python3 - "$s" cpu $W/$s.json >> $OUT/speed.jsonl <<'PY'
import json, sys
d = json.load(open(sys.argv[3])); print(json.dumps({"spec": sys.argv[1], "device": sys.argv[2], "seconds": d["seconds"], "tokens": d["tokens"], "loss": d["loss"], "groups": d["groups"]}))
PY
done
(cd $W && tar czf $OUT/models.tar.gz $(for s in $SPECS; do for f in config.json model.safetensors tokenizer.json tokenizer_config.json train.json log.jsonl; do [ -e models/$s/$f ] && echo models/$s/$f; done; done))
timeout 120 $HS reproduce bigram-backcopy mqar modular-addition random-features -o $W --json > $OUT/trained.json 2> $W/repro.err || note "reproduce: $(tr '\r' '\n' < $W/repro.err | tail -n 1)"
[ -e $W/index.html ] && gzip -c $W/index.html > $OUT/index.html.gz
note "reproduce done"
OMP_NUM_THREADS=4 timeout 60 $HS detect $W/models/induction --detectors induction,previous_token --json > $OUT/detect_induction.json 2>> "$LOG"
wait $cuda
for s in $SPECS; do [ -s $W/cuda_$s.json ] && python3 - "$s" cuda $W/cuda_$s.json >> $OUT/speed.jsonl <<'PY'
import json, sys
d = json.load(open(sys.argv[3])); print(json.dumps({"spec": sys.argv[1], "device": sys.argv[2], "seconds": d["seconds"], "tokens": d["tokens"], "loss": d["loss"], "groups": d["groups"]}))
PY
done
note "all done"; cat "$LOG"
