#include "analyses/results/result_kind.h"

namespace headscope {
namespace {

constexpr ResultKind kSweep{.kind = ""};

constexpr ResultKind kKinds[] = {{.kind = "dla",
                                  .cells = ResultKind::Cells::shares,
                                  .heading = "attribution",
                                  .effect = "share",
                                  .unit = "direct logit attribution",
                                  .way_on = "make it again with --overwrite"},
                                 {.kind = "operator", .heading = "operator"}};

}  // namespace

const ResultKind& result_kind(std::string_view kind) {
  for (const ResultKind& one : kKinds) {
    if (one.kind == kind) {
      return one;
    }
  }
  return kSweep;
}

}  // namespace headscope
