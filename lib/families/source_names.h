// A family's tensor names against those a file really uses: some checkpoints drop the leading
// "transformer." or "model.", others wrap the text model in "language_model.", and training code
// leaves the name of a wrapper ("_orig_mod." of torch.compile, "module.") before every tensor.
#pragma once

#include <set>
#include <string>

#include "lib/families/rules.h"
#include "lib/weights/weight_source.h"

namespace headscope {

inline constexpr int kNoSourceLayer = -1;

// The rule's name of a tensor of that layer: {l} replaced.
std::string source_name(const std::string& canonical, int layer);

class SourceNames {
 public:
  explicit SourceNames(const WeightSource& source);

  // The tensor of that canonical name, {l} replaced; DataError if the file has none.
  [[nodiscard]] const StoredTensor& find(const std::string& canonical, int layer) const;

  // The same, nullptr if the file has none; for tensors that belong to no layer.
  [[nodiscard]] const StoredTensor* find_if_stored(const std::string& name) const;

  // DataError naming the first stored tensor that is neither used nor known to be no parameter.
  void refuse_unused(const std::set<std::string>& used, const WeightRules& rules) const;

  [[nodiscard]] const WeightSource& source() const { return source_; }

 private:
  [[nodiscard]] std::string unwrapped(const std::string& name) const;
  [[noreturn]] void fail_missing(const std::string& name) const;

  const WeightSource& source_;
  std::string wrapper_;  // what every stored name begins with, and no family's names do
};

}  // namespace headscope
