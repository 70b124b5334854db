// Atlases on disk: /detectors/NAME/{score, low, high, control, samples, by_group/…} and, as JSON
// text in attributes, what is no array.
#include "analyses/head_detectors/atlas_parts.h"
#include "hooks/stored/disk_space.h"
#include "hooks/stored/h5/file.h"
#include "hooks/stored/h5/group.h"
#include "hooks/stored/new_file.h"
#include "hooks/stored/open_file.h"
#include "hooks/stored/provenance.h"

namespace headscope {
namespace {

constexpr FileKind kAtlas{.format = "headscope-atlas",
                          .version = 1,
                          .noun = "atlas",
                          .source = "`headscope detect MODEL -o atlas.h5` makes one",
                          .again = "make it again"};

constexpr std::int64_t kMostOfEither = 10000;  // layers, heads of a layer

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

void check_atlas_replaced(const std::filesystem::path& path) {
  check_to_replace(path, kAtlas);
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
