#include "lib/chat/value_json.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/base/json.h"
#include "lib/chat/python_repr.h"
#include "lib/text/unicode.h"

namespace headscope::jinja {
namespace {

Value from_json_at(const OrderedJson& json, int depth);

Value from_text(const std::string& text) {
  if (valid_utf8_prefix(text) != text.size()) {
    throw Fault("a text given to the template is not UTF-8");
  }
  return text;
}

// A float of this size may have been an integer beyond 64 bits, which Python would keep.
Value from_number(const OrderedJson& json) {
  constexpr double kLargest = 1.8e19;
  if (json.is_number_float() && std::abs(json.get<double>()) >= kLargest) {
    throw Fault("the number {} is too large for headscope to write as Python does", json.dump());
  }
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > kMost) {
    throw Fault("the number {} does not fit into 64 bits", json.dump());
  }
  return json.is_number_float() ? Value(json.get<double>()) : Value(json.get<std::int64_t>());
}

Value from_list(const OrderedJson& json, int depth) {
  std::vector<Value> items;
  items.reserve(json.size());
  for (const OrderedJson& item : json) {
    items.push_back(from_json_at(item, depth));
  }
  return make_sequence(std::move(items));
}

Value from_object(const OrderedJson& json, int depth) {
  Dict dict;
  for (const auto& [key, value] : json.items()) {
    dict.set(from_text(key), from_json_at(value, depth));
  }
  return make_dict(std::move(dict));
}

Value from_json_at(const OrderedJson& json, int depth) {
  if (depth > kDeepestValue) {
    throw Fault("what the template is given is nested more than {} deep", kDeepestValue);
  }
  switch (json.type()) {
    case OrderedJson::value_t::null:
      return None{};
    case OrderedJson::value_t::boolean:
      return json.get<bool>();
    case OrderedJson::value_t::string:
      return from_text(json.get_ref<const std::string&>());
    case OrderedJson::value_t::array:
      return from_list(json, depth + 1);
    case OrderedJson::value_t::object:
      return from_object(json, depth + 1);
    case OrderedJson::value_t::binary:
    case OrderedJson::value_t::discarded:
      throw Fault("what the template is given is no JSON");
    default:
      return from_number(json);
  }
}

void append_unit(std::string& out, std::uint32_t unit) {
  out += fmt::format("\\u{:04x}", unit);
}

void append_ascii(std::string& out, char32_t value) {
  const auto code = static_cast<std::uint32_t>(value);
  if (code < 0x10000) {
    append_unit(out, code);
  } else {
    append_unit(out, 0xD800u + ((code - 0x10000u) >> 10u));
    append_unit(out, 0xDC00u + ((code - 0x10000u) & 0x3FFu));
  }
}

class JsonDumper {
 public:
  JsonDumper(const DumpOptions& options, std::string& out) : options_(options), out_(out) {}

  void dump(const Value& value, int level) {
    if (out_.size() > options_.most_bytes) {
      throw Fault("tojson: more than {} bytes", options_.most_bytes);
    }
    if (const std::string* text = value.text()) {
      string(*text);
    } else if (const Sequence* sequence = value.sequence()) {
      list(*sequence, level);
    } else if (const Dict* dict = value.dict()) {
      object(*dict, level);
    } else {
      out_ += scalar(value);
    }
  }

 private:
  static std::string scalar(const Value& value) {
    if (const auto* flag = value.as<bool>()) {
      return *flag ? "true" : "false";
    }
    if (value.is<None>()) {
      return "null";
    }
    if (const auto* number = value.as<double>()) {
      return std::isnan(*number)   ? "NaN"
             : std::isinf(*number) ? (*number < 0 ? "-Infinity" : "Infinity")
                                   : float_text(*number);
    }
    if (const auto* number = value.as<std::int64_t>()) {
      return fmt::format("{}", *number);
    }
    throw Fault("tojson: a value of type {} has no JSON", type_name(value));
  }

  void string(const std::string& text) {
    out_ += '"';
    for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at])) {
      const CodePoint point = code_point_at(text, at);
      if (!escape(point.value)) {
        if (options_.ensure_ascii && point.value > 0x7E) {
          append_ascii(out_, point.value);
        } else {
          out_.append(text, at, point.length);
        }
      }
    }
    out_ += '"';
  }

  bool escape(char32_t value) {
    constexpr std::string_view kNamed = "\"\\\n\r\t\f\b";
    constexpr std::string_view kLetters = "\"\\nrtfb";
    if (value >= 0x80) {
      return false;
    }
    if (const std::size_t found = kNamed.find(static_cast<char>(value)); found != kNamed.npos) {
      out_ += '\\';
      out_ += kLetters[found];
      return true;
    }
    if (value < 0x20) {
      append_unit(out_, static_cast<std::uint32_t>(value));
      return true;
    }
    return false;
  }

  // Before each element, and before the closing bracket.
  void line(int level) {
    if (options_.indent) {
      out_ += '\n';
      for (int i = 0; i < level; ++i) {
        out_ += *options_.indent;
      }
    }
  }

  void list(const Sequence& sequence, int level) {
    if (sequence.kind > Sequence::Kind::tuple) {
      throw Fault("tojson: this kind of sequence has no JSON; use |list");
    }
    out_ += '[';
    for (std::size_t i = 0; i < sequence.items.size(); ++i) {
      out_ += i == 0 ? "" : options_.item_separator;
      line(level + 1);
      dump(sequence.items[i], level + 1);
    }
    if (!sequence.items.empty()) {
      line(level);
    }
    out_ += ']';
  }

  void object(const Dict& dict, int level) {
    std::vector<Dict::Entry> entries = dict.entries();
    if (options_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
        return less(a.first, b.first);
      });
    }
    out_ += '{';
    for (std::size_t i = 0; i < entries.size(); ++i) {
      out_ += i == 0 ? "" : options_.item_separator;
      line(level + 1);
      const std::string* text = entries[i].first.text();
      string(text != nullptr ? *text : scalar(entries[i].first));
      out_ += options_.key_separator;
      dump(entries[i].second, level + 1);
    }
    if (!entries.empty()) {
      line(level);
    }
    out_ += '}';
  }

  const DumpOptions& options_;
  std::string& out_;
};

}  // namespace

Value from_json(const OrderedJson& json) {
  return from_json_at(json, 0);
}

std::string dump_json(const Value& value, const DumpOptions& options) {
  std::string out;
  JsonDumper(options, out).dump(value, 0);
  return out;
}

}  // namespace headscope::jinja
