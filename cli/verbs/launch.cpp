// headscope launch: the script that starts a command on many hosts.
#include <algorithm>

#include <CLI/CLI.hpp>

#include "cli/job_scripts.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/named.h"

namespace headscope {
namespace {

struct LaunchArguments {
  std::string launcher;
  JobScript job;
};

// What share their work; others would each do all of it, into one file.
void check_words(const JobScript& job) {
  static const std::vector<std::string> shared{
      "patch", "ablate", "path-patch", "attribute", "detect", "niah", "record"};
  if (std::ranges::find(shared, job.words.front()) == shared.end()) {
    throw UsageError("launch: {} does not share its work between ranks; {} do",
                     job.words.front(),
                     fmt::join(shared, ", "));
  }
  const auto names_output = [](const std::string& word) {
    return word == "-o" || word.starts_with("--output");
  };
  if (std::ranges::none_of(job.words, names_output)) {
    throw UsageError("launch: ranks share one file, so name it with -o");
  }
  if (std::ranges::find(job.words, "--overwrite") != job.words.end()) {
    throw UsageError(
        "launch: a script that is started again goes on (--resume), so leave out --overwrite and "
        "remove what is there");
  }
}

void run_launch(const LaunchArguments& options, const Invocation& invocation) {
  check_words(options.job);
  const JobLauncher& launcher =
      find_named(job_launchers(), options.launcher, options.launcher + ": no such launcher");
  if (options.job.array > 0 && launcher.name != "slurm") {
    throw UsageError("--array is Slurm's; leave it out for {}", launcher.name);
  }
  const std::string script = launcher.script(options.job);
  show(invocation, {{"launcher", launcher.name}, {"script", script}}, script);
}

}  // namespace

Verb launch_verb() {
  return {
      .name = "launch",
      .summary = "Print the explained script that runs a command on many hosts",
      .example =
          "  headscope launch slurm --hosts 4 --ranks-per-host 8 -- patch MODEL --task "
          "t.jsonl --device cuda -o patch.h5 > job.sh\n"
          "  sbatch job.sh",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<LaunchArguments>();
        JobScript& job = options->job;
        app.add_option("LAUNCHER", options->launcher, "slurm, torchrun, mpirun or kubernetes")
            ->required();
        app.add_option("COMMAND", job.words, "Behind --: the verb and what it is told")->required();
        app.add_option("--hosts", job.hosts, "How many hosts")
            ->check(CLI::Range(1, 100000))
            ->capture_default_str();
        app.add_option("--ranks-per-host", job.ranks_per_host, "Processes on each, one a GPU")
            ->check(CLI::Range(1, 1024))
            ->capture_default_str();
        app.add_option("--array", job.array, "Slurm: so many parts without a network between them")
            ->check(CLI::Range(1, 100000));
        app.add_option("--at-once", job.array_at_once, "Parts of an array that run at a time")
            ->check(CLI::Range(1, 100000))
            ->capture_default_str();
        app.add_option("--name", job.name, "Of the job")->capture_default_str();
        app.add_option("--image", job.image, "Kubernetes: the container")->capture_default_str();
        app.add_option("--claim", job.claim, "Kubernetes: the volume claim that all pods mount")
            ->capture_default_str();
        return [options, &invocation] { run_launch(*options, invocation); };
      },
  };
}

}  // namespace headscope
