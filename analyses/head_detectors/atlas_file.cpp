// Atlases on disk: /detectors/NAME/{score, low, high, control, samples, by_group/…} and, as JSON
// text in attributes, what is no array.
#include <algorithm>
#include <limits>

#include "analyses/head_detectors/atlas.h"
#include "hooks/stored/disk_space.h"
#include "hooks/stored/h5/attribute.h"
#include "hooks/stored/h5/dataset.h"
#include "hooks/stored/h5/file.h"
#include "hooks/stored/h5/group.h"
#include "hooks/stored/new_file.h"
#include "hooks/stored/open_file.h"
#include "hooks/stored/provenance.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/json_guard.h"

namespace headscope {
namespace {

constexpr FileKind kAtlas{.format = "headscope-atlas",
                          .version = 1,
                          .noun = "atlas",
                          .source = "`headscope detect MODEL -o atlas.h5` makes one",
                          .again = "make it again"};

// Heads are stored by their place in the grid.
OrderedJson to_json(const Confirmation& c, const HeadGrid& grid) {
  return {{"detector", c.detector},
          {"behaviour", c.behaviour},
          {"heads", grid.indices_of(c.heads)},
          {"intact", c.intact},
          {"ablated", c.ablated},
          {"low", c.low},
          {"high", c.high},
          {"random", c.random},
          {"beyond_low", c.beyond_low},
          {"beyond_high", c.beyond_high},
          {"single", c.single},
          {"asked", {c.asked.heads, c.asked.draws, c.asked.seed}}};
}

// The JSON text of an attribute.
template <typename Document = Json>
Document stored_json(hid_t id, const char* name) {
  try {
    return parse_guarded<Document>(h5::text_attribute(id, name), {.where = name});
  } catch (const DataError& error) {
    throw h5::Failure(error.what());
  }
}

// JSON has no NaN: what is undefined is null there.
double number_or_nan(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

std::vector<HeadId> heads_of(const Json& indices, const HeadGrid& grid) {
  std::vector<HeadId> heads;
  for (const Json& index : indices) {
    if (index.get<std::size_t>() >= grid.size()) {
      throw h5::Failure("a confirmation names a head that is not there");
    }
    heads.push_back(grid.head_at(index.get<std::size_t>()));
  }
  return heads;
}

Confirmation confirmation_of(const Json& json, const HeadGrid& grid) {
  return {
      .detector = json.at("detector"),
      .behaviour = json.at("behaviour"),
      .heads = heads_of(json.at("heads"), grid),
      .intact = json.at("intact"),
      .ablated = json.at("ablated"),
      .low = number_or_nan(json.at("low")),
      .high = number_or_nan(json.at("high")),
      .random = json.at("random"),
      .beyond_low = number_or_nan(json.value("beyond_low", Json())),
      .beyond_high = number_or_nan(json.value("beyond_high", Json())),
      .asked = {json.at("asked").at(0).get<std::size_t>(),
                // Of an earlier version, which kept too little: asked for again, it is made again.
                json.contains("beyond_low") ? json.at("asked").at(1).get<int>() : 0,
                json.at("asked").at(2).get<std::uint64_t>()},
      .single = json.at("single")};
}

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

constexpr hsize_t kMostSamples = 1 << 20;
constexpr std::int64_t kMostOfEither = 10000;  // layers, heads of a layer
constexpr std::int64_t kMostHeads = 1 << 20;

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
  if (!d.control.empty() && d.control.size() != heads) {
    throw h5::Failure(name + " has a control of another number of heads");
  }
  if (d.ran() && (d.score.size() != heads || d.low.size() != heads || d.high.size() != heads)) {
    throw h5::Failure(name + " has scores of another number of heads");
  }
  return d;
}

// Pieces of tokens are raw bytes: as numbers, no HDF5 text or JSON can hold them all.
OrderedJson bytes_json(const std::vector<std::string>& pieces) {
  OrderedJson json = OrderedJson::array();
  for (const std::string& piece : pieces) {
    json.push_back(std::vector<int>());
    for (const char c : piece) {
      json.back().push_back(static_cast<unsigned char>(c));
    }
  }
  return json;
}

std::vector<std::string> pieces_of(const Json& json) {
  std::vector<std::string> pieces;
  for (const Json& bytes : json) {
    pieces.emplace_back();
    for (const Json& byte : bytes) {
      pieces.back().push_back(static_cast<char>(byte.get<int>()));
    }
  }
  return pieces;
}

void write_examples(hid_t parent, const Atlas& atlas) {
  const h5::Group group = h5::create_group(parent, "examples");
  OrderedJson texts = OrderedJson::array();
  for (const auto& pieces : atlas.examples.texts) {
    texts.push_back(bytes_json(pieces));
  }
  OrderedJson attended = OrderedJson::array();
  for (const auto& list : atlas.examples.attended) {
    attended.push_back(OrderedJson::array());
    for (const Attended& each : list) {
      attended.back().push_back({each.text, each.query, each.key, each.weight});
    }
  }
  h5::set_attribute(group.id(), "texts", texts.dump());
  h5::set_attribute(group.id(), "attended", attended.dump());
  for (const ExamplePrompt& prompt : atlas.examples.prompts) {
    const h5::Dims dims{static_cast<hsize_t>(atlas.n_layers),
                        static_cast<hsize_t>(atlas.n_heads),
                        prompt.pieces.size(),
                        prompt.pieces.size()};
    const h5::Dataset maps = h5::create_contiguous(group.id(), prompt.name, H5T_STD_U8LE, dims);
    h5::set_attribute(maps.id(), "axes", std::vector<std::string>{"layer", "head", "query", "key"});
    h5::set_attribute(maps.id(), "pieces", bytes_json(prompt.pieces).dump());
    h5::write_rows(maps, H5T_NATIVE_UINT8, {0, dims[0]}, prompt.maps.data());
  }
}

Examples read_examples(hid_t parent, std::size_t heads) {
  Examples examples;
  const h5::Group group = h5::open_group(parent, "examples");
  for (const Json& text : stored_json(group.id(), "texts")) {
    examples.texts.push_back(pieces_of(text));
  }
  for (const Json& list : stored_json(group.id(), "attended")) {
    examples.attended.emplace_back();
    for (const Json& each : list) {
      examples.attended.back().push_back(
          {each.at(0).get<std::int64_t>(), each.at(1), each.at(2), each.at(3)});
      const Attended& last = examples.attended.back().back();
      if (last.text < 0 || last.text >= static_cast<std::int64_t>(examples.texts.size())) {
        throw h5::Failure("an example is of a text that is not there");
      }
    }
  }
  for (const std::string& name : h5::links(group)) {
    const h5::Dataset maps = h5::open_dataset(group.id(), name);
    ExamplePrompt prompt{.name = name, .pieces = pieces_of(stored_json(maps.id(), "pieces"))};
    const h5::Dims dims = h5::shape_of(maps);
    const std::size_t length = prompt.pieces.size();
    if (dims.size() != 4 || dims[0] * dims[1] != heads || dims[2] != length || dims[3] != length) {
      throw h5::Failure(name + " has an unexpected shape");
    }
    prompt.maps.resize(heads * length * length);
    h5::read_rows(maps, H5T_NATIVE_UINT8, {0, dims[0]}, prompt.maps.data());
    examples.prompts.push_back(std::move(prompt));
  }
  return examples;
}

void write_contents(const std::filesystem::path& path, const Atlas& atlas) {
  const auto lock = h5::lock_library();
  h5::File file = h5::create_file(path, {.user_block = kSealBytes, .metadata_block = 0});
  const h5::Group root = h5::open_group(file.id(), "/");
  write_provenance(root.id(), kAtlas, atlas.provenance, {"confirmations", "n_layers", "n_heads"});
  h5::set_attribute(root.id(), "n_layers", atlas.n_layers);
  h5::set_attribute(root.id(), "n_heads", atlas.n_heads);
  h5::set_attribute(root.id(), "n_kv_heads", atlas.n_kv_heads);
  OrderedJson confirmations = OrderedJson::array();
  for (const Confirmation& each : atlas.confirmations) {
    confirmations.push_back(to_json(each, atlas.grid()));
  }
  h5::set_attribute(root.id(), "confirmations", confirmations.dump());
  const h5::Group detectors = h5::create_group(root.id(), "detectors");
  for (const Detection& each : atlas.detections) {
    write_detection(detectors.id(),
                    each,
                    static_cast<hsize_t>(atlas.n_layers),
                    static_cast<hsize_t>(atlas.n_heads));
  }
  write_examples(root.id(), atlas);
  file.close("close file");
}

Atlas read_contents(const std::filesystem::path& path) {
  const auto lock = h5::lock_library();
  const h5::File file = h5::open_file(path);
  const h5::Group root = h5::open_group(file.id(), "/");
  Atlas atlas;
  atlas.provenance = read_provenance(root.id(), kAtlas, path.string());
  atlas.n_layers = h5::integer_attribute(root.id(), "n_layers");
  atlas.n_heads = h5::integer_attribute(root.id(), "n_heads");
  atlas.n_kv_heads = h5::integer_attribute(root.id(), "n_kv_heads");
  const auto fits = [](std::int64_t n) { return n >= 1 && n <= kMostOfEither; };
  if (!fits(atlas.n_layers) || !fits(atlas.n_heads) || !fits(atlas.n_kv_heads) ||
      atlas.n_layers * atlas.n_heads > kMostHeads || atlas.n_heads % atlas.n_kv_heads != 0) {
    throw h5::Failure("its numbers of layers and heads cannot be");
  }
  for (const Json& each : stored_json(root.id(), "confirmations")) {
    atlas.confirmations.push_back(confirmation_of(each, atlas.grid()));
  }
  const h5::Group detectors = h5::open_group(root.id(), "detectors");
  for (const std::string& name : h5::links(detectors)) {
    atlas.detections.push_back(read_detection(detectors.id(), name, atlas.grid()));
  }
  atlas.examples = read_examples(root.id(), atlas.grid().size());
  return atlas;
}

}  // namespace

void write_atlas(const Atlas& atlas, const std::filesystem::path& path) {
  const FileSizeSignalBlocked no_signal;
  NewFile made(path);
  try {
    write_contents(made.temporary(), atlas);
    made.publish(kAtlas, made.file().size(), NewFile::Over::replace);
  } catch (const h5::Failure& failure) {
    throw ResourceError("{}: cannot write it: {}", path.string(), failure.what());
  }
}

void check_atlas_output(const std::filesystem::path& path, IfExists if_exists) {
  static_cast<void>(open_to_resume(path, kAtlas, if_exists));
}

Atlas read_atlas(const std::filesystem::path& path) {
  const PosixFile file = open_to_read(path, kAtlas);
  check_seal(file, kAtlas);
  try {
    return read_contents(path);
  } catch (const h5::Failure& failure) {
    throw DataError("{}: not a whole atlas ({}); make it again", path.string(), failure.what());
  } catch (const Json::exception& error) {
    throw DataError(
        "{}: not a whole atlas ({}); make it again", path.string(), json_fault(error.what()));
  }
}

}  // namespace headscope
