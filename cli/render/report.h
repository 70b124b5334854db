// Reports: one self-contained HTML page of text, tables, figures and attention viewers. The demo
// page, reproductions and the C++ notebooks are made with it.
//
// A notebook is one program in cells; the report shows each cell's code beside what it put out:
//
//   #include "cli/render/report.h"
//
//   int main() {
//     headscope::Report report({.title = "A first look", .source = __FILE__});
//     // %% [markdown]
//     // ## What the model says
//     // The most likely next tokens of an IOI prompt.
//
//     // %%
//     headscope::Table table({{"token"}, {"p"}});
//     table.row({" Mary", 0.923});
//     report.table(table);
//
//     // %%
//     report.figure(to_svg(map), "Head 3.2 attends to the first token.");
//     report.write("out/first_look.html");
//   }
//
// Output belongs to the cell whose lines hold the call (std::source_location).
#pragma once

#include <filesystem>
#include <source_location>
#include <string>
#include <vector>

#include "cli/render/heat_map.h"
#include "cli/render/table.h"

namespace headscope {

class Report {
 public:
  using Where = std::source_location;
  struct Options {
    std::string title;
    std::string subtitle = "";
    std::string footer = "";            // provenance: command line, model hash, seed
    std::filesystem::path source = {};  // a notebook's own .cpp; empty: no code is shown
  };

  // DataError if `source` is given and cannot be read.
  explicit Report(Options options);

  // Markdown (markdown.h), shown where it is called.
  void text(const std::string& markdown, Where where = Where::current());
  void table(const Table& table, const std::string& caption = "", Where where = Where::current());
  // `picture`: the bytes of an SVG or a PNG (to_svg, to_png). UsageError for anything else.
  void figure(const std::string& picture,
              const std::string& caption = "",
              Where where = Where::current());
  // Side by side where the window is wide enough, each as figure() shows it.
  struct Figure {
    std::string picture;
    std::string caption = "";
  };
  void figures(const std::vector<Figure>& figures, Where where = Where::current());
  // An HTML viewer (HtmlViewerWriter) taken into the page. DataError if the file cannot be read.
  void viewer(const std::filesystem::path& html,
              const std::string& caption = "",
              Where where = Where::current());

  [[nodiscard]] std::string html() const;
  void write(const std::filesystem::path& path) const;  // errors of OutputFile

 private:
  struct Cell {
    enum class Kind { preamble, markdown, code };
    Kind kind = Kind::code;
    std::size_t line = 0;  // of its "// %%", from 1
    std::string body;
    std::string output;
  };

  void put(std::string html, const Where& where);
  void read_cells();

  Options options_;
  std::vector<Cell> cells_;
  std::size_t last_ = 0;  // the cell of the latest output
};

}  // namespace headscope
