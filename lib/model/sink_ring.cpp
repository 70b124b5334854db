#include "lib/model/sink_ring.h"

#include <algorithm>

#include <ATen/ops/index_copy.h>

#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// A token's place among the first tokens: the number of its column without its row's padding.
Tensor sink_columns(std::int64_t sink, const Tensor& pads, const at::Device& device) {
  const Tensor place = at::arange(sink, at::TensorOptions().dtype(at::kLong).device(device));
  return pads.defined() ? pads.unsqueeze(1) + place : place.unsqueeze(0);  // [B or 1, sink]
}

// Those of the first tokens that lie in the columns of `next`, in their places of `kept`.
void put_sinks(const Tensor& kept, const Tensor& next, const Tensor& source) {
  const Tensor inside = source.ge(0).logical_and(source.lt(next.size(1))).unsqueeze(2).unsqueeze(3);
  const Tensor index = source.clamp(0, next.size(1) - 1)
                           .unsqueeze(2)
                           .unsqueeze(3)
                           .expand({next.size(0), kept.size(1), next.size(2), next.size(3)});
  kept.copy_(at::where(inside, next.gather(1, index), kept));
}

}  // namespace

SinkRing::SinkRing(const KeptKeys& kept, const Entry& whole, const Held& held) : kept_(kept) {
  const Tensor pads = at::tensor(held.pads, at::kLong).to(whole.k.device());
  append(whole, {.columns = 0, .pads = held.pads}, pads);
}

std::int64_t SinkRing::bytes() const {
  return k_.defined() ? static_cast<std::int64_t>(k_.nbytes() + v_.nbytes()) : 0;
}

void SinkRing::make(const Entry& like, std::int64_t rows) {
  // Zeros: the weight of a place that holds nothing is 0, and 0 · NaN is NaN.
  k_ = at::zeros({rows, places(), like.k.size(2), like.k.size(3)}, like.k.options());
  v_ = at::zeros({rows, places(), like.v.size(2), like.v.size(3)}, like.v.options());
}

// The last `count` of the columns held, in their order.
SinkRing::Entry SinkRing::latest(std::int64_t count, std::int64_t columns) const {
  const std::int64_t begin = (columns - count) % kept_.local;
  const std::int64_t before_end = std::min(count, kept_.local - begin);
  const auto ordered = [&](const Tensor& all) {
    const Tensor ring = all.narrow(1, kept_.sink, kept_.local);
    const Tensor head = ring.narrow(1, begin, before_end);
    return before_end == count ? head : at::cat({head, ring.narrow(1, 0, count - before_end)}, 1);
  };
  return {ordered(k_), ordered(v_)};
}

// Puts what lies in the last columns of a cache that then holds `columns`, for rows from `row` on.
void SinkRing::put_latest(const Entry& latest, std::int64_t row, std::int64_t columns) {
  const std::int64_t count = std::min(latest.k.size(1), kept_.local);
  const std::int64_t begin = (columns - count) % kept_.local;
  const std::int64_t before_end = std::min(count, kept_.local - begin);
  for (auto [from, to] : {std::pair{&latest.k, &k_}, std::pair{&latest.v, &v_}}) {
    const Tensor last = from->narrow(1, from->size(1) - count, count);
    const Tensor ring = to->narrow(0, row, last.size(0)).narrow(1, kept_.sink, kept_.local);
    ring.narrow(1, begin, before_end).copy_(last.narrow(1, 0, before_end));
    ring.narrow(1, 0, count - before_end).copy_(last.narrow(1, before_end, count - before_end));
  }
}

StreamedKeys SinkRing::seen_by(const Entry& next, const Held& held) const {
  const std::int64_t before = std::min(held.columns, kept_.local - 1);
  StreamedKeys seen{.k = next.k,
                    .v = next.v,
                    .sink_k = {},
                    .sink_v = {},
                    .first = held.columns - before,
                    .kept = kept_};
  if (before > 0) {
    const Entry last = latest(before, held.columns);
    seen.k = at::cat({last.k, next.k}, 1);
    seen.v = at::cat({last.v, next.v}, 1);
  }
  return seen;
}

void SinkRing::append(const Entry& next, const Held& held, const Tensor& pads) {
  if (!k_.defined()) {
    make(next, next.k.size(0));
  }
  const auto longest_pad = held.pads.empty() ? 0 : *std::ranges::max_element(held.pads);
  if (kept_.sink > 0 && held.columns < longest_pad + kept_.sink) {
    const Tensor source = sink_columns(kept_.sink, pads, next.k.device()) - held.columns;
    const Tensor of_rows = source.expand({next.k.size(0), kept_.sink});
    put_sinks(k_.narrow(1, 0, kept_.sink), next.k, of_rows);
    put_sinks(v_.narrow(1, 0, kept_.sink), next.v, of_rows);
  }
  put_latest(next, 0, held.columns + next.k.size(1));
}

StreamedKeys SinkRing::extend(const Entry& next, const Held& held, const Tensor& pads) {
  StreamedKeys seen = seen_by(next, held);  // before the ring is written over
  append(next, held, pads);
  seen.sink_k = k_.narrow(1, 0, kept_.sink);
  seen.sink_v = v_.narrow(1, 0, kept_.sink);
  return seen;
}

void SinkRing::put(const Entry& next, const PlacedTokens& at, bool past_sinks) {
  const Tensor slot = at.column.remainder(kept_.local) + kept_.sink;
  k_.index_copy_(1, slot, next.k);
  v_.index_copy_(1, slot, next.v);
  if (kept_.sink > 0 && !past_sinks) {
    const Tensor source = sink_columns(kept_.sink, at.pads, next.k.device()) - at.column;
    put_sinks(k_.narrow(1, 0, kept_.sink), next.k, source);
    put_sinks(v_.narrow(1, 0, kept_.sink), next.v, source);
  }
}

SinkRing::Slots SinkRing::slots(const Tensor& column, const Tensor& pads) const {
  const Tensor slot = at::arange(kept_.local, column.options());
  const Tensor ring = (column - (column - slot).remainder(kept_.local)).unsqueeze(0);
  const Tensor unseen_ring = ring.lt(pads.defined() ? pads.unsqueeze(1) : at::zeros_like(ring));
  const Tensor sinks = sink_columns(kept_.sink, pads, column.device());
  const Tensor unseen_sink = sinks.gt(column - kept_.local).expand({unseen_ring.size(0), -1});
  const Tensor hidden = at::cat({unseen_sink, unseen_ring}, 1);
  return {k_, v_, hidden.unsqueeze(1).unsqueeze(1)};
}

SinkRing SinkRing::fork() const {
  SinkRing forked(kept_);
  forked.k_ = k_.defined() ? k_.clone() : Tensor();
  forked.v_ = v_.defined() ? v_.clone() : Tensor();
  return forked;
}

SinkRing SinkRing::of_rows(const Tensor& rows, std::int64_t shared, const Held& held) const {
  SinkRing some(kept_);
  some.k_ = k_.index_select(0, rows);
  some.v_ = v_.index_select(0, rows);
  if (shared % kept_.local != 0) {
    const std::int64_t count = std::min(held.columns - shared, kept_.local);
    const Entry last = latest(count, held.columns);
    const Entry chosen{last.k.index_select(0, rows), last.v.index_select(0, rows)};
    some.put_latest(chosen, 0, held.columns - shared);
  }
  return some;
}

SinkRing SinkRing::joined(const std::vector<Part>& parts, std::int64_t columns) {
  SinkRing all(parts.front().ring->kept_);
  std::int64_t rows = 0;
  for (const Part& part : parts) {
    rows += part.ring->k_.size(0);
  }
  all.make({parts.front().ring->k_, parts.front().ring->v_}, rows);
  std::int64_t row = 0;
  for (const auto& [ring, held] : parts) {
    const std::int64_t count = ring->k_.size(0);
    const std::int64_t sink = all.kept_.sink;
    all.k_.narrow(0, row, count).narrow(1, 0, sink).copy_(ring->k_.narrow(1, 0, sink));
    all.v_.narrow(0, row, count).narrow(1, 0, sink).copy_(ring->v_.narrow(1, 0, sink));
    const std::int64_t last = std::min({held.columns, columns, ring->kept_.local});
    all.put_latest(ring->latest(last, held.columns), row, columns);
    row += count;
  }
  return all;
}

}  // namespace headscope
