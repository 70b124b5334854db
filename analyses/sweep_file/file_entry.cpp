#include "analyses/sweep_file/file_entry.h"

#include <algorithm>
#include <map>

#include "analyses/sweep_file/sweep_methods.h"
#include "hooks/intervention_json.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/base/error_context.h"
#include "lib/base/json.h"
#include "lib/base/shell.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

// Options of the verbs that make no sense for one entry of a file, and what does.
const std::map<std::string, std::string> kShared{
    {"model", "all entries share the model of the file"},
    {"output", "an entry writes OUTPUT/NAME.h5; set \"name\""},
    {"resume", "what is done is never done again"},
    {"overwrite", "delete the entry's file to run it again"},
    {"shard", "run that sweep by its verb, and headscope merge"},
    {"repeats", "it times a sweep in memory; run that sweep by its verb"},
    {"exact", "its comparison is shown, not kept; run that sweep by its verb"},
    {"per-prompt", "every prompt's value is in the entry's file"},
    {"top", "headscope inspect lists a file's cells"},
    {"memory", "it is an option of headscope sweep"},
    {"device", "it is an option of headscope sweep"},
    {"dtype", "it is an option of headscope sweep"},
    {"threads", "it is an option of headscope sweep"},
    {"seed", "it is an option of headscope sweep"},
    {"json", "it is an option of headscope sweep"}};

RequestFields fields_of(SweepMethod& method) {
  RequestFields fields = request_fields(method.request, method.cells());
  RequestFields own = method.fields();
  fields.insert(fields.end(), own.begin(), own.end());
  return fields;
}

const RequestField& field_named(const RequestFields& fields, const std::string& key) {
  if (const auto shared = kShared.find(key); shared != kShared.end()) {
    throw UsageError("{}: cannot be set here: {}", key, shared->second);
  }
  std::vector<std::string> known;
  for (const RequestField& field : fields) {
    if (field.name == key) {
      return field;
    }
    known.push_back(field.name);
  }
  throw UsageError("{}: no such option{} (a key is a long option of the verb without its dashes)",
                   key,
                   did_you_mean(key, known));
}

OrderedJson resolved(const OrderedJson& value, const SweepFile& file) {
  if (value.is_string()) {
    return file.resolved(value.get<std::string>());
  }
  OrderedJson all = value;
  if (value.is_array()) {
    std::transform(value.begin(), value.end(), all.begin(), [&](const OrderedJson& one) {
      return resolved(one, file);
    });
  }
  return all;
}

void check_required(const RequestFields& fields, const OrderedJson& given) {
  for (const RequestField& field : fields) {
    const auto found = given.find(field.name);
    if (field.need == RequestField::Need::required && found == given.end()) {
      throw UsageError("--{} is required", field.name);
    }
    if (found != given.end() && !field.excludes.empty() && given.contains(field.excludes)) {
      throw UsageError("--{} excludes --{}", field.name, field.excludes);
    }
  }
}

std::string command_of(const std::string& verb, const std::vector<std::string>& words) {
  std::string line = "headscope " + verb;
  for (const std::string& word : words) {
    line += " " + shell_quoted(word);
  }
  return line;
}

}  // namespace

FileEntry::FileEntry(const SweepFile& file,
                     const SweepEntry& entry,
                     const ResultOrigin& origin,
                     const std::vector<std::string>& common)
    : entry_(entry),
      path_(file.file_of(entry)),
      method_(make_sweep_method(entry.verb)),
      origin_(origin) {
  with_context(entry.where(), [&] {
    const RequestFields fields = fields_of(*method_);
    std::vector<std::string> words{file.model};
    for (const auto& [key, given] : entry.options.items()) {
      const RequestField& field = field_named(fields, key);
      const OrderedJson value =
          field.kind == RequestField::Kind::path ? resolved(given, file) : given;
      fill(field, value);
      const std::vector<std::string> own = words_of(field, value);
      words.insert(words.end(), own.begin(), own.end());
    }
    check_required(fields, entry.options);
    method_->request.seed = origin.seed;
    method_->open();
    method_->check_files(file.model);
    if (!method_->request.intervene.empty()) {
      read_interventions(
          method_->request.intervene);  // what is malformed, before a model is opened
    }
    words.insert(words.end(), common.begin(), common.end());
    words.insert(words.end(), {"--output", path_.string(), "--resume"});
    // What made the file: the command typed and, as a shell's comment, the one it stands for.
    origin_.command_line += "  # " + entry.name + ": " + command_of(entry.verb, words);
  });
}

SweepJobOptions FileEntry::job_options(const SweepSession& session) const {
  SweepJobOptions options;
  options.out = path_.string();
  options.if_exists = IfExists::resume;
  options.memory = session.memory().new_sweep;
  options.memory_if_begun = session.memory().begun_sweep;
  return options;
}

void FileEntry::check(SweepSession& session) {
  with_context(entry_.where(), [&] {
    const Model& model = session.model(method_->request);
    refuse_chosen_prompts(model, "a sweep");
    const SweepJobOptions options = job_options(session);
    const SweepJob job(model, session.task(method_->request), *method_, origin_, options);
    job.check();
    try {
      job.check_file();
    } catch (const UsageError& error) {
      throw UsageError("{} (here: another \"name\" or \"output\")", error.what());
    }
  });
}

SweepOutcome FileEntry::run(SweepSession& session, const SweepJobOptions& options) {
  return with_context(entry_.where(), [&] {
    const SweepRequest& request = method_->request;
    const Model& model = session.model(request);
    const Task& task = session.task(request);
    SweepJobOptions own = job_options(session);
    own.stop = options.stop;
    own.watch = options.watch;
    SweepJob job(model, task, *method_, origin_, own);
    if (method_->passes() == SweepMethod::Passes::stored) {
      return job.run({});  // its baselines are those of the traces
    }
    return job.run([&](std::int64_t tokens) {
      return &session.baselines(model, task, find_metric(request.metric), tokens);
    });
  });
}

}  // namespace headscope
