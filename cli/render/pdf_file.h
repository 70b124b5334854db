// The objects of a PDF file and the table that finds them (ISO 32000-1, 7.5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace headscope {

class PdfFile {
 public:
  // A number for an object that is added later, so that others may refer to it ("3 0 R").
  int reserve();

  // `body` as PDF spells it: "<< /Type /Page … >>".
  void put(int number, std::string body);
  int add(std::string body);

  // A deflated stream; `entries` are those of its dictionary beside length and filter.
  int add_stream(std::string_view entries, std::string_view bytes);

  // The file, whose catalog is object `root`.
  [[nodiscard]] std::string finish(int root) const;

 private:
  std::vector<std::string> objects_;  // object i + 1
};

// At most three decimals, never an exponent: "12.5".
std::string pdf_number(double value);

}  // namespace headscope
