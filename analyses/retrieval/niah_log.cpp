#include "analyses/retrieval/niah_log.h"

#include "hooks/trace/provenance.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

constexpr const char* kFormat = "headscope-niah-samples";

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

LoggedSample sample_of(const Json& json) {
  LoggedSample logged{.mask = json.at("mask"), .prompt = json.at("prompt"), .sample = {}};
  RetrievalSample& sample = logged.sample;
  sample.recall = json.at("recall");
  sample.passed = json.at("passed");
  sample.response = json.at("response");
  sample.tokens = json.at("tokens").get<std::vector<std::int32_t>>();
  const auto heads = json.at("heads").get<std::size_t>();
  sample.count = dense(json.at("count"), heads);
  sample.set = dense(json.at("set"), heads);
  return logged;
}

}  // namespace

NiahLog::NiahLog(std::filesystem::path path, Json identity, Mode mode)
    : path_(std::move(path)), identity_(std::move(identity)) {
  if (path_.empty()) {
    return;
  }
  if (mode == Mode::resume && path_exists(path_) && read()) {
    open(std::ios::app);
    return;
  }
  make_parent_folders(path_);
  const std::filesystem::path final_path = path_;
  path_ += ".new";  // takes the old one's place once it has all of it
  open(std::ios::trunc);
  write(Json{{"format", kFormat}, {"identity", identity_}}.dump());
  for (const LoggedSample& sample : found_) {
    write(dumped(to_json(sample)));
  }
  std::filesystem::rename(path_, final_path);
  path_ = final_path;
}

void NiahLog::open(std::ios::openmode how) {
  file_.open(path_, std::ios::binary | std::ios::out | how);
  if (!file_) {
    throw ResourceError("{}: cannot write the samples", path_.string());
  }
}

bool NiahLog::read() {
  std::ifstream in(path_, std::ios::binary);
  std::string line;
  std::getline(in, line);
  const Json head = Json::parse(line, nullptr, false);
  if (!head.is_object() || head.value("format", "") != kFormat || !head.contains("identity")) {
    throw DataError("{}: is no list of samples of headscope niah; delete it or name another -o",
                    path_.string());
  }
  if (const auto differs =
          identity_difference({{"identity", head["identity"]}}, {{"identity", identity_}})) {
    throw UsageError("{} cannot be resumed: {} is {} there but {} here",
                     path_.string(),
                     differs->what,
                     differs->there,
                     differs->here);
  }
  while (std::getline(in, line)) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) {
      return false;  // cut off when the program was killed
    }
    found_.push_back(sample_of(json));
    keys_.emplace(found_.back().mask, found_.back().prompt);
  }
  return true;
}

void NiahLog::write(const std::string& line) {
  file_ << line << '\n' << std::flush;
  if (!file_) {
    throw ResourceError("{}: cannot write the samples", path_.string());
  }
}

void NiahLog::add(const LoggedSample& sample) {
  if (!path_.empty()) {
    write(dumped(to_json(sample)));
  }
}

}  // namespace headscope
