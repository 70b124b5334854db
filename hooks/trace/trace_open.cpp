#include <algorithm>

#include "hooks/stored/h5/attribute.h"
#include "hooks/stored/h5/dataset.h"
#include "hooks/stored/h5/datatype.h"
#include "hooks/stored/h5/group.h"
#include "hooks/stored/open_file.h"
#include "hooks/stored/provenance.h"
#include "hooks/stored/seal.h"
#include "hooks/trace/pieces.h"
#include "hooks/trace/trace_file.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::size_t kTraceOpenRowsAtOnce = 4096;

// What a schema error is thrown as until the path is known.
void require(bool condition, const std::string& what) {
  if (!condition) {
    throw h5::Failure(what);
  }
}

h5::Dataset open_shaped(hid_t parent, const std::string& name, const h5::Dims& leading) {
  h5::Dataset dataset = h5::open_dataset(parent, name);
  const h5::Dims dims = h5::shape_of(dataset);
  require(dims.size() >= leading.size() && std::equal(leading.begin(), leading.end(), dims.begin()),
          "dataset " + name + " has an unexpected shape");
  return dataset;
}

std::vector<std::int64_t> read_integers(hid_t parent, const std::string& name, h5::Dims dims) {
  const h5::Dataset dataset = open_shaped(parent, name, dims);
  require(h5::shape_of(dataset) == dims, "dataset " + name + " has an unexpected shape");
  std::vector<std::int64_t> values(dims[0] * (dims.size() > 1 ? dims[1] : 1));
  h5::read_rows(dataset, H5T_NATIVE_INT64, {0, dims[0]}, values.data());
  return values;
}

void read_tokens(hid_t group, std::vector<Prompt>& prompts) {
  const h5::Dims count{prompts.size()};
  const std::vector<std::int64_t> lengths = read_integers(group, "length", count);
  const h5::Dataset dataset = open_shaped(group, "tokens", count);
  const h5::Dims dims = h5::shape_of(dataset);
  require(dims.size() == 2 && dims[1] > 0, "/prompts/tokens has an unexpected shape");
  const auto longest = static_cast<std::int64_t>(dims[1]);
  std::vector<std::int32_t> rows;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const std::size_t row = i % kTraceOpenRowsAtOnce;
    if (row == 0) {
      const std::size_t take = std::min(kTraceOpenRowsAtOnce, prompts.size() - i);
      rows.resize(take * dims[1]);
      h5::read_rows(dataset, H5T_NATIVE_INT32, {i, take}, rows.data());
    }
    require(lengths[i] > 0 && lengths[i] <= longest, "/prompts/length is out of range");
    const auto begin = rows.begin() + static_cast<std::int64_t>(row) * longest;
    prompts[i].tokens.assign(begin, begin + lengths[i]);
  }
  require(longest_prompt(prompts) == longest, "/prompts/tokens is wider than the longest prompt");
}

// Optional: a trace may come without.
void read_pieces(hid_t group, std::vector<Prompt>& prompts) {
  const h5::Dataset dataset = open_shaped(group, "pieces", {prompts.size()});
  const std::vector<std::string> texts = h5::read_texts(dataset, {0, prompts.size()});
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    prompts[i].pieces = pieces_from_text(texts[i], "/prompts/pieces");
    require(prompts[i].pieces.empty() || prompts[i].pieces.size() == prompts[i].tokens.size(),
            "/prompts/pieces does not fit /prompts/tokens");
  }
}

std::vector<Prompt> read_prompts(hid_t root) {
  const h5::Group group = h5::open_group(root, "prompts");
  const h5::Dataset text = h5::open_dataset(group.id(), "text");
  const h5::Dims dims = h5::shape_of(text);
  require(dims.size() == 1 && dims[0] > 0, "/prompts/text has an unexpected shape");
  const h5::Dataset id = open_shaped(group.id(), "id", dims);
  std::vector<std::string> texts = h5::read_texts(text, {0, dims[0]});
  std::vector<std::string> ids = h5::read_texts(id, {0, dims[0]});
  std::vector<Prompt> prompts(dims[0]);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    prompts[i].text = std::move(texts[i]);
    prompts[i].id = std::move(ids[i]);
  }
  read_tokens(group.id(), prompts);
  if (h5::has_link(group.id(), "pieces")) {
    read_pieces(group.id(), prompts);
  }
  return prompts;
}

void read_spans(hid_t root, std::vector<Prompt>& prompts) {
  const h5::Group group = h5::open_group(root, "spans");
  for (const std::string& name : h5::links(group)) {
    const auto rows = read_integers(group.id(), name, {prompts.size(), 2});
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      if (rows[2 * i] >= 0) {
        prompts[i].spans[name] = {rows[2 * i], rows[2 * i + 1]};
      }
    }
  }
}

StoredDataset read_dataset(hid_t root, const std::string& name, std::size_t prompts) {
  StoredDataset stored;
  stored.info.name = name;
  stored.link = link_of(stored.info);
  const h5::Dataset dataset = open_shaped(root, stored.link, {prompts});
  const h5::Dims dims = h5::shape_of(dataset);
  const h5::Dims chunk = h5::chunk_of(dataset);
  stored.info.axes = h5::texts_attribute(dataset.id(), "axes");
  stored.info.shape.assign(dims.begin() + 1, dims.end());
  stored.info.dtype = h5::dtype_of(dataset);
  stored.stored_bytes = h5::stored_bytes(dataset);
  if (chunk.empty()) {
    stored.offset = h5::offset_of(dataset);
  } else {
    stored.chunk.assign(chunk.begin() + 1, chunk.end());
    require(chunk[0] == 1 && product(stored.chunk) < (std::int64_t{1} << 30),
            name + " has unexpected chunks");
  }
  require(stored.info.axes.size() == dims.size(), name + " has unexpected axes");
  return stored;
}

std::vector<StoredDataset> read_datasets(hid_t root, std::size_t prompts) {
  std::vector<std::string> names = h5::links(h5::open_group(root, "activations"));
  if (h5::has_link(root, "logits")) {
    for (const std::string& name : h5::links(h5::open_group(root, "logits"))) {
      names.push_back("logits/" + name);
    }
  }
  require(!names.empty(), "no datasets");
  std::vector<StoredDataset> datasets;
  for (const std::string& name : names) {
    datasets.push_back(read_dataset(root, name, prompts));
  }
  return datasets;
}

// Ragged axes must be as long as the longest prompt, and values must lie inside the file.
void check_datasets(const TraceContents& contents, std::uint64_t file_size) {
  const std::int64_t longest = longest_prompt(contents.prompts);
  const std::size_t prompts = contents.prompts.size();
  for (const StoredDataset& dataset : contents.datasets) {
    require(shape_at(dataset.info, longest) == dataset.info.shape,
            dataset.info.name + " does not fit the prompts");
    require(dataset.chunk.empty() != contents.compressed(), "some datasets are compressed");
    require(dataset.stored_bytes <= file_size && dataset.offset <= file_size - dataset.stored_bytes,
            dataset.info.name + " lies beyond the end of the file");
  }
  require(prompts <= file_size && contents.done_offset <= file_size - prompts,
          "/done lies beyond the end of the file");
}

TraceContents read_contents(const PosixFile& file) {
  const h5::File opened = h5::open_file(file.path());
  const h5::Group root = h5::open_group(opened.id(), "/");
  TraceContents contents;
  contents.provenance = read_provenance(root.id(), kTraceKind, file.path().string());
  contents.prompts = read_prompts(root.id());
  read_spans(root.id(), contents.prompts);
  contents.done_offset = h5::offset_of(open_shaped(root.id(), "done", {contents.prompts.size()}));
  contents.datasets = read_datasets(root.id(), contents.prompts.size());
  check_datasets(contents, file.size());
  return contents;
}

}  // namespace

std::uint64_t values_offset(const StoredDataset& dataset, std::size_t prompt) {
  return dataset.offset + prompt * static_cast<std::uint64_t>(elements_of(dataset.info)) *
                              size_of(dataset.info.dtype);
}

PosixFile open_trace_to_read(const std::filesystem::path& path) {
  return open_to_read(path, kTraceKind);
}

std::vector<std::uint8_t> read_done_marks(const PosixFile& file, const TraceContents& contents) {
  std::vector<std::uint8_t> marks(contents.prompts.size());
  if (!file.read(contents.done_offset, marks.data(), marks.size()) ||
      std::ranges::any_of(marks, [](std::uint8_t mark) { return mark > 1; })) {
    throw DataError("{}: /done is unreadable or damaged; record it again", file.path().string());
  }
  return marks;
}

TraceContents open_trace_file(const PosixFile& file) {
  check_seal(file, kTraceKind);
  const auto lock = h5::lock_library();
  try {
    return read_contents(file);
  } catch (const h5::Failure& failure) {
    throw DataError("{}: not a whole headscope trace ({}); record it again",
                    file.path().string(),
                    failure.what());
  }
}

}  // namespace headscope
