// What a layer's attention computes from queries, keys and values: data that every form of it
// reads (fused, explicit, suffix, statistics).
//
// The score of query i and key j of head h is
//   s = q·k · scale · head_scale[h]
//   s = softcap · tanh(s / softcap)                     where softcap > 0
//   s = s − alibi[h] · |i − j| + distance_bias[h, |i − j|]
//   s = s + bf16(key_slopes[h] · j) · scale
// and the pattern is softmax(s) over the keys that i sees, with exp(sinks[h]) added to the
// denominator; or, by another normalizer, what pattern_normalizer.h says. Of a head that has an
// operator, s and the pattern are then what the operator makes of them (head_operator.h).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lib/attention/pattern_normalizer.h"
#include "lib/attention/visibility.h"
#include "lib/tensor/tensor.h"

namespace headscope {

class HeadOperator;

// Per-head tensors are f32 on the device of the queries; undefined ones change nothing.
struct AttentionSpec {
  double scale = 1.0;
  Tensor head_scale{};   // [n_heads]: 1 / temperature of each head
  double softcap = 0.0;  // 0: none (Gemma 2)
  // > 0: of a causal layer, query i sees keys (i − window, i]; of a full one, |i − j| < window.
  std::int64_t window = 0;
  Visibility visibility = Visibility::causal;
  PatternNormalizer normalizer = PatternNormalizer::softmax;
  Tensor alibi{};  // [n_heads]: slopes (Press et al. 2021, arXiv:2108.12409)
  // [n_heads]: the same as Falcon was trained with: j is the key's place in its prompt, and slope
  // and product are rounded to bf16, so that distances alone do not tell the score.
  // AttentionBuilder knows the places and makes AttentionInputs::bias of it.
  Tensor key_slopes{};
  // [n_heads, D]: a number a distance in tokens; D − 1 and all further ones share the last.
  Tensor distance_bias{};
  // [n_heads]: a logit in the denominator of every softmax that is no key and has no column in the
  // pattern, whose rows then sum to less than 1 (gpt-oss; Xiao et al. 2023, arXiv:2309.17453).
  Tensor sinks{};
  // [n_heads]: what a head computes in place of attention over all keys that it sees; null: nothing
  // else. Empty where no head has one.
  std::vector<std::shared_ptr<const HeadOperator>> operators{};
};

// True where what a query sees comes before what it does not: the keys and values of a prompt's
// beginning are then the same whatever follows, so that caches, chunks and kept prefixes are right.
inline bool is_causal(const AttentionSpec& spec) {
  return spec.visibility == Visibility::causal;
}

// True where z needs the scores themselves, which no fused kernel of Torch's gives: they are formed
// by blocks of queries.
inline bool forms_scores(const AttentionSpec& spec) {
  return spec.normalizer != PatternNormalizer::softmax || spec.softcap > 0 ||
         spec.head_scale.defined() || spec.alibi.defined() || spec.distance_bias.defined() ||
         spec.sinks.defined() || spec.key_slopes.defined() || !spec.operators.empty();
}

// `count` heads from `first` on.
struct HeadRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

// The spec of some of the query heads alone.
AttentionSpec of_heads(const AttentionSpec& spec, HeadRange heads);
AttentionSpec of_heads(const AttentionSpec& spec, const std::vector<std::int64_t>& heads);

}  // namespace headscope
