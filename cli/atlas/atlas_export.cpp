#include "cli/atlas/atlas_export.h"

#include <algorithm>

#include "cli/atlas/atlas_page.h"
#include "cli/render/arrays.h"
#include "cli/render/head_map.h"
#include "lib/base/output_file.h"

namespace headscope {
namespace {

constexpr std::string_view kOfAtlas = ".h5:";

std::string detector_of(const std::string& which) {
  const std::size_t colon = which.rfind(kOfAtlas);
  return colon == std::string::npos ? "" : which.substr(colon + kOfAtlas.size());
}

// Those that are asked for, in the atlas's order.
std::vector<const Detection*> detections_of(const Atlas& atlas, const std::string& detector) {
  std::vector<const Detection*> list;
  for (const Detection& each : atlas.detections) {
    if (each.ran() && (detector.empty() || each.detector.name == detector)) {
      list.push_back(&each);
    }
  }
  if (list.empty()) {
    const Detection* known = atlas.find(detector);
    throw UsageError("the atlas has no scores of {}{}",
                     detector.empty() ? "any detector" : detector,
                     known == nullptr
                         ? "; headscope inspect lists its detectors"
                         : ": it did not run (" + known->undefined + known->failed + ")");
  }
  return list;
}

HeatMap score_picture(const Detection& of, const std::string& model) {
  HeatMap map = head_map(of.score);
  map.title = of.detector.name;
  map.subtitle = model + " · " + of.detector.definition;
  map.value_name = "score";
  const bool signed_scores = *std::ranges::min_element(of.score.values) < -1e-6;
  map.color_map = signed_scores ? ColorMap::diverging : ColorMap::light;
  return map;
}

void write_scores(const std::filesystem::path& path,
                  const Detection& of,
                  const std::string& model,
                  const PictureOptions& options) {
  if (options.format == "npy") {
    const std::vector<std::int64_t> shape{of.score.grid.n_layers, of.score.grid.n_heads};
    write_npy(path, shape, std::vector<float>(of.score.values.begin(), of.score.values.end()));
    return;
  }
  write_file(path, picture(score_picture(of, model), options));
}

}  // namespace

std::filesystem::path atlas_path(const std::string& which) {
  const std::size_t colon = which.rfind(kOfAtlas);
  return colon == std::string::npos ? which : which.substr(0, colon + 3);
}

std::vector<std::filesystem::path> export_atlas(const std::string& which,
                                                const ExportTarget& target) {
  const std::filesystem::path path = atlas_path(which);
  const std::string detector = detector_of(which);
  const std::string& format = target.picture.format;
  const Atlas atlas = read_atlas(path);
  if (format == "html" || format == "csv") {
    if (!detector.empty()) {
      throw UsageError("{}: a {} is of all detectors; leave :{} out",
                       which,
                       format == "html" ? "page" : "table",
                       detector);
    }
    const std::filesystem::path file = target.file(path.stem().string());
    if (format == "html") {
      write_atlas_page(atlas, file);
    } else {
      write_file(file, atlas_csv(atlas));
    }
    return {file};
  }
  const std::vector<const Detection*> detections = detections_of(atlas, detector);
  target.check_count(detections.size(), "name one, as in " + path.string() + ":induction");
  const std::string model = atlas.provenance.value("model", "");
  std::vector<std::filesystem::path> files;
  for (const Detection* each : detections) {
    files.push_back(target.file(path.stem().string() + "." + each->detector.name));
    write_scores(files.back(), *each, model, target.picture);
  }
  return files;
}

}  // namespace headscope
