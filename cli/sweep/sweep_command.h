// An entry of `headscope sweep` as a command of its verb.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/sweep/sweep_list.h"
#include "cli/sweep/sweep_session.h"

namespace headscope {

class SweepCommand {
 public:
  struct Options {
    std::string memory;  // of the command line; empty: most of what is free
  };

  // Gives the entry's options to its verb. Throws UsageError that begins with the entry's place for
  // those the verb does not have or take, or that all entries share.
  SweepCommand(const SweepList& list,
               const SweepEntry& entry,
               const Invocation& invocation,
               const Options& options);
  ~SweepCommand();
  SweepCommand(const SweepCommand&) = delete;
  SweepCommand& operator=(const SweepCommand&) = delete;

  // Errors begin with the entry's place.
  void check(SweepSession& session);
  SweepOutcome run(SweepSession& session);

  [[nodiscard]] const SweepEntry& entry() const { return entry_; }
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  void parse(const std::vector<std::string>& words);
  void run_stage(SweepSession& session, SweepSession::Stage stage);

  const SweepEntry& entry_;
  std::filesystem::path file_;
  Invocation invocation_;  // the verb keeps a reference to it
  std::unique_ptr<CLI::App> app_;
  std::function<void()> run_;
};

}  // namespace headscope
