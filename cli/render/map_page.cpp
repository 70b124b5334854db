#include "cli/render/map_page.h"

#include <fmt/format.h>

#include "cli/render/assets.h"
#include "cli/render/page_policy.h"
#include "cli/render/text_codes.h"
#include "lib/base/json.h"
#include "lib/base/version.h"

namespace headscope {

std::string map_page(const MapPage& of) {
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"generator\" content=\"headscope {}\">\n"
      "<title>{}</title>\n<style>{}{}</style>\n</head>\n<body>\n"
      "<noscript>This page needs JavaScript to draw its map.</noscript>\n<div id=\"app\"></div>\n",
      page_policy(of.script_sha256),
      kVersion,
      escaped(of.index.at("title").get<std::string>()),
      asset_page_css(),
      of.style);
  page +=
      "<script type=\"application/json\" id=\"index\">" + inert(of.index.dump()) + "</script>\n";
  for (const std::string_view script : {asset_page_js(), of.script}) {
    page += "<script>";
    page += script;
    page += "</script>\n";
  }
  return page + "</body>\n</html>\n";
}

}  // namespace headscope
