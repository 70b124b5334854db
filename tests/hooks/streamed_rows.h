// Prompts, traces of them, and what a stream of their rows gave.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "hooks/activation_stream.h"
#include "hooks/provenance.h"
#include "hooks/record.h"
#include "lib/tensor/ops.h"

namespace headscope::test {

inline const std::string kStreamZ = "blocks.1.attn.hook_z";
inline const std::string kStreamResid = "blocks.0.hook_resid_post";

// Of several lengths; every second one with a span.
inline std::vector<Prompt> stream_prompts(std::size_t count, std::int32_t first = 5) {
  std::vector<Prompt> prompts;
  for (std::size_t i = 0; i < count; ++i) {
    Prompt prompt{.id = std::to_string(i), .text = "", .tokens = {}, .spans = {}};
    for (std::size_t t = 0; t < 3 + (5 * i) % 9; ++t) {
      prompt.tokens.push_back(first + static_cast<std::int32_t>((17 * i + 7 * t) % 200));
    }
    if (i % 2 == 0) {
      prompt.spans["subject"] = {1, 3};
    }
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

inline void record_for_stream(const Model& model,
                              const std::vector<Prompt>& prompts,
                              const std::filesystem::path& path,
                              RecordOptions options = {}) {
  options.hooks = {kStreamZ, kStreamResid, "blocks.0.attn.hook_pattern"};
  options.logits = Logits::none;
  options.provenance = provenance(model, {.command_line = "test"});
  record(model, prompts, path, options);
}

inline RecordOptions stored_as(DType dtype) {
  RecordOptions options;
  options.store = dtype;
  return options;
}

// Small enough for several parts of several blocks.
inline ActivationStreamOptions stream_options() {
  ActivationStreamOptions options;
  options.hooks = {kStreamZ, kStreamResid};
  options.batch_rows = 16;
  options.buffer_bytes = 2 * 80 * (64 + 2 * 32 * 4);
  options.seed = 3;
  return options;
}

inline std::vector<ActivationBatch> all_batches(ActivationStream& stream) {
  std::vector<ActivationBatch> batches;
  while (auto batch = stream.next()) {
    batches.push_back(std::move(*batch));
  }
  return batches;
}

inline std::vector<RowPlace> places_of(const std::vector<ActivationBatch>& batches) {
  std::vector<RowPlace> places;
  for (const ActivationBatch& batch : batches) {
    places.insert(places.end(), batch.rows.begin(), batch.rows.end());
  }
  return places;
}

inline Tensor all_values(const std::vector<ActivationBatch>& batches, std::size_t point) {
  std::vector<Tensor> values;
  for (const ActivationBatch& batch : batches) {
    values.push_back(batch.values[point]);
  }
  return at::cat(values);
}

inline std::vector<RowPlace> places_in_order(const std::vector<Prompt>& prompts) {
  std::vector<RowPlace> places;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    for (std::size_t t = 0; t < prompts[i].tokens.size(); ++t) {
      places.push_back({0, static_cast<std::int32_t>(i), static_cast<std::int32_t>(t)});
    }
  }
  return places;
}

inline std::vector<RowPlace> sorted_places(std::vector<RowPlace> places) {
  std::ranges::sort(places, {}, [](const RowPlace& place) {
    return std::tuple(place.trace, place.prompt, place.position);
  });
  return places;
}

}  // namespace headscope::test
