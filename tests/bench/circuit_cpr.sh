#!/bin/bash
# About 4 minutes on one H100 or H200 (methods two at a time). CPR and CMD of every method of `circuit find` on SmolLM2's IOI
# (s2_io): found on 32 items (patch and acdc: 4, nodes of patch: 32), judged on 32 others. $OUT/table.md is the table, $OUT/rows
# the JSON of every evaluation. $HS: the program; $M: SmolLM2's GGUF; $OUT: an empty folder, or that of an earlier run, whose rows
# stay in the table. ONLY="patch acdc" makes those rows alone; SLOW: seconds that patch and acdc may take (ACDC=0.3 its
# thresholds), after which what is decided so far is told in failed.txt.
set -u
W=$(mktemp -d); mkdir -p "$OUT/rows" "$OUT/log"; DEV=${DEV:---device cuda}; JOBS=${JOBS:-2}; N=${N:-32}
$HS task make ioi --model $M -n $N --corruption s2_io --seed 1 -o $W/find.jsonl > /dev/null
$HS task make ioi --model $M -n 4 --corruption s2_io --seed 1 -o $W/few.jsonl > /dev/null
$HS task make ioi --model $M -n $N --corruption s2_io --seed 2 -o $W/held.jsonl > /dev/null
one() { # NAME LEVEL METHOD TASK SECONDS [options]
  local name=$1 level=$2 method=$3 task=$4 limit=$5; shift 5
  [ -z "${ONLY:-}" ] || [[ " $ONLY " == *" $name "* ]] || return
  timeout $limit $HS circuit find $M --task $W/$task.jsonl --level $level --method $method "$@" -o $W/$name.json $DEV --json > $OUT/rows/$name.find.json 2> $OUT/log/$name || {
    echo "$name: exit code $? of find (124: $limit s were over): $(tr '\r' '\n' < $OUT/log/$name | tail -n 1)" >> $OUT/failed.txt; rm -f $OUT/rows/$name.find.json; return; }
  timeout 200 $HS circuit eval $M --graph $W/$name.json --task $W/held.jsonl --memory 20GB $DEV --json > $OUT/rows/$name.json 2>> $OUT/log/$name || echo "$name: eval failed" >> $OUT/failed.txt
}
go() { while [ "$(jobs -rp | wc -l)" -ge $JOBS ]; do wait -n; done; one "$@" & }
go patch edge patch few ${SLOW:-240} --memory 20GB
go eap edge eap find 100
go eap-ig edge eap-ig find 100
go eap-ig-act edge eap-ig-act find 150
go relp edge relp find 100
go ifr edge ifr find 100
go hisp edge hisp find 100
go random edge random find 100
go eap_exact edge eap find 150 --exact 400
go eap-ig_exact edge eap-ig find 150 --exact 400
go eap-ig-act_exact edge eap-ig-act find 200 --exact 400
go relp_exact edge relp find 150 --exact 400
for m in eap eap-ig eap-ig-act relp hisp patch; do go node_$m node $m find 150; done
go acdc edge acdc few ${SLOW:-240} --thresholds ${ACDC:-0.03,0.3} --memory 20GB
wait
python3 - "$OUT" <<'PY' | tee $OUT/table.md
import glob, json, os, sys
out = sys.argv[1]
print("| method | found in | CPR | CMD | f at .01 (absolute) | f at .05 | Pearson / Spearman with exact cuts |\n|---|---|---|---|---|---|---|")
for path in sorted(glob.glob(out + "/rows/*.json")):
    name = os.path.basename(path)[:-5]
    if name.endswith(".find") or not os.path.getsize(path): continue
    e = json.load(open(path)); f = json.load(open(path.replace(".json", ".find.json")))
    c = {k["rank_by"]: k for k in e["curves"]}
    at = {p["share"]: p["f"] for p in c["absolute"]["points"]}
    iv = lambda v: f"{v['value']:.3f} [{v['low']:.3f}, {v['high']:.3f}]"
    x = f.get("exact") or {}
    agree = f"{x['pearson']:.3f} / {x['spearman']:.3f}" if x.get("pearson") is not None else ""
    print(f"| {name} | {f['seconds']:.1f} s | {iv(c['signed']['cpr'])} | {iv(c['absolute']['cmd'])} | {at[0.01]:.3f} | {at[0.05]:.3f} | {agree} |")
PY
cat $OUT/failed.txt 2>/dev/null; mkdir -p $OUT/graphs; cp $W/node_*.json $OUT/graphs/; gzip -c $W/patch.json > $OUT/graphs/patch.json.gz 2>/dev/null
python3 - $W <<'PY' | tee $OUT/nodes.txt
import json, os, sys
ms = [m for m in ("eap", "eap-ig", "eap-ig-act", "relp", "hisp", "patch") if os.path.exists(f"{sys.argv[1]}/node_{m}.json")]
S = {m: json.load(open(f"{sys.argv[1]}/node_{m}.json"))["nodes"] for m in ms}
if "patch" in S:
    import numpy as np
    names = [n for n in S["patch"] if "score" in S["patch"][n]]
    ref = np.array([S["patch"][n]["score"] for n in names]); rank = lambda x: np.argsort(np.argsort(x))
    for m in ms:
        x = np.array([S[m][n]["score"] for n in names])
        print(m, "Pearson %.3f Spearman %.3f" % (np.corrcoef(x, ref)[0, 1], np.corrcoef(rank(x), rank(ref))[0, 1]))
    for n in sorted(names, key=lambda n: -abs(S["patch"][n]["score"]))[:20]:
        print(n.ljust(8), *(f"{m} {S[m][n]['score']:8.3f}" for m in ms))
PY
rm -rf $W
