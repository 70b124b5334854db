#include "cli/render/report.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "cli/render/assets.h"
#include "cli/render/markdown.h"
#include "cli/render/page_policy.h"
#include "cli/render/text_codes.h"
#include "cli/render/visible.h"
#include "lib/base/error.h"
#include "lib/base/mapped_file.h"
#include "lib/base/output_file.h"
#include "lib/base/version.h"

namespace headscope {
namespace {

std::string contents(const std::filesystem::path& path) {
  const MappedFile file(path);
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::string caption_html(const std::string& caption) {
  return caption.empty() ? "" : "<figcaption>" + escaped(caption) + "</figcaption>";
}

std::string table_html(const Table& table) {
  const auto kind = [&](std::size_t column) {
    return table.is_numeric(column) ? " class=\"number\"" : "";
  };
  std::string html = "<table>\n<tr>";
  for (std::size_t column = 0; column < table.columns().size(); ++column) {
    html += fmt::format("<th{}>{}</th>", kind(column), escaped(table.columns()[column].name));
  }
  html += "</tr>\n";
  for (std::size_t row = 0; row < table.size(); ++row) {
    html += "<tr>";
    for (std::size_t column = 0; column < table.columns().size(); ++column) {
      html += fmt::format("<td{}>{}</td>", kind(column), escaped(table.cell_text(row, column)));
    }
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

// As a picture, not as markup: nothing inside an SVG can run or clash with the page.
std::string figure_html(const Report::Figure& figure) {
  const bool svg = figure.picture.starts_with("<svg");
  if (!svg && !figure.picture.starts_with("\x89PNG")) {
    throw UsageError("report: a figure must be an SVG or a PNG");
  }
  return fmt::format("<figure><img alt=\"{}\" src=\"data:image/{};base64,{}\">{}</figure>\n",
                     escaped(figure.caption.empty() ? "a figure of this page" : figure.caption),
                     svg ? "svg+xml" : "png",
                     base64(figure.picture),
                     caption_html(figure.caption));
}

std::string trimmed_blank(std::string body) {
  body.erase(0, std::min(body.find_first_not_of('\n'), body.size()));
  body.erase(body.find_last_not_of('\n') + 1);
  return body;
}

}  // namespace

Report::Report(Options options) : options_(std::move(options)) {
  cells_.push_back({.kind = Cell::Kind::preamble, .line = 0, .body = "", .output = ""});
  if (!options_.source.empty()) {
    read_cells();
  }
}

void Report::read_cells() {
  std::istringstream in(contents(options_.source));
  std::size_t number = 1;
  for (std::string line; std::getline(in, line); ++number) {
    const auto begin = std::min(line.find_first_not_of(' '), line.size());
    const std::string_view code = std::string_view(line).substr(begin);
    if (code.substr(0, 5) == "// %%") {
      const bool markdown = code.find("[markdown]") != std::string_view::npos;
      const auto kind = markdown ? Cell::Kind::markdown : Cell::Kind::code;
      cells_.push_back({.kind = kind, .line = number, .body = "", .output = ""});
    } else if (cells_.back().kind != Cell::Kind::markdown) {
      cells_.back().body += line + "\n";
    } else if (code.substr(0, 2) == "//") {
      const auto text = code.substr(2);
      cells_.back().body += std::string(text.substr(text.substr(0, 1) == " " ? 1 : 0)) + "\n";
    }
  }
}

void Report::put(std::string html, const Where& where) {
  // A helper in another file puts out for the cell that was last at work.
  if (options_.source.empty() ||
      options_.source.filename() != std::filesystem::path(where.file_name()).filename()) {
    cells_[last_].output += html;
    return;
  }
  for (std::size_t i = 0; i < cells_.size() && cells_[i].line <= where.line(); ++i) {
    last_ = i;
  }
  cells_[last_].output += html;
}

void Report::text(const std::string& markdown, Where where) {
  put(markdown_to_html(markdown), where);
}

void Report::table(const Table& table, const std::string& caption, Where where) {
  put("<figure>" + table_html(table) + caption_html(caption) + "</figure>\n", where);
}

void Report::figure(const std::string& picture, const std::string& caption, Where where) {
  put(figure_html({picture, caption}), where);
}

void Report::figures(const std::vector<Figure>& figures, Where where) {
  std::string html;
  for (const Figure& each : figures) {
    html += figure_html(each);
  }
  // One alone stands under the text, as any other does.
  put(figures.size() < 2 ? html : "<div class=\"beside\">\n" + html + "</div>\n", where);
}

void Report::viewer(const std::filesystem::path& html, const std::string& caption, Where where) {
  put(fmt::format("<figure><iframe title=\"attention viewer\" srcdoc=\"{}\"></iframe>{}</figure>\n",
                  escaped(contents(html)),
                  caption_html(caption)),
      where);
}

std::string Report::html() const {
  std::string body;
  for (const Cell& cell : cells_) {
    const std::string code = trimmed_blank(cell.body);
    if (cell.kind == Cell::Kind::markdown) {
      body += markdown_to_html(code);
    } else if (!code.empty()) {
      const bool folded = cell.kind == Cell::Kind::preamble;
      body += folded ? "<details><summary>set-up</summary>" : "";
      body += "<pre><code>" + escaped(code) + "</code></pre>\n";
      body += folded ? "</details>\n" : "";
    }
    body += cell.output;
  }
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}{}</style>\n</head>\n<body class=\"report\">\n"
      "<span data-theme-button></span>\n<main>\n<h1>{}</h1>\n"
      "<p class=\"subtitle\">{}</p>\n{}</main>\n<footer>{}</footer>\n<script>{}</script>\n"
      "</body>\n</html>\n",
      page_policy(asset_viewer_js_sha256()),
      escaped(options_.title),
      asset_page_css(),
      asset_report_css(),
      escaped(options_.title),
      escaped(options_.subtitle),
      body,
      escaped(fmt::format(
          "{}{}headscope {}", options_.footer, options_.footer.empty() ? "" : " · ", kVersion)),
      asset_page_js());
}

void Report::write(const std::filesystem::path& path) const {
  check_page_output(path);
  write_file(path, html());
}

}  // namespace headscope
