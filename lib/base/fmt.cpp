// What fmt does not have inline, compiled once for every target. (The headers are LibTorch's; see
// cmake/HeadscopeDependencies.cmake.)
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE

template FMT_API std::locale locale_ref::get<std::locale>() const;

namespace detail {

template FMT_API dragonbox::decimal_fp<float> dragonbox::to_decimal(float x) noexcept;
template FMT_API dragonbox::decimal_fp<double> dragonbox::to_decimal(double x) noexcept;
template FMT_API thousands_sep_result<char> thousands_sep_impl(locale_ref);
template FMT_API char decimal_point_impl(locale_ref);

}  // namespace detail
FMT_END_NAMESPACE
