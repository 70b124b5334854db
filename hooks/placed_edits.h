// What interventions need of a step of decoding that is recorded once and replayed
// (Tap::replayable): all in which steps differ, as tensors on the device that are filled before
// each of them.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "hooks/head_condition.h"
#include "hooks/intervention_plan.h"

namespace headscope {

// Of a group whose selection or strength differs between steps, at the points of one site.
struct PlacedPart {
  HookPoint point;                    // one of them
  std::vector<std::int64_t> sizes{};  // of its value
  Tensor selected{};                  // bool, broadcasts against the value
  Tensor strength{};                  // f32, too; undefined: no schedule
  EditGroup of{};                     // the steps that select something of this step
};

// Of groups at the attention scores of layers that see the same keys: beyond what the spec says,
// scores become scale · score + bias.
struct PlacedScores {
  HookPoint point;  // one of the layers
  std::int64_t rows = 0;
  std::int64_t heads = 0;
  Tensor scale{};  // [rows, heads, 1, 1] f32; undefined: no op scales
  Tensor bias{};   // [rows, heads, 1, room] f32, 0 at free columns; undefined: none adds
  EditGroup of{};
};

// One time that a value is changed: what counts once the step has run.
struct PlacedChange {
  EditGroup of{};                      // steps that change every step alike; empty: …
  const EditGroup* of_step = nullptr;  // … those that this one selects
  Tensor met{};  // bool: whether the condition holds somewhere; undefined: there is none
};

struct PlacedEdits {
  bool announced = false;  // the next pass is such a step
  bool running = false;    // this one is
  // The first step of those that all this is for has run: the others find here what they need.
  bool settled = false;
  std::map<std::pair<EditGroup, Site>, PlacedPart> parts{};
  // Points that several groups change, with the sizes of their values.
  std::map<std::pair<Site, int>, std::vector<std::int64_t>> meetings{};
  std::map<std::pair<std::vector<EditGroup>, std::int64_t>, PlacedScores> scores{};  // by window
  PlacedQuery query{};
  Tensor pattern{};  // [B, n_heads, 1, room] of the layer under way, where its steps ask
  std::vector<PlacedChange> changes{};
};

}  // namespace headscope
