#include "analyses/known_models/known_model.h"

#include <algorithm>
#include <set>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "lib/families/write_hooked_transformer.h"
#include "lib/text/word_level.h"

namespace headscope {
namespace {

TokenId known_word_id(const KnownModelParts& parts, const std::string& word) {
  const auto found = std::find(parts.words.begin(), parts.words.end(), word);
  if (found == parts.words.end()) {
    throw InternalError("a known model's task has the word '{}', its vocabulary not", word);
  }
  return static_cast<TokenId>(found - parts.words.begin());
}

Prompt known_prompt(const KnownModelParts& parts, const std::vector<std::string>& words) {
  Prompt prompt;
  prompt.text = fmt::format("{}", fmt::join(words, " "));
  prompt.tokens = {0};
  for (const std::string& word : words) {
    prompt.tokens.push_back(known_word_id(parts, word));
  }
  const auto length = static_cast<std::int64_t>(prompt.tokens.size());
  prompt.spans = {{"end", {length - 1, length}}};
  return prompt;
}

// The ends of the edges, in the order of the list.
OrderedJson ends_of_edges(const std::vector<std::string>& edges) {
  std::set<std::string> seen;
  OrderedJson nodes = OrderedJson::array();
  for (const std::string& edge : edges) {
    const std::size_t arrow = edge.find("->");
    std::string to = edge.substr(arrow + 2);
    to = to.substr(0, to.find('<'));
    for (const std::string& node : {edge.substr(0, arrow), to}) {
      if (seen.insert(node).second) {
        nodes.push_back(node);
      }
    }
  }
  return nodes;
}

}  // namespace

Task known_task(const KnownModel& model, const KnownModelParts& parts) {
  Task task;
  task.name = std::string(model.name);
  for (const KnownItem& item : parts.items) {
    task.items.push_back({.id = std::to_string(task.items.size()),
                          .clean = known_prompt(parts, item.clean),
                          .corrupted = known_prompt(parts, item.corrupted),
                          .answers = {known_word_id(parts, item.answer)},
                          .wrong = {known_word_id(parts, item.wrong)},
                          .template_name = item.kind,
                          .answer_texts = {" " + item.answer},
                          .wrong_texts = {" " + item.wrong}});
  }
  task.hash = hash_of(task.items);
  return task;
}

OrderedJson truth_json(const KnownModel& model, const KnownModelParts& parts) {
  return {{"format", "headscope-truth"},
          {"version", 1},
          {"model", std::string(model.name)},
          {"task", "task.jsonl"},
          {"mechanism", std::string(model.mechanism)},
          {"nodes", ends_of_edges(parts.truth.edges)},
          {"edges", parts.truth.edges},
          {"constant_edges", parts.truth.constant_edges},
          {"not_found_by", parts.truth.not_found_by}};
}

void write_known_model(const KnownModel& model, const std::filesystem::path& directory) {
  const KnownModelParts parts = model.make();
  std::vector<std::pair<std::string, std::string>> beside = word_level_files(parts.words);
  beside.emplace_back("task.jsonl", jsonl_of(known_task(model, parts)));
  beside.emplace_back("truth.json", truth_json(model, parts).dump(1) + "\n");
  write_model_directory(directory, {parts.config, parts.weights, std::move(beside)});
}

}  // namespace headscope
