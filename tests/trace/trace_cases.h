// A small trace whose every value is known from its place, for the tests of hooks/trace.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "hooks/trace/trace.h"
#include "lib/base/error.h"
#include "lib/base/half.h"
#include "tests/support/temp_folder.h"

namespace headscope::trace_cases {

inline constexpr std::int64_t kHeads = 3;
inline constexpr std::int64_t kVocab = 11;

inline std::vector<Prompt> prompts(std::size_t count, std::size_t longest = 7) {
  std::vector<Prompt> list;
  for (std::size_t i = 0; i < count; ++i) {
    Prompt prompt;
    prompt.id = fmt::format("p{}", i);
    prompt.text = "text \xc3\xa9 " + std::to_string(i);
    const std::size_t length = 1 + (longest - 1 + 3 * i) % longest;  // the first is the longest
    for (std::size_t t = 0; t < length; ++t) {
      prompt.tokens.push_back(static_cast<std::int32_t>(100 * i + t));
    }
    if (i % 2 == 0) {
      prompt.spans["subject"] = {0, 1};
    }
    list.push_back(prompt);
  }
  return list;
}

inline TraceHeader header(std::size_t count, DType dtype = DType::f32, std::size_t longest = 7) {
  TraceHeader made;
  made.provenance = {{"model", "tiny"},
                     {"seed", 7},
                     {"scale", 0.5},
                     {"prepend_bos", true},
                     {"config", {{"n_layers", 2}}},
                     {"identity", {{"model", "abc"}, {"dtype", "f32"}, {"seed", 7}}}};
  made.prompts = prompts(count, longest);
  made.datasets = {
      {"blocks.10.attn.hook_pattern", {"prompt", "head", "query", "key"}, {kHeads, 0, 0}, dtype},
      {"blocks.2.attn.hook_z", {"prompt", "pos", "head", "d_head"}, {0, kHeads, 4}, dtype},
      {"blocks.2.hook_resid_pre", {"prompt", "pos", "d_model"}, {0, 5}, dtype},
      {"logits/last", {"prompt", "vocab"}, {kVocab}, dtype}};
  return made;
}

// Exact in f16 and bf16 alike, never zero.
inline float value_at(std::size_t prompt, std::size_t dataset, std::size_t element) {
  return static_cast<float>(1 + (prompt * 37 + dataset * 17 + element) % 127);
}

inline std::vector<float> values_of(const TraceHeader& done,
                                    std::size_t prompt,
                                    std::size_t dataset) {
  std::size_t count = 1;
  const auto length = static_cast<std::int64_t>(done.prompts[prompt].tokens.size());
  for (const std::int64_t size : shape_at(done.datasets[dataset], length)) {
    count *= static_cast<std::size_t>(size);
  }
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = value_at(prompt, dataset, i);
  }
  return values;
}

inline std::vector<std::uint8_t> bytes_of(const std::vector<float>& values) {
  std::vector<std::uint8_t> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

inline void write_prompt(TraceWriter& writer, const TraceHeader& made, std::size_t prompt) {
  for (std::size_t d = 0; d < made.datasets.size(); ++d) {
    writer.write(prompt, made.datasets[d].name, DType::f32, bytes_of(values_of(made, prompt, d)));
  }
  writer.finish_prompt(prompt);
}

// Several prompts at once, as a batch of a recording is.
inline void write_prompts(TraceWriter& writer,
                          const TraceHeader& made,
                          const std::vector<std::size_t>& prompts) {
  for (std::size_t d = 0; d < made.datasets.size(); ++d) {
    std::vector<float> all;
    for (const std::size_t prompt : prompts) {
      const std::vector<float> own = values_of(made, prompt, d);
      all.insert(all.end(), own.begin(), own.end());
    }
    writer.write(prompts, made.datasets[d].name, DType::f32, held(bytes_of(all)));
  }
  writer.finish_prompts(prompts);
}

// Writes what is not yet done, and finishes.
inline void write_rest(TraceWriter& writer, const TraceHeader& made) {
  for (std::size_t i = 0; i < made.prompts.size(); ++i) {
    if (!writer.done(i)) {
      write_prompt(writer, made, i);
    }
  }
  writer.finish();
}

inline void record(const std::filesystem::path& path,
                   const TraceHeader& made,
                   TraceWriter::Options options = {}) {
  TraceWriter writer(path, made, options);
  write_rest(writer, made);
}

// The first finished prompt and dataset whose values are not what was written, or "".
inline std::string first_wrong(const TraceReader& reader, const TraceHeader& made) {
  for (std::size_t i = 0; i < made.prompts.size(); ++i) {
    for (std::size_t d = 0; d < made.datasets.size() && reader.done(i); ++d) {
      if (reader.read(made.datasets[d].name, i).values != values_of(made, i, d)) {
        return made.prompts[i].id + " " + made.datasets[d].name;
      }
    }
  }
  return "";
}

}  // namespace headscope::trace_cases
