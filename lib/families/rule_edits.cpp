#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

template <class Change>
void for_each_rule_list(WeightRules& rules, Change change) {
  change(rules.model);
  change(rules.block);
}

}  // namespace

void respell(WeightRules& rules, std::string_view from, std::string_view to) {
  for_each_rule_list(rules, [&](std::vector<WeightRule>& list) {
    for (WeightRule& rule : list) {
      if (const auto at = rule.source.find(from); at != std::string::npos) {
        rule.source.replace(at, from.size(), to);
      }
    }
  });
}

void drop(WeightRules& rules, std::string_view prefix) {
  for_each_rule_list(rules, [&](std::vector<WeightRule>& list) {
    std::erase_if(list, [&](const WeightRule& rule) { return rule.target.starts_with(prefix); });
  });
}

void add_norm_biases(WeightRules& rules) {
  constexpr std::string_view kGain = ".weight";
  for_each_rule_list(rules, [&](std::vector<WeightRule>& list) {
    std::vector<WeightRule> biases;
    for (const WeightRule& rule : list) {
      if (rule.target.starts_with("ln") && rule.target.ends_with(".w")) {
        const std::string name = rule.source.substr(0, rule.source.size() - kGain.size());
        biases.push_back({rule.target.substr(0, rule.target.size() - 1) + "b", name + ".bias"});
      }
    }
    list.insert(list.end(), biases.begin(), biases.end());
  });
}

void make_plain_mlp(WeightRules& rules) {
  drop(rules, "mlp.W_gate");
  drop(rules, "mlp.b_gate");
  for (WeightRule& rule : rules.block) {
    if (rule.target.ends_with("_up")) {
      rule.target.replace(rule.target.size() - 2, 2, "in");
    }
  }
}

void add_by_head(WeightRules& rules,
                 const std::string& target,
                 const std::string& source,
                 std::int64_t heads) {
  for (std::int64_t head = 0; head < heads; ++head) {
    std::string stored = source;
    if (const auto at = stored.find("{h}"); at != std::string::npos) {
      stored.replace(at, 3, std::to_string(head));
    }
    rules.block.push_back({target + "." + std::to_string(head), stored});
  }
}

void share_one_norm(WeightRules& rules) {
  std::vector<WeightRule> shared;
  for (const WeightRule& rule : rules.block) {
    if (rule.target.starts_with("ln1.")) {
      shared.push_back({"ln2." + rule.target.substr(4), rule.source, rule.layout});
    }
  }
  drop(rules, "ln2.");
  rules.block.insert(rules.block.end(), shared.begin(), shared.end());
}

void add_linear(std::vector<WeightRule>& rules,
                const std::string& part,
                const std::string& ours,
                const std::string& stored) {
  rules.push_back({part + "W_" + ours, stored + "weight"});
  rules.push_back({part + "b_" + ours, stored + "bias"});
}

void add_affine(std::vector<WeightRule>& rules,
                const std::string& ours,
                const std::string& stored) {
  rules.push_back({ours + "w", stored + "weight"});
  rules.push_back({ours + "b", stored + "bias"});
}

}  // namespace headscope
