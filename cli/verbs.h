// The list of verbs; each is the file of its name in cli/verbs/.
#pragma once

#include <vector>

#include "cli/verb.h"

namespace headscope {

Verb info_verb();
Verb hooks_verb();
Verb tokenize_verb();
Verb predict_verb();
Verb generate_verb();
Verb chat_verb();
Verb intervene_verb();
Verb record_verb();
Verb reproduce_verb();
Verb inspect_verb();
Verb export_verb();
Verb task_verb();
Verb patch_verb();
Verb ablate_verb();
Verb attribute_verb();
Verb path_patch_verb();
Verb dla_verb();
Verb detect_verb();
Verb atlas_verb();
Verb stats_verb();
Verb lens_verb();
Verb sweep_verb();
Verb merge_verb();
Verb status_verb();
Verb launch_verb();
Verb model_verb();
Verb train_verb();
Verb niah_verb();
Verb steer_verb();
Verb sae_train_verb();
Verb sae_info_verb();
Verb sae_eval_verb();
Verb sae_features_verb();
Verb sae_ablate_verb();
Verb sae_patch_verb();
Verb sae_attach_verb();
Verb sae_bench_verb();
Verb sae_circuit_verb();
Verb circuit_bench_verb();
Verb circuit_find_verb();
Verb circuit_eval_verb();
Verb circuit_roc_verb();
Verb circuit_stability_verb();
Verb circuit_overlap_verb();
Verb circuit_show_verb();
Verb operator_list_verb();
Verb operator_show_verb();
Verb operator_measure_verb();
Verb operator_sweep_verb();
Verb operator_gates_verb();
Verb operator_plan_verb();
Verb operator_eval_verb();
Verb operator_profile_verb();
Verb compare_verb();
Verb serve_verb();
Verb bench_verb();
Verb demo_verb();
Verb selftest_verb();
Verb doctor_verb();
Verb man_verb();
Verb completion_verb();

std::vector<Verb> all_verbs();  // in the order of --help

// What verbs of two words, "sae train", have in common; their names begin with the group's.
struct VerbGroup {
  std::string_view name;
  std::string_view summary;
};
const std::vector<VerbGroup>& verb_groups();

}  // namespace headscope
