#include "analyses/cluster/shared_work.h"

#include <fstream>
#include <iterator>

#include "analyses/cluster/queued_blocks.h"
#include "analyses/cluster/rank_files.h"
#include "hooks/stored/identity.h"
#include "hooks/stored/provenance.h"
#include "lib/base/error.h"
#include "lib/base/version.h"

namespace headscope {
namespace {

constexpr FileKind kRankLog{.format = "headscope-rank-log",
                            .version = 1,
                            .noun = "log of a rank",
                            .source = "ranks make one; delete it or choose another -o",
                            .again = "start again with --overwrite",
                            .form = FileKind::Form::lines};

constexpr const char* kLogEnding = ".jsonl";
constexpr const char* kFinish = "finish";

// The whole lines of a log behind its first, also while its rank writes: the last may be cut.
std::vector<Json> lines_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::vector<Json> lines;
  std::size_t number = 0;
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos;
       at = end + 1) {
    if (number++ > 0) {
      lines.push_back(parse_json_line(std::string_view(text).substr(at, end - at),
                                      fmt::format("{}:{}", path.string(), number)));
    }
  }
  return lines;
}

}  // namespace

Json agree(RankGroup& ranks, const Json& identity, const std::function<Json()>& more) {
  Json terms{{"identity", identity}};
  terms["identity"]["headscope_version"] = kVersion;
  const Json there = Json::parse(ranks.once("terms", [&] {
    Json all = terms;
    all["ranks"] = ranks.place().size;
    all["more"] = more ? more() : Json();
    return dumped(all);
  }));
  if (const auto differs = identity_difference(there, terms)) {
    throw UsageError(
        "rank {} is not of the job that the first rank began: {} is {} there but {} here; start "
        "all ranks with one command, the same files and the same version",
        ranks.place().rank,
        differs->what,
        differs->there,
        differs->here);
  }
  return there;
}

SharedWork::SharedWork(RankGroup& ranks, SharedWorkOptions options)
    : ranks_(ranks), options_(std::move(options)) {
  ranks_.once("begin", [&] {
    prepare_rank_files(options_.out, options_.if_exists, kLogEnding);
    return std::string();
  });
  first_ranks_ = agree(ranks_, options_.identity, {}).at("ranks").get<int>();
  try {
    log_.emplace(file_of_rank(options_.out, ranks_.place().rank, kLogEnding),
                 kRankLog,
                 options_.identity,
                 IfExists::resume);
  } catch (const Error&) {  // the folder that the last rank removed
    if (ranks_.is_done(kFinish)) {
      throw WorkIsOver();
    }
    throw;
  }
}

bool SharedWork::stopped() const {
  return ranks_.stopped() || (options_.stop && options_.stop());
}

std::vector<std::int64_t> SharedWork::fired_now() const {
  std::vector<std::int64_t> values;
  if (options_.standing != nullptr) {
    for (const StandingChange::Fired& part : options_.standing->fired()) {
      values.push_back(part.values);
    }
  }
  return values;
}

// Of all logs. A rank that was taken for dead too early leaves a second value of a piece.
SharedWork::Found SharedWork::found(const std::string& queue) const {
  Found all;
  for (const std::filesystem::path& path : files_of_ranks(options_.out, kLogEnding)) {
    for (const Json& line : lines_of(path)) {
      if (line.at("queue") != queue) {
        continue;
      }
      const auto piece = line.at("piece").get<std::int64_t>();
      const auto [there, first] =
          all.try_emplace(piece, Piece{line.at("value"), line.at("seconds").get<double>()});
      if (!first && there->second.value != line.at("value")) {
        throw DataError(
            "{}: its value of piece {} is not bit for bit that of another rank; run all ranks on "
            "like machines, with like libraries and the same --threads",
            path.string(),
            piece);
      }
      if (line.contains("fired")) {
        fired_[fmt::format("{} {}", queue, piece)] = line["fired"].get<std::vector<std::int64_t>>();
      }
    }
  }
  return all;
}

void SharedWork::run_piece(const std::string& queue,
                           std::int64_t piece,
                           const std::function<Json(std::int64_t piece)>& run) {
  const double begin = steady_seconds();
  std::vector<std::int64_t> fired = fired_now();
  Json line{{"queue", queue}, {"piece", piece}, {"value", run(piece)}};
  line["seconds"] = steady_seconds() - begin;
  if (!fired.empty()) {
    const std::vector<std::int64_t> now = fired_now();
    for (std::size_t part = 0; part < fired.size(); ++part) {
      fired[part] = now[part] - fired[part];
    }
    line["fired"] = fired;
  }
  log_->add(line);
}

std::vector<SharedWork::Piece> SharedWork::run(const std::string& queue,
                                               std::int64_t pieces,
                                               const std::function<Json(std::int64_t piece)>& run) {
  QueuedBlocks blocks(ranks_,
                      {.name = queue,
                       .out = options_.out,
                       .first_ranks = first_ranks_,
                       .stop = [this] { return stopped(); },
                       .watch = options_.watch});
  const Found done = found(queue);
  blocks.begin(pieces);
  try {
    while (const std::optional<BlockRange> range = blocks.next()) {
      for (std::int64_t piece = range->first; piece < range->end; ++piece) {
        if (stopped()) {
          throw Interrupted();
        }
        if (!done.contains(piece)) {
          run_piece(queue, piece, run);
        }
      }
    }
    if (stopped()) {
      throw Interrupted();
    }
  } catch (const Interrupted&) {
    ranks_.check();  // another one failed: its error
    blocks.give_back();
    throw;
  }
  return gather(queue, pieces);
}

// A rank that finishes removes the logs, but says so first.
std::vector<SharedWork::Piece> SharedWork::gather(const std::string& queue, std::int64_t pieces) {
  Found all = found(queue);
  std::vector<Piece> values;
  for (std::int64_t piece = 0; piece < pieces; ++piece) {
    const auto there = all.find(piece);
    if (there == all.end() && ranks_.is_done(kFinish)) {
      log_.reset();
      remove_file_of_rank(options_.out, ranks_.place().rank, kLogEnding);
      throw WorkIsOver();
    }
    if (there == all.end()) {
      throw DataError("{}: piece {} is in no rank's log; a log was removed: start again",
                      shard_folder(options_.out).string(),
                      piece);
    }
    values.push_back(std::move(there->second));
  }
  return values;
}

bool SharedWork::finish(const std::function<void()>& write) {
  const std::string mine = std::to_string(ranks_.place().rank);
  const bool by_me = ranks_.once(kFinish, [&] {
    write();
    return mine;
  }) == mine;
  log_.reset();
  if (by_me) {
    remove_rank_files(options_.out);
  } else {
    remove_file_of_rank(options_.out, ranks_.place().rank, kLogEnding);
  }
  return by_me;
}

void SharedWork::check_fired() const {
  if (options_.standing == nullptr) {
    return;
  }
  std::vector<StandingChange::Fired> before = options_.standing->fired();
  for (const auto& [piece, values] : fired_) {
    for (std::size_t part = 0; part < before.size(); ++part) {
      before[part].values -= values.at(part);
    }
  }
  check_fired_since(*options_.standing, before);
}

}  // namespace headscope
