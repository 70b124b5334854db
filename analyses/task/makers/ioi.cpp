// Indirect object identification: two names, one of them twice; the other is the answer.
#include "analyses/task/makers/all.h"
#include "analyses/task/makers/embedded_words.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

void replace_first(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at != std::string::npos) {
    text.replace(at, from.size(), to);
  }
}

// Each template in both orders: IO first (ABBA) and the subject first (BABA).
std::string in_other_order(std::string pattern) {
  replace_first(pattern, "{IO}", "{*}");
  replace_first(pattern, "{S1}", "{IO}");
  replace_first(pattern, "{*}", "{S1}");
  return pattern;
}

Words ioi_corrupted(Words words, const std::string& how, const std::vector<std::string>& names) {
  if (how == "s2_io") {
    words["S2"] = words["IO"];
  } else if (how == "names") {
    words["IO"] = names[2];
    words["S1"] = words["S2"] = names[3];
  } else {
    words["IO"] = names[2];
    words["S1"] = names[3];
    words["S2"] = names[4];
  }
  return words;
}

DrawDraft open_ioi(const MakerContext& context) {
  const auto templates = context.templates({"IO", "S1", "S2"});
  const std::string where = context.words.where("templates");
  return [=,
          how = context.corruption,
          names = context.single("names", 5),
          places = context.words.list("places"),
          objects = context.words.list("objects")](Random& random, std::size_t turn) {
    const std::size_t number = turn / 2 % templates.size();
    std::string pattern = templates[number];
    if (turn % 2 == 1) {
      pattern = in_other_order(pattern);
    }
    const auto drawn = random.sample(names, 5);
    const Words words{{"IO", drawn[0]},
                      {"S1", drawn[1]},
                      {"S2", drawn[1]},
                      {"PLACE", random.pick(places)},
                      {"OBJECT", random.pick(objects)}};
    const bool io_first = pattern.find("{IO}") < pattern.find("{S1}");
    return Draft{.clean = fill(pattern, words, where),
                 .corrupted = fill(pattern, ioi_corrupted(words, how, drawn), where),
                 .answers = {" " + drawn[0]},
                 .wrong = {" " + drawn[1]},
                 .template_name = fmt::format("{} {}", number, io_first ? "ABBA" : "BABA")};
  };
}

// "… [B] and [A] … [B] gave a [OBJECT] to [A]": [A] is IO, and the text before its last is the
// prompt.
std::string from_published(std::string pattern, const std::string& where) {
  const std::size_t last = pattern.rfind(" [A]");
  if (last == std::string::npos) {
    throw DataError("{}: no \" [A]\" to end \"{}\"", where, pattern);
  }
  pattern.resize(last);
  replace_first(pattern, "[A]", "{IO}");
  replace_first(pattern, "[B]", "{S1}");
  replace_first(pattern, "[B]", "{S2}");
  replace_first(pattern, "[PLACE]", "{PLACE}");
  replace_first(pattern, "[OBJECT]", "{OBJECT}");
  return pattern;
}

// The file of Wang et al.: NAMES, PLACES, OBJECTS, BABA_TEMPLATES (both orders are made of them).
Json published(const Json& file, const std::filesystem::path& path) {
  if (!file.is_object() || !file.contains("BABA_TEMPLATES")) {
    return file;
  }
  Json ours;
  for (const auto& [theirs, key] :
       {std::pair("NAMES", "names"), {"PLACES", "places"}, {"OBJECTS", "objects"}}) {
    if (file.contains(theirs)) {
      ours[key] = file[theirs];
    }
  }
  for (const Json& pattern : file["BABA_TEMPLATES"]) {
    const std::string where = path.string() + ": BABA_TEMPLATES";
    if (!pattern.is_string()) {
      throw DataError("{} holds {}, not a text", where, pattern.dump());
    }
    ours["templates"].push_back(from_published(pattern.get<std::string>(), where));
  }
  return ours;
}

}  // namespace

TaskMaker ioi_maker() {
  return {
      .name = "ioi",
      .summary = "Which of two people receives something: the one named once",
      .source = "Wang et al. 2022, Interpretability in the Wild, arXiv 2211.00593",
      .spans = {{"IO", "the name that is the answer, where it first stands"},
                {"S1", "the other name, first time"},
                {"S1+1", "the token after it"},
                {"S2", "the other name, second time"},
                {"end", "the last token"}},
      .corruptions = {{"abc", "three unrelated names in place of IO, S1 and S2"},
                      {"s2_io", "IO's name in place of S2: the answer becomes S"},
                      {"names", "two other names, in the same order: the answer becomes another"}},
      .words = ioi_words(),
      .open = open_ioi,
      .published = published,
  };
}

}  // namespace headscope
