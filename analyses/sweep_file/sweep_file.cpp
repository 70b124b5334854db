#include "analyses/sweep_file/sweep_file.h"

#include <algorithm>
#include <map>

#include <fmt/ranges.h>

#include "analyses/sweep_file/sweep_methods.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/mapped_file.h"
#include "lib/base/ordered_json.h"
#include "lib/base/paths.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;
using KeyNames = std::vector<std::string>;

const KeyNames kOfFile{"model", "output", "sweeps"};
// What tells sweeps apart, in the order in which it names them.
const KeyNames kNaming{"site",
                       "mode",
                       "method",
                       "receiver",
                       "senders",
                       "over",
                       "positions",
                       "from",
                       "metric",
                       "intervene",
                       "attention"};

// What may stand at the top for all entries: what every method is told, however its cells run.
const KeyNames& keys_for_all() {
  static const KeyNames keys = [] {
    SweepRequest request;
    KeyNames names;
    for (const RequestField& field : request_fields(request, SweepMethod::Cells::together)) {
      names.push_back(field.name);
    }
    return names;
  }();
  return keys;
}

bool is_in(const KeyNames& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

OrderedJson parse(const fs::path& file) {
  const MappedFile mapped(file);
  const auto bytes = mapped.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return parse_ordered_json(text, file.string());
}

std::string text_at(const OrderedJson& object, const std::string& key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) {
    throw DataError("{}: \"{}\" is missing", where, key);
  }
  if (!found->is_string() || found->get<std::string>().empty()) {
    throw DataError("{}: \"{}\" must be text, not {}", where, key, found->dump());
  }
  return found->get<std::string>();
}

void check_keys(const OrderedJson& spec, const std::string& where) {
  KeyNames known = kOfFile;
  known.insert(known.end(), keys_for_all().begin(), keys_for_all().end());
  for (const auto& [key, value] : spec.items()) {
    if (!is_in(known, key)) {
      throw DataError(
          "{}: {}: no such key{}; there are {} (a verb's other options go into its "
          "entry of \"sweeps\")",
          where,
          key,
          did_you_mean(key, known),
          fmt::join(known, ", "));
    }
  }
}

// An array is its elements with commas between, as they are typed.
std::string plain_text(const OrderedJson& value) {
  if (!value.is_array()) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  }
  KeyNames parts;
  for (const OrderedJson& part : value) {
    parts.push_back(plain_text(part));
  }
  return fmt::format("{}", fmt::join(parts, ","));
}

// "patch-z-layer-head"
std::string default_name(const std::string& verb, const OrderedJson& entry) {
  std::string name = verb;
  for (const std::string& key : kNaming) {
    if (entry.contains(key)) {
      name += '-';
      name += plain_text(entry[key]);
    }
  }
  for (char& c : name) {
    const bool kept = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                      c == '.' || c == '_' || c == '-';
    c = kept ? c : '-';
  }
  return name;
}

std::string given_name(const OrderedJson& entry, const std::string& where) {
  std::string name = text_at(entry, "name", where);
  if (name.find('/') != std::string::npos || name.find('\0') != std::string::npos ||
      name.starts_with('.')) {
    throw DataError("{}: \"name\" names a file inside \"output\"; \"{}\" cannot", where, name);
  }
  return name;
}

SweepEntry entry_of(const OrderedJson& given, std::size_t index, const fs::path& list) {
  const std::string where = fmt::format("{}: sweeps[{}]", list.string(), index);
  if (!given.is_object()) {
    throw DataError("{}: must be an object, as in {{\"verb\": \"patch\", \"site\": \"z\"}}", where);
  }
  SweepEntry entry{.index = index, .verb = text_at(given, "verb", where)};
  if (!is_in(sweep_method_names(), entry.verb)) {
    throw DataError("{}: \"{}\" is no verb that sweeps{}; there are {}",
                    where,
                    entry.verb,
                    did_you_mean(entry.verb, sweep_method_names()),
                    fmt::join(sweep_method_names(), ", "));
  }
  entry.name = given.contains("name") ? given_name(given, where) : default_name(entry.verb, given);
  entry.options = given;
  entry.options.erase("verb");
  entry.options.erase("name");
  return entry;
}

// What the list says for all.
void complete(SweepEntry& entry, const OrderedJson& spec) {
  for (const std::string& key : keys_for_all()) {
    if (spec.contains(key) && !entry.options.contains(key)) {
      entry.options[key] = spec[key];
    }
  }
}

void check_names(const SweepFile& list) {
  std::map<std::string, std::size_t> index_of;
  for (const SweepEntry& entry : list.entries) {
    const auto [first, is_new] = index_of.emplace(entry.name, entry.index);
    if (!is_new) {
      throw DataError(
          "{}: sweeps[{}] and sweeps[{}] would both write {}.h5; give one of them a \"name\"",
          list.file.string(),
          first->second,
          entry.index,
          entry.name);
    }
  }
}

}  // namespace

std::string SweepFile::resolved(const std::string& path) const {
  return (file.parent_path() / path).lexically_normal().string();
}

std::string SweepEntry::where() const {
  return fmt::format("sweeps[{}] ({})", index, name);
}

SweepFile read_sweep_file(const fs::path& file) {
  const OrderedJson spec = parse(file);
  const std::string where = file.string();
  if (!spec.is_object()) {
    throw DataError("{}: must be an object with \"model\", \"output\" and \"sweeps\"", where);
  }
  check_keys(spec, where);
  const auto sweeps = spec.find("sweeps");
  if (sweeps == spec.end() || !sweeps->is_array() || sweeps->empty()) {
    throw DataError("{}: \"sweeps\" must be a list of at least one sweep", where);
  }
  SweepFile list{.file = file, .model = text_at(spec, "model", where), .output = {}, .entries = {}};
  list.output = list.resolved(text_at(spec, "output", where));
  if (const std::string beside = list.resolved(list.model); path_exists(beside)) {
    list.model = beside;  // else a name that load_model() knows
  }
  for (const OrderedJson& entry : *sweeps) {
    list.entries.push_back(entry_of(entry, list.entries.size(), file));
    complete(list.entries.back(), spec);
  }
  check_names(list);
  return list;
}

}  // namespace headscope
