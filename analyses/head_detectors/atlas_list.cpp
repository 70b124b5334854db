#include "analyses/head_detectors/atlas_list.h"

#include <fmt/ranges.h>

#include "analyses/head_detectors/atlas.h"
#include "analyses/head_lists/read_head_list.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {

HeadList read_any_head_list(const std::string& where) {
  const std::size_t at = where.rfind(".h5");
  const bool atlas_file =
      at != std::string::npos && (at + 3 == where.size() || where[at + 3] == ':');
  if (!atlas_file) {
    return read_head_list(where);
  }
  const std::string path = where.substr(0, at + 3);
  const std::string detector = at + 4 <= where.size() ? where.substr(at + 4) : "";
  const Atlas atlas = read_atlas(path);
  std::vector<std::string> names;
  for (const Detection& each : atlas.detections) {
    if (each.ran()) {
      names.push_back(each.detector.name);
    }
  }
  const Detection* found = atlas.find(detector);
  if (found == nullptr || !found->ran()) {
    throw UsageError("{}: {}; name one of its detectors, as in {}:{}{} (it has {})",
                     path,
                     detector.empty() ? "an atlas holds many lists" : detector + " is not in it",
                     path,
                     names.empty() ? "DETECTOR" : names.front(),
                     did_you_mean(detector, names),
                     fmt::join(names, ", "));
  }
  HeadList list;
  list.path = where;
  list.format = "atlas, detector " + detector;
  list.scores = found->score;
  return list;
}

}  // namespace headscope
