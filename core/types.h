/* SPDX-License-Identifier: GPL-2.0-only */
/* The base types of the tree: fixed-width integers, addresses that cannot be mixed up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define static_assert _Static_assert
#define must_check     __attribute__((warn_unused_result))
#define noreturn       __attribute__((noreturn))
#define printf_like(f) __attribute__((format(printf, f, (f) + 1)))
#define never_inline   __attribute__((noinline)) /* what is rare, apart from what is often */
#define unlikely(x)    __builtin_expect(!!(x), 0)

#define PAGE_SHIFT 12
#define PAGE_SIZE  UINT64_C(4096)
#define PAGE_MASK  (~(PAGE_SIZE - 1))
#define KIB        UINT64_C(1024)
#define MIB        (KIB * 1024)
#define GIB        (MIB * 1024)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* A guest's physical address, as its own page tables name it. */
typedef struct {
	uint64_t value;
} gpa_t;

/* A host physical address. Nothing but a guest's loader may take one for the other. */
typedef struct {
	uint64_t value;
} hpa_t;

static inline gpa_t gpa(uint64_t value)
{
	return (gpa_t){ value };
}

static inline hpa_t hpa(uint64_t value)
{
	return (hpa_t){ value };
}

static inline gpa_t gpa_add(gpa_t base, uint64_t offset)
{
	return (gpa_t){ base.value + offset };
}

static inline hpa_t hpa_add(hpa_t base, uint64_t offset)
{
	return (hpa_t){ base.value + offset };
}

static inline uint64_t align_down(uint64_t value, uint64_t alignment)
{
	return value & ~(alignment - 1);
}

/* Wraps to 0 where value lies in the last, incomplete unit of 2^64. */
static inline uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

static inline bool is_aligned(uint64_t value, uint64_t alignment)
{
	return (value & (alignment - 1)) == 0;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}
