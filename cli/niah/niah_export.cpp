#include "cli/niah/niah_export.h"

#include <algorithm>
#include <set>

#include "cli/niah/niah_view.h"
#include "cli/render/arrays.h"
#include "lib/base/json.h"
#include "lib/base/mapped_file.h"
#include "lib/base/output_file.h"

namespace headscope {
namespace {

OrderedJson read_result_json(const std::filesystem::path& path) {
  const MappedFile file(path);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()),
                              file.bytes().size());
  return OrderedJson(parse_json(text, path.string()));
}

// A field of RFC 4180: in quotes, those inside doubled.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char letter : text) {
    out += letter;
    if (letter == '"') {
      out += letter;
    }
  }
  return out + "\"";
}

std::string cells_csv(const OrderedJson& result) {
  static constexpr const char* kColumns[] = {
      "id", "context", "depth", "needle", "mask", "tokens", "recall", "passed", "response"};
  std::string text = fmt::format("{}\n", fmt::join(kColumns, ","));
  for (const OrderedJson& cell : result.at("cells")) {
    const char* comma = "";
    for (const char* column : kColumns) {
      const OrderedJson& value = cell.at(column);
      text += comma + (value.is_string() ? quoted(value.get<std::string>()) : value.dump());
      comma = ",";
    }
    text += "\n";
  }
  return text;
}

HeadScores retrieval_scores(const OrderedJson& result) {
  HeadScores scores(
      {result.at("n_layers").get<std::int64_t>(), result.at("n_heads").get<std::int64_t>()}, 0.0);
  for (const OrderedJson& head : result.at("heads")) {
    const HeadId id{head.at("layer").get<std::int64_t>(), head.at("head").get<std::int64_t>()};
    if (id.layer < 0 || id.layer >= scores.grid.n_layers || id.head < 0 ||
        id.head >= scores.grid.n_heads) {
      throw DataError("head {} is none of {} layers of {} heads",
                      to_string(id),
                      scores.grid.n_layers,
                      scores.grid.n_heads);
    }
    scores[id] = head.at("score").get<double>();
  }
  return scores;
}

Accuracy accuracy_under(const OrderedJson& result, const std::string& mask) {
  Accuracy accuracy;
  std::set<std::int64_t> contexts;
  std::set<double> depths;
  for (const OrderedJson& cell : result.at("accuracy")) {
    if (cell.at("mask") == mask) {
      const auto context = cell.at("context").get<std::int64_t>();
      const auto depth = cell.at("depth").get<double>();
      accuracy.recalls[{context, depth}].push_back(cell.at("recall").get<double>());
      contexts.insert(context);
      depths.insert(depth);
    }
  }
  accuracy.contexts.assign(contexts.begin(), contexts.end());
  accuracy.depths.assign(depths.begin(), depths.end());
  return accuracy;
}

std::vector<std::string> masks_of(const OrderedJson& result) {
  std::vector<std::string> masks;
  for (const OrderedJson& cell : result.at("accuracy")) {
    const auto mask = cell.at("mask").get<std::string>();
    if (std::find(masks.begin(), masks.end(), mask) == masks.end()) {
      masks.push_back(mask);
    }
  }
  return masks;
}

struct NiahPicture {
  std::string name;  // behind the result's
  HeatMap map;
};

std::vector<NiahPicture> pictures_of(const OrderedJson& result) {
  const auto model = result.at("provenance").value("model", std::string());
  std::vector<NiahPicture> list;
  for (const std::string& mask : masks_of(result)) {
    std::string name = mask == "none" ? "" : "." + mask;
    std::ranges::replace(name, ' ', '-');
    std::erase(name, ',');
    const Accuracy accuracy = accuracy_under(result, mask);
    list.push_back({name, accuracy_map(accuracy, model, mask)});
  }
  list.push_back(
      {".heads",
       retrieval_map(retrieval_scores(result), model, result.at("passed").get<std::int64_t>())});
  return list;
}

std::vector<std::filesystem::path> exported(const std::string& stem,
                                            const OrderedJson& result,
                                            const ExportTarget& target) {
  const std::string& format = target.picture.format;
  if (format == "csv") {
    write_file(target.file(stem), cells_csv(result));
    return {target.file(stem)};
  }
  if (format == "npy") {
    const HeadScores scores = retrieval_scores(result);
    const std::vector<std::int64_t> shape{scores.grid.n_layers, scores.grid.n_heads};
    write_npy(
        target.file(stem), shape, std::vector<float>(scores.values.begin(), scores.values.end()));
    return {target.file(stem)};
  }
  if (!is_picture_format(format)) {
    throw UsageError("a result of niah is exported as csv, npy, png, svg or pdf");
  }
  std::vector<std::filesystem::path> files;
  const std::vector<NiahPicture> pictures = pictures_of(result);
  target.check_count(pictures.size(), "csv or npy");
  for (const NiahPicture& each : pictures) {
    files.push_back(target.file(stem + each.name));
    write_file(files.back(), picture(each.map, target.picture));
  }
  return files;
}

}  // namespace

std::vector<std::filesystem::path> export_niah(const std::filesystem::path& file,
                                               const ExportTarget& target) {
  const OrderedJson result = read_result_json(file);
  try {
    return exported(file.stem().string(), result, target);
  } catch (const nlohmann::json::exception& error) {
    throw DataError("{}: a damaged result of niah: {}", file.string(), error.what());
  }
}

}  // namespace headscope
