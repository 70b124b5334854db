// A family's tensor names against those a file really uses: some checkpoints drop the leading
// "transformer." or "model.", others wrap the text model in "language_model.".
#pragma once

#include <set>
#include <string>

#include "lib/families/rules.h"
#include "lib/weights/weight_source.h"

namespace headscope {

inline constexpr int kNoSourceLayer = -1;

class SourceNames {
 public:
  explicit SourceNames(const WeightSource& source) : source_(source) {}

  // The tensor of that canonical name, {l} replaced; DataError if the file has none.
  [[nodiscard]] const StoredTensor& find(const std::string& canonical, int layer) const;

  // DataError naming the first stored tensor that is neither used nor known to be no parameter.
  void refuse_unused(const std::set<std::string>& used, const WeightRules& rules) const;

  [[nodiscard]] const WeightSource& source() const { return source_; }

 private:
  const WeightSource& source_;
};

}  // namespace headscope
