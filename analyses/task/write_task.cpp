#include <cerrno>
#include <cstdio>
#include <cstring>

#include <unistd.h>

#include "analyses/task/task.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"

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

// Spans apart from tokens, so that no two items give the same bytes.
OrderedJson what_counts(const TaskItem& item) {
  return OrderedJson::array({item.clean.tokens,
                             item.corrupted.tokens,
                             item.answers,
                             item.wrong,
                             json_of(item.clean.spans),
                             item.template_name});
}

[[noreturn]] void fail_writing(const std::filesystem::path& path) {
  const int reason = errno;
  throw ResourceError("{}: writing failed ({}); {} and run again",
                      path.string(),
                      std::strerror(reason),
                      reason == EFBIG ? "raise the limit (ulimit -f)" : "free some disk space");
}

}  // namespace

std::string jsonl_of(const Task& task) {
  std::string lines;
  for (const TaskItem& item : task.items) {
    lines += json_of(item).dump() + "\n";
  }
  return lines;
}

// As cli/render/output_file.h does, which lies above this layer.
void write_task(const Task& task, const std::filesystem::path& jsonl) {
  const std::string lines = jsonl_of(task);
  std::filesystem::path part = jsonl;
  part += fmt::format(".{}.part", ::getpid());
  check_output_file(jsonl);
  make_parent_folders(jsonl);
  std::FILE* file = std::fopen(part.c_str(), "wb");
  if (file == nullptr) {
    throw UsageError("{}: cannot be created; choose another output file", jsonl.string());
  }
  const bool written = std::fwrite(lines.data(), 1, lines.size(), file) == lines.size() &&
                       std::fflush(file) == 0 && ::fsync(::fileno(file)) == 0;
  const int reason = errno;
  std::fclose(file);
  if (!written || std::rename(part.c_str(), jsonl.c_str()) != 0) {
    errno = written ? errno : reason;
    std::remove(part.c_str());
    fail_writing(jsonl);
  }
}

std::string hash_of(const std::vector<TaskItem>& items) {
  Hasher hasher;
  for (const TaskItem& item : items) {
    hasher.update(what_counts(item).dump() + "\n");
  }
  return hasher.digest();
}

}  // namespace headscope
