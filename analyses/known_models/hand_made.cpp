#include "analyses/known_models/hand_made.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/families/parameters.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

void put_weight(Tensor& matrix, std::int64_t row, std::int64_t column, double value) {
  matrix.data_ptr<float>()[row * matrix.size(1) + column] += static_cast<float>(value);
}

void require_alike(Space a, Space b) {
  if (a.size != b.size) {
    throw InternalError("spaces of {} and {} directions cannot be compared", a.size, b.size);
  }
}

std::int64_t most_neurons(const std::vector<std::vector<HandMadeNeuron>>& layers) {
  std::size_t most = 0;
  for (const auto& layer : layers) {
    most = std::max(most, layer.size());
  }
  return static_cast<std::int64_t>(most);
}

}  // namespace

Space Space::part(std::int64_t begin, std::int64_t count) const {
  if (begin < 0 || count < 0 || begin + count > size) {
    throw InternalError("[{}, {}) of a space of {}", begin, begin + count, size);
  }
  return {first + begin, count};
}

std::int64_t HandMadeHead::new_channel() {
  return channels_++;
}

HandMadeHead& HandMadeHead::match(Space query, Space key, double strength) {
  require_alike(query, key);
  for (std::int64_t i = 0; i < query.size; ++i) {
    seek(query.at(i), key.at(i), strength);
  }
  return *this;
}

HandMadeHead& HandMadeHead::seek(std::int64_t query, std::int64_t key, double strength) {
  const std::int64_t channel = new_channel();
  q_.push_back({channel, query, 1.0});
  k_.push_back({channel, key, strength});
  return *this;
}

HandMadeHead& HandMadeHead::seek_any(std::int64_t query,
                                     const std::vector<std::int64_t>& keys,
                                     double strength) {
  const std::int64_t channel = new_channel();
  q_.push_back({channel, query, 1.0});
  for (const std::int64_t key : keys) {
    k_.push_back({channel, key, strength});
  }
  return *this;
}

HandMadeHead& HandMadeHead::prefer(std::int64_t direction, double strength) {
  if (asked_by_all_.empty()) {
    asked_by_all_.push_back(new_channel());
  }
  k_.push_back({asked_by_all_.front(), direction, strength});
  return *this;
}

HandMadeHead& HandMadeHead::move(Space from, Space to, double factor) {
  require_alike(from, to);
  for (std::int64_t i = 0; i < from.size; ++i) {
    v_.push_back({value_channels_, from.at(i), 1.0});
    out_.push_back({value_channels_++, to.at(i), factor});
  }
  return *this;
}

HandMadeHead& HandMadeHead::relabel(Space from, Space to, const Relabelling& pairs) {
  for (std::int64_t target = 0; target < to.size; ++target) {
    bool used = false;
    for (const auto& [source, becomes] : pairs) {
      if (becomes == target) {
        v_.push_back({value_channels_, from.at(source), 1.0});
        used = true;
      }
    }
    if (used) {
      out_.push_back({value_channels_++, to.at(target), 1.0});
    }
  }
  return *this;
}

HandMadeHead& HandMadeHead::shares(const HandMadeHead& other, Space to) {
  for (std::int64_t i = 0; i < std::min(to.size, other.value_channels_); ++i) {
    out_.push_back({i, to.at(i), 1.0});
  }
  return *this;
}

HandMadeModel::HandMadeModel(Shape shape, std::int64_t words) : shape_(shape) {
  shape_.n_kv_heads = shape_.n_kv_heads == 0 ? shape_.n_heads : shape_.n_kv_heads;
  tokens_ = space(words);
  heads_.assign(static_cast<std::size_t>(shape_.n_layers),
                std::vector<HandMadeHead>(static_cast<std::size_t>(shape_.n_heads)));
  neurons_.resize(static_cast<std::size_t>(shape_.n_layers));
}

Space HandMadeModel::positions() {
  positions_ = positions_.size == 0 ? space(shape_.n_ctx) : positions_;
  return positions_;
}

Space HandMadeModel::space(std::int64_t size) {
  const Space made{d_model_, size};
  d_model_ += size;
  return made;
}

HandMadeHead& HandMadeModel::head(std::int64_t layer, std::int64_t head) {
  return heads_.at(static_cast<std::size_t>(layer)).at(static_cast<std::size_t>(head));
}

void HandMadeModel::neuron(std::int64_t layer, HandMadeNeuron neuron) {
  neurons_.at(static_cast<std::size_t>(layer)).push_back(std::move(neuron));
}

void HandMadeModel::unembed(Space from, double factor) {
  require_alike(from, tokens_);
  for (std::int64_t word = 0; word < from.size; ++word) {
    said_.push_back({word, from.at(word), factor});
  }
}

void HandMadeModel::unembed(Space from, const Relabelling& words, double factor) {
  for (const auto& [index, word] : words) {
    said_.push_back({word, from.at(index), factor});
  }
}

std::int64_t HandMadeModel::kv_head(std::int64_t head) const {
  return head / (shape_.n_heads / shape_.n_kv_heads);
}

ModelConfig HandMadeModel::config() const {
  ModelConfig c;
  c.family = "hooked_transformer";
  c.architecture = "HookedTransformer";
  c.n_layers = shape_.n_layers;
  c.d_model = d_model_;
  c.n_heads = shape_.n_heads;
  c.n_kv_heads = shape_.n_kv_heads;
  c.d_vocab = tokens_.size;
  c.n_ctx = shape_.n_ctx;
  c.d_head = 1;
  for (const auto& layer : heads_) {
    for (const HandMadeHead& head : layer) {
      c.d_head = std::max({c.d_head, head.channels_, head.value_channels_});
    }
  }
  c.d_mlp = most_neurons(neurons_);
  c.mlp = c.d_mlp == 0 ? Mlp::none : Mlp::plain;
  c.mlp_bias = has_mlp(c);
  c.activation = has_mlp(c) ? Activation::relu : c.activation;
  c.norm = Norm::none;
  c.positions = positions_.size == 0 ? Positions::none : Positions::learned;
  c.qkv_bias = c.out_bias = c.unembed_bias = true;
  c.attn_scale = 1.0;
  c.layers.assign(static_cast<std::size_t>(c.n_layers),
                  {.window = shape_.window, .visibility = shape_.visibility});
  return c;
}

void HandMadeModel::fill_heads(const ModelConfig& c, Weights& weights) const {
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    BlockWeights& block = weights.blocks[static_cast<std::size_t>(layer)];
    for (std::int64_t h = 0; h < c.n_heads; ++h) {
      const HandMadeHead& head =
          heads_[static_cast<std::size_t>(layer)][static_cast<std::size_t>(h)];
      const std::int64_t q = h * c.d_head;
      const std::int64_t k = (c.n_heads + kv_head(h)) * c.d_head;
      const std::int64_t v = k + c.n_kv_heads * c.d_head;
      for (const auto& [rows, first] : {std::pair{&head.q_, q}, {&head.k_, k}, {&head.v_, v}}) {
        for (const HandMadeWeight& weight : *rows) {
          put_weight(block.W_QKV, first + weight.channel, weight.direction, weight.value);
        }
      }
      for (const std::int64_t channel : head.asked_by_all_) {
        block.b_QKV.data_ptr<float>()[q + channel] = 1.0F;
      }
      for (const HandMadeWeight& weight : head.out_) {
        put_weight(block.W_O, weight.direction, q + weight.channel, weight.value);
      }
    }
  }
}

void HandMadeModel::fill_neurons(Weights& weights) const {
  for (std::size_t layer = 0; layer < neurons_.size(); ++layer) {
    BlockWeights& block = weights.blocks[layer];
    for (std::size_t n = 0; n < neurons_[layer].size(); ++n) {
      const HandMadeNeuron& neuron = neurons_[layer][n];
      const auto row = static_cast<std::int64_t>(n);
      for (const auto& [direction, weight] : neuron.read) {
        put_weight(block.W_in, row, direction, weight);
      }
      block.b_in.data_ptr<float>()[row] = static_cast<float>(neuron.bias);
      for (const auto& [direction, weight] : neuron.write) {
        put_weight(block.W_out, direction, row, weight);
      }
    }
  }
}

Weights HandMadeModel::weights() const {
  const ModelConfig c = config();
  Weights weights = allocate_weights(c, DType::f32);
  for_each_tensor(weights, [](Tensor& tensor) { tensor.zero_(); });
  for (std::int64_t word = 0; word < tokens_.size; ++word) {
    put_weight(weights.W_E, word, tokens_.at(word), 1.0);
  }
  for (const HandMadeWeight& word : said_) {
    put_weight(weights.W_U, word.channel, word.direction, word.value);
  }
  for (std::int64_t position = 0; position < positions_.size; ++position) {
    put_weight(weights.W_pos, position, positions_.at(position), 1.0);
  }
  fill_heads(c, weights);
  fill_neurons(weights);
  return weights;
}

}  // namespace headscope
