#include "hooks/sae_edit.h"

#include <algorithm>

#include "hooks/address.h"
#include "lib/base/error.h"
#include "lib/sae/sae_files.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Numbers of a token at the point: what its axes behind "pos" make. 0: it has no such rows.
std::int64_t width_at(HookPoint point, const ModelConfig& config) {
  const std::vector<Axis>& axes = info(point.site).axes;
  if (axes.size() < 3 || axes[1] != Axis::pos) {
    return 0;
  }
  std::int64_t width = 1;
  for (std::size_t i = 2; i < axes.size(); ++i) {
    width *= axis_size(axes[i], config).value_or(0);
  }
  return width;
}

void check_hook(const Sae& sae, const std::string& file, const std::string& name) {
  const SaeConfig& config = sae.config();
  if (config.is_transcoder()) {
    throw UsageError(
        "{}: a transcoder reads one hook point and writes another, which op \"sae\" does not do; "
        "give an autoencoder of {}",
        file,
        name);
  }
  if (!config.hook.empty() && config.hook != name) {
    throw UsageError(
        "{}: is of {}, not of {}; change \"site\", or give the autoencoder of that point",
        file,
        config.hook,
        name);
  }
}

// The codes at `features` [n] after the change, of those before, [N, n].
Tensor codes_after(const SaeChange& what, const Tensor& before, const Tensor& patched) {
  const auto value = [&] {
    Tensor each = at::empty({std::ssize(what.value)}, at::kDouble);
    std::copy(what.value.begin(), what.value.end(), each.data_ptr<double>());
    return each.to(before.options());
  };
  switch (what.act) {
    case SaeChange::Do::attach:
      return before;
    case SaeChange::Do::ablate:
      return at::zeros_like(before);
    case SaeChange::Do::clamp:
      return value().expand_as(before);
    case SaeChange::Do::scale:
      return before * value();
    case SaeChange::Do::steer:
      return before + value();
    case SaeChange::Do::patch:
      return patched;
  }
  throw InternalError("a change of codes that nothing does");
}

}  // namespace

EncodedValue encoded_value(const Sae& sae, const Tensor& value) {
  const Tensor rows = sae.rows_of(value).to(at::kFloat);
  return {value, rows, sae.encode(rows)};
}

Tensor codes_at(const SaeCodes& codes, const Tensor& features) {
  return codes.dense().index_select(1, features);
}

Tensor with_codes_changed(const Sae& sae,
                          const EncodedValue& of,
                          const Tensor& features,
                          const Tensor& change) {
  const Tensor moved = sae.decoded_change(change, features, of.codes);
  const Tensor touched = (change != 0).any(1, /*keepdim=*/true);
  return at::where(touched, of.rows + moved, of.rows)
      .reshape(of.value.sizes())
      .to(of.value.scalar_type());
}

Sae sae_for(const SaeChange& what, HookPoint point, const ModelConfig& config) {
  const Sae sae = read_sae(what.folder);
  const std::string file = what.folder.string();
  const std::string name = hook_name(point.site, point.layer);
  check_hook(sae, file, name);
  const std::int64_t width = width_at(point, config);
  if (width != sae.config().d_in) {
    throw UsageError(
        "{}: encodes rows of {}, but {} {}; give an autoencoder of this model and point",
        file,
        sae.config().d_in,
        name,
        width == 0 ? "has no row a token" : fmt::format("has {} a token", width));
  }
  for (const std::int64_t feature : what.features) {
    if (feature < 0 || feature >= sae.config().d_sae) {
      throw UsageError("{}: no feature {}; it has {}, 0 to {}",
                       file,
                       feature,
                       sae.config().d_sae,
                       sae.config().d_sae - 1);
    }
  }
  return sae;
}

Tensor changed_codes(const Sae& sae,
                     const SaeChange& what,
                     const Tensor& value,
                     const Tensor& patched) {
  const EncodedValue of = encoded_value(sae, value);
  const auto decoded = [&](const Tensor& y) {
    return y.reshape(value.sizes()).to(value.scalar_type());
  };
  if (what.features.empty()) {
    return what.error_term ? value : decoded(sae.decode(of.codes));
  }
  const Tensor features = index_tensor(what.features, value.device());
  const Tensor before = codes_at(of.codes, features);
  const Tensor after = codes_after(
      what,
      before,
      patched.defined() ? codes_at(encoded_value(sae, patched).codes, features) : Tensor());
  if (!what.error_term) {
    const Tensor moved = sae.decoded_change(after - before, features, of.codes);
    return decoded(sae.decode(of.codes) + moved);
  }
  return with_codes_changed(sae, of, features, after - before);
}

}  // namespace headscope
