#include "hooks/stored/provenance.h"

#include "hooks/stored/h5/attribute.h"
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
