#include "hooks/stored/h5/dataset.h"

#include <array>

#include "hooks/stored/h5/datatype.h"

namespace headscope::h5 {
namespace {

// Without times: the same trace is the same bytes.
PropertyList new_creation_list() {
  PropertyList list(H5Pcreate(H5P_DATASET_CREATE), "dataset creation list");
  checked(H5Pset_obj_track_times(list.id(), false), "times");
  return list;
}

Dataset create(
    hid_t parent, const std::string& name, hid_t type, const Dims& dims, const PropertyList& list) {
  const Dataspace space = simple_space(dims);
  return {H5Dcreate2(parent, name.c_str(), type, space.id(), H5P_DEFAULT, list.id(), H5P_DEFAULT),
          "create dataset " + name};
}

// The dataspaces of a transfer of whole rows.
struct Transfer {
  Dataspace file;
  Dataspace memory;
};

Transfer transfer_of(const Dataset& dataset, Rows rows) {
  Transfer spaces;
  spaces.file = Dataspace(H5Dget_space(dataset.id()), "space of dataset");
  Dims dims = dims_of(spaces.file);
  select_rows(spaces.file, rows.begin, rows.count);
  dims.at(0) = rows.count;
  spaces.memory = simple_space(dims);
  return spaces;
}

PropertyList creation_list(const Dataset& dataset) {
  return {H5Dget_create_plist(dataset.id()), "creation list of dataset"};
}

}  // namespace

Dataset create_contiguous(hid_t parent, const std::string& name, hid_t type, const Dims& dims) {
  const PropertyList list = new_creation_list();
  checked(H5Pset_layout(list.id(), H5D_CONTIGUOUS), "layout");
  checked(H5Pset_alloc_time(list.id(), H5D_ALLOC_TIME_EARLY), "allocation time");
  if (H5Tdetect_class(type, H5T_VLEN) == 0 && H5Tis_variable_str(type) == 0) {
    checked(H5Pset_fill_time(list.id(), H5D_FILL_TIME_NEVER), "fill time");  // text needs a fill
  }
  return create(parent, name, type, dims, list);
}

Dataset create_unplaced(hid_t parent, const std::string& name, hid_t type, const Dims& dims) {
  const PropertyList list = new_creation_list();
  checked(H5Pset_layout(list.id(), H5D_CONTIGUOUS), "layout");
  checked(H5Pset_alloc_time(list.id(), H5D_ALLOC_TIME_LATE), "allocation time");
  checked(H5Pset_fill_time(list.id(), H5D_FILL_TIME_NEVER), "fill time");
  return create(parent, name, type, dims, list);
}

void place(const Dataset& dataset) {
  const Dataspace file(H5Dget_space(dataset.id()), "space of dataset");
  const std::array<hsize_t, H5S_MAX_RANK> first{};
  std::array<hsize_t, H5S_MAX_RANK> one{};
  one.fill(1);
  checked(
      H5Sselect_hyperslab(file.id(), H5S_SELECT_SET, first.data(), nullptr, one.data(), nullptr),
      "select an element");
  const Datatype type(H5Dget_type(dataset.id()), "type of dataset");
  const std::uint64_t zero = 0;  // the widest type placed is 8 bytes
  const Dataspace memory = simple_space({1});
  checked(H5Dwrite(dataset.id(), type.id(), memory.id(), file.id(), H5P_DEFAULT, &zero),
          "place dataset");
}

Dataset create_chunked(
    hid_t parent, const std::string& name, hid_t type, const Dims& dims, const Chunking& chunking) {
  const PropertyList list = new_creation_list();
  const int rank = static_cast<int>(chunking.chunk.size());
  checked(H5Pset_chunk(list.id(), rank, chunking.chunk.data()), "chunk shape");
  checked(H5Pset_shuffle(list.id()), "shuffle filter");
  checked(H5Pset_deflate(list.id(), chunking.level), "deflate filter");
  return create(parent, name, type, dims, list);
}

Dataset open_dataset(hid_t parent, const std::string& name) {
  return {H5Dopen2(parent, name.c_str(), H5P_DEFAULT), "open dataset " + name};
}

Dims shape_of(const Dataset& dataset) {
  return dims_of(Dataspace(H5Dget_space(dataset.id()), "space of dataset"));
}

Dims chunk_of(const Dataset& dataset) {
  const PropertyList list = creation_list(dataset);
  if (checked(H5Pget_layout(list.id()), "layout") != H5D_CHUNKED) {
    return {};
  }
  Dims chunk(shape_of(dataset).size());
  checked(H5Pget_chunk(list.id(), static_cast<int>(chunk.size()), chunk.data()), "chunk shape");
  return chunk;
}

std::uint64_t offset_of(const Dataset& dataset) {
  const haddr_t offset = H5Dget_offset(dataset.id());
  if (offset == HADDR_UNDEF) {
    fail("a dataset has no place in the file");
  }
  return offset;
}

std::uint64_t stored_bytes(const Dataset& dataset) {
  return H5Dget_storage_size(dataset.id());
}

void write_rows(const Dataset& dataset, hid_t type, Rows rows, const void* values) {
  const Transfer spaces = transfer_of(dataset, rows);
  checked(H5Dwrite(dataset.id(), type, spaces.memory.id(), spaces.file.id(), H5P_DEFAULT, values),
          "write dataset");
}

void read_rows(const Dataset& dataset, hid_t type, Rows rows, void* values) {
  const Transfer spaces = transfer_of(dataset, rows);
  checked(H5Dread(dataset.id(), type, spaces.memory.id(), spaces.file.id(), H5P_DEFAULT, values),
          "read dataset");
}

void write_texts(const Dataset& dataset, Rows rows, const std::vector<std::string>& texts) {
  std::vector<const char*> pointers;
  pointers.reserve(texts.size());
  for (const std::string& text : texts) {
    pointers.push_back(text.c_str());
  }
  write_rows(dataset, text_type().id(), rows, pointers.data());
}

std::vector<std::string> read_texts(const Dataset& dataset, Rows rows) {
  const Datatype type = text_type();
  std::vector<char*> pointers(rows.count, nullptr);
  read_rows(dataset, type.id(), rows, pointers.data());
  std::vector<std::string> texts;
  texts.reserve(pointers.size());
  for (const char* text : pointers) {
    texts.emplace_back(text == nullptr ? "" : text);
  }
  const Dataspace space = simple_space({rows.count});
  checked(H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, pointers.data()), "free texts");
  return texts;
}

void write_chunk(const Dataset& dataset,
                 const Dims& begin,
                 const std::vector<std::uint8_t>& bytes) {
  checked(H5Dwrite_chunk(dataset.id(), H5P_DEFAULT, 0, begin.data(), bytes.size(), bytes.data()),
          "write chunk");
}

std::vector<std::uint8_t> read_chunk(const Dataset& dataset, const Dims& begin) {
  hsize_t size = 0;
  checked(H5Dget_chunk_storage_size(dataset.id(), begin.data(), &size), "size of chunk");
  std::vector<std::uint8_t> bytes(size);
  std::uint32_t skipped_filters = 0;
  if (size > 0) {
    checked(H5Dread_chunk(dataset.id(), H5P_DEFAULT, begin.data(), &skipped_filters, bytes.data()),
            "read chunk");
  }
  if (skipped_filters != 0) {
    throw Failure("a chunk was stored without its filters");
  }
  return bytes;
}

}  // namespace headscope::h5
