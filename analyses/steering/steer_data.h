// Examples that a steering method learns from, or is judged by: what a text should say, and what it
// should not.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lib/model/model.h"
#include "lib/text/prompt.h"

namespace headscope {

struct SteerItem {
  std::string id;
  Prompt prompt;  // as run; of a labelled text the whole of it
  // What may follow, in tokens, each at least one. Of a labelled text none.
  std::vector<std::vector<std::int32_t>> positive{};
  std::vector<std::vector<std::int32_t>> negative{};
  std::optional<bool> label{};        // of a labelled text: whether it is positive
  std::optional<Prompt> corrupted{};  // of an item of a task: the other prompt
};

struct SteerData {
  // texts: whole texts with a label. continuations: of one prompt, right and wrong ones.
  enum class Kind { texts, continuations } kind = Kind::continuations;
  std::vector<SteerItem> items{};
  std::string path{};
  std::string hash{};  // of the file's bytes
};

// Reads JSONL, all lines of one form:
//   {"prompt": "The soup was", "positive": " wonderful", "negative": " awful",
//    "spans": {"subject": [0, 2]}}        token ranges, or texts of the prompt; may be left out
//   {"text": "I loved every minute of it.", "label": 1}          label: 1 positive, 0 negative
//   a line of a task (analyses/task/task.h): its clean prompt, answers and wrong answers
// with an optional "id" each. A continuation's tokens are those it adds to the prompt's. Throws
// DataError naming path:line: malformed JSON, an unknown key, lines of two forms, a continuation
// that changes the prompt's tokens or adds none, a text that is empty or longer than the context;
// what read_task() throws; no items, or texts of one label alone.
SteerData read_steer_data(const std::filesystem::path& jsonl, const Model& model, PrependBos bos);

// A seeded part of the items, and the others, each in the file's order. Of texts, each label is
// split alike. Throws UsageError if either part would be empty.
struct SteerSplit {
  SteerData fit;
  SteerData held_out;
};
SteerSplit split_of(const SteerData& data, double held_out, std::uint64_t seed);

// A whole text, and whether it is what is wanted: of continuations, the prompt with the first
// right or wrong one behind it.
struct LabelledText {
  std::vector<std::int32_t> tokens;
  bool positive = false;
  std::size_t item = 0;  // in SteerData::items
};
std::vector<LabelledText> labelled_texts(const SteerData& data);

}  // namespace headscope
