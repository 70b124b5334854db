#include "hooks/trace/provenance.h"

#include <algorithm>
#include <vector>

#include "hooks/trace/h5/attribute.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

void write_key(hid_t root, const std::string& key, const Json& value) {
  if (value.is_string()) {
    h5::set_attribute(root, key, value.get<std::string>());
  } else if (value.is_boolean()) {
    h5::set_flag(root, key, value.get<bool>());
  } else if (value.is_number_unsigned()) {
    h5::set_attribute(root, key, value.get<std::uint64_t>());
  } else if (value.is_number_integer()) {
    h5::set_attribute(root, key, value.get<std::int64_t>());
  } else if (value.is_number()) {
    h5::set_attribute(root, key, value.get<double>());
  } else {
    h5::set_attribute(root, key, dumped(value));
  }
}

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

void write_provenance(hid_t root,
                      const FileKind& kind,
                      const Json& provenance,
                      const std::set<std::string>& reserved) {
  static const std::set<std::string> ours{"format", "version", "provenance"};
  h5::set_attribute(root, "format", std::string(kind.format));
  h5::set_attribute(root, "version", kind.version);
  h5::set_attribute(root, "provenance", dumped(provenance));
  for (const auto& [key, value] : provenance.items()) {
    if (ours.contains(key) || reserved.contains(key)) {
      throw UsageError(
          "provenance key '{}' is taken by the {} itself; choose another", key, kind.noun);
    }
    write_key(root, key, value);
  }
}

Json read_provenance(hid_t root, const FileKind& kind, const std::string& where) {
  if (h5::text_attribute(root, "format") != kind.format ||
      h5::integer_attribute(root, "version") != kind.version) {
    throw h5::Failure("the format attribute disagrees with the seal");
  }
  return parse_json(h5::text_attribute(root, "provenance"), where);
}

std::optional<Difference> identity_difference(const Json& there, const Json& here) {
  return member_difference("", member(&there, "identity"), member(&here, "identity"));
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
  return text.size() <= kMostText ? text : dumped(text.substr(0, kMostText)) + "…";
}

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string storable(std::string text) {
  for (std::size_t at = text.find('\0'); at != std::string::npos; at = text.find('\0', at)) {
    text.replace(at, 1, "\u2400");
  }
  return text;
}

}  // namespace headscope
