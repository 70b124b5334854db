#include "tests/support/induction_model.h"

#include <cmath>

#include "lib/tensor/ops.h"

namespace headscope::test {
namespace {

enum Subspace : std::int64_t { token, position, previous, answer, unread, subspaces };

// One more dimension, the same and large in every column: the norm divides by it alone, whatever
// the heads write, and its gain multiplies with it again. So the norm is the identity to a few
// parts in a million, and sums can be done by hand.
constexpr double kAnchorValue = 1000.0;

constexpr float kSharp = 30.0F;  // a score of it beats a score of 0 by e^30

void set(Tensor& weight, std::int64_t row, std::int64_t column, double value) {
  weight.mutable_data_ptr<float>()[row * weight.size(1) + column] = static_cast<float>(value);
}

// Every subspace has `size` dimensions: one for each token, or each position.
class ByHand {
 public:
  explicit ByHand(std::int64_t size) : size_(size) {}

  [[nodiscard]] std::int64_t anchor() const { return subspaces * size_; }
  [[nodiscard]] std::int64_t model_size() const { return anchor() + 1; }
  [[nodiscard]] std::int64_t at_subspace(Subspace which) const { return which * size_; }

  // weight[row + i + shift][column + i] = scale: one subspace copied to another.
  void copy_space(
      Tensor& weight, std::int64_t row, std::int64_t column, double scale = 1.0, int shift = 0) {
    for (std::int64_t i = 0; i + shift < size_; ++i) {
      set(weight, row + i + shift, column + i, scale);
    }
  }

  ModelConfig config_of(std::int64_t n_kv_heads) {
    ModelConfig config;
    config.family = "by hand";
    config.n_layers = 2;
    config.d_model = model_size();
    config.n_heads = kInductionHeads;
    config.n_kv_heads = n_kv_heads;
    config.d_head = size_;
    config.d_mlp = 1;
    config.d_vocab = size_;
    config.n_ctx = size_;
    config.norm_eps = 1e-9;
    config.mlp = Mlp::plain;
    config.positions = Positions::learned;
    config.attn_scale = 1.0;
    config.layers.resize(2);
    return config;
  }

  // The rows of W_QKV, by head.
  struct Rows {
    explicit Rows(const ModelConfig& c) : config(c), size_(c.d_head) {}
    [[nodiscard]] std::int64_t q(std::int64_t head) const { return head * size_; }
    [[nodiscard]] std::int64_t k(std::int64_t head) const {
      return (config.n_heads + head / config.heads_per_kv()) * size_;
    }
    [[nodiscard]] std::int64_t v(std::int64_t head) const {
      return k(head) + config.n_kv_heads * size_;
    }
    const ModelConfig& config;
    std::int64_t size_;
  };

  NormWeights identity_norm() {
    const double gain = kAnchorValue / std::sqrt(static_cast<double>(model_size()));
    return {at::full({model_size()}, gain, at::kFloat), {}};
  }

  // Every head's value is the token; heads 1 and 3 read what 0 and 2 read where they do nothing.
  BlockWeights block_of(const ModelConfig& c) {
    BlockWeights block;
    block.ln1 = identity_norm();
    block.ln2 = identity_norm();
    block.W_QKV = at::zeros({(c.n_heads + 2 * c.n_kv_heads) * size_, model_size()}, at::kFloat);
    block.W_O = at::zeros({model_size(), c.n_heads * size_}, at::kFloat);
    block.W_in = at::zeros({c.d_mlp, model_size()}, at::kFloat);
    block.W_out = at::zeros({model_size(), c.d_mlp}, at::kFloat);
    for (std::int64_t head = 0; head < c.n_heads; ++head) {
      copy_space(block.W_QKV, Rows(c).v(head), at_subspace(token));
    }
    return block;
  }

  void write_to(BlockWeights& block, std::int64_t head, Subspace where) {
    copy_space(block.W_O, at_subspace(where), head * size_);
  }

  BlockWeights first_block(const ModelConfig& c) {
    BlockWeights block = block_of(c);
    const Rows rows(c);
    for (std::int64_t head = 0; head < c.n_heads; ++head) {
      copy_space(block.W_QKV, rows.q(head), at_subspace(position), kSharp);
    }
    for (const std::int64_t head : {0, 1}) {  // a key answers to the position after its own
      copy_space(block.W_QKV, rows.k(head), at_subspace(position), 1.0, 1);
    }
    for (const std::int64_t head : {2, 3}) {  // to its own
      copy_space(block.W_QKV, rows.k(head), at_subspace(position));
    }
    write_to(block, kPreviousTokenHead.head, previous);
    write_to(block, 2, unread);
    return block;
  }

  BlockWeights second_block(const ModelConfig& c) {
    BlockWeights block = block_of(c);
    const Rows rows(c);
    for (const std::int64_t head : {0, 1}) {  // all queries alike; only position 0 answers
      for (std::int64_t i = 0; i < size_; ++i) {
        set(block.W_QKV, rows.q(head), at_subspace(position) + i, kSharp);
      }
      set(block.W_QKV, rows.k(head), at_subspace(position), 1.0);
    }
    for (const std::int64_t head : {2, 3}) {
      copy_space(block.W_QKV, rows.q(head), at_subspace(token), kSharp);
      copy_space(block.W_QKV, rows.k(head), at_subspace(previous));
    }
    write_to(block, 0, unread);
    write_to(block, kInductionHead.head, answer);
    return block;
  }

  Tensor embedding_of(Subspace where) {
    Tensor rows = at::zeros({size_, model_size()}, at::kFloat);
    copy_space(rows, 0, at_subspace(where));
    return rows;
  }

 private:
  std::int64_t size_;
};

}  // namespace

Model induction_model(std::int64_t n_kv_heads, std::int64_t size) {
  ByHand hand(size);
  const ModelConfig config = hand.config_of(n_kv_heads);
  Weights weights;
  weights.W_E = hand.embedding_of(token);
  weights.W_E.select(1, hand.anchor()).fill_(kAnchorValue);
  weights.W_pos = hand.embedding_of(position);
  weights.blocks = {hand.first_block(config), hand.second_block(config)};
  weights.ln_final = hand.identity_norm();
  weights.W_U = hand.embedding_of(answer) * kInductionLogit;
  return Model(Model::Parts{.config = config,
                            .weights = weights,
                            .tokenizer = nullptr,
                            .device = {},
                            .dtype = DType::f32,
                            .source = {.name = "induction", .files = {}, .weights_hash = ""}});
}

}  // namespace headscope::test
