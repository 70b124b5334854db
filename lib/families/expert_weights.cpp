#include "lib/families/expert_weights.h"

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// One expert's part of tensors that stack all of them.
class OneExpert final : public WeightSource {
 public:
  OneExpert(const WeightSource& all, const StoredTensor& stacked, std::int64_t expert)
      : all_(all), stacked_(stacked), slice_(stacked) {
    slice_.shape.erase(slice_.shape.begin());
    first_row_ = expert * slice_.rows();
  }

  [[nodiscard]] const StoredTensor& slice() const { return slice_; }

  [[nodiscard]] const std::vector<StoredTensor>& tensors() const override { return all_.tensors(); }
  void read_rows(const StoredTensor&,
                 std::int64_t begin,
                 std::int64_t end,
                 DType dtype,
                 void* out) const override {
    all_.read_rows(stacked_, first_row_ + begin, first_row_ + end, dtype, out);
  }
  [[nodiscard]] std::optional<Blocks> blocks(const StoredTensor&) const override {
    std::optional<Blocks> all = all_.blocks(stacked_);
    if (all) {
      const std::size_t bytes_of_row =
          all->bytes.size() / static_cast<std::size_t>(stacked_.rows());
      all->bytes = all->bytes.subspan(static_cast<std::size_t>(first_row_) * bytes_of_row,
                                      static_cast<std::size_t>(slice_.rows()) * bytes_of_row);
    }
    return all;
  }
  void will_read(const StoredTensor&) const override { all_.will_read(stacked_); }
  void done_with(const StoredTensor&) const override { all_.done_with(stacked_); }
  [[nodiscard]] std::string hash() const override { return all_.hash(); }
  [[nodiscard]] std::vector<std::filesystem::path> files() const override { return all_.files(); }
  [[nodiscard]] const StoredTensor* find(std::string_view name) const override {
    return all_.find(name);
  }

 private:
  const WeightSource& all_;
  const StoredTensor& stacked_;
  StoredTensor slice_;
  std::int64_t first_row_ = 0;
};

// The expert's rows of the parameter, in `flat`, all experts' one below the other.
Parameter of_expert(const Parameter& p, Tensor& flat, std::int64_t expert) {
  if (p.tensor->defined()) {  // not where only shapes are asked
    flat = p.row_length > 1 ? p.tensor->view({-1, p.row_length}) : p.tensor->view({-1});
  }
  return {.tensor = &flat,
          .first_row = expert * p.rows_of_expert + p.first_row,
          .rows = p.rows,
          .row_length = p.row_length};
}

void check_stack(const WeightSource& source, const StoredTensor& stacked, const Parameter& p) {
  if (stacked.shape.size() < 2 || stacked.shape.front() != p.experts) {
    throw DataError("{}: tensor {} is {} but the config asks for {} experts",
                    source.files().front().string(),
                    stacked.name,
                    fmt::join(stacked.shape, "×"),
                    p.experts);
  }
}

}  // namespace

void for_each_expert(const SourceNames& names,
                     const WeightRule& rule,
                     const Parameter& parameter,
                     int layer,
                     const UseWeightReading& use) {
  const auto at = rule.source.find("{e}");
  WeightReading reading{
      .stored = nullptr,
      .parameter = parameter,
      .layout = rule.layout,
      .scale = rule.scale,
      .stored_of = at == std::string::npos ? WeightReading::Of::all : WeightReading::Of::one};
  if (reading.stored_of == WeightReading::Of::all) {
    reading.stored = &names.find(rule.source, layer);
    check_stack(names.source(), *reading.stored, parameter);
  }
  for (reading.expert = 0; reading.expert < parameter.experts; ++reading.expert) {
    if (reading.stored_of == WeightReading::Of::one) {
      std::string name = rule.source;
      name.replace(at, 3, std::to_string(reading.expert));
      reading.stored = &names.find(name, layer);
    }
    use(reading);
  }
}

void with_part(const WeightSource& source,
               const WeightReading& reading,
               const std::function<void(const ReadPart& part)>& use) {
  if (reading.expert < 0) {
    use({source, *reading.stored, reading.parameter});
    return;
  }
  Tensor flat;
  const Parameter mine = of_expert(reading.parameter, flat, reading.expert);
  if (reading.stored_of == WeightReading::Of::one) {
    use({source, *reading.stored, mine});
    return;
  }
  const OneExpert one(source, *reading.stored, reading.expert);
  use({one, one.slice(), mine});
}

WeightRules with_packed_experts(const WeightSource& source, WeightRules rules) {
  const SourceNames names(source);
  for (WeightRule& rule : rules.block) {
    const bool turned = rule.layout == Layout::interleaved_transposed;
    std::string first = rule.source + "_blocks";
    if (const auto at = first.find("{l}"); at != std::string::npos) {
      first = first.substr(0, at) + std::to_string(0) + first.substr(at + 3);
    }
    if ((turned || rule.layout == Layout::transposed) && names.find_if_stored(first) != nullptr) {
      rule.source += "_blocks";
      rule.layout = turned ? Layout::interleaved : Layout::rows;
    }
  }
  return rules;
}

bool is_of_layer(const WeightRule& rule, LayerMlp kind) {
  return !rule.target.starts_with(kind == LayerMlp::dense ? "moe." : "mlp.");
}

}  // namespace headscope
