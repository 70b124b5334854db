#include "analyses/edges/masked_tap.h"

#include <algorithm>

#include "lib/tensor/ops.h"

namespace headscope {
namespace {

bool norm_after_attention(const Model& model) {
  return model.config().norm_placement == NormPlacement::sandwich;
}

// [K, readers, writers] on the CPU.
Tensor cut_edges(const EdgeGraph& graph, const std::vector<const EdgeSet*>& circuits) {
  const auto k = static_cast<std::int64_t>(circuits.size());
  Tensor cut = at::zeros({k, graph.n_readers(), graph.n_writers()}, at::kFloat);
  auto* out = cut.data_ptr<float>();
  for (const EdgeSet* circuit : circuits) {
    for (std::int64_t reader = 0; reader < graph.n_readers(); ++reader) {
      const auto first = static_cast<std::size_t>(graph.index(0, reader));
      const auto before = static_cast<std::size_t>(graph.writers_before(reader));
      for (std::size_t writer = 0; writer < before; ++writer) {
        out[writer] = (*circuit)[first + writer] ? 0.0F : 1.0F;
      }
      out += graph.n_writers();
    }
  }
  return cut;
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
    : setting_(setting), circuits_(static_cast<std::int64_t>(circuits.size())) {
  const EdgeGraph& graph = setting.graph;
  const Tensor cut = cut_edges(graph, circuits);
  const Tensor any = cut.amax(at::IntArrayRef({0, 2})).contiguous();
  for (std::int64_t reader = 0; reader < graph.n_readers(); ++reader) {
    any_cut_.push_back(any.const_data_ptr<float>()[reader] > 0);
    last_cut_ = any_cut_.back() ? reader : last_cut_;
  }
  cut_ = cut.to(setting.clean.embed.device());
  std::vector<Tensor> known;
  for (std::int64_t layer = -1; layer < setting.first_layer; ++layer) {
    known.push_back(clean_differences(setting, layer));
  }
  before_ = at::cat(known);
  known_ = before_.size(0);
}

bool MaskedTap::cut_off(std::int64_t first_reader, std::int64_t count) const {
  const auto first = any_cut_.begin() + first_reader;
  return std::find(first, first + count, true) != first + count;
}

// Whether what the layer writes is asked for by a later reader that is cut off.
bool MaskedTap::last_needed(int layer) const {
  return last_cut_ >= setting_.graph.first_reader(layer) + 3 * setting_.graph.shape().n_heads;
}

Interest MaskedTap::wants(HookPoint point) const {
  const EdgeGraph& graph = setting_.graph;
  const std::int64_t heads = graph.shape().n_heads;
  const auto edit = [](bool wanted) { return wanted ? Interest::edit : Interest::none; };
  const auto observe = [](bool wanted) { return wanted ? Interest::observe : Interest::none; };
  const std::int64_t first = point.layer < 0 ? 0 : graph.first_reader(point.layer);
  switch (point.site) {
    case Site::q_input:
      return edit(cut_off(first, heads));
    case Site::k_input:
      return edit(cut_off(first + heads, heads));
    case Site::v_input:
      return edit(cut_off(first + 2 * heads, heads));
    case Site::mlp_in:
      return edit(graph.shape().mlps > 0 && cut_off(first + 3 * heads, 1));
    case Site::resid_post:
      return edit(point.layer == graph.shape().n_layers - 1 && any_cut_.back());
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
    case Site::q_input:
      return read_by_heads(HeadInput::q, layer, value);
    case Site::k_input:
      return read_by_heads(HeadInput::k, layer, value);
    case Site::v_input:
      return read_by_heads(HeadInput::v, layer, value);
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

// What the readers [first, first + count) of one layer lack: [K, count, B·T, d_model].
Tensor MaskedTap::missing(std::int64_t first_reader, std::int64_t count) const {
  const std::int64_t writers = setting_.graph.writers_before(first_reader);
  const Tensor cut = cut_.narrow(1, first_reader, count);
  const std::int64_t known = std::min(known_, writers);
  Tensor sum = at::matmul(cut.narrow(2, 0, known), before_.narrow(0, 0, known).flatten(1));
  if (writers > known_) {
    const Tensor written = after_.narrow(1, 0, writers - known_).flatten(2);
    sum = sum + at::bmm(cut.narrow(2, known_, writers - known_), written);
  }
  return sum.unflatten(2, {before_.size(1), before_.size(2)});
}

// `stream` [K·B, T, H, d_model], one a head.
Tensor MaskedTap::read_by_heads(HeadInput part, int layer, const Tensor& stream) const {
  const std::int64_t heads = setting_.graph.shape().n_heads;
  const std::int64_t first =
      setting_.graph.first_reader(layer) + static_cast<std::int64_t>(part) * heads;
  const Tensor lacks = missing(first, heads).transpose(1, 2);  // [K, B·T, H, d_model]
  return stream - lacks.reshape(stream.sizes());
}

Tensor MaskedTap::read_by_one(std::int64_t reader, const Tensor& stream) const {
  return stream - missing(reader, 1).reshape(stream.sizes());
}

}  // namespace headscope
