// Normalisers of tokenizer.json: what happens to text before it is split.
#pragma once

#include <string>
#include <vector>

#include "lib/base/json_fwd.h"
#include "lib/text/normalizer_steps.h"

namespace headscope {

class Normalizer {
 public:
  Normalizer() = default;  // changes nothing

  // The `normalizer` entry of tokenizer.json (null: none): a Sequence, or one of the list in
  // normalizer.cpp. Another type is a DataError that names it.
  static Normalizer from_json(const Json& spec, const std::string& where);

  [[nodiscard]] bool empty() const { return steps_.empty(); }

  // Valid UTF-8 → valid UTF-8. Linear in the text.
  [[nodiscard]] std::string apply(std::string text) const;

 private:
  void add(const Json& spec, const std::string& where);
  std::vector<NormalizerStep> steps_;
};

}  // namespace headscope
