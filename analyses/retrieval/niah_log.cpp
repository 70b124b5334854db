#include "analyses/retrieval/niah_log.h"

#include <stdexcept>

namespace headscope {
namespace {

constexpr FileKind kNiahLog{
    .format = "headscope-niah-samples",
    .version = 1,
    .noun = "list of samples",
    .source = "`headscope niah` makes one; delete this or choose another -o",
    .again = "start again with --overwrite",
    .form = FileKind::Form::lines};

constexpr std::size_t kMostLoggedHeads = 1 << 20;

// Most heads hit nothing: {"12": 0.5} of [0, 0, …, 0.5, …].
Json sparse(const std::vector<double>& values) {
  Json json = Json::object();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != 0) {
      json[std::to_string(i)] = values[i];
    }
  }
  return json;
}

std::vector<double> dense(const Json& json, std::size_t size) {
  std::vector<double> values(size);
  for (const auto& [index, value] : json.items()) {
    values.at(std::stoul(index)) = value.get<double>();
  }
  return values;
}

}  // namespace

Json to_json(const LoggedSample& logged) {
  const RetrievalSample& sample = logged.sample;
  return {{"mask", logged.mask},
          {"prompt", logged.prompt},
          {"recall", sample.recall},
          {"passed", sample.passed},
          {"response", sample.response},
          {"tokens", sample.tokens},
          {"heads", sample.count.size()},
          {"count", sparse(sample.count)},
          {"set", sparse(sample.set)}};
}

LoggedSample logged_sample_of(const Json& json) {
  LoggedSample logged{.mask = json.at("mask"), .prompt = json.at("prompt"), .sample = {}};
  RetrievalSample& sample = logged.sample;
  sample.recall = json.at("recall");
  sample.passed = json.at("passed");
  sample.response = json.at("response");
  sample.tokens = json.at("tokens").get<std::vector<std::int32_t>>();
  const auto heads = json.at("heads").get<std::size_t>();
  if (heads > kMostLoggedHeads) {
    throw std::out_of_range("heads");
  }
  sample.count = dense(json.at("count"), heads);
  sample.set = dense(json.at("set"), heads);
  return logged;
}

NiahLog::NiahLog(const std::filesystem::path& path, const Json& identity, IfExists if_exists) {
  if (path.empty()) {
    return;
  }
  lines_.emplace(path, kNiahLog, identity, if_exists);
  for (const Json& line : lines_->found()) {
    try {
      found_.push_back(logged_sample_of(line));
    } catch (const Json::exception&) {
      lines_->refuse_line(found_.size());
    } catch (const std::logic_error&) {  // a number of a head that is none, or is not there
      lines_->refuse_line(found_.size());
    }
    keys_.emplace(found_.back().mask, found_.back().prompt);
  }
}

void NiahLog::add(const LoggedSample& sample) {
  if (lines_) {
    lines_->add(to_json(sample));
  }
}

}  // namespace headscope
