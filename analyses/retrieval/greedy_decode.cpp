#include "analyses/retrieval/greedy_decode.h"

#include <algorithm>

#include <ATen/ops/argmax.h>

#include "lib/tensor/ops.h"

namespace headscope {
namespace {

std::vector<std::int32_t> likeliest(const Tensor& logits) {
  const Tensor ids = at::argmax(logits, -1).to(at::kCPU);
  const auto* id = ids.data_ptr<std::int64_t>();
  return {id, id + ids.numel()};
}

Tensor step(const Model& model,
            CacheRows& rows,
            const std::vector<std::int32_t>& input,
            const DecodeOptions& options) {
  std::vector<Tap*> taps;
  for (Tap* tap : {options.mask, static_cast<Tap*>(options.keys)}) {
    if (tap != nullptr) {
      taps.push_back(tap);
    }
  }
  std::vector<std::vector<std::int32_t>> columns;
  for (const std::int32_t token : input) {
    columns.push_back({token});
  }
  return model
      .forward(Batch(columns), TapList(taps), {.logits = Logits::last, .cache = &rows.cache})
      .logits;
}

}  // namespace

bool ends_response(const Model& model, std::int32_t token) {
  if (!model.has_tokenizer()) {
    return false;
  }
  const Tokenizer& tokenizer = model.tokenizer();
  return tokenizer.is_end(token) || tokenizer.piece(token).find('\n') != std::string::npos;
}

void greedy_decode(const Model& model,
                   CacheRows& rows,
                   const std::vector<std::int32_t>& last,
                   const DecodeOptions& options,
                   const std::function<void(const DecodeStep&)>& each) {
  DecodeStep now{.written = last, .live = std::vector<char>(last.size(), 1), .keys = {}};
  const auto is_live = [](char live) { return live != 0; };
  for (std::int64_t i = 0; i < options.max_new && rows.cache.columns() < model.config().n_ctx &&
                           std::any_of(now.live.begin(), now.live.end(), is_live);
       ++i) {
    now.written = likeliest(step(model, rows, now.written, options));
    now.keys = options.keys == nullptr ? Tensor() : options.keys->keys();
    each(now);
    for (std::size_t row = 0; row < now.live.size(); ++row) {
      now.live[row] = now.live[row] != 0 && !ends_response(model, now.written[row]) ? 1 : 0;
    }
  }
}

}  // namespace headscope
