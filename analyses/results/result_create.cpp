#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>

#include "analyses/results/result_file.h"
#include "hooks/stored/disk_space.h"
#include "hooks/stored/h5/attribute.h"
#include "hooks/stored/h5/dataset.h"
#include "hooks/stored/h5/datatype.h"
#include "hooks/stored/h5/file.h"
#include "hooks/stored/h5/group.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::size_t kFillBlock = 1u << 17;  // values

struct Skeleton {
  h5::File file;
  ResultPlaces at;
};

// "12" is a number, "012", "+1" and "1.0" are text: what is read back must be what was given.
bool is_integer(const std::string& label) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), value);
  return error == std::errc() && end == label.data() + label.size() &&
         std::to_string(value) == label;
}

void write_texts(hid_t group, const std::string& name, const std::vector<std::string>& texts) {
  const h5::Dataset made = h5::create_contiguous(group, name, h5::text_type().id(), {texts.size()});
  h5::write_texts(made, {0, texts.size()}, texts);
}

void write_labels(hid_t group, const ResultAxis& axis) {
  if (!std::ranges::all_of(axis.labels, is_integer)) {
    write_texts(group, axis.name, axis.labels);
    return;
  }
  std::vector<std::int64_t> numbers;
  for (const std::string& label : axis.labels) {
    numbers.push_back(std::stoll(label));
  }
  const h5::Dataset made = h5::create_contiguous(group, axis.name, H5T_STD_I64LE, {numbers.size()});
  h5::write_rows(made, H5T_NATIVE_INT64, {0, numbers.size()}, numbers.data());
}

void write_header(hid_t root, const ResultHeader& header) {
  write_provenance(root, kResultKind, header.provenance, {"kind", "metric"});
  h5::set_attribute(root, "kind", header.kind);
  h5::set_attribute(root, "metric", header.metric);
  const h5::Group axes = h5::create_group(root, "axes");
  for (const ResultAxis& axis : header.axes) {
    write_labels(axes.id(), axis);
  }
  const h5::Group prompts = h5::create_group(root, "prompts");
  write_texts(prompts.id(), "id", header.prompt_ids);
  if (!header.templates.empty()) {
    write_texts(prompts.id(), "template", header.templates);
  }
}

h5::Dataset create_values(hid_t parent,
                          const std::string& name,
                          hid_t type,
                          const h5::Dims& dims,
                          const std::vector<std::string>& axes) {
  h5::Dataset made = h5::create_unplaced(parent, name, type, dims);
  h5::set_attribute(made.id(), "axes", axes);
  return made;
}

std::uint64_t offset_in_file(const h5::Dataset& dataset) {
  h5::place(dataset);
  return h5::offset_of(dataset);
}

// Places in the order in which values shall lie in the file: marks first, the largest last, and
// nothing else behind the first.
ResultPlaces create_places(hid_t root, const ResultHeader& header) {
  const h5::Dims cells = cell_dims(header);
  const h5::Dims pairs = pair_dims(header);
  const h5::Dims prompt{header.prompt_ids.size()};
  std::vector<std::string> axes;
  for (const ResultAxis& axis : header.axes) {
    axes.push_back(axis.name);
  }
  std::vector<std::string> pair_axes = axes;
  pair_axes.emplace_back("prompt");
  const h5::Group group = h5::create_group(root, "baseline");
  const auto done = create_values(root, "done", H5T_STD_U8LE, pairs, pair_axes);
  const auto baseline_done = create_values(group.id(), "done", H5T_STD_U8LE, {2}, {"run"});
  const auto clean = create_values(group.id(), "clean", H5T_IEEE_F64LE, prompt, {"prompt"});
  const auto corrupted = create_values(group.id(), "corrupted", H5T_IEEE_F64LE, prompt, {"prompt"});
  const auto result = create_values(root, "result", H5T_IEEE_F64LE, cells, axes);
  const auto per_prompt = create_values(root, "per_prompt", H5T_IEEE_F64LE, pairs, pair_axes);
  ResultPlaces at;
  at.done = offset_in_file(done);
  at.baseline_done = offset_in_file(baseline_done);
  at.clean = offset_in_file(clean);
  at.corrupted = offset_in_file(corrupted);
  at.result = offset_in_file(result);
  at.per_prompt = offset_in_file(per_prompt);
  return at;
}

std::uint64_t text_bytes(const std::vector<std::string>& texts) {
  std::uint64_t bytes = 0;
  for (const std::string& text : texts) {
    bytes += text.size() + 64;
  }
  return bytes;
}

// Enough for all metadata, so that they lie in one piece; what is left over is a hole.
std::uint64_t metadata_room(const ResultHeader& header) {
  std::uint64_t bytes = text_bytes(header.prompt_ids) + text_bytes(header.templates) +
                        2 * dumped(header.provenance).size() + (header.provenance.size() << 9);
  for (const ResultAxis& axis : header.axes) {
    bytes += text_bytes(axis.labels) + 4096;
  }
  return (256u << 10) + 2 * bytes;
}

Skeleton create_skeleton(const std::filesystem::path& path, const ResultHeader& header) {
  const auto lock = h5::lock_library();
  Skeleton made;
  made.file = h5::create_file(path, {kSealBytes, metadata_room(header)});
  const h5::Group root = h5::open_group(made.file.id(), "/");
  write_header(root.id(), header);
  made.at = create_places(root.id(), header);
  made.file.close("close file");
  return made;
}

// Marks and values that no one has written: 0 and NaN, not the zeros a hole would read as. Takes
// the space, too: later writes cannot meet a full disk, but on file systems that copy on write.
bool fill(const PosixFile& file, const ResultPlaces& at) {
  const std::vector<double> nan(kFillBlock, std::numeric_limits<double>::quiet_NaN());
  const std::vector<std::uint8_t> zero(kFillBlock * sizeof(double), 0);
  const std::uint64_t end = file.size();
  for (std::uint64_t place = at.done; place < end;) {
    const bool mark = place < at.clean;
    const std::uint64_t stop = mark ? at.clean : end;
    const std::uint64_t bytes = std::min<std::uint64_t>(stop - place, zero.size());
    const void* from = mark ? static_cast<const void*>(zero.data()) : nan.data();
    if (!file.write(place, from, bytes)) {
      return false;
    }
    place += bytes;
  }
  return true;
}

std::uint64_t value_bytes(const ResultHeader& header) {
  const auto pairs = static_cast<std::uint64_t>(pairs_of(header));
  return 9 * pairs + 8 * static_cast<std::uint64_t>(cells_of(header)) +
         16 * header.prompt_ids.size() + 2;
}

}  // namespace

PosixFile create_result_file(const std::filesystem::path& path,
                             const ResultHeader& header,
                             NewFile::Over over) {
  const std::uint64_t bytes = value_bytes(header);
  check_file_size_limit(path, bytes + metadata_room(header));
  NewFile made(path);
  try {
    const ResultPlaces at = create_skeleton(made.temporary(), header).at;
    // Metadata that HDF5 put behind the values would be outside the seal.
    if (made.file().size() - at.done != bytes) {
      throw InternalError("{}: its metadata did not fit the room kept for them", path.string());
    }
    if (!fill(made.file(), at)) {
      const int cause = errno;
      throw ResourceError("{}: cannot make it: {}; it takes {:.1f} MB: {} or choose another -o",
                          path.string(),
                          std::strerror(cause),
                          static_cast<double>(bytes) / 1e6,
                          remedy_for(cause));
    }
    return made.publish(kResultKind, at.done, over);
  } catch (const h5::Failure& failure) {
    throw ResourceError("{}: cannot make it: {}", path.string(), failure.what());
  }
}

}  // namespace headscope
