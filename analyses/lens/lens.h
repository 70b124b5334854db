// The logit lens: what a model would say if it stopped at some layer, and what single parts of it
// write into the logits.
//
// Residual stream: the model's own end, final norm, W_U and soft-cap, over the stream that enters
// the first block ("embed") and that behind every block; behind the last one these are the model's
// logits (nostalgebraist 2020, "interpreting GPT: the logit lens"). With a tuned lens, each stream
// but the last first goes through its translator (Belrose et al. 2023, arXiv:2303.08112).
//
// Attention, MLPs and heads: what each adds to the stream, by the final norm with the divisor
// frozen that the pass has there (and that of a norm behind attention), times W_U, without β and
// b_U. These are shares of the logits, those of direct logit attribution, so they have ranks and no
// probabilities.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyses/lens/tuned_lens.h"
#include "hooks/stored_run.h"
#include "lib/generate/predictions.h"
#include "lib/model/model.h"

namespace headscope {

enum class LensPart { residual, attention, mlp, heads };
std::string_view to_string(LensPart part);
LensPart parse_lens_part(std::string_view text);  // UsageError for another word

// What is read. Of the residual stream, layer −1 is the embeddings and l what block l leaves.
struct LensRow {
  LensPart part = LensPart::residual;
  std::int64_t layer = 0;
  std::int64_t head = -1;  // of heads alone
  bool operator==(const LensRow&) const = default;
};
std::string name_of(const LensRow& row);  // "embed", "resid 3", "attn 3", "mlp 3", "3.7"

// In the order of layers; the parts of a layer in that of `parts`.
std::vector<LensRow> lens_rows(const ModelConfig& config, const std::vector<LensPart>& parts);

struct LensQuestion {
  Prompt prompt;
  // The right tokens behind the last one. None: the model's own first choice. Behind every other
  // token it is the next one of the prompt.
  std::vector<std::int32_t> answers = {};
};

struct LensReading {
  std::int64_t rank = 0;  // of the best right token among all, 1 the likeliest
  double logit = 0.0;     // of that token
  double probability =
      std::numeric_limits<double>::quiet_NaN();  // of all right ones; NaN of shares
  std::vector<Prediction> top;  // likeliest first; of shares, their probabilities mean nothing
};

struct LensAnswer {
  std::vector<std::int64_t> positions;           // tokens of the prompt that were read at
  std::vector<std::vector<std::int32_t>> asked;  // [position]: the right tokens
  std::vector<LensReading> readings;             // [row, position]

  [[nodiscard]] const LensReading& at(std::size_t row, std::size_t position) const {
    return readings[row * positions.size() + position];
  }
};

enum class LensPositions { last, all };

struct LensOptions {
  std::vector<LensPart> parts{LensPart::residual};
  LensPositions positions = LensPositions::last;
  std::size_t top = 5;  // tokens kept of each reading
  const TunedLens* tuned = nullptr;
  const StoredRun* stored = nullptr;  // a trace with lens_sites(), read instead of run
  std::int64_t batch_tokens = 2048;   // the most tokens in one pass, but never less than a prompt
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};  // prompts
  std::function<bool()> stop = {};  // asked between passes; true ends early
};

// What a pass must keep.
std::vector<Site> lens_sites(const ModelConfig& config, const std::vector<LensPart>& parts);

// One answer a question. Nothing if `stop` ended it. Throws UsageError for a model of masked
// tokens, parts it lacks, or parts of a model whose logits are no sum of them; DataError for logits
// that are not finite.
std::optional<std::vector<LensAnswer>> read_by_lens(const Model& model,
                                                    const std::vector<LensQuestion>& questions,
                                                    const LensOptions& options);

}  // namespace headscope
