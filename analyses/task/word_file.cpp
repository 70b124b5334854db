#include "analyses/task/word_file.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/suggest.h"

namespace headscope {

WordFile::WordFile(std::string_view task, std::string_view ours)
    : ours_(fmt::format("built-in {}.json", task)),
      json_(ours.empty() ? OrderedJson::object() : OrderedJson::parse(ours)) {}

void WordFile::replace(const Json& theirs, const std::filesystem::path& path) {
  theirs_ = path.string();
  if (!theirs.is_object() || theirs.empty()) {
    throw DataError("{}: a template file is a JSON object, {{\"templates\": […], …}}", theirs_);
  }
  std::vector<std::string> known;
  for (const auto& [key, value] : json_.items()) {
    known.push_back(key);
  }
  for (const auto& [key, value] : theirs.items()) {
    if (!json_.contains(key)) {
      throw DataError("{}: unknown key \"{}\"{}; this task has {}",
                      theirs_,
                      key,
                      did_you_mean(key, known),
                      fmt::join(known, ", "));
    }
    json_[key] = OrderedJson::parse(value.dump());
    replaced_.push_back(key);
  }
}

std::string WordFile::where(const std::string& key) const {
  const bool is_theirs = std::find(replaced_.begin(), replaced_.end(), key) != replaced_.end();
  return fmt::format("{}: {}", is_theirs ? theirs_ : ours_, key);
}

const OrderedJson& WordFile::at(const std::string& key) const {
  if (!json_.contains(key)) {
    throw InternalError("{}: no such list", where(key));
  }
  return json_.at(key);
}

std::vector<std::string> WordFile::texts(const OrderedJson& list, const std::string& where) const {
  const bool all_texts = list.is_array() && !list.empty() &&
                         std::all_of(list.begin(), list.end(), [](const OrderedJson& text) {
                           return text.is_string() && !text.get<std::string>().empty();
                         });
  if (!all_texts) {
    throw DataError("{} is not a list of texts", where);
  }
  return list.get<std::vector<std::string>>();
}

std::vector<std::string> WordFile::list(const std::string& key) const {
  std::vector<std::string> out = texts(at(key), where(key));
  std::vector<std::string> sorted = out;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    throw DataError("{} has \"{}\" twice", where(key), *twice);
  }
  return out;
}

std::vector<std::pair<std::string, std::vector<std::string>>> WordFile::groups(
    const std::string& key) const {
  if (!at(key).is_object() || at(key).empty()) {
    throw DataError("{} is not an object of lists of texts", where(key));
  }
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  for (const auto& [name, list] : at(key).items()) {
    out.emplace_back(name, texts(list, where(key) + "." + name));
  }
  return out;
}

std::vector<std::vector<std::string>> WordFile::rows(const std::string& key,
                                                     std::size_t width) const {
  if (!at(key).is_array() || at(key).empty()) {
    throw DataError("{} is not a list of lists of texts", where(key));
  }
  std::vector<std::vector<std::string>> out;
  for (const auto& row : at(key)) {
    out.push_back(texts(row, where(key)));
    if (out.back().size() != width) {
      throw DataError("{}: {} is not {} texts", where(key), row.dump(), width);
    }
  }
  return out;
}

}  // namespace headscope
