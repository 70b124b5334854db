// What every JSON text that we read is held to while it is parsed: no deeper than its readers can
// follow, and each key of an object once, since a parser that keeps the last loses the others in
// silence.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {

struct JsonRules {
  std::string where;             // what messages begin with
  std::size_t most_depth = 512;  // consumers recurse; no honest config comes near
  std::string way_out{};         // what a message ends with in place of its own advice
};

// Reads a text for these rules alone. The parser's own callbacks look through all that a container
// holds whenever something in it ends, so that a graph of 100,000 edges would take minutes.
class JsonGuard final : public nlohmann::json_sax<Json> {
 public:
  explicit JsonGuard(JsonRules rules) : rules_(std::move(rules)) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return opened(); }
  bool end_object() override { return closed(); }
  bool start_array(std::size_t) override { return opened(); }
  bool end_array() override { return closed(); }
  bool key(string_t& name) override {
    if (!open_.back().insert(name).second) {
      throw DataError("{}: the key {} stands twice in one object; {}",
                      rules_.where,
                      Json(name).dump(-1, ' ', true),  // no bytes that a terminal obeys
                      rules_.way_out.empty() ? "keep one" : rules_.way_out);
    }
    return true;
  }
  // Malformed: the parser tells it better.
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override {
    return false;
  }

 private:
  bool opened() {
    if (open_.size() >= rules_.most_depth) {
      throw DataError("{}: JSON nested deeper than {}{}{}",
                      rules_.where,
                      rules_.most_depth,
                      rules_.way_out.empty() ? "" : "; ",
                      rules_.way_out);
    }
    open_.emplace_back();
    return true;
  }
  bool closed() {
    open_.pop_back();
    return true;
  }

  JsonRules rules_;
  std::vector<std::unordered_set<std::string>> open_;  // the keys of what is open; of a list none
};

// What nlohmann's message of an exception says, in short and on one line, without its own names:
// "line 2, column 5 (object): expected '}', found end of input". What was read last is cut to some
// 40 bytes.
std::string json_fault(std::string_view message);

// `text` as a document (Json or OrderedJson). Throws DataError for what the rules forbid;
// nlohmann's exceptions of malformed JSON pass.
template <typename Document>
Document parse_guarded(std::string_view text, JsonRules rules) {
  JsonGuard guard(std::move(rules));
  static_cast<void>(Json::sax_parse(text, &guard));
  return Document::parse(text);
}

}  // namespace headscope
