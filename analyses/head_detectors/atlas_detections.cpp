// Detections of an atlas on disk: {score, low, high, control, samples, by_group/…} and words.
#include "analyses/head_detectors/atlas_parts.h"
#include "hooks/stored/h5/dataset.h"
#include "hooks/stored/h5/file.h"
#include "hooks/stored/h5/group.h"

namespace headscope {
namespace {

constexpr hsize_t kMostSamples = 1 << 20;

void write_values(hid_t parent,
                  const std::string& name,
                  const std::vector<double>& values,
                  const h5::Dims& dims) {
  if (values.empty()) {
    return;
  }
  const h5::Dataset made = h5::create_contiguous(parent, name, H5T_IEEE_F64LE, dims);
  std::vector<std::string> axes{"layer", "head"};
  if (dims.size() == 3) {
    axes.insert(axes.begin(), "sample");
  }
  h5::set_attribute(made.id(), "axes", axes);
  h5::write_rows(made, H5T_NATIVE_DOUBLE, {0, dims[0]}, values.data());
}

// [layer, head], or [sample, layer, head]. The seal keeps damage out, not a file made to harm.
std::vector<double> read_values(hid_t parent, const std::string& name, std::size_t heads) {
  if (!h5::has_link(parent, name)) {
    return {};
  }
  const h5::Dataset dataset = h5::open_dataset(parent, name);
  const h5::Dims dims = h5::shape_of(dataset);
  const std::size_t n = dims.size();
  if (n < 2 || n > 3 || dims[0] < 1 || dims[0] > kMostSamples ||
      dims[n - 1] > static_cast<hsize_t>(kMostHeads) ||
      dims[n - 2] > static_cast<hsize_t>(kMostHeads) || dims[n - 2] * dims[n - 1] != heads) {
    throw h5::Failure(name + " has an unexpected shape");
  }
  const std::size_t count = heads * (n == 3 ? dims[0] : 1);
  std::vector<double> values(count);
  h5::read_rows(dataset, H5T_NATIVE_DOUBLE, {0, dims[0]}, values.data());
  return values;
}

void read_words(hid_t id, Detection& d) {
  d.detector.role = h5::text_attribute(id, "role");
  d.detector.summary = h5::text_attribute(id, "summary");
  d.detector.definition = h5::text_attribute(id, "definition");
  d.detector.source = h5::text_attribute(id, "source");
  d.detector.threshold_source = h5::text_attribute(id, "threshold_source");
  d.undefined = h5::text_attribute(id, "undefined");
  if (H5Aexists(id, "failed") > 0) {
    d.failed = h5::text_attribute(id, "failed");
  }
  d.fingerprint = h5::text_attribute(id, "fingerprint");
  d.seconds = stored_json(id, "seconds").get<double>();
  d.notes = stored_json<OrderedJson>(id, "notes");
  if (H5Aexists(id, "threshold") > 0) {
    d.detector.threshold = stored_json(id, "threshold").get<double>();
  }
}

void check_sizes(const Detection& d, std::size_t heads) {
  if (!d.control.empty() && d.control.size() != heads) {
    throw h5::Failure(d.detector.name + " has a control of another number of heads");
  }
  if (d.ran() && (d.score.size() != heads || d.low.size() != heads || d.high.size() != heads)) {
    throw h5::Failure(d.detector.name + " has scores of another number of heads");
  }
}

}  // namespace

void write_detection(hid_t parent, const Detection& d, hsize_t layers, hsize_t heads) {
  const h5::Group group = h5::create_group(parent, d.detector.name);
  const hid_t id = group.id();
  h5::set_attribute(id, "role", d.detector.role);
  h5::set_attribute(id, "summary", d.detector.summary);
  h5::set_attribute(id, "definition", d.detector.definition);
  h5::set_attribute(id, "source", d.detector.source);
  h5::set_attribute(id, "threshold_source", d.detector.threshold_source);
  h5::set_attribute(id, "undefined", d.undefined);
  h5::set_attribute(id, "failed", d.failed);
  h5::set_attribute(id, "fingerprint", d.fingerprint);
  h5::set_attribute(id, "notes", d.notes.dump());
  h5::set_attribute(id, "seconds", OrderedJson(d.seconds).dump());
  if (d.detector.threshold) {
    h5::set_attribute(id, "threshold", OrderedJson(*d.detector.threshold).dump());
  }
  write_values(id, "score", d.score.values, {layers, heads});
  write_values(id, "low", d.low.values, {layers, heads});
  write_values(id, "high", d.high.values, {layers, heads});
  write_values(id, "control", d.control.values, {layers, heads});
  write_values(
      id, "samples", d.samples.values, {static_cast<hsize_t>(d.samples.samples), layers, heads});
  const h5::Group groups = h5::create_group(id, "by_group");
  for (const auto& [name, scores] : d.groups) {
    write_values(groups.id(), name, scores.values, {layers, heads});
  }
}

Detection read_detection(hid_t parent, const std::string& name, const HeadGrid& grid) {
  const std::size_t heads = grid.size();
  const h5::Group group = h5::open_group(parent, name);
  const hid_t id = group.id();
  Detection d;
  d.detector.name = name;
  read_words(id, d);
  d.score = {grid, read_values(id, "score", heads)};
  d.low = {grid, read_values(id, "low", heads)};
  d.high = {grid, read_values(id, "high", heads)};
  d.control = {grid, read_values(id, "control", heads)};
  d.samples.values = read_values(id, "samples", heads);
  d.samples.samples = static_cast<std::int64_t>(d.samples.values.size() / heads);
  const h5::Group groups = h5::open_group(id, "by_group");
  for (const std::string& each : h5::links(groups)) {
    d.groups[each] = {grid, read_values(groups.id(), each, heads)};
    if (d.groups[each].size() != heads) {
      throw h5::Failure(name + " has groups of another number of heads");
    }
  }
  check_sizes(d, heads);
  return d;
}

}  // namespace headscope
