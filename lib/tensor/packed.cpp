#include "lib/tensor/packed.h"

#include <algorithm>

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include "lib/base/error.h"
#include "lib/base/half.h"
#include "lib/tensor/ops.h"
#include "lib/weights/encoding.h"

namespace headscope {
namespace {

constexpr std::int64_t kValuesAThread = 1 << 16;

// A dispatch key that Torch itself has no kernel for, and asks before all others (autograd's too):
// it was added for programs that put off filling tensors, as we do.
constexpr c10::DispatchKey kKey = c10::DispatchKey::DeferredInit;

class PackedTensor final : public c10::TensorImpl {
 public:
  PackedTensor(PackedParts parts, c10::IntArrayRef shape)
      : TensorImpl(
            c10::DispatchKeySet(kKey), caffe2::TypeMeta::Make<float>(), c10::Device(at::kCPU)),
        parts_(std::move(parts)) {
    set_storage_access_should_throw();
    set_sizes_contiguous(shape);
    set_custom_sizes_strides(SizesStridesPolicy::CustomStrides);  // so that ours are asked
  }

  [[nodiscard]] const PackedParts& parts() const { return parts_; }

 protected:
  c10::IntArrayRef strides_custom() const override { return strides_default(); }
  c10::SymIntArrayRef sym_strides_custom() const override { return sym_strides_default(); }
  // No: who needs values side by side makes a contiguous copy, which is the values unpacked.
  c10::SymBool sym_is_contiguous_custom(at::MemoryFormat) const override { return false; }

 private:
  PackedParts parts_;
};

std::int64_t rows_of(const PackedParts& parts) {
  std::int64_t rows = 0;
  for (const PackedRows& part : parts) {
    rows += part.bytes.size(0);
  }
  return rows;
}

// Rows [first, first + count), still packed.
PackedParts cut(const PackedParts& parts, std::int64_t first, std::int64_t count) {
  PackedParts out;
  for (const PackedRows& part : parts) {
    const std::int64_t here = part.bytes.size(0);
    const std::int64_t begin = std::clamp<std::int64_t>(first, 0, here);
    const std::int64_t end = std::clamp<std::int64_t>(first + count, 0, here);
    if (end > begin) {
      out.push_back({part.encoding, part.bytes.narrow(0, begin, end - begin)});
    }
    first -= here;
  }
  return out;
}

void decode(const PackedRows& part, std::int64_t begin, std::int64_t end, float* out) {
  const Encoding& encoding = *part.encoding;
  const std::int64_t row_bytes = part.bytes.size(1);
  const std::uint8_t* from = part.bytes.const_data_ptr<std::uint8_t>() + begin * row_bytes;
  const std::int64_t blocks = (end - begin) * (row_bytes * 8 / encoding.bits);
  if (encoding.dtype) {
    convert(from, *encoding.dtype, out, DType::f32, static_cast<std::size_t>(blocks));
  } else {
    encoding.dequantize(from, blocks, out);
  }
}

std::int64_t row_length_of(const PackedRows& part) {
  return part.bytes.size(1) * 8 / part.encoding->bits * part.encoding->block;
}

const PackedParts& parts_of(const Tensor& tensor) {
  return dynamic_cast<const PackedTensor&>(*tensor.unsafeGetTensorImpl()).parts();
}

// The row axis of a stack of matrices counts in whole matrices.
Tensor narrowed(const Tensor& tensor, std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> shape = tensor.sizes().vec();
  const std::int64_t rows = tensor.numel() / tensor.size(0) / tensor.size(-1);
  shape[0] = count;
  return packed_tensor(cut(parts_of(tensor), first * rows, count * rows), shape);
}

Tensor narrow_packed(const Tensor& tensor,
                     std::int64_t axis,
                     std::int64_t first,
                     std::int64_t count) {
  const std::int64_t at = first < 0 ? first + tensor.size(0) : first;
  if (axis != 0 || at < 0 || count < 0 || at + count > tensor.size(0)) {
    return unpacked(tensor).narrow(axis, first, count);
  }
  return narrowed(tensor, at, count);
}

Tensor select_packed(const Tensor& tensor, std::int64_t axis, std::int64_t index) {
  const std::int64_t at = index < 0 ? index + tensor.size(0) : index;
  if (axis != 0 || tensor.dim() < 3 || at < 0 || at >= tensor.size(0)) {
    return unpacked(tensor).select(axis, index);
  }
  const Tensor one = narrowed(tensor, at, 1);
  return packed_tensor(parts_of(one), tensor.sizes().slice(1).vec());
}

Tensor select_rows(const Tensor& tensor, std::int64_t axis, const Tensor& index) {
  if (axis != 0 || tensor.dim() != 2) {
    return at::index_select(unpacked(tensor), axis, index);
  }
  const Tensor rows = index.to(at::kCPU, at::kLong).contiguous();
  const auto* row = rows.const_data_ptr<std::int64_t>();
  Tensor out = at::empty({index.numel(), tensor.size(1)}, at::kFloat);
  float* values = out.data_ptr<float>();
  for (std::int64_t i = 0; i < rows.numel(); ++i) {
    if (row[i] < 0 || row[i] >= tensor.size(0)) {
      throw InternalError("row {} of a packed matrix of {}", row[i], tensor.size(0));
    }
    unpack_rows(parts_of(tensor), row[i], 1, values + i * tensor.size(1));
  }
  return out;
}

Tensor embed_rows(const Tensor& tensor, const Tensor& ids, std::int64_t, bool, bool) {
  std::vector<std::int64_t> shape = ids.sizes().vec();
  shape.push_back(tensor.size(1));
  return select_rows(tensor, 0, ids.flatten()).view(shape);
}

// Any other operator: with values unpacked.
void with_values(const c10::OperatorHandle& op, c10::DispatchKeySet, torch::jit::Stack* stack) {
  const auto& arguments = op.schema().arguments();
  const std::size_t first = stack->size() - arguments.size();
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    c10::IValue& value = (*stack)[first + i];
    const auto* alias = arguments[i].alias_info();
    if (value.isTensor() && packed_parts(value.toTensor()) != nullptr) {
      if (alias != nullptr && alias->isWrite()) {
        throw InternalError("{} would write to packed weights", op.schema().name());
      }
      value = unpacked(value.toTensor());
    } else if (value.isTensorList()) {
      std::vector<Tensor> list = value.toTensorVector();
      std::transform(list.begin(), list.end(), list.begin(), unpacked);
      value = c10::IValue(std::move(list));
    }
  }
  op.callBoxed(stack);
}

}  // namespace

Tensor packed_tensor(PackedParts parts, const std::vector<std::int64_t>& shape) {
  for (const PackedRows& part : parts) {
    if (row_length_of(part) != shape.back()) {
      throw InternalError(
          "packed rows of {} values in a matrix of {} columns", row_length_of(part), shape.back());
    }
  }
  const std::int64_t rows = rows_of(parts);
  const std::int64_t asked = shape.size() == 3 ? shape[0] * shape[1] : shape[0];
  if (rows != asked) {
    throw InternalError("{} packed rows for a matrix of {}", rows, asked);
  }
  return at::detail::make_tensor<PackedTensor>(std::move(parts), shape);
}

const PackedParts* packed_parts(const Tensor& tensor) {
  return tensor.defined() && tensor.key_set().has(kKey) ? &parts_of(tensor) : nullptr;
}

void unpack_rows(const PackedParts& parts, std::int64_t first, std::int64_t count, float* out) {
  for (const PackedRows& part : cut(parts, first, count)) {
    const std::int64_t length = row_length_of(part);
    const std::int64_t grain = std::max<std::int64_t>(1, kValuesAThread / length);
    at::parallel_for(0, part.bytes.size(0), grain, [&](std::int64_t begin, std::int64_t end) {
      decode(part, begin, end, out + begin * length);
    });
    out += part.bytes.size(0) * length;
  }
}

Tensor unpacked(const Tensor& tensor) {
  const PackedParts* parts = packed_parts(tensor);
  if (parts == nullptr) {
    return tensor;
  }
  Tensor out = at::empty(tensor.sizes(), at::kFloat);
  unpack_rows(*parts, 0, rows_of(*parts), out.data_ptr<float>());
  return out;
}

std::int64_t stored_bytes(const Tensor& tensor) {
  const PackedParts* parts = packed_parts(tensor);
  if (parts == nullptr) {
    return tensor.numel() * tensor.element_size();
  }
  std::int64_t bytes = 0;
  for (const PackedRows& part : *parts) {
    bytes += part.bytes.numel();
  }
  return bytes;
}

}  // namespace headscope

TORCH_LIBRARY_IMPL(aten, DeferredInit, m) {
  m.impl("narrow", headscope::narrow_packed);
  m.impl("select.int", headscope::select_packed);
  m.impl("index_select", headscope::select_rows);
  m.impl("embedding", headscope::embed_rows);
}

TORCH_LIBRARY_IMPL(_, DeferredInit, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&headscope::with_values>());
}
