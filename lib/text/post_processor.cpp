#include "lib/text/post_processor.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/json_fields.h"

namespace headscope {
namespace {

std::vector<TokenId> special_ids(const Json& spec,
                                 const std::string& name,
                                 const std::string& where) {
  const Json& special = field(field(spec, "special_tokens", where), name.c_str(), where);
  std::vector<TokenId> ids;
  for (const Json& id : array_field(special, "ids", where)) {
    ids.push_back(token_id(id, where));
  }
  return ids;
}

PostProcessor from_template(const Json& spec, const std::string& where) {
  PostProcessor result;
  int texts = 0;
  for (const Json& part : array_field(spec, "single", where)) {
    if (!optional_field(part, "Sequence", where).is_null()) {
      ++texts;
      continue;
    }
    const std::string name = string_field(field(part, "SpecialToken", where), "id", where);
    auto& side = texts == 0 ? result.before : result.after;
    for (const TokenId id : special_ids(spec, name, where)) {
      side.push_back(id);
    }
  }
  if (texts != 1) {
    throw DataError("{}: the single template must hold the text once, not {} times", where, texts);
  }
  return result;
}

// ["<s>", 0]
TokenId pair_id(const Json& spec, const char* name, const std::string& where) {
  const Json& pair = array_field(spec, name, where);
  if (pair.size() != 2) {
    throw DataError("{}: '{}' must be a token and its id", where, name);
  }
  return token_id(pair[1], where);
}

void add(const Json& spec, const std::string& where, PostProcessor& result) {
  const std::string type = string_field(spec, "type", where);
  PostProcessor step;
  if (type == "Sequence") {
    for (const Json& part : array_field(spec, "processors", where)) {
      add(part, where, result);
    }
  } else if (type == "TemplateProcessing") {
    step = from_template(spec, where);
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    step = {{pair_id(spec, "cls", where)}, {pair_id(spec, "sep", where)}};
  } else if (type != "ByteLevel") {
    throw DataError("{}: headscope does not implement the type '{}'", where, type);
  }
  result.before.insert(result.before.begin(), step.before.begin(), step.before.end());
  result.after.insert(result.after.end(), step.after.begin(), step.after.end());
}

}  // namespace

PostProcessor PostProcessor::from_json(const Json& spec, const std::string& where) {
  PostProcessor result;
  if (!spec.is_null()) {
    add(spec, where + ": post_processor", result);
  }
  return result;
}

}  // namespace headscope
