#include "analyses/edges/masked_tap.h"

#include <algorithm>
#include <map>

#include <ATen/ops/index_copy.h>

#include "analyses/edges/head_projections.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

bool norm_after_attention(const Model& model) {
  return has_post_norm(model.config());
}

// 0 and 1 of the writers [first, first + columns.size()) that each lack names, by `columns`, their
// places among those that are used (−1: not): [lacks, used].
Tensor named_writers(const Lack* begin,
                     const Lack* end,
                     std::int64_t first,
                     const std::vector<std::int64_t>& columns,
                     std::int64_t used) {
  Tensor named = at::zeros({end - begin, used}, at::kFloat);
  auto* row = named.data_ptr<float>();
  for (const Lack* lack = begin; lack != end; ++lack, row += used) {
    for (const std::int64_t writer : lack->writers) {
      const std::int64_t place = writer - first;
      if (place >= 0 && place < static_cast<std::int64_t>(columns.size())) {
        row[columns[static_cast<std::size_t>(place)]] = 1.0F;
      }
    }
  }
  return named;
}

// Adds to each row of `sum` [lacks, B·T, d_model] what `written` [w, B·T, d_model], of the writers
// from `first` on, says of those its lack names.
void add_named(
    const Lack* begin, const Lack* end, std::int64_t first, const Tensor& written, Tensor sum) {
  std::vector<std::int64_t> columns(static_cast<std::size_t>(written.size(0)), -1);
  std::vector<std::int64_t> used;
  for (const Lack* lack = begin; lack != end; ++lack) {
    for (const std::int64_t writer : lack->writers) {
      const std::int64_t place = writer - first;
      if (place >= 0 && place < written.size(0)) {
        columns[static_cast<std::size_t>(place)] = 0;
      }
    }
  }
  for (std::size_t place = 0; place < columns.size(); ++place) {
    if (columns[place] == 0) {
      columns[place] = static_cast<std::int64_t>(used.size());
      used.push_back(static_cast<std::int64_t>(place));
    }
  }
  if (used.empty()) {
    return;
  }
  const auto count = static_cast<std::int64_t>(used.size());
  const Tensor named = named_writers(begin, end, first, columns, count).to(written.device());
  const bool all = count == written.size(0);
  const Tensor theirs =
      all ? written : written.index_select(0, index_tensor(used, written.device()));
  Tensor flat = sum.flatten(1);
  flat.addmm_(named, theirs.flatten(1));
}

using LackCounts = MaskedTap::LackCounts;

LackCounts counts_of(const std::vector<Lack>& lacks, std::int64_t first) {
  LackCounts counts;
  std::int64_t of_circuit = 0;
  for (std::size_t i = 0; i < lacks.size(); ++i) {
    of_circuit = i > 0 && lacks[i].circuit == lacks[i - 1].circuit ? of_circuit + 1 : 1;
    counts.most_of_a_circuit = std::max(counts.most_of_a_circuit, of_circuit);
    for (const std::int64_t writer : lacks[i].writers) {
      counts.named += writer >= first ? 1 : 0;
      counts.writers = std::max(counts.writers, writer - first + 1);
    }
  }
  return counts;
}

// Whether all circuits' sums are one batch of products with everything written so far, or those of
// each circuit are formed of what it names: the first takes few calls, the second few operations.
bool in_one_batch(const LackCounts& counts, std::size_t lacks, const at::Device& device) {
  return device.is_cuda() || 4 * counts.named > static_cast<std::int64_t>(lacks) * counts.writers;
}

// Of one layer's writers [w, B·T, d_model], or of the input (−1).
Tensor clean_differences(const MaskedTap::Setting& in, std::int64_t layer) {
  const auto flat = [](const Tensor& own, const Tensor& other) {
    return (own - other).flatten(0, 1);
  };
  if (layer < 0) {
    return flat(in.clean.embed, in.ablated.embed).unsqueeze(0);
  }
  const auto l = static_cast<std::size_t>(layer);
  const Tensor heads = at::bmm(flat(in.clean.carried[l], in.ablated.carried[l]).transpose(0, 1),
                               head_outputs(in.model, layer));
  if (in.graph.shape().mlps == 0) {
    return heads;
  }
  return at::cat({heads, flat(in.clean.mlp_out[l], in.ablated.mlp_out[l]).unsqueeze(0)});
}

}  // namespace

MaskedTap::MaskedTap(const Setting& setting, const std::vector<const EdgeSet*>& circuits)
    : setting_(setting),
      circuits_(static_cast<std::int64_t>(circuits.size())),
      lacks_(setting.graph, circuits) {
  std::vector<Tensor> known;
  for (std::int64_t layer = -1; layer < setting.first_layer; ++layer) {
    known.push_back(clean_differences(setting, layer));
  }
  before_ = at::cat(known);
  known_ = before_.size(0);
}

// Whether what the layer writes is asked for by a later reader that is cut off.
bool MaskedTap::last_needed(int layer) const {
  return lacks_.last() >= setting_.graph.first_reader(layer) + 3 * setting_.graph.shape().n_heads;
}

Interest MaskedTap::wants(HookPoint point) const {
  const EdgeGraph& graph = setting_.graph;
  const std::int64_t heads = graph.shape().n_heads;
  const auto edit = [](bool wanted) { return wanted ? Interest::edit : Interest::none; };
  const auto observe = [](bool wanted) { return wanted ? Interest::observe : Interest::none; };
  const std::int64_t first = point.layer < 0 ? 0 : graph.first_reader(point.layer);
  switch (point.site) {
    case Site::resid_pre:
      return observe(!lacks_.none(first, 3 * heads));
    case Site::q:
      return edit(!lacks_.none(first, heads));
    case Site::k:
      return edit(!lacks_.none(first + heads, heads));
    case Site::v:
      return edit(!lacks_.none(first + 2 * heads, heads));
    case Site::mlp_in:
      return edit(graph.shape().mlps > 0 && !lacks_.none(first + 3 * heads, 1));
    case Site::resid_post:
      return edit(point.layer == graph.shape().n_layers - 1 &&
                  !lacks_.none(graph.n_readers() - 1, 1));
    case Site::z:
    case Site::mlp_out:
      return observe(last_needed(point.layer));
    case Site::ln1_post_scale:
      return observe(norm_after_attention(setting_.model) && last_needed(point.layer));
    default:
      return Interest::none;
  }
}

Tensor MaskedTap::visit(const Visit& visit, const Tensor& value) {
  const EdgeGraph& graph = setting_.graph;
  const int layer = visit.point.layer;
  const std::int64_t heads = graph.shape().n_heads;
  switch (visit.point.site) {
    case Site::resid_pre:
      read_heads(layer, value);
      return value;
    case Site::q:
      return with_read(HeadInput::q, value);
    case Site::k:
      return with_read(HeadInput::k, value);
    case Site::v:
      return with_read(HeadInput::v, value);
    case Site::mlp_in:
      return read_by_one(graph.first_reader(layer) + 3 * heads, value);
    case Site::resid_post:
      return read_by_one(graph.n_readers() - 1, value);
    case Site::z:
      if (norm_after_attention(setting_.model)) {
        z_ = value;
      } else {
        keep_heads(layer, value, {});
      }
      return value;
    case Site::ln1_post_scale:
      keep_heads(layer, z_, value);
      return value;
    default: {
      const Tensor own = value.to(at::kFloat).unflatten(0, {circuits_, -1});
      const Tensor other = setting_.ablated.mlp_out[static_cast<std::size_t>(layer)];
      keep(graph.first_writer(layer) + heads, (own - other).flatten(1, 2).unsqueeze(1));
      return value;
    }
  }
}

void MaskedTap::keep_heads(int layer, const Tensor& z, const Tensor& scale) {
  const Tensor carried =
      carried_by_heads(setting_.model, layer, z, scale).unflatten(0, {circuits_, -1});
  const Tensor difference =
      carried - setting_.ablated.carried[static_cast<std::size_t>(layer)];  // [K, B, T, H, E]
  const Tensor by_head = difference.flatten(1, 2).transpose(1, 2);          // [K, H, B·T, E]
  keep(setting_.graph.first_writer(layer),
       at::matmul(by_head, head_outputs(setting_.model, layer)));
}

// `difference` [K, w, B·T, d_model].
void MaskedTap::keep(std::int64_t writer, const Tensor& difference) {
  if (!after_.defined()) {
    after_ = at::empty(
        {circuits_, setting_.graph.n_writers() - known_, difference.size(2), difference.size(3)},
        difference.options());
  }
  after_.narrow(1, writer - known_, difference.size(1)).copy_(difference);
}

// What is written and not read: [lacks, B·T, d_model].
Tensor MaskedTap::missing(const std::vector<Lack>& lacks) const {
  const auto size = static_cast<std::int64_t>(lacks.size());
  Tensor sum = at::zeros({size, before_.size(1), before_.size(2)}, before_.options());
  add_named(lacks.data(), lacks.data() + lacks.size(), 0, before_, sum);
  if (after_.defined()) {
    add_written_here(lacks, sum);
  }
  return sum;
}

// The same of writers that the circuits run themselves, which differ from circuit to circuit.
void MaskedTap::add_written_here(const std::vector<Lack>& lacks, const Tensor& sum) const {
  const LackCounts counts = counts_of(lacks, known_);
  if (counts.named == 0) {
    return;
  }
  const Lack* const end = lacks.data() + lacks.size();
  if (!in_one_batch(counts, lacks.size(), sum.device())) {
    for (const Lack* begin = lacks.data(); begin != end;) {
      const Lack* next = std::find_if(
          begin, end, [&](const Lack& lack) { return lack.circuit != begin->circuit; });
      const Tensor rows = sum.narrow(0, begin - lacks.data(), next - begin);
      add_named(begin, next, known_, after_.select(0, begin->circuit), rows);
      begin = next;
    }
    return;
  }
  add_in_one_batch(lacks, counts, sum);
}

void MaskedTap::add_in_one_batch(const std::vector<Lack>& lacks,
                                 const LackCounts& counts,
                                 const Tensor& sum) const {
  // As many rows for every circuit as the one with most lacks has; those that are too many stay 0.
  const std::int64_t most = counts.most_of_a_circuit;
  Tensor named = at::zeros({circuits_ * most, counts.writers}, at::kFloat);
  std::vector<std::int64_t> rows;
  for (const Lack& lack : lacks) {
    const bool same = !rows.empty() && lack.circuit == rows.back() / most;
    rows.push_back(same ? rows.back() + 1 : lack.circuit * most);
    auto* row = named.data_ptr<float>() + rows.back() * counts.writers;
    for (const std::int64_t writer : lack.writers) {
      if (writer >= known_) {
        row[writer - known_] = 1.0F;
      }
    }
  }
  const Tensor written = after_.narrow(1, 0, counts.writers).flatten(2);
  const Tensor sums =
      at::bmm(named.to(sum.device()).unflatten(0, {circuits_, most}), written).flatten(0, 1);
  const bool all = std::ssize(rows) == sums.size(0);
  sum.flatten(1).add_(all ? sums : sums.index_select(0, index_tensor(rows, sum.device())));
}

// `stream` [K·B, T, d_model], that every head reads but where it lacks something.
void MaskedTap::read_heads(int layer, const Tensor& stream) {
  const EdgeGraph& graph = setting_.graph;
  const std::int64_t heads = graph.shape().n_heads;
  const std::int64_t first = graph.first_reader(layer);
  const std::vector<Lack> lacks = lacks_.of(first, 3 * heads);
  const Tensor whole = stream.to(at::kFloat).unflatten(0, {circuits_, -1}).flatten(1, 2);
  std::vector<std::int64_t> circuits;
  for (const Lack& lack : lacks) {
    circuits.push_back(lack.circuit);
  }
  const Tensor read =
      missing(lacks).neg_().add_(whole.index_select(0, index_tensor(circuits, whole.device())));
  for (auto& reads : reads_) {
    reads.clear();
  }
  const HeadProjections projections(setting_.model, layer);
  const Tensor normalized = projections.normalized(read);
  // What the same readers read in several circuits is projected at once.
  std::map<std::vector<std::int64_t>, std::vector<std::int64_t>> of_readers;
  for (std::size_t i = 0; i < lacks.size(); ++i) {
    of_readers[lacks[i].readers].push_back(static_cast<std::int64_t>(i));
  }
  for (const auto& [readers, places] : of_readers) {
    std::vector<std::int64_t> rows;  // of W_QKV
    for (const std::int64_t reader : readers) {
      rows.push_back(reader - first);
    }
    std::vector<std::int64_t> theirs;
    for (const std::int64_t place : places) {
      theirs.push_back(circuits[static_cast<std::size_t>(place)]);
    }
    const Tensor at_places = normalized.index_select(0, index_tensor(places, whole.device()));
    const Tensor values = projections.projected(at_places, rows);  // [n, B·T, rows, d_head]
    const Tensor index = index_tensor(theirs, whole.device());
    for (std::size_t r = 0; r < rows.size(); ++r) {
      reads_.at(static_cast<std::size_t>(rows[r] / heads))
          .push_back({rows[r] % heads, index, values.select(2, static_cast<std::int64_t>(r))});
    }
  }
}

// `value` [K·B, T, H, d_head]
Tensor MaskedTap::with_read(HeadInput part, const Tensor& value) const {
  const Tensor out = value.clone();
  const Tensor by_circuit = out.unflatten(0, {circuits_, -1});
  for (const HeadRead& read : reads_.at(static_cast<std::size_t>(part))) {
    Tensor of_head = by_circuit.select(3, read.head);  // [K, B, T, d_head]
    const Tensor values = read.values.unflatten(1, {of_head.size(1), of_head.size(2)});
    of_head.index_copy_(0, read.circuits, values.to(of_head.scalar_type()));
  }
  return out;
}

Tensor MaskedTap::read_by_one(std::int64_t reader, const Tensor& stream) const {
  const std::vector<Lack> lacks = lacks_.of(reader, 1);
  std::vector<std::int64_t> circuits;  // each once
  for (const Lack& lack : lacks) {
    circuits.push_back(lack.circuit);
  }
  const Tensor out = stream.clone();
  Tensor by_circuit = out.unflatten(0, {circuits_, -1});
  const Tensor index = index_tensor(circuits, stream.device());
  Tensor read = by_circuit.index_select(0, index);
  read.sub_(missing(lacks).view(read.sizes()));
  by_circuit.index_copy_(0, index, read);
  return out;
}

}  // namespace headscope
