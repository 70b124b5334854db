// Matrices whose values stay in memory as a file packs them (bf16, four to eight bits a weight).
//
// To whoever holds one it is a Torch tensor of f32 like any other: an operator that Torch's
// dispatcher is asked for takes rows from it (index_select, embedding), a range of rows that stays
// packed (narrow, select), or gets the values unpacked first. So no analysis need know of it, and
// none sees other numbers; what is read often goes through linear() (lib/kernels/linear.h), which
// unpacks in registers. It cannot be written to, and has no data_ptr().
#pragma once

#include <cstdint>
#include <vector>

#include "lib/tensor/tensor.h"

namespace headscope {

struct Encoding;

// Rows of one encoding, as stored.
struct PackedRows {
  const Encoding* encoding;
  Tensor bytes;  // [rows, bytes of a row] uint8, contiguous
};

// Rows one below the other; of a matrix fused of several stored ones each keeps its encoding.
using PackedParts = std::vector<PackedRows>;

// `shape` is [rows, row length], or [n, rows / n, row length]. On the CPU.
Tensor packed_tensor(PackedParts parts, const std::vector<std::int64_t>& shape);

// Null of any other tensor.
const PackedParts* packed_parts(const Tensor& tensor);

// Rows [first, first + count) of what `parts` are one below the other, into `out` f32
// [count, row length]; in the threads of Torch.
void unpack_rows(const PackedParts& parts, std::int64_t first, std::int64_t count, float* out);

// In f32; `tensor` itself if it is not packed.
Tensor unpacked(const Tensor& tensor);

// Bytes that its values take in memory.
std::int64_t stored_bytes(const Tensor& tensor);

}  // namespace headscope
