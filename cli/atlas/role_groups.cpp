#include "cli/atlas/role_groups.h"

namespace headscope {

const std::vector<RoleGroup>& role_groups() {
  static const std::vector<RoleGroup> kGroups{
      {"induction, repeats",
       {"induction", "echo", "echo_induction", "duplicate_token", "induction_copying", "retrieval"},
       "random tokens, twice"},
      {"names, copying",
       {"name_mover",
        "negative_mover",
        "copying",
        "copying_score",
        "copy_suppression",
        "letter_mover",
        "multiple_choice",
        "answer_logit"},
       "who receives something (IOI)"},
      {"places",
       {"previous_token", "next_token", "local", "distance", "streaming", "delimiter"},
       "text"},
      {"knowledge", {"subject", "successor", "arithmetic"}, "who receives something (IOI)"},
      {"sinks, idle",
       {"first_token_sink", "column_sinks", "dormant", "value_drain", "entropy"},
       "text"},
      {"needed, composing", {"ablation", "importance", "composition"}, "text"}};
  return kGroups;
}

}  // namespace headscope
