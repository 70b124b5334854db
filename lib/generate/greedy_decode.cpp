#include <algorithm>

#include "lib/generate/generate.h"
#include "lib/generate/one_column.h"
#include "lib/generate/predictions.h"
#include "lib/generate/rotary_growth.h"

namespace headscope {
namespace {

// The logits behind one more token of every row.
Tensor one_more(const Model& model,
                KvCache& cache,
                const std::vector<std::int32_t>& input,
                Tap& tap) {
  return model.forward(columns_of(input), tap, {.logits = Logits::last, .cache = &cache}).logits;
}

}  // namespace

void greedy_decode(const Model& model,
                   KvCache& cache,
                   const std::vector<std::int32_t>& last,
                   const DecodeOptions& options,
                   Tap& tap,
                   const std::function<void(const DecodeStep&)>& each) {
  DecodeStep now{.written = last, .live = std::vector<char>(last.size(), 1)};
  for (const std::int64_t pad : cache.pads()) {
    const std::int64_t held = cache.columns() - pad;
    check_rotary_growth(model, held, held + options.max_new);
  }
  const auto is_live = [](char live) { return live != 0; };
  for (std::int64_t i = 0; i < options.max_new && cache.columns() < model.config().n_ctx &&
                           std::any_of(now.live.begin(), now.live.end(), is_live);
       ++i) {
    now.written = likeliest(one_more(model, cache, now.written, tap));
    each(now);
    for (std::size_t row = 0; row < now.live.size(); ++row) {
      now.live[row] = now.live[row] != 0 && !options.ends(now.written[row]) ? 1 : 0;
    }
  }
}

}  // namespace headscope
