#include "hooks/stored_values.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include <fmt/ranges.h>

#include "hooks/direction.h"
#include "hooks/trace/trace_reader.h"
#include "hooks/values_file.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/suggest.h"
#include "lib/sae/sae_files.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Tensor tensor_of(const std::vector<float>& values, const std::vector<std::int64_t>& shape) {
  Tensor out = at::empty(shape, at::kFloat);
  std::copy(values.begin(), values.end(), out.data_ptr<float>());
  return out;
}

Tensor given_numbers(const InterventionValues& stored) {
  const auto elements = std::accumulate(
      stored.shape.begin(), stored.shape.end(), std::int64_t{1}, std::multiplies<>());
  if (elements != static_cast<std::int64_t>(stored.numbers.size())) {
    throw DataError("values: {} numbers are not of the shape {}",
                    stored.numbers.size(),
                    fmt::join(stored.shape, "×"));
  }
  return tensor_of({stored.numbers.begin(), stored.numbers.end()}, stored.shape);
}

Tensor named_tensor(const std::string& name, HookPoint point, const NamedValues& named) {
  auto found = named.find(name + "/" + hook_name(point.site, point.layer));
  if (found == named.end()) {
    found = named.find(name);
  }
  if (found != named.end()) {
    return found->second;
  }
  std::vector<std::string> names;
  for (const auto& [known, value] : named) {
    names.push_back(known);
  }
  throw UsageError(
      "values \"{}\": nothing of this name is in memory{}; from a file they are "
      "{{\"trace\": \"t.h5\"}} or numbers",
      name,
      did_you_mean(name, names));
}

void check_trace(const TraceReader& trace,
                 const std::string& path,
                 const std::string& weights_hash) {
  const Json& provenance = trace.provenance();
  const std::string there = provenance.value("weights_hash", "");
  if (!weights_hash.empty() && !there.empty() && there != weights_hash) {
    throw DataError("{}: recorded from another model ({}); record it again from this one",
                    path,
                    provenance.value("model", "unnamed"));
  }
}

std::size_t prompt_named(const TraceReader& trace, const std::string& path, const std::string& id) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < trace.prompt_count(); ++i) {
    ids.push_back(trace.prompt(i).id);
    if (ids.back() == id) {
      return i;
    }
  }
  throw UsageError("{}: no prompt has the id \"{}\"{}", path, id, did_you_mean(id, ids));
}

Tensor read_prompt(const TraceReader& trace, const std::string& point, std::size_t prompt) {
  const TraceReader::Values read = trace.read(point, prompt);
  return tensor_of(read.values, read.shape);
}

Tensor mean_of_trace(const TraceReader& trace, const std::string& point) {
  Tensor sum;
  std::int64_t positions = 0;
  for (std::size_t prompt = 0; prompt < trace.prompt_count(); ++prompt) {
    const Tensor value = read_prompt(trace, point, prompt);  // [L, …]
    const Tensor part = value.to(at::kDouble).sum(0);
    sum = sum.defined() ? sum + part : part;
    positions += value.size(0);
  }
  return (sum / static_cast<double>(positions)).to(at::kFloat);
}

ResolvedValues from_trace(const InterventionValues& stored,
                          HookPoint point,
                          const std::string& weights_hash) {
  const std::string path = stored.trace.string();
  const TraceReader trace(stored.trace);
  check_trace(trace, path, weights_hash);
  const std::string name = stored.point.empty() ? hook_name(point.site, point.layer) : stored.point;
  const std::vector<std::string>& axes = trace.dataset(name).axes;
  if (axes.size() < 2 || axes[1] != "pos") {
    throw UsageError(
        "{}: {} has no value at each position, so it cannot stand for one", path, name);
  }
  if (stored.prompt) {
    return {read_prompt(trace, name, prompt_named(trace, path, *stored.prompt)),
            ResolvedValues::Along::positions};
  }
  return {mean_of_trace(trace, name)};
}

}  // namespace

ResolvedValues resolved_values(const Intervention& what,
                               HookPoint point,
                               const NamedValues& named,
                               const std::string& weights_hash) {
  const InterventionValues& stored = what.values;
  if (!stored.name.empty()) {
    return {named_tensor(stored.name, point, named)};
  }
  if (!stored.trace.empty()) {
    return from_trace(stored, point, weights_hash);
  }
  if (stored.file) {
    return {values_of_file(what, point, weights_hash)};
  }
  return {given_numbers(stored)};
}

std::vector<std::filesystem::path> files_of(const Intervention& what) {
  std::vector<std::filesystem::path> files = files_of(what.values);
  if (what.sae) {
    const std::vector<std::filesystem::path> own = sae_files_in(what.sae->folder);
    files.insert(files.end(), own.begin(), own.end());
  }
  return files;
}

std::vector<std::filesystem::path> files_of(const InterventionValues& stored) {
  if (!stored.trace.empty()) {
    return {stored.trace};
  }
  if (!stored.file) {
    return {};
  }
  return stored.file->kind == ValuesFile::Kind::direction
             ? direction_files(stored.file->path)
             : std::vector<std::filesystem::path>{stored.file->path};
}

}  // namespace headscope
