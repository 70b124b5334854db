#include "analyses/retrieval/retrieval_run.h"

#include <algorithm>

#include "analyses/retrieval/response.h"
#include "hooks/mean_values.h"
#include "lib/generate/generate.h"
#include "lib/model/require_causal.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::size_t kMeanPrompts = 8;  // whose positions MaskMode::mean is the mean over

bool masks_prefill(const HeadMask& mask) {
  return mask.choice != HeadMask::Choice::none && mask.mode != MaskMode::decode_uniform;
}

// The strongest keys of one row as positions of its prompt: [n_layers × n_heads × top_k].
std::vector<std::int64_t> positions_of(const Tensor& keys, std::size_t row, std::int64_t pad) {
  const Tensor own = keys.select(0, static_cast<std::int64_t>(row)).contiguous();
  const auto* key = own.data_ptr<std::int64_t>();
  std::vector<std::int64_t> positions(key, key + own.numel());
  for (std::int64_t& position : positions) {
    position -= pad;
  }
  return positions;
}

}  // namespace

bool RetrievalRun::done(const PromptRows& rows, std::size_t mask) const {
  return options_.done && std::all_of(rows.begin(), rows.end(), [&](std::size_t prompt) {
           return options_.done(options_.masks[mask], prompts_[prompt]);
         });
}

const NamedValues& RetrievalRun::means() {
  if (means_.empty()) {
    MeanValues tap({Site::z}, MeanValues::Over::positions);
    const std::size_t step = (prompts_.size() + kMeanPrompts - 1) / kMeanPrompts;
    for (std::size_t i = 0; i < prompts_.size(); i += step) {
      prefill(model_, prompts_[i].tokens, tap);
    }
    for (int layer = 0; layer < model_.config().n_layers; ++layer) {
      means_[name_of_mean(layer)] = tap.mean(Site::z, layer).to(at::kFloat);
    }
  }
  return means_;
}

InterventionTap RetrievalRun::mask_tap(const HeadMask& mask, const PromptRows& rows) {
  std::vector<std::string_view> ids;
  for (const std::size_t prompt : rows) {
    ids.emplace_back(prompts_[prompt].id);
  }
  std::vector<EditStep> steps;
  for (const Intervention& what : mask_interventions(mask, options_.seed, ids)) {
    steps.push_back({what});
  }
  return InterventionTap(std::make_shared<const InterventionPlan>(
      std::move(steps), mask.mode == MaskMode::mean ? means() : NamedValues(), model_.config()));
}

KvCache RetrievalRun::prefilled(const PromptRows& rows, const HeadMask& mask) {
  std::vector<KvCache> caches;
  for (const std::size_t prompt : rows) {
    stop_if_asked();
    const std::vector<std::int32_t>& tokens = prompts_[prompt].tokens;
    if (masks_prefill(mask)) {
      InterventionTap tap = mask_tap(mask, {prompt});
      caches.push_back(prefill(model_, tokens, tap));
    } else {
      if (!shared_) {
        // A GPU runs a whole prompt faster than the rest of one, which needs a mask of its own.
        shared_.emplace(
            model_,
            model_.device().is_cuda() ? std::vector<std::int32_t>() : shared_tokens(prompts_));
      }
      caches.push_back(shared_->prefill(tokens));
    }
  }
  std::vector<const KvCache*> side_by_side;
  for (const KvCache& cache : caches) {
    side_by_side.push_back(&cache);
  }
  return KvCache::joined(side_by_side, options_.max_new);
}

std::vector<RetrievalSample> RetrievalRun::decode(const PromptRows& rows,
                                                  std::size_t mask_index,
                                                  KvCache& cache) {
  const HeadMask& mask = options_.masks[mask_index];
  const bool masked = mask.choice != HeadMask::Choice::none;
  TopKeysTap keys(options_.top_k);
  std::optional<InterventionTap> tap;
  if (masked) {
    tap.emplace(mask_tap(mask, rows));
  }
  std::vector<RetrievalSample> samples;
  std::vector<CopyHits> hits;
  std::vector<std::int32_t> last;
  for (const std::size_t prompt : rows) {
    samples.push_back({.prompt = prompt, .mask = mask_index});
    hits.emplace_back(prompts_[prompt], head_grid(model_.config()).size());
    last.push_back(prompts_[prompt].tokens.back());
  }
  const auto note = [&](const DecodeStep& step) {
    stop_if_asked();
    const Tensor strongest = masked ? Tensor() : keys.keys();
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (step.live[row] == 0) {
        continue;
      }
      samples[row].tokens.push_back(step.written[row]);
      if (!masked) {
        hits[row].step(step.written[row],
                       positions_of(strongest, row, cache.pads()[row]),
                       static_cast<std::size_t>(strongest.size(3)));
      }
    }
  };
  const DecodeOptions decoding{.max_new = options_.max_new, .ends = [&](std::int32_t token) {
                                 return ends_response(model_, token);
                               }};
  greedy_decode(model_, cache, last, decoding, masked ? static_cast<Tap&>(*tap) : keys, note);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    finish(samples[row], masked ? nullptr : &hits[row]);
  }
  return samples;
}

void RetrievalRun::finish(RetrievalSample& sample, const CopyHits* hits) const {
  sample.response = response_text(model_, sample.tokens);
  sample.recall = recall_of(model_, prompts_[sample.prompt], sample);
  sample.passed = sample.recall > options_.pass;
  if (hits != nullptr) {
    sample.count = hits->count();
    sample.set = hits->set();
  }
}

std::vector<RetrievalSample> RetrievalRun::run(const PromptRows& rows) {
  require_causal(model_.config(), "needles in haystacks");
  std::vector<RetrievalSample> all;
  std::optional<KvCache> whole;  // prefilled without a mask: many masks go on from it
  std::int64_t columns = 0;      // of it, before anything is decoded
  for (std::size_t mask = 0; mask < options_.masks.size(); ++mask) {
    if (done(rows, mask)) {
      continue;
    }
    std::vector<RetrievalSample> samples;
    if (masks_prefill(options_.masks[mask])) {
      KvCache own = prefilled(rows, options_.masks[mask]);
      samples = decode(rows, mask, own);
    } else {
      if (!whole) {
        whole.emplace(prefilled(rows, options_.masks[mask]));
        columns = whole->columns();
      }
      whole->truncate(columns);
      samples = decode(rows, mask, *whole);
    }
    for (RetrievalSample& sample : samples) {
      if (!options_.done || !options_.done(options_.masks[mask], prompts_[sample.prompt])) {
        all.push_back(std::move(sample));
      }
    }
  }
  return all;
}

}  // namespace headscope
