// What every JSON text that we read is held to while it is parsed: no deeper than its readers can
// follow, and each key of an object once, since a parser that keeps the last loses the others in
// silence.
#pragma once

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {

inline constexpr int kJsonMaxDepth = 512;  // consumers recurse; no honest config comes near

// The callback of Document::parse (Json or OrderedJson). Throws DataError that begins with `where`.
template <typename Document>
class JsonGuard {
 public:
  explicit JsonGuard(std::string where) : where_(std::move(where)) {}

  bool operator()(int depth, typename Document::parse_event_t event, const Document& parsed) {
    using Event = typename Document::parse_event_t;
    if (depth > kJsonMaxDepth) {
      throw DataError("{}: JSON nested deeper than {}", where_, kJsonMaxDepth);
    }
    if (event == Event::object_start) {
      open_.emplace_back();
    } else if (event == Event::object_end) {
      open_.pop_back();
    } else if (event == Event::key &&
               !open_.back().insert(parsed.template get_ref<const std::string&>()).second) {
      throw DataError("{}: the key {} stands twice in one object; keep one", where_, parsed.dump());
    }
    return true;
  }

 private:
  std::string where_;
  std::vector<std::unordered_set<std::string>> open_;  // the keys of the objects that are open
};

// `text` as a document; nlohmann's exceptions of malformed JSON pass.
template <typename Document>
Document parse_guarded(std::string_view text, const std::string& where) {
  JsonGuard<Document> guard(where);
  return Document::parse(
      text, [&guard](int depth, typename Document::parse_event_t event, const Document& parsed) {
        return guard(depth, event, parsed);
      });
}

}  // namespace headscope
