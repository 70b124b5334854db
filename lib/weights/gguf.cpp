#include "lib/weights/gguf.h"

#include "lib/weights/gguf_reader.h"

namespace headscope {

GgufFile::GgufFile(const std::filesystem::path& path) {
  const MappedFile& file = map(path);
  GgufHeader header = read_gguf_header(file.bytes(), path.string());
  metadata_ = std::move(header.metadata);
  for (GgufTensor& entry : header.tensors) {
    add(std::move(entry.tensor),
        {&file, entry.encoding, file.bytes().subspan(entry.begin, entry.bytes)});
  }
}

}  // namespace headscope
