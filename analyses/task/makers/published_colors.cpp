#include "analyses/task/makers/published_colors.h"

#include <algorithm>
#include <numeric>

#include "analyses/task/in_context.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

std::filesystem::path twin_of(const std::filesystem::path& path) {
  std::string name = path.filename().string();
  const std::size_t at = name.rfind("_data");
  if (at == std::string::npos || name.find("mindiff") != std::string::npos) {
    throw DataError(
        "{}: give the file named …_data….json whose twin …_mindiff_data….json lies "
        "beside it",
        path.string());
  }
  return path.parent_path() / name.insert(at, "_mindiff");
}

void mark(MarkedText& marked, const std::string& name, const std::string& word, std::size_t from) {
  const std::size_t at = marked.text.find(" " + word, from);
  if (!word.empty() && at != std::string::npos) {
    marked.marks[name] = {at + 1, at + 1 + word.size()};
  }
}

// "Q: On the desk, there is a red cup, a blue pen, and a green hat. What color is the pen?\nA:"
// Of each of the three things the last two words are its colour and itself.
MarkedText marked(const std::string& text) {
  MarkedText out{text, {}};
  const std::size_t query = text.rfind("Q:");
  if (query == std::string::npos) {
    return out;
  }
  std::size_t at = text.find(", ", query);
  const std::size_t stop = text.find('.', query);
  for (int i = 1; i <= 3 && at != std::string::npos && at < stop; ++i) {
    const std::size_t end = std::min(text.find(", ", at + 1), stop);
    const std::string thing = text.substr(at, end - at);
    const std::size_t object = thing.rfind(' ');
    const std::size_t color = object == 0 ? 0 : thing.rfind(' ', object - 1);
    mark(out, fmt::format("C{}", i), thing.substr(color + 1, object - color - 1), at + color);
    mark(out, fmt::format("O{}", i), thing.substr(object + 1), at + object);
    at = end;
  }
  const std::size_t question = text.rfind('?');
  const std::size_t asked = text.rfind(' ', question);
  if (question != std::string::npos && asked != std::string::npos && asked > query) {
    mark(out, "ASKED", text.substr(asked + 1, question - asked - 1), asked);
  }
  return out;
}

}  // namespace

Json published_colors(const Json& file, const std::filesystem::path& path) {
  if (!file.is_array()) {
    return file;
  }
  const std::filesystem::path twin = twin_of(path);
  const Json other = read_json(twin);
  if (!other.is_array() || other.size() != file.size()) {
    throw DataError("{}: not as many prompts as {}", twin.string(), path.string());
  }
  Json pairs = Json::array();
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (const Json& row : {file[i], other[i]}) {
      if (!row.is_array() || row.size() != 2) {
        throw DataError("{}: entry {} is not [prompt, answer]", path.string(), i);
      }
    }
    pairs.push_back({file[i][0], file[i][1], other[i][0], other[i][1]});
  }
  return {{"pairs", pairs}};
}

DrawDraft draw_published_colors(const MakerContext& context) {
  const auto pairs = context.words.rows("pairs", 4);
  return [pairs, order = std::vector<std::size_t>()](Random& random, std::size_t turn) mutable {
    if (order.empty()) {
      order.resize(pairs.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      random.shuffle(order);
    }
    const auto& pair = pairs[order[turn % order.size()]];
    return Draft{.clean = marked(pair[0]),
                 .corrupted = marked(pair[2]),
                 .answers = {pair[1]},
                 .wrong = {pair[3]},
                 .template_name = "published"};
  };
}

}  // namespace headscope
