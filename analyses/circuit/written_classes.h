// Heads that write to the logits, classed by what they write: an effect says which way a head moves
// the answer, not how.
#pragma once

#include <vector>

#include "analyses/circuit/copying.h"
#include "analyses/circuit/discover.h"
#include "analyses/circuit/head_circuit.h"

namespace headscope {

// A head writes a token it reads if its OV circuit puts that token among the five likeliest in at
// least this share of the prompts (ours; Wang et al.'s name movers reach 0.95, their average head
// 0.2), and writes against it likewise after the negative.
inline constexpr double kWritesShare = 0.5;

enum class Writes { what_it_reads, against_what_it_reads, neither };
Writes writes_of(const CopyScore& score);

// Whether a head's class raises the answer or works against it.
enum class Moves { toward_answer, against_answer };

// What a head is called that moves the answer as the first or the opposing class of `first` does
// and writes so. A mover that suppresses what it reads serves by taking a wrong token away; one
// that copies against the answer brings a wrong token in.
std::string written_class(const DiscoveryStage& first, Moves moves, Writes writes);

// `circuit` with the two classes of its first stage split by what their heads write; the others,
// and every head's effect and place, as they are. `writers` are the heads of those two classes and
// `scores` theirs; a head without a score stays in its class.
HeadCircuit classed_by_writing(const HeadCircuit& circuit,
                               const DiscoveryStage& first,
                               const std::vector<HeadId>& writers,
                               const std::vector<CopyScore>& scores);

// Names of the classes other than `of` that a head is in. A head is in two where it acts at two
// places, or by two paths; never in two that write to the logits.
std::vector<std::string> other_classes(const HeadCircuit& circuit,
                                       const HeadClass& of,
                                       const HeadId& head);

}  // namespace headscope
