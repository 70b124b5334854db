#include "cli/verbs.h"

namespace headscope {

std::vector<Verb> all_verbs() {
  // clang-format off
  return {
      info_verb(),
      hooks_verb(),
      tokenize_verb(),
      predict_verb(),
      generate_verb(),
      chat_verb(),
      intervene_verb(),
      record_verb(),
      inspect_verb(),
      export_verb(),
      stats_verb(),
      detect_verb(),
      atlas_verb(),
      task_verb(),
      model_verb(),
      train_verb(),
      patch_verb(),
      ablate_verb(),
      attribute_verb(),
      path_patch_verb(),
      dla_verb(),
      lens_verb(),
      sweep_verb(),
      merge_verb(),
      status_verb(),
      launch_verb(),
      niah_verb(),
      steer_verb(),
      sae_train_verb(),
      sae_info_verb(),
      sae_eval_verb(),
      sae_features_verb(),
      sae_ablate_verb(),
      sae_patch_verb(),
      sae_attach_verb(),
      sae_bench_verb(),
      sae_circuit_verb(),
      circuit_find_verb(),
      circuit_eval_verb(),
      circuit_roc_verb(),
      circuit_stability_verb(),
      circuit_bench_verb(),
      circuit_overlap_verb(),
      circuit_show_verb(),
      operator_list_verb(),
      operator_show_verb(),
      operator_measure_verb(),
      operator_sweep_verb(),
      operator_gates_verb(),
      operator_plan_verb(),
      operator_eval_verb(),
      operator_profile_verb(),
      compare_verb(),
      serve_verb(),
      bench_verb(),
      reproduce_verb(),
      demo_verb(),
      selftest_verb(),
      doctor_verb(),
      man_verb(),
      completion_verb(),
  };
  // clang-format on
}

const std::vector<VerbGroup>& verb_groups() {
  static const std::vector<VerbGroup> groups = {
      {"sae", "Sparse autoencoders of activations, and circuits of the codes they give heads"},
      {"circuit", "Circuits of edges: found, judged by running them alone"},
      {"operator",
       "Another operator in the place of a head's attention: fewer keys, another softmax; what it "
       "costs"},
  };
  return groups;
}

}  // namespace headscope
