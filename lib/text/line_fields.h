// Files of one JSON object a line (JSONL): their lines, and the fields of each, with errors that
// name the line and the key.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/json.h"
#include "lib/text/prompt.h"
#include "lib/text/tokenizer.h"

namespace headscope {

// What a file holds, for its errors: "cannot open the task", "a task is one JSONL file".
struct JsonlKind {
  std::string_view named;   // "the task"
  std::string_view said;    // "a task is"
  std::string_view object;  // "an item is a JSON object, {…}"
};

// Calls `use` with every line that is not blank and where it is, "path:3". Throws DataError naming
// the path: a folder, or what cannot be read to its end.
void for_each_line(
    const std::filesystem::path& jsonl,
    const JsonlKind& kind,
    const std::function<void(const std::string& line, const std::string& where)>& use);

// The ids of a file's items, each of which has its own.
class LineIds {
 public:
  // Throws DataError naming `where` and the line that has the id already. `items`: "item".
  void add(const std::string& id, const std::string& where, std::string_view items);

 private:
  std::map<std::string, std::string> line_of_id_;
};

class LineFields {
 public:
  // Throws DataError: malformed JSON, no object, a key that stands twice or is not in `known`.
  LineFields(std::string_view line,
             std::string where,
             const std::vector<std::string>& known,
             const JsonlKind& kind);

  [[nodiscard]] bool has(const std::string& key) const { return json_.contains(key); }
  [[nodiscard]] const std::string& where() const { return where_; }

  [[nodiscard]] std::string text(const std::string& key) const;
  [[nodiscard]] std::vector<std::string> texts(const std::string& key) const;
  [[nodiscard]] std::string name(const std::string& key) const;  // a text or a number; "" if absent
  [[nodiscard]] std::int64_t count(const std::string& key) const;
  [[nodiscard]] std::vector<TokenId> tokens(const std::string& key, std::int64_t d_vocab) const;

  // Parts of a prompt: {"subject": [3, 5]}, ranges within [0, length), or, where the prompt's
  // `pieces` are known (a text a token), the text that stood there: {"subject": "The Eiffel
  // Tower"}. None if the key is absent.
  [[nodiscard]] std::map<std::string, Span> spans(
      const std::string& key,
      std::int64_t length,
      const std::vector<std::string>& pieces = {}) const;

 private:
  [[nodiscard]] const Json& at(const std::string& key) const;

  std::string where_;
  Json json_;
};

}  // namespace headscope
