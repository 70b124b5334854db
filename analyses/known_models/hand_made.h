// Weights written out by hand: the residual stream is cut into spaces, and each head is said to
// compare some of them and to move others.
//
// A token is one-hot in its space, so is a position; a head's score is a sum of named terms, and
// what it writes is a copy or a relabelling of what it attends to. There are no norms, so a value
// is read as it was written, and nothing reads what nobody says it reads.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/model/config.h"
#include "lib/model/weights.h"

namespace headscope {

// Directions of the residual stream, `size` from `first` on.
struct Space {
  std::int64_t first = 0;
  std::int64_t size = 0;

  [[nodiscard]] std::int64_t at(std::int64_t index) const { return first + index; }
  // Some of them: [begin, begin + count).
  [[nodiscard]] Space part(std::int64_t begin, std::int64_t count) const;
};

// Which direction becomes which: of the first space's numbers, the second's.
using Relabelling = std::vector<std::pair<std::int64_t, std::int64_t>>;

// One weight: `channel` of a head's d_head (or a neuron) and a direction of the stream.
struct HandMadeWeight {
  std::int64_t channel = 0;
  std::int64_t direction = 0;
  double value = 0.0;
};

class HandMadeHead {
 public:
  // score += strength · Σ_i query[i] · key[i]: what the two spaces hold is alike. Spaces of one
  // size.
  HandMadeHead& match(Space query, Space key, double strength);

  // score += strength · query[query_direction] · key[key_direction].
  HandMadeHead& seek(std::int64_t query_direction, std::int64_t key_direction, double strength);

  // score += strength · query[query_direction] · Σ key[one of the directions].
  HandMadeHead& seek_any(std::int64_t query_direction,
                         const std::vector<std::int64_t>& key_directions,
                         double strength);

  // score += strength · key[direction], whatever asks.
  HandMadeHead& prefer(std::int64_t direction, double strength);

  // Writes factor · from[i] of what it attends to into to[i].
  HandMadeHead& move(Space from, Space to, double factor = 1.0);

  // Reads the values that `other` of its group has, and writes them into `to`, as many as fit.
  HandMadeHead& shares(const HandMadeHead& other, Space to);

  // Writes from[i] of what it attends to into to[j], for each pair (i, j).
  HandMadeHead& relabel(Space from, Space to, const Relabelling& pairs);

 private:
  friend class HandMadeModel;
  std::int64_t new_channel();

  std::vector<HandMadeWeight> q_, k_, v_, out_;
  std::vector<std::int64_t> asked_by_all_;  // channels whose query is 1 whatever the stream
  std::int64_t channels_ = 0;               // of queries and keys
  std::int64_t value_channels_ = 0;
};

// A neuron: relu(Σ read + bias), added to the stream times `write`.
struct HandMadeNeuron {
  std::vector<std::pair<std::int64_t, double>> read;  // direction, weight
  double bias = 0.0;
  std::vector<std::pair<std::int64_t, double>> write;
};

class HandMadeModel {
 public:
  struct Shape {
    std::int64_t n_layers = 1;
    std::int64_t n_heads = 1;
    std::int64_t n_kv_heads = 0;  // 0: as many as heads
    std::int64_t n_ctx = 1;
    std::int64_t window = 0;  // of every layer; 0: none
    Visibility visibility = Visibility::causal;
  };
  // `words`: the vocabulary, one-hot in tokens().
  HandMadeModel(Shape shape, std::int64_t words);

  [[nodiscard]] Space tokens() const { return tokens_; }
  Space positions();  // one-hot, n_ctx of them; the model has none unless asked
  Space space(std::int64_t size);

  // The queries of head `head`, and the keys and values of its KV head: heads that share them share
  // one HandMadeHead's keys and values, so only one of a group may say what they are.
  HandMadeHead& head(std::int64_t layer, std::int64_t head);
  void neuron(std::int64_t layer, HandMadeNeuron neuron);

  // Logit of word i: factor · from[i]; or, of the pairs (i, word), Σ factor · from[i].
  void unembed(Space from, double factor);
  void unembed(Space from, const Relabelling& words, double factor);

  [[nodiscard]] ModelConfig config() const;
  [[nodiscard]] Weights weights() const;

 private:
  [[nodiscard]] std::int64_t kv_head(std::int64_t head) const;
  void fill_heads(const ModelConfig& config, Weights& weights) const;
  void fill_neurons(Weights& weights) const;

  Shape shape_;
  std::int64_t d_model_ = 0;
  Space tokens_;
  Space positions_;
  std::vector<HandMadeWeight> said_;                  // word, direction
  std::vector<std::vector<HandMadeHead>> heads_;      // [layer][head]
  std::vector<std::vector<HandMadeNeuron>> neurons_;  // [layer]
};

}  // namespace headscope
