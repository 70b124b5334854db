#include "lib/families/load_weights.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <iterator>
#include <set>

#include <fmt/ranges.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/normal.h>

#include "lib/base/error.h"
#include "lib/base/half.h"
#include "lib/base/parallel.h"
#include "lib/families/expert_weights.h"
#include "lib/families/packed_weights.h"
#include "lib/families/parameters.h"
#include "lib/families/placement.h"
#include "lib/families/source_names.h"
#include "lib/families/stored_row.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kRowsAtATime = 64;

std::string where(const WeightSource& source, const StoredTensor& stored) {
  return fmt::format("{}: tensor {}", source.files().front().string(), stored.name);
}

void check_shape(const WeightSource& source,
                 const StoredTensor& stored,
                 const Parameter& p,
                 Layout layout) {
  const std::vector<std::int64_t> expected = stored_shape(p, layout);
  if (stored.shape != expected) {
    throw DataError(
        "{} is {} but the config asks for {} (a field it leaves out counts as the "
        "default of transformers)",
        where(source, stored),
        fmt::join(stored.shape, "×"),
        fmt::join(expected, "×"));
  }
}

class Destination {
 public:
  Destination(const Parameter& p)
      : dtype_(dtype_of(*p.tensor)),
        stride_(static_cast<std::size_t>(p.row_length) * size_of(dtype_)),
        base_(static_cast<std::uint8_t*>(p.tensor->data_ptr()) +
              static_cast<std::size_t>(p.first_row) * stride_) {}

  [[nodiscard]] std::uint8_t* row(std::int64_t i) const {
    return base_ + static_cast<std::size_t>(i) * stride_;
  }
  [[nodiscard]] DType dtype() const { return dtype_; }

 private:
  DType dtype_;
  std::size_t stride_;
  std::uint8_t* base_;
};

void read_vector(const WeightSource& source,
                 const StoredTensor& stored,
                 const Parameter& p,
                 Layout layout) {
  std::vector<float> values(static_cast<std::size_t>(p.rows));
  source.read_rows(stored, 0, stored.rows(), DType::f32, values.data());
  std::vector<float> ours(values.size());
  for (std::int64_t i = 0; i < p.rows; ++i) {
    const float value = values[static_cast<std::size_t>(stored_row(i, layout, p))];
    ours[static_cast<std::size_t>(i)] = layout == Layout::gain_minus_one ? value + 1.0f : value;
  }
  const Destination out(p);
  convert(ours.data(), DType::f32, out.row(0), out.dtype(), ours.size());
}

void read_matrix(const WeightSource& source,
                 const StoredTensor& stored,
                 const Parameter& p,
                 Layout layout) {
  const Destination out(p);
  parallel_for(p.rows, kRowsAtATime, [&](std::int64_t begin, std::int64_t end) {
    if (!reorders_rows(layout)) {
      source.read_rows(stored, begin, end, out.dtype(), out.row(begin));
      return;
    }
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t from = stored_row(row, layout, p);
      source.read_rows(stored, from, from + 1, out.dtype(), out.row(row));
    }
  });
}

// Every row of `stored`, as it lies there.
Tensor read_stored(const WeightSource& source, const StoredTensor& stored, DType dtype) {
  Tensor as_stored = at::empty({stored.rows(), stored.row_length()}, to_torch(dtype));
  auto* bytes = static_cast<std::uint8_t*>(as_stored.data_ptr());
  const std::size_t stride = static_cast<std::size_t>(stored.row_length()) * size_of(dtype);
  parallel_for(stored.rows(), kRowsAtATime, [&](std::int64_t begin, std::int64_t end) {
    source.read_rows(stored, begin, end, dtype, bytes + static_cast<std::size_t>(begin) * stride);
  });
  return as_stored;
}

void read_transposed(const WeightSource& source, const StoredTensor& stored, const Parameter& p) {
  const Tensor as_stored = read_stored(source, stored, dtype_of(*p.tensor));
  p.tensor->narrow(0, p.first_row, p.rows).copy_(as_stored.t());
}

void read_interleaved_transposed(const WeightSource& source,
                                 const StoredTensor& stored,
                                 const Parameter& p) {
  const Tensor as_stored = read_stored(source, stored, dtype_of(*p.tensor));
  const Tensor halves = as_stored.t().unflatten(0, {p.rows / 2, 2}).transpose(0, 1);
  p.tensor->narrow(0, p.first_row, p.rows).copy_(halves.flatten(0, 1));
}

void read_by_head(const WeightSource& source, const StoredTensor& stored, const Parameter& p) {
  const Tensor as_stored = read_stored(source, stored, dtype_of(*p.tensor));
  const Tensor rows = as_stored.view({p.rows / p.d_head, p.row_length, p.d_head}).transpose(1, 2);
  p.tensor->narrow(0, p.first_row, p.rows).view({-1, p.d_head, p.row_length}).copy_(rows);
}

void read_parameter(const WeightSource& source,
                    const StoredTensor& stored,
                    const Parameter& p,
                    Layout layout) {
  if (p.row_length == 1) {
    read_vector(source, stored, p, layout);
  } else if (layout == Layout::by_head) {
    read_by_head(source, stored, p);
  } else if (layout == Layout::interleaved_transposed) {
    read_interleaved_transposed(source, stored, p);
  } else if (layout == Layout::transposed || layout == Layout::by_head_transposed) {
    read_transposed(source, stored, p);
  } else {
    read_matrix(source, stored, p, layout);
  }
}

void for_each_rule(const SourceNames& names,
                   const std::vector<WeightRule>& rules,
                   const std::map<std::string, Parameter>& parameters,
                   int layer,
                   const UseWeightReading& use) {
  std::set<const Tensor*> filled;
  for (const WeightRule& rule : rules) {
    const auto parameter = parameters.find(rule.target);
    if (parameter == parameters.end()) {
      throw InternalError("weight rule for {}, which this model lacks", rule.target);
    }
    if (parameter->second.experts > 0) {
      for_each_expert(names, rule, parameter->second, layer, use);
    } else {
      use({&names.find(rule.source, layer), parameter->second, rule.layout, rule.scale});
    }
    filled.insert(parameter->second.tensor);
  }
  for (const auto& [name, parameter] : parameters) {
    if (!filled.contains(parameter.tensor)) {
      throw InternalError("no weight rule for {}, which this model has", name);
    }
  }
}

// Every parameter with the stored tensor that it is read from. Throws DataError for a missing
// tensor, one of another shape than the config says, and a stored one that no rule uses.
void for_each_parameter(const WeightSource& source,
                        const ModelConfig& config,
                        const WeightRules& rules,
                        Weights& weights,
                        const UseWeightReading& use) {
  const SourceNames names(source);
  std::set<std::string> used;
  const auto note_and_use = [&](const WeightReading& reading) {
    with_part(source, reading, [&](const ReadPart& part) {
      check_shape(part.source, part.stored, part.parameter, reading.layout);
    });
    use(reading);
    used.insert(reading.stored->name);
  };
  for_each_rule(
      names, rules.model, model_parameters(weights, config), kNoSourceLayer, note_and_use);
  for (std::size_t layer = 0; layer < weights.blocks.size(); ++layer) {
    const LayerMlp kind = config.layers[layer].mlp;
    std::vector<WeightRule> of_layer;
    std::copy_if(rules.block.begin(),
                 rules.block.end(),
                 std::back_inserter(of_layer),
                 [&](const WeightRule& rule) { return is_of_layer(rule, kind); });
    for_each_rule(names,
                  of_layer,
                  block_parameters(weights.blocks[layer], config, static_cast<std::int64_t>(layer)),
                  static_cast<int>(layer),
                  note_and_use);
  }
  if (!rules.tied_head.empty()) {
    if (const StoredTensor* copy = names.find_if_stored(rules.tied_head)) {
      used.insert(copy->name);  // settle_tied_head() found it equal to W_E
    }
  }
  names.refuse_unused(used, rules);
}

// What is read into each tensor of the weights, in the order of the rules.
std::vector<std::vector<WeightReading>> readings_by_tensor(const WeightSource& source,
                                                           const ModelConfig& config,
                                                           const WeightRules& rules,
                                                           Weights& weights) {
  std::vector<std::vector<WeightReading>> tensors;
  std::map<const Tensor*, std::size_t> places;
  for_each_parameter(source, config, rules, weights, [&](const WeightReading& reading) {
    const auto [place, is_new] = places.emplace(reading.parameter.tensor, tensors.size());
    if (is_new) {
      tensors.emplace_back();
    }
    tensors[place->second].push_back(reading);
  });
  return tensors;
}

// One tensor of the weights, onto the device: the host holds no more than it and one stored tensor.
void read_tensor(const WeightSource& source,
                 const std::vector<WeightReading>& readings,
                 DType dtype,
                 at::Device device) {
  std::map<std::string, Parameter> parameters;
  for (const WeightReading& reading : readings) {
    parameters.emplace(std::to_string(parameters.size()), reading.parameter);
  }
  allocate(parameters, dtype);
  for (const WeightReading& reading : readings) {
    with_part(source, reading, [&](const ReadPart& part) {
      const Parameter& p = part.parameter;
      read_parameter(part.source, part.stored, p, reading.layout);
      if (reading.scale != 1.0) {
        p.tensor->narrow(0, p.first_row, p.rows).mul_(reading.scale);
      }
    });
  }
  for (const WeightReading& reading : readings) {
    source.done_with(*reading.stored);
  }
  Tensor& tensor = *readings.front().parameter.tensor;
  tensor = tensor.to(device);
}

struct Places {
  Device outside_layers;
  std::vector<Device> layers;
};

// Where a tensor of the weights belongs: one of a block to its layer.
Device device_of(const Weights& weights, const Places& places, const Tensor& tensor) {
  const auto* at = reinterpret_cast<const std::byte*>(&tensor);
  const auto* first = reinterpret_cast<const std::byte*>(weights.blocks.data());
  const auto* end =
      reinterpret_cast<const std::byte*>(weights.blocks.data() + weights.blocks.size());
  if (std::less<>()(at, first) || !std::less<>()(at, end)) {
    return places.outside_layers;
  }
  return places.layers[static_cast<std::size_t>(at - first) / sizeof(BlockWeights)];
}

}  // namespace

std::vector<std::int64_t> stored_shape(const Parameter& p, Layout layout) {
  std::vector<std::int64_t> expected{p.rows};
  if (p.row_length > 1) {
    expected.push_back(p.row_length);
  }
  if (layout == Layout::transposed || layout == Layout::interleaved_transposed) {
    std::reverse(expected.begin(), expected.end());
  } else if (layout == Layout::by_head) {
    expected = {p.rows / p.d_head, p.d_head};
    if (p.row_length > 1) {
      expected.insert(expected.begin() + 1, p.row_length);
    }
  } else if (layout == Layout::by_head_transposed) {
    expected = {p.row_length / p.d_head, p.d_head, p.rows};
  }
  return expected;
}

Weights load_weights(const WeightSource& source,
                     const ModelConfig& config,
                     const WeightRules& rules,
                     DType dtype,
                     const Device& device,
                     WeightStorage storage) {
  Weights weights;
  weights.blocks.resize(static_cast<std::size_t>(config.n_layers));
  const Places places{device, layer_devices(config, device)};
  const auto tensors = readings_by_tensor(source, config, rules, weights);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (i + 1 < tensors.size()) {
      for (const WeightReading& next : tensors[i + 1]) {
        source.will_read(*next.stored);
      }
    }
    if (storage == WeightStorage::packed && stays_packed(source, tensors[i])) {
      keep_packed(source, tensors[i]);
      continue;
    }
    read_tensor(source,
                tensors[i],
                dtype,
                to_torch(device_of(weights, places, *tensors[i].front().parameter.tensor)));
  }
  if (config.tied_embeddings) {
    weights.W_U = weights.W_E;
  }
  return weights;
}

std::int64_t packed_weight_bytes(const WeightSource& source,
                                 const ModelConfig& config,
                                 const WeightRules& rules) {
  Weights weights;  // without tensors: only where they would lie is asked
  weights.blocks.resize(static_cast<std::size_t>(config.n_layers));
  std::int64_t bytes = 0;
  for (const auto& readings : readings_by_tensor(source, config, rules, weights)) {
    if (stays_packed(source, readings)) {
      bytes += packed_bytes(source, readings);
      continue;
    }
    for (const WeightReading& reading : readings) {
      bytes += reading.parameter.rows * reading.parameter.row_length * 4;
    }
  }
  return bytes;
}

void check_weights(const WeightSource& source,
                   const ModelConfig& config,
                   const WeightRules& rules) {
  Weights weights;  // without tensors: only where they would lie is asked
  weights.blocks.resize(static_cast<std::size_t>(config.n_layers));
  for_each_parameter(source, config, rules, weights, [](const WeightReading&) {});
}

namespace {

// What a family's rules multiply stored weights by (Granite), of weights that were never stored.
void scale_as_loaded(Weights& weights, const ModelConfig& config) {
  const auto scale = [](Tensor& tensor, double factor) {
    if (tensor.defined() && factor != 1.0) {
      tensor.mul_(factor);
    }
  };
  for (BlockWeights& block : weights.blocks) {
    for (Tensor* written : {&block.W_O, &block.b_O, &block.W_out, &block.b_out}) {
      scale(*written, config.written_scale);
    }
  }
  scale(weights.ln_final.gain, config.logit_scale);
}

}  // namespace

Weights random_weights(const ModelConfig& config,
                       DType dtype,
                       const Device& device,
                       std::uint64_t seed) {
  Weights weights = allocate_weights(config, dtype);
  const Places places{device, layer_devices(config, device)};
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  for_each_tensor(weights, [&](Tensor& tensor) {
    if (tensor.dim() == 1) {
      tensor.fill_(1.0);
    } else {
      tensor.normal_(0.0, 0.02, generator);
    }
    tensor = tensor.to(to_torch(device_of(weights, places, tensor)));
  });
  scale_as_loaded(weights, config);
  if (config.tied_embeddings) {
    weights.W_U = weights.W_E;
  }
  return weights;
}

}  // namespace headscope
