#!/bin/sh
# What edits of each kind cost a step of decoding, and whether its steps are replayed as one launch:
#   [HS=build/headscope] tests/bench/decode_edits.sh MODEL SITE_LAYER "OPTIONS OF bench generate"
# MODEL may be a config.json's folder (--random-weights among the options). One line of numbers an edit.
set -eu
model=$1 layer=$2 options=${3:-}
hs=${HS:-build/headscope}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
z="\"site\": \"blocks.*.attn.hook_z\", \"heads\": [0, 1]"
one="\"site\": \"blocks.$layer.attn.hook_z\", \"heads\": [0]"
scores="\"site\": \"blocks.*.attn.hook_attn_scores\", \"heads\": [0, 1]"
while IFS='|' read -r name edit; do
  printf '{"version": 1, "interventions": [{%s}]}\n' "$edit" > "$folder/$name.json"
  # shellcheck disable=SC2086
  "$hs" bench generate "$model" $options --intervene "$folder/$name.json" | sed "s|$folder/||" | grep costs
done <<END
scale|$one, "op": "scale", "factor": 0.5
phase|$one, "op": "scale", "factor": 0.5, "apply": {"phase": "decode"}
steps|$one, "op": "scale", "factor": 0.5, "apply": {"steps": {"from": 0, "to": 100000}}
all_layers|$z, "op": "scale", "factor": 0.5
schedule|$z, "op": "scale", "strength": {"schedule": "decay", "from": 1, "rate": 0.9}
condition|$z, "op": "scale", "factor": 0.5, "when": {"statistic": "first_token_mass", "above": 0.0}
temperature|$scores, "op": "temperature", "temperature": 2
bias|$scores, "op": "bias", "bias": 1, "keys": {"positions": {"from": 0, "to": 4}}
renormalize|$scores, "op": "renormalize", "factor": 0.1, "keys": {"positions": {"from": 0, "to": 4}}
END
