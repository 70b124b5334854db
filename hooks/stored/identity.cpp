#include "hooks/stored/identity.h"

#include <algorithm>
#include <vector>

#include "hooks/stored/provenance.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

// Files of before it was kept do not say it, and are gone on with.
constexpr const char* kAddedLater = "batch_tokens";

// The member `key` of an object; null where it, or the object, is absent.
const Json* member(const Json* object, const std::string& key) {
  if (object == nullptr || !object->is_object()) {
    return nullptr;
  }
  const auto found = object->find(key);
  return found == object->end() ? nullptr : &*found;
}

std::string shown(const Json* value) {
  return value == nullptr ? "absent" : brief(*value);
}

bool has_members(const Json* value) {
  return value != nullptr && value->is_object() && !value->empty();
}

std::optional<Difference> difference(const std::string& name, const Json* there, const Json* here);

// The keys of both, those that tell most first: another model differs in much of its config too.
std::vector<std::string> keys_of(const Json* there, const Json* here) {
  std::vector<std::string> keys{"weights_hash", "config", "tokenizer_hash"};
  for (const Json* object : {there, here}) {
    if (has_members(object)) {
      for (const auto& [key, value] : object->items()) {
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
          keys.push_back(key);
        }
      }
    }
  }
  return keys;
}

// Steps into objects, so that a message names one value and not the whole.
std::optional<Difference> member_difference(const std::string& prefix,
                                            const Json* there,
                                            const Json* here) {
  for (const std::string& key : keys_of(there, here)) {
    if (auto found = difference(prefix + key, member(there, key), member(here, key))) {
      return found;
    }
  }
  return std::nullopt;
}

// Of two lists of one length; others are named whole, by their lengths.
std::optional<Difference> item_difference(const std::string& name,
                                          const Json* there,
                                          const Json* here) {
  const bool lists = there != nullptr && here != nullptr && there->is_array() && here->is_array();
  for (std::size_t i = 0; lists && there->size() == here->size() && i < here->size(); ++i) {
    if (auto found = difference(fmt::format("{}[{}]", name, i), &(*there)[i], &(*here)[i])) {
      return found;
    }
  }
  return std::nullopt;
}

std::optional<Difference> difference(const std::string& name, const Json* there, const Json* here) {
  const bool both = there != nullptr && here != nullptr;
  if (both ? *there == *here : there == here) {
    return std::nullopt;
  }
  if (has_members(there) || has_members(here)) {
    if (auto found = member_difference(name + ".", there, here)) {
      return found;
    }
  }
  if (auto found = item_difference(name, there, here)) {
    return found;
  }
  return Difference{name, shown(there), shown(here)};
}

}  // namespace

std::optional<Difference> identity_difference(const Json& there, const Json& here) {
  const Json* stored = member(&there, "identity");
  const Json* asked = member(&here, "identity");
  if (member(asked, kAddedLater) != nullptr && member(stored, kAddedLater) == nullptr) {
    Json known = *asked;
    known.erase(kAddedLater);
    return member_difference("", stored, &known);
  }
  return member_difference("", stored, asked);
}

std::string brief(const Json& value) {
  constexpr std::size_t kMostText = 60;  // bytes of a value that a message quotes
  if (value.is_null()) {
    return "absent";
  }
  if (value.is_structured()) {
    return fmt::format("{} entries", value.size());
  }
  const std::string text = value.is_string() ? value.get<std::string>() : dumped(value);
  if (text.empty()) {
    return "empty";  // else the message would show nothing
  }
  return text.size() <= kMostText ? text : dumped(text.substr(0, kMostText)) + "…";
}

void refuse_to_resume(const std::filesystem::path& path,
                      const std::string& why,
                      std::string_view way_out) {
  throw UsageError("{}: cannot be resumed: {}; {}", path.string(), why, way_out);
}

void refuse_to_resume(const std::filesystem::path& path,
                      const Difference& differs,
                      std::string_view way_out) {
  refuse_to_resume(
      path,
      fmt::format("{} is {} there but {} here", differs.what, differs.there, differs.here),
      way_out);
}

}  // namespace headscope
