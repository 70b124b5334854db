#include "lib/base/dtype.h"

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
  for (DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    if (text == to_string(dtype)) {
      return dtype;
    }
  }
  throw UsageError("{}: no such dtype; choose f32, bf16 or f16", text);
}

}  // namespace headscope
