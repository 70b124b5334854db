#include "analyses/cluster/place.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <vector>

#include <unistd.h>

#include "lib/base/error.h"

namespace headscope {
namespace {

// What one launcher calls its numbers. `marks`: a variable without which its numbers do not count.
struct Launcher {
  std::string name;
  std::string rank, size, local_rank, local_size;
  std::string marks;
  // inner: it starts ranks inside what another one started, whose numbers then count hosts.
  enum class Kind { inner, plain } kind = Kind::plain;
};

// In the order in which they are believed.
const std::vector<Launcher>& launchers() {
  static const std::vector<Launcher> all{
      {"torchrun",
       "RANK",
       "WORLD_SIZE",
       "LOCAL_RANK",
       "LOCAL_WORLD_SIZE",
       "TORCHELASTIC_RUN_ID",
       Launcher::Kind::inner},
      {"Open MPI's mpirun",
       "OMPI_COMM_WORLD_RANK",
       "OMPI_COMM_WORLD_SIZE",
       "OMPI_COMM_WORLD_LOCAL_RANK",
       "OMPI_COMM_WORLD_LOCAL_SIZE",
       "OMPI_COMM_WORLD_RANK",
       Launcher::Kind::inner},
      {"mpirun (PMI)", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", "PMI_RANK"},
      {"the environment", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "RANK"},
      // A batch script has SLURM_PROCID and SLURM_NTASKS too, but is one process: srun alone sets
      // the numbers of a step.
      {"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "", "SLURM_STEP_NUM_TASKS"},
      {"Kubernetes", "JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", "", "", "JOB_COMPLETIONS"}};
  return all;
}

int number(const Environment& environment, const std::string& name, int fallback) {
  const std::string text = name.empty() ? "" : environment(name);
  if (text.empty()) {
    return fallback;
  }
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    throw UsageError(
        "{} is '{}', which is no number; unset it or let the launcher set it", name, text);
  }
  return value;
}

RankPlace place_by(const Launcher& launcher, const Environment& environment) {
  for (const std::string& needed : {launcher.rank, launcher.size}) {
    if (environment(needed).empty()) {
      throw UsageError("{} is set but {} is not: a rank needs both",
                       needed == launcher.size ? launcher.rank : launcher.size,
                       needed);
    }
  }
  RankPlace place;
  place.rank = number(environment, launcher.rank, 0);
  place.size = number(environment, launcher.size, 1);
  place.local_rank = number(environment, launcher.local_rank, 0);
  place.local_size = std::max(1, number(environment, launcher.local_size, 1));
  if (place.rank >= place.size) {
    throw UsageError("{} is {} but {} is {}: ranks count from 0",
                     launcher.rank,
                     place.rank,
                     launcher.size,
                     place.size);
  }
  place.believed = fmt::format(
      "{} ({} {}, {} {})", launcher.name, launcher.rank, place.rank, launcher.size, place.size);
  return place;
}

void check_agree(const RankPlace& believed, const RankPlace& other) {
  if (believed.rank != other.rank || believed.size != other.size) {
    throw UsageError(
        "{} and {} do not agree; unset the variables of the one that did not start "
        "this process",
        believed.believed,
        other.believed);
  }
}

void find_meeting_place(const Environment& environment, RankPlace& place) {
  place.meeting_host = environment("MASTER_ADDR");
  place.meeting_port = number(environment, "MASTER_PORT", 0);
  if (place.meeting_host.empty() != (place.meeting_port == 0)) {
    throw UsageError("{} is set but {} is not: ranks meet at both, or without either in a folder",
                     place.meeting_host.empty() ? "MASTER_PORT" : "MASTER_ADDR",
                     place.meeting_host.empty() ? "MASTER_ADDR" : "MASTER_PORT");
  }
  if (place.meeting_port > 65535) {
    throw UsageError("MASTER_PORT is {}: ports end at 65535", place.meeting_port);
  }
  if (environment("TORCHELASTIC_USE_AGENT_STORE") == "True") {
    place.server = RankPlace::Server::launcher;
  }
  place.restarts = number(environment, "TORCHELASTIC_RESTART_COUNT", 0) +
                   number(environment, "SLURM_RESTART_COUNT", 0);
}

// The first that is set of what launchers name their jobs.
std::string job_in(const Environment& environment) {
  if (const std::string run = environment("TORCHELASTIC_RUN_ID"); !run.empty()) {
    return fmt::format("torchrun-{}-{}-{}",
                       run,
                       environment("MASTER_PORT"),
                       environment("TORCHELASTIC_RESTART_COUNT"));
  }
  for (const char* name : {"PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"}) {
    if (const std::string value = environment(name); !value.empty()) {
      return "mpi-" + value;
    }
  }
  if (const std::string job = environment("SLURM_JOB_ID"); !job.empty()) {
    return fmt::format(
        "slurm-{}-{}-{}", job, environment("SLURM_STEP_ID"), environment("SLURM_RESTART_COUNT"));
  }
  return environment("JOB_NAME");
}

std::string of_process(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

// "I/N" of numbers that count from `first`.
std::string shard_text(int index, int first, int count, const std::string& what) {
  if (index < first || index - first >= count) {
    throw UsageError(
        "--shard auto: {} is {}, outside of {} parts from {}", what, index, count, first);
  }
  return fmt::format("{}/{}", index - first + 1, count);
}

}  // namespace

RankPlace place_in(const Environment& environment) {
  RankPlace place;
  bool inner = false;
  for (const Launcher& launcher : launchers()) {
    if (environment(launcher.marks).empty()) {
      continue;
    }
    const RankPlace said = place_by(launcher, environment);
    if (place.believed.empty()) {
      place = said;
      inner = launcher.kind == Launcher::Kind::inner;
    } else if (!inner) {
      check_agree(place, said);
    }
  }
  if (!place.believed.empty()) {
    find_meeting_place(environment, place);
    place.job = job_in(environment);
  }
  return place;
}

RankPlace place_of_process() {
  return place_in(of_process);
}

std::string shard_in(const Environment& environment) {
  if (!environment("SLURM_ARRAY_TASK_ID").empty()) {
    if (number(environment, "SLURM_ARRAY_TASK_STEP", 1) > 1) {
      throw UsageError("--shard auto: the array counts in steps of {}; submit it as --array=0-N",
                       environment("SLURM_ARRAY_TASK_STEP"));
    }
    return shard_text(number(environment, "SLURM_ARRAY_TASK_ID", 0),
                      number(environment, "SLURM_ARRAY_TASK_MIN", 0),
                      number(environment, "SLURM_ARRAY_TASK_COUNT", 1),
                      "SLURM_ARRAY_TASK_ID");
  }
  if (!environment("JOB_COMPLETION_INDEX").empty() && environment("JOB_COMPLETIONS").empty()) {
    throw UsageError(
        "--shard auto: JOB_COMPLETION_INDEX is set but not of how many; set "
        "JOB_COMPLETIONS to the job's completions");
  }
  const RankPlace place = place_in(environment);
  if (place.believed.empty()) {
    throw UsageError(
        "--shard auto: no launcher says which part this is (SLURM_ARRAY_TASK_ID, "
        "JOB_COMPLETION_INDEX, RANK …); name it, as in --shard 2/8");
  }
  return shard_text(place.rank, 0, place.size, "the rank");
}

std::string shard_of_process() {
  return shard_in(of_process);
}

int gpu_in(const Environment& environment) {
  const int local = place_in(environment).local_rank;
  const std::string visible = environment("CUDA_VISIBLE_DEVICES");
  const auto count = static_cast<int>(std::count(visible.begin(), visible.end(), ',')) + 1;
  return visible.empty() ? local : local % count;
}

int gpu_of_process() {
  return gpu_in(of_process);
}

}  // namespace headscope
