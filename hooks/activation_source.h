// Where a stream's activations come from: traces, or a model that runs as it goes.
#pragma once

#include <filesystem>
#include <functional>
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

enum class ReadableBy { one_thread, threads };

class ActivationSource {
 public:
  virtual ~ActivationSource() = default;

  [[nodiscard]] virtual const std::vector<ActivationPoint>& points() const = 0;
  [[nodiscard]] virtual std::vector<const std::vector<Prompt>*> prompts() const = 0;

  // Rows of consecutive tokens of a block: [tokens, width], row-major, elements of `dtype`.
  struct Rows {
    std::size_t point = 0;
    DType dtype = DType::f32;
    std::int64_t first = 0;  // token, counted from the block's first
    std::int64_t tokens = 0;
    const std::uint8_t* bytes = nullptr;  // live until `take` returns
  };

  // Hands over the rows of all tokens of a block's prompts, point after point, each point's in one
  // piece or in several, in order.
  using Take = std::function<void(const Rows& rows)>;
  virtual void read(const RowBlock& block, const Take& take) = 0;

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
