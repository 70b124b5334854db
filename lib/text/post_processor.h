// Post-processors of tokenizer.json: what is put around the ids of one text.
#pragma once

#include <string>
#include <vector>

#include "lib/base/json_fwd.h"
#include "lib/text/tokenizer.h"

namespace headscope {

struct PostProcessor {
  std::vector<TokenId> before;
  std::vector<TokenId> after;

  // The `post_processor` entry of tokenizer.json (null: nothing is added): TemplateProcessing,
  // ByteLevel (which only trims offsets), BertProcessing, RobertaProcessing, Sequence. Another type
  // is a DataError that names it.
  static PostProcessor from_json(const Json& spec, const std::string& where);
};

}  // namespace headscope
