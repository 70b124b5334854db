#include "lib/base/dtype.h"

#include <utility>

#include "lib/base/error.h"

namespace headscope {

std::string_view to_string(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "f32";
    case DType::bf16:
      return "bf16";
    case DType::f16:
      return "f16";
  }
  throw InternalError("unknown dtype {}", static_cast<int>(dtype));
}

DType parse_dtype(std::string_view text) {
  // The names of files and of the command line first, then what PyTorch and others call them.
  static constexpr std::pair<std::string_view, DType> names[] = {{"f32", DType::f32},
                                                                 {"bf16", DType::bf16},
                                                                 {"f16", DType::f16},
                                                                 {"fp32", DType::f32},
                                                                 {"float32", DType::f32},
                                                                 {"float", DType::f32},
                                                                 {"bfloat16", DType::bf16},
                                                                 {"fp16", DType::f16},
                                                                 {"float16", DType::f16},
                                                                 {"half", DType::f16}};
  for (const auto& [name, dtype] : names) {
    if (text == name) {
      return dtype;
    }
  }
  throw UsageError("{}: no such dtype; choose f32, bf16 or f16", text);
}

}  // namespace headscope
