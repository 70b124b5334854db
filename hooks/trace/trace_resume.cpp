#include "hooks/trace/trace_resume.h"

#include <algorithm>
#include <string>
#include <vector>

#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::size_t kMostText = 60;  // bytes of a value that a message quotes

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// A value as a message shows it: never a whole config.
std::string brief(const Json& value) {
  if (value.is_null()) {
    return "absent";
  }
  if (value.is_structured()) {
    return fmt::format("{} entries", value.size());
  }
  const std::string text = value.is_string() ? value.get<std::string>() : dumped(value);
  return text.size() <= kMostText ? text : dumped(text.substr(0, kMostText)) + "…";
}

// Throws "PATH: cannot be resumed: WHAT; …".
[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what) {
  throw UsageError(
      "{}: cannot be resumed: {}; record as before or to another -o", path.string(), what);
}

[[noreturn]] void refuse(const std::filesystem::path& path,
                         const std::string& what,
                         const std::string& found,
                         const std::string& asked) {
  refuse(path, fmt::format("{} is {} there but {} here", what, found, asked));
}

Json identity_of(const Json& provenance) {
  const auto found = provenance.find("identity");
  return found == provenance.end() || !found->is_object() ? Json::object() : *found;
}

Json member(const Json& object, const std::string& key) {
  return object.value(key, Json());
}

// The keys of both, those that tell most first: another model differs in much of its config too.
std::vector<std::string> keys_of(const Json& found, const Json& asked) {
  std::vector<std::string> keys{"weights_hash", "config", "tokenizer_hash"};
  for (const Json* object : {&asked, &found}) {
    for (const auto& [key, value] : object->items()) {
      if (std::ranges::find(keys, key) == keys.end()) {
        keys.push_back(key);
      }
    }
  }
  return keys;
}

// Refuses at the first field, however deep, in which two values differ; `name` is theirs.
void check_equal(const std::filesystem::path& path,
                 const std::string& name,
                 const Json& found,
                 const Json& asked) {
  if (found == asked) {
    return;
  }
  if (found.is_object() && asked.is_object()) {
    for (const std::string& key : keys_of(found, asked)) {
      check_equal(
          path, name.empty() ? key : name + "." + key, member(found, key), member(asked, key));
    }
  }
  if (found.is_array() && asked.is_array() && found.size() == asked.size()) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      check_equal(path, fmt::format("{}[{}]", name, i), found[i], asked[i]);
    }
  }
  refuse(path, name, brief(found), brief(asked));
}

void check_tokens(const std::filesystem::path& path,
                  std::size_t prompt,
                  const std::vector<std::int32_t>& asked,
                  const std::vector<std::int32_t>& found) {
  if (asked.size() != found.size()) {
    refuse(path,
           fmt::format("its prompt {} has {} tokens, not {}", prompt, found.size(), asked.size()));
  }
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (asked[i] != found[i]) {
      refuse(path,
             fmt::format("token {} of its prompt {}", i, prompt),
             std::to_string(found[i]),
             std::to_string(asked[i]));
    }
  }
}

void check_prompts(const std::filesystem::path& path,
                   const std::vector<TracePrompt>& asked,
                   const std::vector<TracePrompt>& found) {
  if (asked.size() != found.size()) {
    refuse(path, fmt::format("it holds {} prompts, not {}", found.size(), asked.size()));
  }
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (asked[i].text != found[i].text) {
      refuse(path, fmt::format("its prompt {} is another text", i));
    }
    check_tokens(path, i, asked[i].tokens, found[i].tokens);
    if (asked[i].id != found[i].id) {
      refuse(
          path, fmt::format("the id of its prompt {}", i), brief(found[i].id), brief(asked[i].id));
    }
    if (asked[i].spans != found[i].spans) {
      refuse(path, fmt::format("its prompt {} has other spans", i));
    }
  }
}

std::string described(const TraceDataset& dataset) {
  return fmt::format(
      "{} {} {}", to_string(dataset.dtype), dumped(dataset.axes), dumped(dataset.shape));
}

const TraceDataset* find(const TraceContents& contents, const std::string& name) {
  const auto at = std::ranges::find_if(
      contents.datasets, [&](const StoredDataset& dataset) { return dataset.info.name == name; });
  return at == contents.datasets.end() ? nullptr : &at->info;
}

void check_datasets(const std::filesystem::path& path,
                    const std::vector<TraceDataset>& asked,
                    const TraceContents& found) {
  for (const TraceDataset& dataset : asked) {
    const TraceDataset* there = find(found, dataset.name);
    if (there == nullptr || !(*there == dataset)) {
      refuse(path,
             dataset.name,
             there == nullptr ? "not recorded" : described(*there),
             described(dataset));
    }
  }
  for (const StoredDataset& dataset : found.datasets) {
    if (std::ranges::none_of(
            asked, [&](const TraceDataset& other) { return other.name == dataset.info.name; })) {
      refuse(path, dataset.info.name, described(dataset.info), "not recorded");
    }
  }
}

}  // namespace

void check_same_trace(const std::filesystem::path& path,
                      const TraceHeader& asked,
                      const TraceContents& found) {
  check_equal(path, "", identity_of(found.provenance), identity_of(asked.provenance));
  check_prompts(path, asked.prompts, found.prompts);
  check_datasets(path, asked.datasets, found);  // last: their shapes follow from the rest
}

}  // namespace headscope
