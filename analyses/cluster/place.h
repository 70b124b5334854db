// Which of how many processes this is: what the launcher that started it says in the environment.
// Free of Torch.
#pragma once

#include <functional>
#include <string>

namespace headscope {

struct RankPlace {
  int rank = 0;
  int size = 1;
  int local_rank = 0;  // among those of this host: chooses the GPU
  int local_size = 1;
  std::string believed;  // "torchrun (RANK 3, WORLD_SIZE 8)"; empty: nobody says, it is alone

  // Where the ranks meet: MASTER_ADDR and MASTER_PORT. Empty and 0: not said.
  std::string meeting_host;
  int meeting_port = 0;
  // rank_0: it listens there. launcher: torchrun's agent does, and outlives every rank.
  enum class Server { rank_0, launcher } server = Server::rank_0;

  // Where they meet instead; who leaves last removes it. Empty: by network.
  std::string meeting_folder{};

  // The same in all ranks started together and in no others; empty: the launcher does not say.
  std::string job;
  int restarts = 0;  // how often the launcher started the ranks anew
};

// The value of a variable; empty if it is not set.
using Environment = std::function<std::string(const std::string& name)>;

// Asks torchrun, Open MPI, MPICH's PMI, RANK and WORLD_SIZE, srun and indexed jobs of Kubernetes,
// in this order. Throws UsageError naming both where two of them that do not stand one inside the
// other disagree, where a rank is given without a size, and for what is no number or out of range.
RankPlace place_in(const Environment& environment);
RankPlace place_of_process();

// One part of a static division, which needs no network: "3/64". Asks Slurm's arrays first, then
// JOB_COMPLETION_INDEX with JOB_COMPLETIONS, then place_in(). Throws UsageError if none says.
std::string shard_in(const Environment& environment);
std::string shard_of_process();

// The GPU of a rank: its number on this host, counted among the CUDA_VISIBLE_DEVICES it was given.
int gpu_in(const Environment& environment);
int gpu_of_process();

}  // namespace headscope
