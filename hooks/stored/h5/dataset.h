// HDF5 datasets: made, found on disk, and read or written by rows or by whole chunks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hooks/stored/h5/dataspace.h"

namespace headscope::h5 {

// In one piece, its place in the file taken at once and (but for text) nothing written: a hole.
Dataset create_contiguous(hid_t parent, const std::string& name, hid_t type, const Dims& dims);

// In one piece, its place in the file taken by place(): what is made in between (the text of
// attributes lies beside values, not with the metadata) comes before it.
Dataset create_unplaced(hid_t parent, const std::string& name, hid_t type, const Dims& dims);
void place(const Dataset& dataset);  // writes one element, 0

struct Chunking {
  Dims chunk;
  unsigned level = 0;  // deflate, after a byte shuffle
};
Dataset create_chunked(
    hid_t parent, const std::string& name, hid_t type, const Dims& dims, const Chunking& chunking);

Dataset open_dataset(hid_t parent, const std::string& name);

Dims shape_of(const Dataset& dataset);
Dims chunk_of(const Dataset& dataset);  // empty for one in one piece
std::uint64_t offset_of(
    const Dataset& dataset);  // of one in one piece: bytes from the file's start
std::uint64_t stored_bytes(const Dataset& dataset);

// Rows [begin, begin + count) of the first axis, as `type` in memory. A Failure beyond the end.
struct Rows {
  hsize_t begin = 0;
  hsize_t count = 0;
};
void write_rows(const Dataset& dataset, hid_t type, Rows rows, const void* values);
void read_rows(const Dataset& dataset, hid_t type, Rows rows, void* values);

// A dataset of variable-length text, one axis.
void write_texts(const Dataset& dataset, Rows rows, const std::vector<std::string>& texts);
std::vector<std::string> read_texts(const Dataset& dataset, Rows rows);

// The chunk that begins at `begin`, as stored; empty if it was never written.
void write_chunk(const Dataset& dataset, const Dims& begin, const std::vector<std::uint8_t>& bytes);
std::vector<std::uint8_t> read_chunk(const Dataset& dataset, const Dims& begin);

}  // namespace headscope::h5
