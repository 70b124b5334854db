// What a result is of: checked, named and compared.
#include <set>
#include <utility>

#include "analyses/results/result_file.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr std::int64_t kMostPairs = std::int64_t{1} << 48;

void check_axis(const ResultAxis& axis, std::set<std::string>& names) {
  const std::string& name = axis.name;
  if (name.empty() || name == "." || name == "prompt" || name.find('/') != std::string::npos) {
    throw UsageError("'{}' cannot name an axis of a result; 'prompt' is taken, '/' not allowed",
                     name);
  }
  if (!names.insert(name).second) {
    throw UsageError("axis {} is there twice; give each its own name", name);
  }
  if (axis.labels.empty()) {
    throw UsageError("axis {} has no labels; give at least 1", name);
  }
}

void check_size(const ResultHeader& header) {
  auto left = kMostPairs / static_cast<std::int64_t>(header.prompt_ids.size());
  for (const ResultAxis& axis : header.axes) {
    left /= axis.size();
  }
  if (left == 0) {
    throw UsageError("a result of {} axes and {} prompts is more than a file can hold; run less",
                     header.axes.size(),
                     header.prompt_ids.size());
  }
}

void check_provenance(const Json& provenance) {
  if (!provenance.is_object()) {
    throw UsageError("the provenance of a result must be a JSON object with \"identity\"");
  }
  const auto identity = provenance.find("identity");
  if (identity != provenance.end() && identity->is_object() && identity->contains("shard")) {
    throw UsageError(
        "\"shard\" belongs beside \"identity\", not into it: shards must be mergeable");
  }
}

void make_storable(std::vector<std::string>& texts) {
  for (std::string& text : texts) {
    text = storable(std::move(text));
  }
}

std::optional<Difference> texts_difference(const std::string& whose,
                                           const std::vector<std::string>& there,
                                           const std::vector<std::string>& here) {
  if (there.size() != here.size()) {
    return Difference{
        "the number of " + whose, std::to_string(there.size()), std::to_string(here.size())};
  }
  for (std::size_t i = 0; i < there.size(); ++i) {
    if (there[i] != here[i]) {
      return Difference{fmt::format("number {} of {}", i, whose), brief(there[i]), brief(here[i])};
    }
  }
  return std::nullopt;
}

std::optional<Difference> axes_difference(const std::vector<ResultAxis>& there,
                                          const std::vector<ResultAxis>& here) {
  const auto names = [](const std::vector<ResultAxis>& axes) {
    std::vector<std::string> list;
    for (const ResultAxis& axis : axes) {
      list.push_back(axis.name);
    }
    return list;
  };
  auto found = texts_difference("the axes", names(there), names(here));
  for (std::size_t i = 0; i < there.size() && !found; ++i) {
    found =
        texts_difference("the labels of axis " + there[i].name, there[i].labels, here[i].labels);
  }
  return found;
}

}  // namespace

std::int64_t cells_of(const ResultHeader& header) {
  std::int64_t cells = 1;
  for (const ResultAxis& axis : header.axes) {
    cells *= axis.size();
  }
  return cells;
}

std::int64_t pairs_of(const ResultHeader& header) {
  return cells_of(header) * static_cast<std::int64_t>(header.prompt_ids.size());
}

h5::Dims cell_dims(const ResultHeader& header) {
  h5::Dims dims;
  for (const ResultAxis& axis : header.axes) {
    dims.push_back(static_cast<hsize_t>(axis.size()));
  }
  return dims;
}

h5::Dims pair_dims(const ResultHeader& header) {
  h5::Dims dims = cell_dims(header);
  dims.push_back(header.prompt_ids.size());
  return dims;
}

std::string cell_name(const ResultHeader& header, std::int64_t cell) {
  std::string name;
  for (std::size_t i = header.axes.size(); i-- > 0;) {
    const ResultAxis& axis = header.axes[i];
    const std::string& label = axis.labels[static_cast<std::size_t>(cell % axis.size())];
    name = fmt::format("{} {}{}{}", axis.name, label, name.empty() ? "" : ", ", name);
    cell /= axis.size();
  }
  return name;
}

ResultHeader checked(ResultHeader header) {
  header.kind = storable(std::move(header.kind));
  header.metric = storable(std::move(header.metric));
  make_storable(header.prompt_ids);
  make_storable(header.templates);
  std::set<std::string> names;
  for (ResultAxis& axis : header.axes) {
    axis.name = storable(std::move(axis.name));
    make_storable(axis.labels);
    check_axis(axis, names);
  }
  if (header.axes.empty() || header.axes.size() > 8 || header.prompt_ids.empty()) {
    throw UsageError("a result needs 1 to 8 axes and at least one prompt, but has {} and {}",
                     header.axes.size(),
                     header.prompt_ids.size());
  }
  if (!header.templates.empty() && header.templates.size() != header.prompt_ids.size()) {
    throw UsageError("{} templates for {} prompts; give one each or none",
                     header.templates.size(),
                     header.prompt_ids.size());
  }
  check_provenance(header.provenance);
  check_size(header);
  return header;
}

std::optional<Difference> difference(const ResultHeader& there, const ResultHeader& here) {
  if (there.kind != here.kind) {
    return Difference{"kind", brief(there.kind), brief(here.kind)};
  }
  if (auto found = identity_difference(there.provenance, here.provenance)) {
    return found;
  }
  if (there.metric != here.metric) {
    return Difference{"metric", brief(there.metric), brief(here.metric)};
  }
  auto found = axes_difference(there.axes, here.axes);
  found = found ? found : texts_difference("the prompts' ids", there.prompt_ids, here.prompt_ids);
  return found ? found
               : texts_difference("the prompts' templates", there.templates, here.templates);
}

}  // namespace headscope
