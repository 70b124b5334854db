// Where a stream's activations come from: traces, or a model that runs as it goes.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hooks/activation_rows.h"
#include "lib/model/model.h"

namespace headscope {

// A hook point with one row a token: d numbers, its axes after "pos" one after another.
struct ActivationPoint {
  std::string name;        // "blocks.3.attn.hook_z"
  std::int64_t width = 0;  // d: for hook_z heads × d_head
};

// Where the rows of a block go, and where none goes.
struct RowTargets {
  static constexpr std::int64_t kNowhere = -1;

  std::vector<std::int64_t> rows{};  // one a token of the block's prompts: its row, or kNowhere
  std::vector<std::uint8_t*>
      points{};              // one a point: its row 0, of [rows, width] in row-major order
  DType dtype = DType::f32;  // of those

  // Consecutive tokens of one point as a source has them.
  struct Computed {
    std::size_t point = 0;
    std::int64_t width = 0;
    DType dtype = DType::f32;
    std::int64_t first = 0;  // token, counted from the block's first
    std::int64_t tokens = 0;
    const std::uint8_t* bytes = nullptr;  // [tokens, width], row-major
  };
  // Copies what is wanted of them, rounded to nearest where it is not their dtype.
  void put(const Computed& from) const;

  // The address of each token's row, null for nowhere.
  [[nodiscard]] std::vector<std::uint8_t*> addresses(std::size_t point, std::int64_t width) const;
};

enum class ReadableBy { one_thread, threads };

class ActivationSource {
 public:
  virtual ~ActivationSource() = default;

  [[nodiscard]] virtual const std::vector<ActivationPoint>& points() const = 0;
  [[nodiscard]] virtual std::vector<const std::vector<Prompt>*> prompts() const = 0;

  // Puts the rows of a block's prompts where `to` wants them.
  virtual void read(const RowBlock& block, const RowTargets& to) = 0;

  // Whether several threads may be in read() and will_read() at once.
  [[nodiscard]] virtual ReadableBy readable_by() const { return ReadableBy::one_thread; }

  // read() of this block comes soon.
  virtual void will_read(const RowBlock&) {}
};

// `hooks`: names, aliases or globs of what was recorded (also of gradients, …_grad). Throws, naming
// the trace: DataError for one that is no trace or that lacks prompts; UsageError for one of
// another model than the first, one without a hook point, and for a point without one row a token.
std::unique_ptr<ActivationSource> activations_of_traces(
    const std::vector<std::filesystem::path>& traces, const std::vector<std::string>& hooks);

// Runs at most `batch_tokens` tokens at once. The model and the prompts must outlive the source.
std::unique_ptr<ActivationSource> activations_of_model(const Model& model,
                                                       const std::vector<Prompt>& prompts,
                                                       const std::vector<std::string>& hooks,
                                                       std::int64_t batch_tokens);

}  // namespace headscope
