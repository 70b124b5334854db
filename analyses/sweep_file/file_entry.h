// An entry of a file of sweeps as a method whose request is filled in.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "analyses/sweep/sweep_job.h"
#include "analyses/sweep_file/sweep_file.h"
#include "analyses/sweep_file/sweep_session.h"

namespace headscope {

class FileEntry {
 public:
  // Throws UsageError that begins with the entry's place for keys its method does not have or take,
  // or that all entries share, and what SweepMethod::open() throws.
  // `common` are the words of the whole command that count for each entry: --seed 7, --dtype bf16.
  FileEntry(const SweepFile& file,
            const SweepEntry& entry,
            const ResultOrigin& origin,
            const std::vector<std::string>& common);

  // Throws what run() would before its first pass. Errors of both begin with the entry's place.
  void check(SweepSession& session);

  // Goes on with what the entry's file has. `options.stop` and `options.watch` are used.
  SweepOutcome run(SweepSession& session, const SweepJobOptions& options);

  [[nodiscard]] const SweepEntry& entry() const { return entry_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  [[nodiscard]] SweepJobOptions job_options(const SweepSession& session) const;

  const SweepEntry& entry_;
  std::filesystem::path path_;
  std::unique_ptr<SweepMethod> method_;
  ResultOrigin origin_;
};

}  // namespace headscope
