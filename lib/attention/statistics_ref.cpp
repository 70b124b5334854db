// The definition of statistics.h: one query and head at a time, in double.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "lib/attention/statistics.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();

Tensor as_double(const Tensor& tensor) {
  return tensor.defined() ? tensor.to(at::kCPU, at::kDouble).contiguous() : tensor;
}

Tensor as_long(const Tensor& tensor) {
  return tensor.defined() ? tensor.to(at::kCPU, at::kLong).contiguous() : tensor;
}

// What broadcasts against scores, as one number a score.
Tensor of_scores(const Tensor& part, const StatisticsInputs& in) {
  return part.defined() ? part.expand({in.q.size(0), in.q.size(2), in.q.size(1), in.k.size(1)})
                        : part;
}

class Reference {
 public:
  Reference(const StatisticsInputs& in, const StatisticsRequest& request)
      : in_(in),
        request_(request),
        q_(as_double(in.q)),
        k_(as_double(in.k)),
        head_scale_(as_double(in.spec.head_scale)),
        alibi_(as_double(in.spec.alibi)),
        distance_bias_(as_double(in.spec.distance_bias)),
        sinks_(as_double(in.spec.sinks)),
        score_scale_(as_double(of_scores(in.score_scale, in))),
        bias_(as_double(of_scores(in.bias, in))),
        pads_(as_long(in.pads)),
        spans_(as_long(request.spans)),
        targets_(as_long(request.targets)),
        batch_(q_.size(0)),
        queries_(q_.size(1)),
        heads_(q_.size(2)),
        keys_(k_.size(1)) {
    allocate();
  }

  AttentionStatistics run() {
    for (std::int64_t b = 0; b < batch_; ++b) {
      for (std::int64_t h = 0; h < heads_; ++h) {
        for (std::int64_t i = 0; i < queries_; ++i) {
          const bool padding = keys_ - queries_ + i < pad(b);
          if (!padding) {
            reduce(b, h, i, probabilities(b, h, i));
          }
        }
      }
    }
    return out_;
  }

 private:
  void allocate() {
    const auto rows = [&](std::int64_t n) { return at::zeros({batch_, heads_, queries_, n}); };
    const auto count = [](const auto& list) { return static_cast<std::int64_t>(list.size()); };
    const auto maybe = [&](bool asked) { return asked ? rows(1).squeeze(-1) : Tensor(); };
    out_.lse = maybe(true);
    if (request_.top_k > 0) {
      out_.top_key = at::full({batch_, heads_, queries_, request_.top_k}, -1, at::kLong);
      out_.top_weight = rows(request_.top_k);
    }
    out_.offset_mass = request_.offsets.empty() ? Tensor() : rows(count(request_.offsets));
    out_.window_mass = request_.windows.empty() ? Tensor() : rows(count(request_.windows));
    out_.span_mass = spans_.defined() ? rows(spans_.size(0)) : Tensor();
    out_.target_mass = targets_.defined() ? rows(targets_.size(0)) : Tensor();
    out_.first_mass = maybe(request_.first);
    out_.entropy = maybe(request_.entropy);
    out_.distance = maybe(request_.distance);
    out_.column_mass = request_.columns ? at::zeros({batch_, heads_, keys_}) : Tensor();
    if (const std::int64_t block = request_.block; block > 0) {
      out_.block_map =
          at::zeros({batch_, heads_, (queries_ + block - 1) / block, (keys_ + block - 1) / block});
    }
  }

  [[nodiscard]] std::int64_t pad(std::int64_t b) const {
    return pads_.defined() ? pads_.const_data_ptr<std::int64_t>()[b] : 0;
  }

  [[nodiscard]] bool seen(std::int64_t b, std::int64_t self, std::int64_t j) const {
    const std::int64_t window = in_.spec.window;
    const bool after = is_causal(in_.spec) ? j > self : window > 0 && j >= self + window;
    return !after && j >= pad(b) && (window <= 0 || j > self - window);
  }

  [[nodiscard]] double score(std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t j) const {
    const std::int64_t d = q_.size(3);
    const std::int64_t group = h / (heads_ / k_.size(2));
    const double* q = q_.const_data_ptr<double>() + ((b * queries_ + i) * heads_ + h) * d;
    const double* k = k_.const_data_ptr<double>() + ((b * keys_ + j) * k_.size(2) + group) * d;
    double s = std::inner_product(q, q + d, k, 0.0) * in_.spec.scale;
    s *= head_scale_.defined() ? head_scale_.const_data_ptr<double>()[h] : 1.0;
    const double cap = in_.spec.softcap;
    s = cap > 0 ? cap * std::tanh(s / cap) : s;
    const std::int64_t distance = std::abs(keys_ - queries_ + i - j);
    if (alibi_.defined()) {
      s -= alibi_.const_data_ptr<double>()[h] * static_cast<double>(distance);
    }
    if (distance_bias_.defined()) {
      const std::int64_t listed = distance_bias_.size(1);
      s += distance_bias_.const_data_ptr<double>()[h * listed + std::min(distance, listed - 1)];
    }
    const std::int64_t at = ((b * heads_ + h) * queries_ + i) * keys_ + j;
    s *= score_scale_.defined() ? score_scale_.const_data_ptr<double>()[at] : 1.0;
    return s + (bias_.defined() ? bias_.const_data_ptr<double>()[at] : 0.0);
  }

  // max(s, 0) of every key, shared among those seen.
  static std::vector<double> parts_above_zero(std::vector<double> s) {
    const auto seen = static_cast<double>(
        std::count_if(s.begin(), s.end(), [](double each) { return each > kHidden; }));
    std::transform(
        s.begin(), s.end(), s.begin(), [&](double each) { return std::max(each, 0.0) / seen; });
    return s;
  }

  // p of every key; leaves the row's lse.
  std::vector<double> probabilities(std::int64_t b, std::int64_t h, std::int64_t i) {
    const std::int64_t self = keys_ - queries_ + i;
    std::vector<double> p(static_cast<std::size_t>(keys_), kHidden);
    for (std::int64_t j = 0; j < keys_; ++j) {
      if (seen(b, self, j)) {
        p[static_cast<std::size_t>(j)] = score(b, h, i, j);
      }
    }
    if (in_.spec.normalizer == PatternNormalizer::relu) {
      return parts_above_zero(std::move(p));
    }
    const double sink = sinks_.defined() ? sinks_.const_data_ptr<double>()[h] : kHidden;
    const double largest = std::max(sink, *std::max_element(p.begin(), p.end()));
    double sum = std::exp(sink - largest);
    for (const double s : p) {
      sum += std::exp(s - largest);
    }
    const double lse = largest + std::log(sum);
    row(out_.lse, b, h, i)[0] = static_cast<float>(lse);
    std::transform(p.begin(), p.end(), p.begin(), [&](double s) { return std::exp(s - lse); });
    return p;
  }

  [[nodiscard]] float* row(Tensor& t, std::int64_t b, std::int64_t h, std::int64_t i) const {
    const std::int64_t width = t.dim() == 4 ? t.size(3) : 1;
    return t.data_ptr<float>() + ((b * heads_ + h) * queries_ + i) * width;
  }

  void reduce(std::int64_t b, std::int64_t h, std::int64_t i, const std::vector<double>& p) {
    const std::int64_t self = keys_ - queries_ + i;
    const auto mass = [&](std::int64_t j) {
      return static_cast<float>(j >= 0 && j < keys_ ? p[static_cast<std::size_t>(j)] : 0.0);
    };
    for (std::size_t n = 0; n < request_.offsets.size(); ++n) {
      row(out_.offset_mass, b, h, i)[n] = mass(self - request_.offsets[n]);
    }
    for (std::int64_t n = 0; targets_.defined() && n < targets_.size(0); ++n) {
      const auto* target = targets_.const_data_ptr<std::int64_t>() + (n * batch_ + b) * queries_;
      row(out_.target_mass, b, h, i)[n] = mass(target[i]);
    }
    if (request_.first) {
      row(out_.first_mass, b, h, i)[0] = mass(pad(b));
    }
    if (request_.top_k > 0) {
      strongest(b, h, i, p);
    }
    sums(b, h, i, p);
  }

  void strongest(std::int64_t b, std::int64_t h, std::int64_t i, const std::vector<double>& p) {
    std::vector<std::int64_t> order;
    const std::int64_t self = keys_ - queries_ + i;
    for (std::int64_t j = 0; j < keys_; ++j) {
      if (seen(b, self, j)) {
        order.push_back(j);
      }
    }
    const auto at = [&](std::int64_t j) { return p[static_cast<std::size_t>(j)]; };
    std::stable_sort(order.begin(), order.end(), [&](auto x, auto y) { return at(x) > at(y); });
    auto* key =
        out_.top_key.data_ptr<std::int64_t>() + ((b * heads_ + h) * queries_ + i) * request_.top_k;
    for (std::int64_t n = 0; n < request_.top_k && n < static_cast<std::int64_t>(order.size());
         ++n) {
      key[n] = order[static_cast<std::size_t>(n)];
      row(out_.top_weight, b, h, i)[n] = static_cast<float>(at(key[n]));
    }
  }

  void sums(std::int64_t b, std::int64_t h, std::int64_t i, const std::vector<double>& p) {
    const std::int64_t self = keys_ - queries_ + i;
    std::vector<double> windows(request_.windows.size());
    std::vector<double> spans(spans_.defined() ? static_cast<std::size_t>(spans_.size(0)) : 0);
    double entropy = 0.0;
    double distance = 0.0;
    for (std::int64_t j = 0; j < keys_; ++j) {
      const double mass = p[static_cast<std::size_t>(j)];
      entropy -= mass > 0 ? mass * std::log(mass) : 0.0;
      distance += mass * static_cast<double>(self - j);
      for (std::size_t n = 0; n < windows.size(); ++n) {
        windows[n] += j <= self && j > self - request_.windows[n] ? mass : 0.0;
      }
      for (std::size_t n = 0; n < spans.size(); ++n) {
        const auto at = (static_cast<std::int64_t>(n) * batch_ + b) * keys_ + j;
        spans[n] += spans_.const_data_ptr<std::int64_t>()[at] != 0 ? mass : 0.0;
      }
      if (request_.columns) {
        out_.column_mass.data_ptr<float>()[(b * heads_ + h) * keys_ + j] +=
            static_cast<float>(mass);
      }
      if (const std::int64_t block = request_.block; block > 0) {
        const std::int64_t across = out_.block_map.size(3);
        const std::int64_t line = (b * heads_ + h) * out_.block_map.size(2) + i / block;
        out_.block_map.data_ptr<float>()[line * across + j / block] += static_cast<float>(mass);
      }
    }
    const auto store = [&](Tensor& tensor, const std::vector<double>& values) {
      for (std::size_t n = 0; n < values.size(); ++n) {
        row(tensor, b, h, i)[n] = static_cast<float>(values[n]);
      }
    };
    store(out_.window_mass, windows);
    store(out_.span_mass, spans);
    if (request_.entropy) {
      row(out_.entropy, b, h, i)[0] = static_cast<float>(entropy);
    }
    if (request_.distance) {
      row(out_.distance, b, h, i)[0] = static_cast<float>(distance);
    }
  }

  const StatisticsInputs& in_;
  const StatisticsRequest& request_;
  Tensor q_, k_, head_scale_, alibi_, distance_bias_, sinks_, score_scale_, bias_;
  Tensor pads_, spans_, targets_;
  std::int64_t batch_, queries_, heads_, keys_;
  AttentionStatistics out_;
};

}  // namespace

AttentionStatistics attention_statistics_ref(const StatisticsInputs& in,
                                             const StatisticsRequest& request) {
  return Reference(in, request).run();
}

}  // namespace headscope
