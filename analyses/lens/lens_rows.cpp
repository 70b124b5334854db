#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "analyses/lens/lens.h"
#include "lib/base/named.h"

namespace headscope {
namespace {

struct NamedLensPart {
  LensPart part;
  std::string_view name;
};
constexpr std::array kLensParts{NamedLensPart{LensPart::residual, "residual"},
                                NamedLensPart{LensPart::attention, "attention"},
                                NamedLensPart{LensPart::mlp, "mlp"},
                                NamedLensPart{LensPart::heads, "heads"}};

}  // namespace

std::string_view to_string(LensPart part) {
  return std::find_if(kLensParts.begin(),
                      kLensParts.end(),
                      [&](const NamedLensPart& each) { return each.part == part; })
      ->name;
}

LensPart parse_lens_part(std::string_view text) {
  return find_named(kLensParts, text, fmt::format("--of {}: no part that a lens reads", text)).part;
}

std::string name_of(const LensRow& row) {
  switch (row.part) {
    case LensPart::residual:
      return row.layer < 0 ? "embed" : fmt::format("resid {}", row.layer);
    case LensPart::attention:
      return fmt::format("attn {}", row.layer);
    case LensPart::mlp:
      return fmt::format("mlp {}", row.layer);
    case LensPart::heads:
      return fmt::format("{}.{}", row.layer, row.head);
  }
  return "";
}

std::vector<LensRow> lens_rows(const ModelConfig& config, const std::vector<LensPart>& parts) {
  std::vector<LensRow> rows;
  if (std::find(parts.begin(), parts.end(), LensPart::residual) != parts.end()) {
    rows.push_back({LensPart::residual, -1});
  }
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    for (const LensPart part : parts) {
      if (part != LensPart::heads) {
        rows.push_back({part, layer});
        continue;
      }
      for (std::int64_t head = 0; head < config.n_heads; ++head) {
        rows.push_back({part, layer, head});
      }
    }
  }
  return rows;
}

std::vector<Site> lens_sites(const ModelConfig& config, const std::vector<LensPart>& parts) {
  std::vector<Site> sites{Site::resid_pre, Site::resid_post};
  for (const LensPart part : parts) {
    if (part == LensPart::attention) {
      sites.push_back(Site::attn_out);
    } else if (part == LensPart::mlp) {
      sites.push_back(Site::mlp_out);
    } else if (part == LensPart::heads) {
      sites.push_back(Site::z);
    }
  }
  for (const Site site : {Site::ln_final_scale, Site::ln1_post_scale}) {
    if (sites.size() > 2 && info(site).exists(config)) {
      sites.push_back(site);
    }
  }
  return sites;
}

}  // namespace headscope
