#include <algorithm>

#include "analyses/task/task.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"

namespace headscope {
namespace {

OrderedJson json_of(const std::map<std::string, Span>& spans) {
  OrderedJson out = OrderedJson::object();
  for (const auto& [name, span] : spans) {
    out[name] = {span.begin, span.end};
  }
  return out;
}

void put_answers(OrderedJson& line,
                 const std::string& key,
                 const std::string& tokens_key,
                 const std::vector<std::string>& texts,
                 const std::vector<TokenId>& tokens) {
  if (tokens.empty()) {
    return;
  }
  if (texts.size() == tokens.size()) {
    line[key] = texts;
  } else {
    line[tokens_key] = tokens;
  }
}

OrderedJson json_of(const TaskItem& item) {
  OrderedJson line;
  line["id"] = item.id;
  const bool as_text = item.given == TaskItem::Given::text;
  if (as_text) {
    line["clean"] = item.clean.text;
    line["corrupted"] = item.corrupted.text;
  } else {
    line["clean_tokens"] = item.clean.tokens;
    line["corrupted_tokens"] = item.corrupted.tokens;
  }
  const std::vector<std::string> none;
  put_answers(line, "answers", "answer_tokens", as_text ? item.answer_texts : none, item.answers);
  put_answers(line, "wrong", "wrong_tokens", as_text ? item.wrong_texts : none, item.wrong);
  if (!item.clean.spans.empty()) {
    line["spans"] = json_of(item.clean.spans);
  }
  if (!item.template_name.empty()) {
    line["template"] = item.template_name;
  }
  line["n_tokens"] = item.clean.tokens.size();
  return line;
}

// The first line that is not blank holds a pair of prompts, whatever else a task may say.
bool begins_as_task(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const std::string_view line = text.substr(begin, text.find('\n', begin) - begin);
  const Json item = Json::parse(line, nullptr, false);
  const auto has = [&](const char* one, const char* other) {
    return item.contains(one) || item.contains(other);
  };
  return item.is_object() && has("clean", "clean_tokens") && has("corrupted", "corrupted_tokens");
}

constexpr TextKind kTaskText{.noun = "task", .is = begins_as_task};

// Spans apart from tokens, so that no two items give the same bytes.
OrderedJson what_counts(const TaskItem& item) {
  return OrderedJson::array({item.clean.tokens,
                             item.corrupted.tokens,
                             item.answers,
                             item.wrong,
                             json_of(item.clean.spans),
                             item.template_name});
}

}  // namespace

std::string jsonl_of(const Task& task) {
  std::string lines;
  for (const TaskItem& item : task.items) {
    lines += json_of(item).dump() + "\n";
  }
  return lines;
}

void check_task_output(const std::filesystem::path& jsonl) {
  check_output_file(jsonl);
  check_replaceable(jsonl, kTaskText);
}

void write_task(const Task& task, const std::filesystem::path& jsonl) {
  check_task_output(jsonl);
  write_file(jsonl, jsonl_of(task));
}

std::string hash_of(const std::vector<TaskItem>& items) {
  Hasher hasher;
  for (const TaskItem& item : items) {
    hasher.update(what_counts(item).dump() + "\n");
  }
  return hasher.digest();
}

}  // namespace headscope
