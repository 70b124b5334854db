#include "cli/predictions.h"

#include "cli/render/visible.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

Table table_of(const std::vector<Prediction>& predictions,
               std::string (*token_text)(const std::string& piece)) {
  Table table({{"rank"}, {"token"}, {"id"}, {"probability", 4}, {"logit"}});
  int rank = 0;
  for (const Prediction& p : predictions) {
    table.row({++rank, token_text(p.piece), p.token, p.probability, p.logit});
  }
  return table;
}

}  // namespace

Table prediction_table(const std::vector<Prediction>& predictions) {
  return table_of(predictions, [](const std::string& piece) { return visible(piece); });
}

OrderedJson to_json(const std::vector<Prediction>& predictions) {
  return table_of(predictions, [](const std::string& piece) { return piece; }).json();
}

}  // namespace headscope
