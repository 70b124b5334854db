#include "analyses/retrieval/retrieval.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "analyses/retrieval/copy_hits.h"
#include "analyses/retrieval/greedy_decode.h"
#include "analyses/retrieval/rouge.h"
#include "analyses/retrieval/shared_prefix.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::size_t kMeanPrompts = 8;  // whose positions MaskMode::mean is the mean over

void check(const std::vector<RetrievalPrompt>& prompts, const ModelConfig& config) {
  for (const RetrievalPrompt& prompt : prompts) {
    const auto length = static_cast<std::int64_t>(prompt.tokens.size());
    if (length < 2) {
      throw UsageError("prompt {} has {} tokens; retrieval needs 2", prompt.id, length);
    }
    if (prompt.needle.begin < 0 || prompt.needle.begin >= prompt.needle.end ||
        prompt.needle.end > length) {
      throw UsageError("prompt {} of {} tokens has its needle at [{}, {})",
                       prompt.id,
                       length,
                       prompt.needle.begin,
                       prompt.needle.end);
    }
    if (length > config.n_ctx) {
      throw UsageError("prompt {} of {} tokens is longer than the model's context of {}",
                       prompt.id,
                       length,
                       config.n_ctx);
    }
  }
}

using Rows = std::vector<std::size_t>;  // prompts decoded together

// Prompts of like length together: their padding is run too. Depends on the prompts alone, so that
// a run taken up again rounds as one never stopped.
std::vector<Rows> batches_of(const std::vector<RetrievalPrompt>& prompts, std::int64_t most) {
  Rows order(prompts.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return prompts[a].tokens.size() < prompts[b].tokens.size();
  });
  std::vector<Rows> batches;
  for (const std::size_t prompt : order) {
    const std::size_t length = prompts[prompt].tokens.size();
    const bool fits = !batches.empty() &&
                      (batches.back().size() + 1) * length <= static_cast<std::size_t>(most) &&
                      length <= prompts[batches.back().front()].tokens.size() * 5 / 4;
    if (!fits) {
      batches.emplace_back();
    }
    batches.back().push_back(prompt);
  }
  return batches;
}

std::string response_text(const Model& model, std::vector<std::int32_t> tokens) {
  if (!model.has_tokenizer()) {
    return "";
  }
  std::erase_if(tokens, [&](std::int32_t token) {
    return token >= model.tokenizer().vocab_size() || model.tokenizer().eos() == token;
  });
  const std::string text = model.tokenizer().decode(tokens);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos
             ? ""
             : text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

double recall_of(const Model& model, const RetrievalPrompt& prompt, const RetrievalSample& sample) {
  if (!prompt.answer.empty() && model.has_tokenizer()) {
    return 100.0 * rouge1_recall(prompt.answer, sample.response);
  }
  const auto begin = prompt.tokens.begin();
  return 100.0 *
         token_recall({begin + prompt.needle.begin, begin + prompt.needle.end}, sample.tokens);
}

class Retrieval {
 public:
  Retrieval(const Model& model,
            const std::vector<RetrievalPrompt>& prompts,
            const RetrievalOptions& options)
      : model_(model), prompts_(prompts), options_(options) {}

  // The samples of one batch that are not done.
  std::vector<RetrievalSample> run(const Rows& rows);

 private:
  [[nodiscard]] bool done(const Rows& rows, std::size_t mask) const;
  CacheRows prefilled(const Rows& rows, const HeadMask& mask);
  MaskTap mask_tap(const HeadMask& mask, const Rows& rows);
  std::vector<RetrievalSample> decode(const Rows& rows, std::size_t mask, CacheRows& cache);
  const std::vector<Tensor>& means();

  const Model& model_;
  const std::vector<RetrievalPrompt>& prompts_;
  const RetrievalOptions& options_;
  std::optional<SharedPrefix> shared_;
  std::vector<Tensor> means_;
};

bool Retrieval::done(const Rows& rows, std::size_t mask) const {
  return options_.done && std::all_of(rows.begin(), rows.end(), [&](std::size_t prompt) {
           return options_.done(options_.masks[mask], prompts_[prompt]);
         });
}

bool masks_prefill(const HeadMask& mask) {
  return mask.choice != HeadMask::Choice::none && mask.mode != MaskMode::decode_uniform;
}

const std::vector<Tensor>& Retrieval::means() {
  if (means_.empty()) {
    MeanOutputTap tap(model_.config());
    const std::size_t step = (prompts_.size() + kMeanPrompts - 1) / kMeanPrompts;
    for (std::size_t i = 0; i < prompts_.size(); i += step) {
      prefill(model_, prompts_[i].tokens, tap);
    }
    means_ = tap.means();
  }
  return means_;
}

MaskTap Retrieval::mask_tap(const HeadMask& mask, const Rows& rows) {
  std::vector<std::string_view> ids;
  for (const std::size_t prompt : rows) {
    ids.emplace_back(prompts_[prompt].id);
  }
  return {mask.mode,
          mask_tensors(model_, mask, options_.seed, ids),
          mask.mode == MaskMode::mean ? means() : std::vector<Tensor>()};
}

CacheRows Retrieval::prefilled(const Rows& rows, const HeadMask& mask) {
  std::vector<KvCache> caches;
  for (const std::size_t prompt : rows) {
    const std::vector<std::int32_t>& tokens = prompts_[prompt].tokens;
    if (masks_prefill(mask)) {
      MaskTap tap = mask_tap(mask, {prompt});
      caches.push_back(prefill(model_, tokens, tap));
    } else {
      if (!shared_) {
        // A GPU runs a whole prompt faster than the rest of one, which needs a mask of its own.
        shared_.emplace(model_,
                        model_.device().is_cuda() ? std::vector<std::int32_t>()
                                                  : shared_tokens(prompts_));
      }
      caches.push_back(shared_->prefill(tokens));
    }
  }
  return side_by_side(model_, caches, options_.max_new);
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

std::vector<RetrievalSample> Retrieval::decode(const Rows& rows,
                                               std::size_t mask_index,
                                               CacheRows& cache) {
  const HeadMask& mask = options_.masks[mask_index];
  const bool masked = mask.choice != HeadMask::Choice::none;
  const ModelConfig& config = model_.config();
  TopKeysTap keys(options_.top_k);
  std::optional<MaskTap> tap;
  if (masked) {
    tap.emplace(mask_tap(mask, rows));
  }
  std::vector<RetrievalSample> samples;
  std::vector<CopyHits> hits;
  std::vector<std::int32_t> last;
  for (const std::size_t prompt : rows) {
    samples.push_back({.prompt = prompt, .mask = mask_index});
    hits.emplace_back(prompts_[prompt], static_cast<std::size_t>(config.n_layers * config.n_heads));
    last.push_back(prompts_[prompt].tokens.back());
  }
  greedy_decode(model_,
                cache,
                last,
                {.max_new = options_.max_new,
                 .mask = tap ? &*tap : nullptr,
                 .keys = masked ? nullptr : &keys},
                [&](const DecodeStep& step) {
                  for (std::size_t row = 0; row < rows.size(); ++row) {
                    if (step.live[row] == 0) {
                      continue;
                    }
                    samples[row].tokens.push_back(step.written[row]);
                    if (!masked) {
                      hits[row].step(step.written[row],
                                     positions_of(step.keys, row, cache.layout.pads[row]),
                                     static_cast<std::size_t>(step.keys.size(3)));
                    }
                  }
                });
  for (std::size_t row = 0; row < rows.size(); ++row) {
    RetrievalSample& sample = samples[row];
    sample.response = response_text(model_, sample.tokens);
    sample.recall = recall_of(model_, prompts_[rows[row]], sample);
    sample.passed = sample.recall > options_.pass;
    if (!masked) {
      sample.count = hits[row].count();
      sample.set = hits[row].set();
    }
  }
  return samples;
}

std::vector<RetrievalSample> Retrieval::run(const Rows& rows) {
  std::vector<RetrievalSample> all;
  std::optional<CacheRows> whole;  // prefilled without a mask: many masks go on from it
  for (std::size_t mask = 0; mask < options_.masks.size(); ++mask) {
    if (done(rows, mask)) {
      continue;
    }
    std::vector<RetrievalSample> samples;
    if (masks_prefill(options_.masks[mask])) {
      CacheRows own = prefilled(rows, options_.masks[mask]);
      samples = decode(rows, mask, own);
    } else {
      if (!whole) {
        whole.emplace(prefilled(rows, options_.masks[mask]));
      }
      rewind(*whole);
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

}  // namespace

std::vector<double> RetrievalScores::of_head(std::size_t place, ScoreForm form) const {
  std::vector<double> scores;
  for (const RetrievalSample& sample : samples) {
    if (sample.passed && !sample.count.empty()) {
      scores.push_back((form == ScoreForm::count ? sample.count : sample.set).at(place));
    }
  }
  return scores;
}

std::vector<double> RetrievalScores::means(ScoreForm form) const {
  std::vector<double> means;
  for (std::size_t place = 0; place < static_cast<std::size_t>(layers * heads); ++place) {
    const std::vector<double> scores = of_head(place, form);
    const double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
    means.push_back(scores.empty() ? 0.0 : sum / static_cast<double>(scores.size()));
  }
  return means;
}

std::int64_t RetrievalScores::passed() const {
  return std::count_if(samples.begin(), samples.end(), [](const RetrievalSample& sample) {
    return sample.passed && !sample.count.empty();
  });
}

RetrievalScores retrieval_scores(const Model& model,
                                 const std::vector<RetrievalPrompt>& prompts,
                                 const RetrievalOptions& options,
                                 const std::function<void(const RetrievalSample&)>& each) {
  check(prompts, model.config());
  RetrievalScores scores{.layers = model.config().n_layers,
                         .heads = model.config().n_heads,
                         .samples = {},
                         .stopped = false};
  Retrieval retrieval(model, prompts, options);
  for (const Rows& rows : batches_of(prompts, options.batch_tokens)) {
    if (options.stop && options.stop()) {
      scores.stopped = true;
      break;
    }
    for (RetrievalSample& sample : retrieval.run(rows)) {
      if (each) {
        each(sample);
      }
      scores.samples.push_back(std::move(sample));
    }
  }
  std::stable_sort(scores.samples.begin(),
                   scores.samples.end(),
                   [](const RetrievalSample& a, const RetrievalSample& b) {
                     return std::pair(a.mask, a.prompt) < std::pair(b.mask, b.prompt);
                   });
  return scores;
}

}  // namespace headscope
