// Several builds of one hot loop in a program made for plain x86-64: GCC compiles the function for
// AVX2 as well and picks at load time. AVX2 without FMA, so that every build gives the same bits.
#pragma once

// Not under ThreadSanitizer, which also watches the function that picks, before it is itself set
// up.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define HEADSCOPE_MULTIVERSION __attribute__((target_clones("avx2", "default")))
#else
#define HEADSCOPE_MULTIVERSION
#endif

// What a multiversioned function calls must melt into it, or it would run the plain build.
#define HEADSCOPE_INLINE inline __attribute__((always_inline))
