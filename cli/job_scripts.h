// Scripts that start one command on many hosts, by launchers that people have.
#pragma once

#include <string>
#include <vector>

namespace headscope {

struct JobScript {
  std::vector<std::string> words;  // of the command, without the program: "patch", "smollm2", …
  std::string name = "headscope";
  int hosts = 2;
  int ranks_per_host = 8;
  int array = 0;  // static parts, without a network between them; 0: ranks
  int array_at_once = 16;
  std::string image = "headscope:latest";  // Kubernetes
  std::string claim = "headscope-shared";  // a volume that all pods see, as the working folder

  [[nodiscard]] int ranks() const { return hosts * ranks_per_host; }
};

struct JobLauncher {
  std::string_view name;  // "slurm"
  std::string (*script)(const JobScript& job);
};

const std::vector<JobLauncher>& job_launchers();

}  // namespace headscope
