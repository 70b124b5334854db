#include "cli/trace/known_file.h"

#include <algorithm>

#include "lib/base/counted.h"
#include "lib/base/json.h"
#include "lib/base/mapped_file.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"

namespace headscope {
namespace {

struct KnownKind {
  KnownFile known;
  bool (*is)(std::string_view beginning);
};

bool is_task_line(std::string_view text) {
  return text.starts_with('{') && text.find("\"clean") != std::string_view::npos &&
         text.find("\"corrupted") != std::string_view::npos;
}

constexpr KnownKind kKnownKinds[] = {
    {{"atlas", "headscope atlas FILE shows it, and with -o page.html as a page"},
     [](std::string_view text) { return text.starts_with("headscope-atlas "); }},
    {{"result of niah",
      "headscope export FILE -o FILE.csv, or .png; headscope compare reads the .heads.json beside "
      "it"},
     [](std::string_view text) { return begins_as_json(text, R"({"format":"headscope-niah")"); }},
    {{"list of samples of niah", "headscope niah … --resume goes on with it"},
     [](std::string_view text) {
       return begins_as_json(text, R"({"format":"headscope-niah-samples")");
     }},
    {{"sweep of steering strengths", "headscope steer sweep … --resume shows it"},
     [](std::string_view text) {
       return begins_as_json(text, R"({"format":"headscope-steer-sweep")");
     }},
    {{"list of head scores", "headscope compare FILE OTHER"},
     [](std::string_view text) { return begins_as_json(text, R"({"0-0":[)"); }},
    {{"document of interventions", "headscope intervene check FILE MODEL"},
     [](std::string_view text) {
       return begins_as_json(text, R"({"version":1,"interventions":)");
     }},
    {{"task", "headscope task score FILE MODEL"},
     [](std::string_view text) { return is_task_line(text.substr(0, text.find('\n'))); }},
};

constexpr KnownFile kDirection{"direction",
                               "headscope steer eval MODEL --edits FOLDER/edits.json --task FILE"};

std::string_view file_text(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// Its numbers and texts, and how long its lists are; of provenance the same.
void add_top(const Json& json, OrderedJson& out) {
  for (const auto& [key, value] : json.items()) {
    if (value.is_array()) {
      out[key] = counted(value.size(), "value");
    } else if (!value.is_structured()) {
      out[key] = value;
    } else if (key == "provenance" || key == "identity" || key == "made") {
      add_top(value, out);
    }
  }
}

}  // namespace

std::optional<KnownFile> known_file(const std::filesystem::path& path) {
  if (is_folder(path)) {
    return path_exists(path / "direction.json") ? std::optional(kDirection) : std::nullopt;
  }
  const MappedFile file(path);
  const std::string_view text = file_text(file).substr(0, kTextKindBytes);
  const auto found = std::find_if(std::begin(kKnownKinds),
                                  std::end(kKnownKinds),
                                  [&](const KnownKind& kind) { return kind.is(text); });
  return found == std::end(kKnownKinds) ? std::nullopt : std::optional(found->known);
}

OrderedJson describe_known_file(const std::filesystem::path& path, const KnownFile& known) {
  OrderedJson out{{"path", path.string()}, {"kind", known.noun}, {"shown_by", known.shown_by}};
  const std::filesystem::path at = is_folder(path) ? path / "direction.json" : path;
  const MappedFile file(at);
  const std::string_view text = file_text(file);
  const std::size_t end = std::min(text.find('\n'), text.size());
  const bool lines = Json::accept(text.substr(0, end)) &&
                     text.find_first_not_of(" \t\r\n", end) != std::string_view::npos;
  if (lines) {
    out["lines"] = std::count(text.begin(), text.end(), '\n');
  }
  add_top(parse_json(lines ? text.substr(0, end) : text, at.string()), out);
  return out;
}

}  // namespace headscope
