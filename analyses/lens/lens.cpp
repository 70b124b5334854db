#include "analyses/lens/lens.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include <ATen/core/grad_mode.h>

#include "analyses/lens/lens_logits.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kMostLogits = std::int64_t{1} << 25;  // in memory at once: 128 MiB of f32

// Questions that run together: [first, first + count).
struct LensBlock {
  std::size_t first = 0;
  std::size_t count = 0;
};

std::vector<LensBlock> blocks_of(const std::vector<LensQuestion>& questions,
                                 const LensOptions& options) {
  std::vector<LensBlock> blocks;
  std::size_t longest = 0;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const std::size_t length = questions[i].prompt.tokens.size();
    const std::size_t rows = blocks.empty() ? 0 : blocks.back().count;
    const auto most = static_cast<std::size_t>(options.batch_tokens);
    // All positions are asked of one prompt at a time: padding has none.
    if (rows == 0 || options.positions == LensPositions::all ||
        (rows + 1) * std::max(longest, length) > most) {
      blocks.push_back({i, 1});
      longest = length;
    } else {
      ++blocks.back().count;
      longest = std::max(longest, length);
    }
  }
  return blocks;
}

LensReading lens_reading(std::span<const float> logits,
                         const std::vector<std::int32_t>& asked,
                         const Model& model,
                         std::size_t top) {
  LensReading reading;
  reading.top = top_predictions(logits, model, std::max<std::size_t>(top, 1));
  const Prediction& likeliest = reading.top.front();
  float best = logits[static_cast<std::size_t>(asked.front())];
  reading.probability = 0;
  for (const std::int32_t token : asked) {
    const float logit = logits[static_cast<std::size_t>(token)];
    best = std::max(best, logit);
    reading.probability += std::exp(logit - likeliest.logit) * likeliest.probability;
  }
  reading.logit = best;
  reading.rank = 1 + std::count_if(logits.begin(), logits.end(), [&](float l) { return l > best; });
  reading.top.resize(std::min(reading.top.size(), top));
  return reading;
}

// One block of questions, read row by row.
class LensBlockReader {
 public:
  LensBlockReader(const Model& model,
                  std::span<const LensQuestion> questions,
                  const LensOptions& options)
      : model_(model),
        questions_(questions),
        options_(options),
        batch_(batch_of(questions)),
        run_({model, options.stored},
             batch_,
             {.sites = lens_sites(model.config(), options.parts),
              .first_column = first_column(),
              .vocab = {0}}),
        logits_(model, run_, options.tuned) {}

  std::vector<LensAnswer> read(const std::vector<LensRow>& rows) {
    ask();
    for (const LensRow& row : rows) {
      read_row(row);
    }
    return std::move(answers_);
  }

 private:
  static Batch batch_of(std::span<const LensQuestion> questions) {
    std::vector<const Prompt*> prompts;
    for (const LensQuestion& question : questions) {
      prompts.push_back(&question.prompt);
    }
    return Batch::of(prompts);
  }

  [[nodiscard]] std::int64_t first_column() const {
    return options_.positions == LensPositions::all ? 0 : batch_.layout().columns - 1;
  }

  [[nodiscard]] std::int64_t positions() const { return batch_.layout().columns - first_column(); }

  // Calls `see` with the place's number and its logits, a part of the places at a time.
  template <typename See>
  void for_each_place(const LensRow& row, const See& see) const {
    const std::int64_t places = batch_.rows() * positions();
    const std::int64_t step = std::max<std::int64_t>(1, kMostLogits / model_.config().d_vocab);
    for (std::int64_t first = 0; first < places; first += step) {
      const Tensor part = logits_.of(row, first, std::min(step, places - first));
      const std::vector<float> values = to_floats(part);
      const auto vocab = static_cast<std::size_t>(part.size(1));
      for (std::int64_t i = 0; i < part.size(0); ++i) {
        see(first + i, std::span(values).subspan(static_cast<std::size_t>(i) * vocab, vocab));
      }
    }
  }

  // The right tokens everywhere. What the model says itself is read only where somebody must know.
  void ask() {
    for (const LensQuestion& question : questions_) {
      LensAnswer answer;
      const auto& tokens = question.prompt.tokens;
      const auto length = static_cast<std::int64_t>(tokens.size());
      for (std::int64_t at = length - positions(); at < length; ++at) {
        answer.positions.push_back(at);
        answer.asked.push_back(at + 1 < length
                                   ? std::vector{tokens[static_cast<std::size_t>(at) + 1]}
                                   : question.answers);
      }
      answers_.push_back(std::move(answer));
    }
    if (std::any_of(questions_.begin(), questions_.end(), [](const LensQuestion& question) {
          return question.answers.empty();
        })) {
      ask_the_model();
    }
  }

  void ask_the_model() {
    const LensRow last{LensPart::residual, model_.config().n_layers - 1};
    for_each_place(last, [&](std::int64_t place, std::span<const float> logits) {
      auto& asked = asked_at(place);
      if (asked.empty()) {
        asked = {top_predictions(logits, model_, 1).front().token};
      }
    });
  }

  std::vector<std::int32_t>& asked_at(std::int64_t place) {
    return answers_[static_cast<std::size_t>(place / positions())]
        .asked[static_cast<std::size_t>(place % positions())];
  }

  void read_row(const LensRow& row) {
    for_each_place(row, [&](std::int64_t place, std::span<const float> logits) {
      LensReading reading = lens_reading(logits, asked_at(place), model_, options_.top);
      if (row.part != LensPart::residual) {
        reading.probability = std::numeric_limits<double>::quiet_NaN();
      }
      answers_[static_cast<std::size_t>(place / positions())].readings.push_back(
          std::move(reading));
    });
  }

  const Model& model_;
  std::span<const LensQuestion> questions_;
  const LensOptions& options_;
  Batch batch_;
  RunValues run_;
  LensLogits logits_;
  std::vector<LensAnswer> answers_;
};

void check_parts(const Model& model, const std::vector<LensPart>& parts) {
  const ModelConfig& config = model.config();
  if (config.head == OutputHead::masked_lm) {
    throw UsageError("a {} predicts the token at a mask; the lens reads models of next tokens",
                     config.family);
  }
  for (const LensPart part : parts) {
    if (const std::string why = why_no_sum(config); part != LensPart::residual && !why.empty()) {
      throw UsageError(
          "--of {}: no part of a {}'s logits: {}", to_string(part), config.family, why);
    }
    if (part == LensPart::mlp && !info(Site::mlp_out).exists(config)) {
      throw UsageError("--of mlp: {} has no MLPs", model.source().name);
    }
  }
}

}  // namespace

std::optional<std::vector<LensAnswer>> read_by_lens(const Model& model,
                                                    const std::vector<LensQuestion>& questions,
                                                    const LensOptions& options) {
  const at::NoGradGuard no_grad;
  check_parts(model, options.parts);
  const std::vector<LensRow> rows = lens_rows(model.config(), options.parts);
  const std::span<const LensQuestion> all(questions);
  std::vector<LensAnswer> answers;
  for (const LensBlock& block : blocks_of(questions, options)) {
    if (options.stop && options.stop()) {
      return std::nullopt;
    }
    LensBlockReader reader(model, all.subspan(block.first, block.count), options);
    for (LensAnswer& answer : reader.read(rows)) {
      answers.push_back(std::move(answer));
    }
    if (options.progress) {
      options.progress(static_cast<std::int64_t>(answers.size()),
                       static_cast<std::int64_t>(questions.size()));
    }
  }
  return answers;
}

}  // namespace headscope
