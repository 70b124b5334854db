#include "analyses/results/result_file.h"
#include "hooks/stored/h5/attribute.h"
#include "hooks/stored/h5/dataset.h"
#include "hooks/stored/h5/datatype.h"
#include "hooks/stored/h5/file.h"
#include "hooks/stored/h5/group.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

// What a schema error is thrown as until the path is known.
void require(bool condition, const std::string& what) {
  if (!condition) {
    throw h5::Failure(what);
  }
}

// The number of elements of a dataset that must have one axis.
hsize_t length_of(const h5::Dataset& dataset, const std::string& name) {
  const h5::Dims dims = h5::shape_of(dataset);
  require(dims.size() == 1 && dims[0] > 0, name + " has an unexpected shape");
  return dims[0];
}

std::vector<std::string> read_texts(hid_t group, const std::string& name) {
  const h5::Dataset dataset = h5::open_dataset(group, name);
  return h5::read_texts(dataset, {0, length_of(dataset, name)});
}

ResultAxis read_axis(hid_t group, const std::string& name) {
  const h5::Dataset dataset = h5::open_dataset(group, name);
  if (!h5::has_type(dataset, H5T_STD_I64LE)) {
    return {name, read_texts(group, name)};
  }
  std::vector<std::int64_t> numbers(length_of(dataset, name));
  h5::read_rows(dataset, H5T_NATIVE_INT64, {0, numbers.size()}, numbers.data());
  ResultAxis axis{name, {}};
  for (const std::int64_t number : numbers) {
    axis.labels.push_back(std::to_string(number));
  }
  return axis;
}

ResultHeader read_header(hid_t root, const std::string& where) {
  ResultHeader header;
  header.provenance = read_provenance(root, kResultKind, where);
  header.kind = h5::text_attribute(root, "kind");
  header.metric = h5::text_attribute(root, "metric");
  const h5::Group axes = h5::open_group(root, "axes");
  const h5::Dataset result = h5::open_dataset(root, "result");
  for (const std::string& name : h5::texts_attribute(result.id(), "axes")) {
    header.axes.push_back(read_axis(axes.id(), name));
  }
  const h5::Group prompts = h5::open_group(root, "prompts");
  header.prompt_ids = read_texts(prompts.id(), "id");
  if (h5::has_link(prompts.id(), "template")) {
    header.templates = read_texts(prompts.id(), "template");
  }
  return checked(std::move(header));
}

// The place of a dataset's values, which must be of this type and shape and inside the file.
std::uint64_t place_of(
    hid_t root, const std::string& name, hid_t type, const h5::Dims& dims, std::uint64_t end) {
  const h5::Dataset dataset = h5::open_dataset(root, name);
  require(h5::shape_of(dataset) == dims && h5::has_type(dataset, type),
          "/" + name + " has an unexpected shape or type");
  const std::uint64_t offset = h5::offset_of(dataset);
  const std::uint64_t bytes = h5::stored_bytes(dataset);
  require(bytes <= end && offset <= end - bytes, "/" + name + " lies beyond the end of the file");
  return offset;
}

ResultPlaces read_places(hid_t root, const ResultHeader& header, std::uint64_t end) {
  const h5::Dims cells = cell_dims(header);
  const h5::Dims pairs = pair_dims(header);
  const h5::Dims prompt{header.prompt_ids.size()};
  ResultPlaces at;
  at.done = place_of(root, "done", H5T_STD_U8LE, pairs, end);
  at.baseline_done = place_of(root, "baseline/done", H5T_STD_U8LE, {2}, end);
  at.clean = place_of(root, "baseline/clean", H5T_IEEE_F64LE, prompt, end);
  at.corrupted = place_of(root, "baseline/corrupted", H5T_IEEE_F64LE, prompt, end);
  at.result = place_of(root, "result", H5T_IEEE_F64LE, cells, end);
  at.per_prompt = place_of(root, "per_prompt", H5T_IEEE_F64LE, pairs, end);
  return at;
}

[[noreturn]] void throw_no_result(const PosixFile& file, const char* why) {
  throw DataError("{}: not a whole headscope result ({}); run it again", file.path().string(), why);
}

}  // namespace

ResultContents open_result_file(const PosixFile& file) {
  check_seal(file, kResultKind);
  const auto lock = h5::lock_library();
  try {
    const h5::File opened = h5::open_file(file.path());
    const h5::Group root = h5::open_group(opened.id(), "/");
    ResultContents contents;
    contents.header = read_header(root.id(), file.path().string());
    contents.at = read_places(root.id(), contents.header, file.size());
    return contents;
  } catch (const h5::Failure& failure) {
    throw_no_result(file, failure.what());
  } catch (const UsageError& error) {  // of checked(): this header was not made by us
    throw_no_result(file, error.what());
  }
}

}  // namespace headscope
