#include "cli/render/pdf_file.h"

#include <utility>

#include <fmt/format.h>
#include <zlib.h>

#include "lib/base/error.h"

namespace headscope {
namespace {

std::string pdf_deflated(std::string_view bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string out(size, '\0');
  const auto* from = reinterpret_cast<const Bytef*>(bytes.data());
  auto* to = reinterpret_cast<Bytef*>(out.data());
  if (compress2(to, &size, from, static_cast<uLong>(bytes.size()), 6) != Z_OK) {
    throw ResourceError("not enough memory to compress {} bytes of a picture", bytes.size());
  }
  out.resize(size);
  return out;
}

}  // namespace

int PdfFile::reserve() {
  objects_.emplace_back();
  return static_cast<int>(objects_.size());
}

void PdfFile::put(int number, std::string body) {
  objects_[static_cast<std::size_t>(number) - 1] = std::move(body);
}

int PdfFile::add(std::string body) {
  const int number = reserve();
  put(number, std::move(body));
  return number;
}

int PdfFile::add_stream(std::string_view entries, std::string_view bytes) {
  const std::string packed = pdf_deflated(bytes);
  return add(fmt::format("<< {} /Filter /FlateDecode /Length {} >>\nstream\n{}\nendstream",
                         entries,
                         packed.size(),
                         packed));
}

std::string PdfFile::finish(int root) const {
  std::string out = "%PDF-1.4\n%\xE2\xE3\xCF\xD3\n";  // four high bytes: this is not text
  std::string table = fmt::format("xref\n0 {}\n0000000000 65535 f \n", objects_.size() + 1);
  for (std::size_t i = 0; i < objects_.size(); ++i) {
    table += fmt::format("{:010} 00000 n \n", out.size());
    out += fmt::format("{} 0 obj\n{}\nendobj\n", i + 1, objects_[i]);
  }
  const std::size_t start = out.size();
  return out + table +
         fmt::format("trailer\n<< /Size {} /Root {} 0 R >>\nstartxref\n{}\n%%EOF\n",
                     objects_.size() + 1,
                     root,
                     start);
}

std::string pdf_number(double value) {
  std::string text = fmt::format("{:.3f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') {
    text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

}  // namespace headscope
