// A published circuit, looked for in a model: the task, the heads, and whether they suffice.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "analyses/circuit/copying.h"
#include "analyses/circuit/faithfulness.h"
#include "analyses/circuit/reproductions.h"
#include "analyses/circuit/written_classes.h"

namespace headscope {

struct ReproduceOptions {
  std::int64_t discovery_items = 24;  // prompts heads are found on
  std::int64_t test_items = 210;      // prompts of each test: seven of each of IOI's templates
  std::uint64_t seed = 0;             // of discovery; tests draw others from seed + 1 on
  std::int64_t seeds = 3;             // tests, each with prompts of its own
  std::int64_t random_circuits = 10;
  double least = 0.02;
  std::size_t most = 10;
  std::int64_t memory = 0;
  // `part` of `whole` steps are done; what comes is called `step`.
  std::function<void(const std::string& step, double part)> progress = {};
  std::function<bool()> stop = {};
};

struct AttentionTable {
  HeadClass heads;
  std::vector<std::vector<double>> to;  // [head][span], spans of Reproduction::looks_at
};

// One test: prompts that discovery did not see.
struct CircuitTest {
  std::uint64_t seed = 0;
  std::string task_hash;
  std::vector<std::string> templates = {};  // of each item
  FaithfulnessResult metric = {};
};

struct Reproduced {
  const Reproduction* what = nullptr;
  Task task;
  Summary clean, corrupted;  // the metric
  Summary accuracy;          // an answer is the likeliest token of all
  Summary ahead;             // the metric is above zero
  Discovery found;
  HeadCircuit classed;             // found.circuit, its writers classed by what they write
  std::vector<HeadId> copiers;     // heads of the first stage's classes
  std::vector<CopyScore> copying;  // theirs
  CopyScore average_copying;       // over every head of the model
  std::vector<AttentionTable> attention;
  std::vector<CircuitTest> tests;
  std::vector<double> random;  // faithfulness of random circuits of the same shape, first test
  bool stopped = false;
};

// Prompts of the circuit's task, with its corruption. Throws what make_task() throws.
Task task_of_circuit(const Tokenizer& tokenizer,
                     const Reproduction& what,
                     std::int64_t items,
                     std::uint64_t seed);

// Makes every prompt that reproduce() would, and runs nothing. Throws UsageError for sizes it
// cannot work with and what make_task() throws for too many items.
void check_reproduction(const Tokenizer& tokenizer,
                        const Reproduction& what,
                        const ReproduceOptions& options);

Reproduced reproduce(const Model& model, const Reproduction& what, const ReproduceOptions& options);

// What the interval of the clean metric says: above zero, below, or neither.
enum class Ability { does, does_the_opposite, unclear };
Ability ability_of(const Reproduced& result);

// Of each test; of each template, over all tests. Those that faithfulness() refuses are left out.
std::vector<double> faithfulness_by_test(const Reproduced& result);
std::vector<double> faithfulness_by_template(const Reproduced& result);

}  // namespace headscope
