// An operator with its parameters, as users write it: streaming:sink=4,local=64, or in a plan
// {"operator": "streaming", "sink": 4, "local": 64}.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/attention/operators/operator_kind.h"
#include "lib/base/json_fwd.h"

namespace headscope {

struct OperatorChoice {
  const AttentionOperator* kind = nullptr;  // of all_operators()
  OperatorValues values{};
  bool operator==(const OperatorChoice&) const = default;

  [[nodiscard]] std::shared_ptr<const HeadOperator> make(const OperatorPlace& place) const {
    return kind->make(values, place);
  }
};

// Throws UsageError for a name that is no operator's, with the nearest ones.
const AttentionOperator& find_operator(std::string_view name);

// Values for every parameter; those not given are what the list says. Throws UsageError naming the
// operator for one it does not have, one given twice, one that is missing or out of its range.
OperatorChoice operator_choice(const AttentionOperator& kind,
                               const std::vector<std::pair<std::string, double>>& given);

// Reads "streaming:sink=4,local=64". Throws UsageError, as above and for what is no number.
OperatorChoice parse_operator(std::string_view text);

std::string to_string(
    const OperatorChoice& choice);           // what parse_operator() reads, all values told
Json to_json(const OperatorChoice& choice);  // {"operator": "streaming", "sink": 4, …}

}  // namespace headscope
