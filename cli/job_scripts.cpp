#include "cli/job_scripts.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/shell.h"

namespace headscope {
namespace {

bool has_word(const JobScript& job, const std::string& word) {
  return std::ranges::find(job.words, word) != job.words.end();
}

bool on_gpus(const JobScript& job) {
  return std::ranges::any_of(job.words,
                             [](const std::string& word) { return word.starts_with("cuda"); });
}

// `more` behind the command's own words, those that it has already left out.
std::string command_of(const JobScript& job, const std::vector<std::string>& more) {
  std::string line = "headscope";
  for (const std::string& word : job.words) {
    line += " " + shell_quoted(word);
  }
  for (const std::string& word : more) {
    line += has_word(job, word) ? "" : " " + word;
  }
  return line;
}

std::string slurm_array(const JobScript& job) {
  return fmt::format(R"(#!/bin/bash
# Submit with `sbatch FILE`. {0} parts that know nothing of each other, {1} at a time: no network
# between them, and each may run whenever a place is free. `-o shards/` gives each a file there.
#SBATCH --job-name={2}
#SBATCH --array=0-{3}%{1}
#SBATCH --ntasks=1
{4}#SBATCH --requeue

# --shard auto reads SLURM_ARRAY_TASK_ID; --resume makes a part that was preempted go on.
{5}

# When all are done: headscope merge shards/*.h5 -o RESULT.h5
)",
                     job.array,
                     job.array_at_once,
                     job.name,
                     job.array - 1,
                     on_gpus(job) ? "#SBATCH --gpus-per-task=1\n" : "",
                     command_of(job, {"--shard", "auto", "--resume"}));
}

std::string slurm(const JobScript& job) {
  if (job.array > 0) {
    return slurm_array(job);
  }
  return fmt::format(
      R"(#!/bin/bash
# Submit with `sbatch FILE`. {0} hosts with {1} ranks each share one piece of work; each finds its
# place by SLURM_PROCID, and they meet in a folder beside the output, which all hosts must see.
#SBATCH --job-name={2}
#SBATCH --nodes={0}
#SBATCH --ntasks-per-node={1}
{3}# A job that is preempted comes back and goes on with what it had.
#SBATCH --requeue

# A rank that dies must not take the others along: they do its work.
srun --kill-on-bad-exit=0 --wait=0 \
  {4}
)",
      job.hosts,
      job.ranks_per_host,
      job.name,
      on_gpus(job) ? fmt::format("#SBATCH --gpus-per-node={}\n", job.ranks_per_host) : "",
      command_of(job, {"--resume"}));
}

std::string torchrun(const JobScript& job) {
  return fmt::format(R"(#!/bin/bash
# Run this on each of {0} hosts with FIRST set to the name of the first:  FIRST=node1 bash FILE
# torchrun starts {1} ranks on each and serves the place where they meet. If one dies it starts all
# anew, up to 3 times, and they go on with what they had.
: "${{FIRST:?the name of the first host}}"
torchrun --no-python --nnodes={0} --nproc-per-node={1} --max-restarts=3 \
  --rdzv-backend=c10d --rdzv-endpoint="$FIRST:29400" --rdzv-id={2} \
  {3}
)",
                     job.hosts,
                     job.ranks_per_host,
                     shell_quoted(job.name),
                     command_of(job, {}));
}

std::string mpirun(const JobScript& job) {
  return fmt::format(R"(#!/bin/bash
# Run this where `hosts` lists one host a line. Open MPI only starts the ranks and numbers them:
# they meet in a folder beside the output, which all hosts must see.
# --enable-recovery: a rank that dies must not take the others along: they do its work.
mpirun --hostfile hosts -n {0} --map-by ppr:{1}:node --enable-recovery \
  {2}
)",
                     job.ranks(),
                     job.ranks_per_host,
                     command_of(job, {}));
}

std::string yaml_words(const JobScript& job) {
  std::string text;
  std::vector<std::string> words = job.words;
  if (!has_word(job, "--resume")) {
    words.emplace_back("--resume");
  }
  for (const std::string& word : words) {
    std::string quoted;
    for (const char c : word) {
      quoted += c == '\'' ? "''" : std::string(1, c);
    }
    text += fmt::format("            - '{}'\n", quoted);
  }
  return text;
}

std::string kubernetes(const JobScript& job) {
  return fmt::format(
      R"(# kubectl apply -f FILE: an indexed job of {0} pods, each one rank. They meet in a folder beside the
# output, on a volume that all of them mount: no service and no port is needed. A pod that dies is
# started anew by itself and joins again; until then the others do its work.
apiVersion: batch/v1
kind: Job
metadata:
  name: {1}
spec:
  completionMode: Indexed
  completions: {0}
  parallelism: {0}
  backoffLimit: {2}
  template:
    spec:
      restartPolicy: OnFailure
      containers:
        - name: headscope
          image: {3}
          command: [headscope]
          args:
{4}          workingDir: /shared
          env:
            - name: JOB_COMPLETIONS  # Kubernetes says which pod this is, but not of how many
              value: '{0}'
            - name: JOB_NAME  # tells this job's meeting folder from an earlier one's
              valueFrom:
                fieldRef:
                  fieldPath: metadata.labels['batch.kubernetes.io/controller-uid']
{5}          volumeMounts:
            - name: shared
              mountPath: /shared
      volumes:
        - name: shared
          persistentVolumeClaim:
            claimName: {6}
)",
      job.ranks(),
      job.name,
      3 * job.ranks(),
      job.image,
      yaml_words(job),
      on_gpus(job) ? "          resources:\n            limits:\n"
                     "              nvidia.com/gpu: 1\n"
                   : "",
      job.claim);
}

}  // namespace

const std::vector<JobLauncher>& job_launchers() {
  static const std::vector<JobLauncher> all{
      {"slurm", slurm}, {"torchrun", torchrun}, {"mpirun", mpirun}, {"kubernetes", kubernetes}};
  return all;
}

}  // namespace headscope
