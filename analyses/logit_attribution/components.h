// The components a model's final residual stream is the sum of, and what is added to the logits
// behind it, laid out as the cells of a result.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyses/results/result_store.h"
#include "lib/base/node.h"
#include "lib/model/model.h"

namespace headscope {

// The labels of a result that are no numbers. Rows: layers, and what comes before and after them.
inline constexpr std::string_view kEmbedRow = "embed";
inline constexpr std::string_view kFinalRow = "final";
// Columns: heads by number, then these.
inline constexpr std::string_view kMlpPart = "mlp";
// b_O; in the final row ln_final's β and b_U, in the embed row the β of a norm of the embeddings.
inline constexpr std::string_view kBiasPart = "bias";
inline constexpr std::string_view kTokenPart = "token";        // of the embed row
inline constexpr std::string_view kPositionPart = "position";  // of the embed row

// Rows × columns; most pairs of the first and last row are no component. Columns and rows of
// components that the model lacks (MLPs, learned positions, biases) are left out.
class Components {
 public:
  explicit Components(const Model& model);

  // "layer": embed, 0, …, final; "part": 0, …, mlp, bias, token, position.
  [[nodiscard]] const std::vector<ResultAxis>& axes() const { return axes_; }
  [[nodiscard]] std::int64_t size() const { return axes_[0].size() * axes_[1].size(); }

  // The cells of the components, in row-major order of the axes. InternalError for one that the
  // model lacks. Of nodes, heads and MLPs: the input is two components, the logits are none.
  [[nodiscard]] std::int64_t of(const Node& node) const;
  [[nodiscard]] std::int64_t token() const { return cell(0, kTokenPart); }
  [[nodiscard]] std::int64_t position() const { return cell(0, kPositionPart); }
  [[nodiscard]] std::int64_t embed_bias() const { return cell(0, kBiasPart); }
  [[nodiscard]] std::int64_t bias(std::int64_t layer) const { return cell(layer + 1, kBiasPart); }
  [[nodiscard]] std::int64_t final_bias() const { return cell(axes_[0].size() - 1, kBiasPart); }

 private:
  [[nodiscard]] std::int64_t cell(std::int64_t row, std::string_view part) const;

  std::vector<ResultAxis> axes_;
};

// What of a model writes a constant.
bool has_attention_bias(const BlockWeights& block);  // b_O, or the bias of a norm behind it
bool has_embed_bias(const Weights& weights);         // β of a norm of the embeddings
bool has_final_bias(const Weights& weights);         // β of the final norm, or b_U

}  // namespace headscope
