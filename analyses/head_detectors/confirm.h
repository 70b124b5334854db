// Does what a detector found matter? Its heads are ablated, and so are as many others.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "analyses/head_detectors/atlas.h"

namespace headscope {

struct ConfirmOptions {
  std::size_t heads = 5;  // at most so many, the highest first
  int draws = 5;          // of random heads
  std::uint64_t seed = 0;
  std::function<bool()> stop = {};
  // Of confirm_roles(): before the role of a detector, when `done` of `all` are confirmed; and when
  // its confirmation is in the atlas.
  std::function<void(const std::string& detector, std::size_t done, std::size_t all)> progress = {};
  std::function<void()> finished = {};
};

// Ablation puts in place of a head's z its mean over the tokens and prompts of the behaviour. The
// behaviour is the mean log-probability of what follows: of repeated random tokens from the second
// copy on, of every token of a text, of a task's answers. Random heads are drawn from the same
// layers, as many in each (from any layer where one has too few), without heads of the role.
class Confirmer {
 public:
  Confirmer(const Model& model, ConfirmOptions options)
      : model_(model), options_(std::move(options)) {}

  // UsageError if the detector has no behaviour or no head has its role; fewer draws if `stop`
  // ended it.
  Confirmation confirm(const Detection& detection);

 private:
  struct Behaviour {
    std::vector<ProbePrompt> prompts;
    std::vector<Tensor> means;   // of z, [n_heads, d_head] a layer
    std::vector<double> intact;  // a prompt
  };
  const Behaviour& behaviour(const Probe& probe);
  // Of each prompt of the behaviour, with these heads at their means.
  std::vector<double> change(const Probe& probe, const std::vector<HeadId>& heads);
  void compare_with_random(Confirmation& result,
                           const Probe& probe,
                           const std::vector<HeadId>& role,
                           const std::vector<double>& together);
  [[nodiscard]] bool stopped() const { return options_.stop && options_.stop(); }

  const Model& model_;
  ConfirmOptions options_;
  std::map<Probe, Behaviour> behaviours_;
};

// Confirms every role of the atlas that has heads and a behaviour. What was confirmed with the same
// heads, draws and seed before stays; what was with others is made anew. False if `stop` ended it:
// what was finished by then is in the atlas.
bool confirm_roles(const Model& model, Atlas& atlas, const ConfirmOptions& options);

// Those that confirm_roles() confirms; they point into the atlas. UsageError for a model that is no
// causal one.
std::vector<const Detection*> roles_to_confirm(const Model& model,
                                               const Atlas& atlas,
                                               const ConfirmOptions& options);

// "log-probability of repeated tokens"
std::string behaviour_name(const Probe& probe);

// As many heads of each layer as `heads` has, none of `heads` and, while others are left, none of
// `avoid`.
std::vector<HeadId> matched_random(const std::vector<HeadId>& heads,
                                   const std::vector<HeadId>& avoid,
                                   const HeadGrid& grid,
                                   std::uint64_t seed);

}  // namespace headscope
