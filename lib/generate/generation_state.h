// A text of a Generation while it runs. For the files of lib/generate alone.
#pragma once

#include <optional>
#include <vector>

#include "lib/generate/generate.h"
#include "lib/generate/sampler.h"
#include "lib/generate/written_text.h"

namespace headscope {

struct Generation::State {
  TextRequest request;
  Sampler sampler;
  GeneratedText text{};
  std::vector<std::int32_t> tokens{};  // prompt and what was written
  std::optional<WrittenText> writer{};

  [[nodiscard]] RowText row_text() const {
    return {.tokens = tokens,
            .prompt_tokens = static_cast<std::int64_t>(request.prompt.size()),
            .spans = request.spans};
  }
};

}  // namespace headscope
