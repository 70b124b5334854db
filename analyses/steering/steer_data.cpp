#include "analyses/steering/steer_data.h"

#include <algorithm>
#include <fstream>

#include "analyses/sweep/task_input.h"
#include "hooks/prompts.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/mapped_file.h"
#include "lib/base/random.h"
#include "lib/text/line_fields.h"

namespace headscope {
namespace {

constexpr JsonlKind kSteerLines{
    .named = "the examples",
    .said = "examples are",
    .object =
        "an example is {\"prompt\": \"…\", \"positive\": \"…\", \"negative\": \"…\"} or "
        "{\"text\": \"…\", \"label\": 1}"};

std::vector<std::int32_t> encoded(const std::string& text,
                                  const Model& model,
                                  PrependBos bos,
                                  const std::string& where) {
  std::vector<std::int32_t> tokens = model.tokenizer().encode(text, bos);
  if (tokens.empty() || static_cast<std::int64_t>(tokens.size()) > model.config().n_ctx) {
    throw DataError("{}: a text of {} tokens; the model's context takes 1 to {}",
                    where,
                    tokens.size(),
                    model.config().n_ctx);
  }
  return tokens;
}

// The tokens that `key` adds to the prompt's.
std::vector<std::int32_t> continuation(const LineFields& line,
                                       const std::string& key,
                                       const Prompt& prompt,
                                       const Model& model,
                                       PrependBos bos) {
  const std::vector<std::int32_t> whole =
      encoded(prompt.text + line.text(key), model, bos, line.where());
  const std::vector<std::int32_t>& begin = prompt.tokens;
  if (whole.size() <= begin.size() || !std::equal(begin.begin(), begin.end(), whole.begin())) {
    throw DataError(
        "{}: \"{}\" changes the last tokens of the prompt, or adds none; let it begin with the "
        "space that stands between them",
        line.where(),
        key);
  }
  return {whole.begin() + static_cast<std::ptrdiff_t>(begin.size()), whole.end()};
}

SteerItem pair_item(const LineFields& line, const Model& model, PrependBos bos) {
  SteerItem item{.id = line.name("id"), .prompt = {}};
  item.prompt.text = line.text("prompt");
  item.prompt.tokens = encoded(item.prompt.text, model, bos, line.where());
  item.prompt.spans =
      line.spans("spans", std::ssize(item.prompt.tokens), pieces_of(item.prompt.tokens, model));
  item.positive = {continuation(line, "positive", item.prompt, model, bos)};
  item.negative = {continuation(line, "negative", item.prompt, model, bos)};
  if (item.positive == item.negative) {
    throw DataError("{}: \"positive\" and \"negative\" are the same tokens", line.where());
  }
  return item;
}

SteerItem text_item(const LineFields& line, const Model& model, PrependBos bos) {
  SteerItem item{.id = line.name("id"), .prompt = {}};
  item.prompt.text = line.text("text");
  item.prompt.tokens = encoded(item.prompt.text, model, bos, line.where());
  const std::int64_t label = line.count("label");
  if (label != 0 && label != 1) {
    throw DataError("{}: \"label\" is 1 (positive) or 0 (negative)", line.where());
  }
  item.label = label == 1;
  return item;
}

std::vector<std::vector<std::int32_t>> single_tokens(const std::vector<TokenId>& tokens) {
  std::vector<std::vector<std::int32_t>> each;
  for (const TokenId token : tokens) {
    each.push_back({token});
  }
  return each;
}

SteerData data_of_task(const std::filesystem::path& jsonl, const Model& model, PrependBos bos) {
  SteerData data;
  for (TaskItem& task : task_for(model, jsonl.string(), {.bos = bos}).items) {
    if (task.wrong.empty()) {
      throw DataError(
          "{}: item {} has no wrong answers to steer away from", jsonl.string(), task.id);
    }
    SteerItem item{.id = task.id, .prompt = std::move(task.clean)};
    item.positive = single_tokens(task.answers);
    item.negative = single_tokens(task.wrong);
    item.corrupted = std::move(task.corrupted);
    data.items.push_back(std::move(item));
  }
  return data;
}

SteerData data_of_lines(const std::filesystem::path& jsonl, const Model& model, PrependBos bos) {
  SteerData data;
  LineIds ids;
  for_each_line(jsonl, kSteerLines, [&](const std::string& text, const std::string& where) {
    const LineFields line(text,
                          where,
                          {"prompt", "positive", "negative", "spans", "text", "label", "id"},
                          kSteerLines);
    const auto kind = line.has("text") ? SteerData::Kind::texts : SteerData::Kind::continuations;
    if (line.has("text") == line.has("prompt") || (!data.items.empty() && kind != data.kind)) {
      throw DataError("{}: {}, and all lines are of one form", where, kSteerLines.object);
    }
    data.kind = kind;
    SteerItem item = line.has("text") ? text_item(line, model, bos) : pair_item(line, model, bos);
    if (item.id.empty()) {
      item.id = std::to_string(data.items.size());
    }
    ids.add(item.id, where, "example");
    data.items.push_back(std::move(item));
  });
  return data;
}

bool is_task(const std::filesystem::path& jsonl) {
  bool task = false;
  bool first = true;
  for_each_line(jsonl, kSteerLines, [&](const std::string& text, const std::string& where) {
    if (std::exchange(first, false)) {
      const Json line = parse_json_line(text, where);
      task = line.is_object() && (line.contains("clean") || line.contains("clean_tokens"));
    }
  });
  return task;
}

void check_labels(const SteerData& data) {
  const auto positive = [](const SteerItem& item) { return item.label == true; };
  const auto count = std::count_if(data.items.begin(), data.items.end(), positive);
  if (data.kind == SteerData::Kind::texts &&
      (count == 0 || count == static_cast<std::ptrdiff_t>(data.items.size()))) {
    throw DataError("{}: all texts have one label; a method needs both", data.path);
  }
}

// Adds the items `chosen` selects to `part`, in their order.
SteerData part_of(const SteerData& data, const std::vector<bool>& chosen, bool which) {
  SteerData part{.kind = data.kind, .path = data.path, .hash = data.hash};
  for (std::size_t i = 0; i < data.items.size(); ++i) {
    if (chosen[i] == which) {
      part.items.push_back(data.items[i]);
    }
  }
  return part;
}

}  // namespace

SteerData read_steer_data(const std::filesystem::path& jsonl, const Model& model, PrependBos bos) {
  SteerData data =
      is_task(jsonl) ? data_of_task(jsonl, model, bos) : data_of_lines(jsonl, model, bos);
  data.path = jsonl.string();
  if (data.items.empty()) {
    throw DataError("{}: no examples", data.path);
  }
  check_labels(data);
  Hasher hasher;
  hasher.update(MappedFile(jsonl).bytes());
  data.hash = hasher.digest();
  return data;
}

SteerSplit split_of(const SteerData& data, double held_out, std::uint64_t seed) {
  Random random(seed, "steer split");
  std::vector<bool> out(data.items.size());
  for (const bool label : {true, false}) {
    std::vector<std::size_t> alike;
    for (std::size_t i = 0; i < data.items.size(); ++i) {
      if (data.items[i].label.value_or(true) == label) {
        alike.push_back(i);
      }
    }
    const auto count = static_cast<std::size_t>(held_out * static_cast<double>(alike.size()) + 0.5);
    for (const std::size_t i : random.sample(alike, count)) {
      out[i] = true;
    }
  }
  SteerSplit split{part_of(data, out, false), part_of(data, out, true)};
  if (split.fit.items.empty() || split.held_out.items.empty()) {
    throw UsageError("{}: {} cannot be split into {} % held out and the rest",
                     data.path,
                     counted(data.items.size(), "example"),
                     100.0 * held_out);
  }
  return split;
}

std::vector<LabelledText> labelled_texts(const SteerData& data) {
  std::vector<LabelledText> texts;
  for (std::size_t i = 0; i < data.items.size(); ++i) {
    const SteerItem& item = data.items[i];
    if (item.label) {
      texts.push_back({item.prompt.tokens, *item.label, i});
      continue;
    }
    for (const bool positive : {true, false}) {
      LabelledText text{item.prompt.tokens, positive, i};
      const auto& tail = (positive ? item.positive : item.negative).front();
      text.tokens.insert(text.tokens.end(), tail.begin(), tail.end());
      texts.push_back(std::move(text));
    }
  }
  return texts;
}

}  // namespace headscope
