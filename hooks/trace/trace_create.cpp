#include <algorithm>
#include <functional>
#include <set>

#include "hooks/stored/h5/attribute.h"
#include "hooks/stored/h5/dataset.h"
#include "hooks/stored/h5/datatype.h"
#include "hooks/stored/h5/group.h"
#include "hooks/stored/provenance.h"
#include "hooks/stored/seal.h"
#include "hooks/trace/pieces.h"
#include "hooks/trace/trace_file.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::int64_t kLargestChunk = 16 << 20;      // bytes
constexpr std::size_t kTraceCreateRowsAtOnce = 4096;  // prompts written together, to bound memory

// Calls body(first, count) on slices of the prompts.
template <typename Body>
void by_slices(std::size_t prompts, const Body& body) {
  for (std::size_t first = 0; first < prompts; first += kTraceCreateRowsAtOnce) {
    body(first, std::min(kTraceCreateRowsAtOnce, prompts - first));
  }
}

template <typename TextOf>
void write_prompt_texts(hid_t group,
                        const std::string& name,
                        const std::vector<Prompt>& prompts,
                        const TextOf& text_of) {
  const h5::Dataset dataset =
      h5::create_contiguous(group, name, h5::text_type().id(), {prompts.size()});
  by_slices(prompts.size(), [&](std::size_t first, std::size_t count) {
    std::vector<std::string> texts;
    for (std::size_t i = first; i < first + count; ++i) {
      texts.push_back(std::invoke(text_of, prompts[i]));
    }
    h5::write_texts(dataset, {first, count}, texts);
  });
}

void write_tokens(hid_t group, const std::vector<Prompt>& prompts) {
  const auto longest = static_cast<std::size_t>(longest_prompt(prompts));
  const h5::Dataset dataset =
      h5::create_contiguous(group, "tokens", H5T_STD_I32LE, {prompts.size(), longest});
  by_slices(prompts.size(), [&](std::size_t first, std::size_t count) {
    std::vector<std::int32_t> rows(count * longest, -1);
    for (std::size_t i = 0; i < count; ++i) {
      std::ranges::copy(prompts[first + i].tokens, rows.begin() + static_cast<long>(i * longest));
    }
    h5::write_rows(dataset, H5T_NATIVE_INT32, {first, count}, rows.data());
  });
  std::vector<std::int64_t> lengths;
  for (const Prompt& prompt : prompts) {
    lengths.push_back(static_cast<std::int64_t>(prompt.tokens.size()));
  }
  const h5::Dataset length =
      h5::create_contiguous(group, "length", H5T_STD_I64LE, {prompts.size()});
  h5::write_rows(length, H5T_NATIVE_INT64, {0, prompts.size()}, lengths.data());
}

std::set<std::string> span_names(const std::vector<Prompt>& prompts) {
  std::set<std::string> names;
  for (const Prompt& prompt : prompts) {
    for (const auto& [name, span] : prompt.spans) {
      names.insert(name);
    }
  }
  return names;
}

void write_spans(hid_t root, const std::vector<Prompt>& prompts) {
  const h5::Group group = h5::create_group(root, "spans");
  for (const std::string& name : span_names(prompts)) {
    std::vector<std::int64_t> rows;
    for (const Prompt& prompt : prompts) {
      const auto found = prompt.spans.find(name);
      const Span span = found == prompt.spans.end() ? Span{-1, -1} : found->second;
      rows.insert(rows.end(), {span.begin, span.end});
    }
    const h5::Dataset dataset =
        h5::create_contiguous(group.id(), name, H5T_STD_I64LE, {prompts.size(), 2});
    h5::write_rows(dataset, H5T_NATIVE_INT64, {0, prompts.size()}, rows.data());
  }
}

h5::Dataset create_values(hid_t root, const TraceDataset& dataset, std::size_t prompts, int level) {
  h5::Dims dims{prompts};
  dims.insert(dims.end(), dataset.shape.begin(), dataset.shape.end());
  const h5::Datatype type = h5::float_type(dataset.dtype);
  const std::string link = link_of(dataset);
  h5::Chunking chunking{{1}, static_cast<unsigned>(level)};
  const Sizes chunk = chunk_shape(dataset);
  chunking.chunk.insert(chunking.chunk.end(), chunk.begin(), chunk.end());
  h5::Dataset made = level == 0 ? h5::create_unplaced(root, link, type.id(), dims)
                                : h5::create_chunked(root, link, type.id(), dims, chunking);
  h5::set_attribute(made.id(), "axes", dataset.axes);
  return made;
}

// Makes /done and the datasets, then gives those in one piece their places: nothing but values may
// lie behind /done. Returns its offset, that of the first of the bytes that change later.
std::uint64_t create_changing(hid_t root, const TraceHeader& header, int level) {
  const std::size_t prompts = header.prompts.size();
  const h5::Dataset done = h5::create_unplaced(root, "done", H5T_STD_U8LE, {prompts});
  std::vector<h5::Dataset> datasets;
  for (const TraceDataset& dataset : header.datasets) {
    datasets.push_back(create_values(root, dataset, prompts, level));
  }
  h5::place(done);
  const std::vector<std::uint8_t> marks(prompts, level > 0 ? 1 : 0);
  h5::write_rows(done, H5T_NATIVE_UINT8, {0, prompts}, marks.data());
  for (const h5::Dataset& dataset : datasets) {
    if (level == 0) {
      h5::place(dataset);
    }
  }
  return h5::offset_of(done);
}

// Enough for all metadata, so that they lie in one piece; what is left over is a hole. Measured:
// about 1.5 KiB a dataset, 110 bytes a chunk.
hsize_t metadata_room(const TraceHeader& header, int level) {
  std::uint64_t chunks = 0;
  for (const TraceDataset& dataset : header.datasets) {
    const Sizes chunk = chunk_shape(dataset);
    std::uint64_t per_prompt = 1;
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      per_prompt *= static_cast<std::uint64_t>((dataset.shape[i] + chunk[i] - 1) / chunk[i]);
    }
    chunks += level > 0 ? per_prompt * header.prompts.size() : 0;
  }
  const std::uint64_t objects = header.datasets.size() + span_names(header.prompts).size();
  return (256u << 10) + (objects << 13) + (chunks << 8);
}

}  // namespace

std::string link_of(const TraceDataset& dataset) {
  const bool logits = dataset.name.find('/') != std::string::npos;
  return (logits ? "/" : "/activations/") + dataset.name;
}

Sizes chunk_shape(const TraceDataset& dataset) {
  Sizes chunk = dataset.shape;
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    chunk[i] = is_head_axis(dataset.axes[i + 1]) ? 1 : chunk[i];
  }
  const std::int64_t limit = kLargestChunk / static_cast<std::int64_t>(size_of(dataset.dtype));
  for (std::int64_t& size : chunk) {
    while (size > 1 && product(chunk) > limit) {
      size = (size + 1) / 2;
    }
  }
  return chunk;
}

TraceSkeleton create_trace_file(const std::filesystem::path& path,
                                const TraceHeader& completed_header,
                                int level) {
  const TraceHeader& header = completed_header;
  const auto lock = h5::lock_library();
  TraceSkeleton made;
  made.file = h5::create_file(path, {kSealBytes, metadata_room(header, level)});
  const h5::Group root = h5::open_group(made.file.id(), "/");
  write_provenance(root.id(), kTraceKind, header.provenance);
  {
    const h5::Group group = h5::create_group(root.id(), "prompts");
    write_prompt_texts(group.id(), "text", header.prompts, &Prompt::text);
    write_prompt_texts(group.id(), "id", header.prompts, &Prompt::id);
    write_prompt_texts(group.id(), "pieces", header.prompts, [](const Prompt& prompt) {
      return pieces_to_text(prompt.pieces);
    });
    write_tokens(group.id(), header.prompts);
  }
  write_spans(root.id(), header.prompts);
  h5::create_group(root.id(), "activations");
  if (std::ranges::any_of(header.datasets, [](const TraceDataset& dataset) {
        return dataset.name.starts_with("logits/");
      })) {
    h5::create_group(root.id(), "logits");
  }
  made.metadata_end = create_changing(root.id(), header, level);
  return made;
}

}  // namespace headscope
