// Which rank this is, as launchers say it; what contradicts is refused.
#include "analyses/cluster/place.h"

#include <map>

#include "lib/base/error.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

using Variables = std::map<std::string, std::string>;

Environment with(const Variables& variables) {
  return [variables](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
}

Variables operator+(Variables a, const Variables& b) {
  a.insert(b.begin(), b.end());
  return a;
}

const Variables kPlain{
    {"RANK", "1"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "h"}, {"MASTER_PORT", "9"}};
const Variables kTorchrun = kPlain + Variables{{"LOCAL_RANK", "1"},
                                               {"LOCAL_WORLD_SIZE", "2"},
                                               {"TORCHELASTIC_RUN_ID", "x"},
                                               {"TORCHELASTIC_RESTART_COUNT", "2"},
                                               {"TORCHELASTIC_USE_AGENT_STORE", "True"}};
const Variables kMpi{{"OMPI_COMM_WORLD_RANK", "3"},
                     {"OMPI_COMM_WORLD_SIZE", "8"},
                     {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                     {"PMIX_NAMESPACE", "77"}};
const Variables kSrun{{"SLURM_PROCID", "1"},
                      {"SLURM_STEP_NUM_TASKS", "4"},
                      {"SLURM_LOCALID", "0"},
                      {"SLURM_JOB_ID", "5"},
                      {"SLURM_STEP_ID", "0"}};

void refused(const Variables& variables, const std::string& why) {
  CAPTURE(why);
  CHECK_THROWS_AS(place_in(with(variables)), UsageError);
  CHECK_THROWS_WITH(place_in(with(variables)), contains(why));
}

}  // namespace

TEST_CASE("each launcher is understood, and which one was believed is said") {
  const struct {
    Variables variables;
    int rank, size, local_rank;
    const char* believed;
    const char* job;
  } cases[] = {
      {{}, 0, 1, 0, "", ""},
      {kPlain, 1, 4, 0, "the environment (RANK 1, WORLD_SIZE 4)", ""},
      {kTorchrun, 1, 4, 1, "torchrun (RANK 1, WORLD_SIZE 4)", "torchrun-x-9-2"},
      {kMpi,
       3,
       8,
       1,
       "Open MPI's mpirun (OMPI_COMM_WORLD_RANK 3, OMPI_COMM_WORLD_SIZE 8)",
       "mpi-77"},
      {kSrun, 1, 4, 0, "srun (SLURM_PROCID 1, SLURM_STEP_NUM_TASKS 4)", "slurm-5-0-"},
      {{{"PMI_RANK", "2"}, {"PMI_SIZE", "3"}},
       2,
       3,
       0,
       "mpirun (PMI) (PMI_RANK 2, PMI_SIZE 3)",
       ""},
      {{{"JOB_COMPLETION_INDEX", "2"}, {"JOB_COMPLETIONS", "3"}, {"JOB_NAME", "j"}},
       2,
       3,
       0,
       "Kubernetes (JOB_COMPLETION_INDEX 2, JOB_COMPLETIONS 3)",
       "j"},
      // A batch script has a place in no step.
      {{{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}, {"SLURM_JOB_ID", "5"}}, 0, 1, 0, "", ""}};
  for (const auto& [variables, rank, size, local_rank, believed, job] : cases) {
    CAPTURE(believed);
    const RankPlace place = place_in(with(variables));
    CHECK(place.rank == rank);
    CHECK(place.size == size);
    CHECK(place.local_rank == local_rank);
    CHECK(place.believed == believed);
    CHECK(place.job == job);
  }
  CHECK(place_in(with(kTorchrun)).server == RankPlace::Server::launcher);
  CHECK(place_in(with(kTorchrun)).restarts == 2);
  CHECK(place_in(with(kPlain)).server == RankPlace::Server::rank_0);
  CHECK(place_in(with(kPlain)).meeting_port == 9);
}

TEST_CASE("torchrun and mpirun inside of a step are believed; others must agree") {
  CHECK(place_in(with(kTorchrun + Variables{{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}}))
            .size == 4);
  CHECK(place_in(with(kMpi + kSrun)).size == 8);
  CHECK(place_in(with(kPlain + kSrun)).rank == 1);
  refused(kPlain + Variables{{"SLURM_PROCID", "2"}, {"SLURM_STEP_NUM_TASKS", "4"}},
          "the environment (RANK 1, WORLD_SIZE 4) and srun (SLURM_PROCID 2, "
          "SLURM_STEP_NUM_TASKS 4) do not agree");
}

TEST_CASE("half a place, and what is no number, is refused") {
  refused({{"RANK", "1"}}, "RANK is set but WORLD_SIZE is not");
  refused({{"SLURM_STEP_NUM_TASKS", "4"}}, "SLURM_STEP_NUM_TASKS is set but SLURM_PROCID is not");
  refused({{"RANK", "4"}, {"WORLD_SIZE", "4"}}, "RANK is 4 but WORLD_SIZE is 4");
  refused({{"RANK", "-1"}, {"WORLD_SIZE", "4"}}, "RANK is '-1', which is no number");
  refused({{"RANK", "1"}, {"WORLD_SIZE", "4x"}}, "WORLD_SIZE is '4x'");
  refused({{"RANK", "1"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "h"}},
          "MASTER_ADDR is set but MASTER_PORT is not");
  refused({{"RANK", "1"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "h"}, {"MASTER_PORT", "70000"}},
          "ports end at 65535");
}

TEST_CASE("a static part is named by the array, by the job's index or by the rank") {
  const Variables array{{"SLURM_ARRAY_TASK_ID", "7"},
                        {"SLURM_ARRAY_TASK_MIN", "4"},
                        {"SLURM_ARRAY_TASK_COUNT", "16"}};
  CHECK(shard_in(with(array)) == "4/16");
  CHECK(shard_in(with(kPlain)) == "2/4");
  CHECK(shard_in(with({{"JOB_COMPLETION_INDEX", "0"}, {"JOB_COMPLETIONS", "3"}})) == "1/3");
  CHECK_THROWS_WITH(shard_in(with({{"JOB_COMPLETION_INDEX", "0"}})), contains("JOB_COMPLETIONS"));
  CHECK_THROWS_WITH(shard_in(with({})), contains("no launcher says which part this is"));
  CHECK_THROWS_WITH(shard_in(with(array + Variables{{"SLURM_ARRAY_TASK_STEP", "2"}})),
                    contains("--array=0-N"));
  CHECK_THROWS_WITH(
      shard_in(with({{"SLURM_ARRAY_TASK_ID", "20"}, {"SLURM_ARRAY_TASK_COUNT", "16"}})),
      contains("outside of 16 parts"));
}

TEST_CASE("a rank's GPU is its own of those it may see") {
  CHECK(gpu_in(with({})) == 0);
  CHECK(gpu_in(with(kTorchrun)) == 1);
  CHECK(gpu_in(with(kTorchrun + Variables{{"CUDA_VISIBLE_DEVICES", "5"}})) == 0);
  CHECK(gpu_in(with(kTorchrun + Variables{{"CUDA_VISIBLE_DEVICES", "5,6"}})) == 1);
}
