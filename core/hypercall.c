/* SPDX-License-Identifier: GPL-2.0-only */
/* Hypercalls by number. So far there is one: what the control guest's interface is built on comes
 * with it. */
#include "core/hypercall.h"

#include "core/bits.h"
#include "core/vcpu.h"

typedef uint64_t hypercall_fn(struct vcpu *vcpu, const uint64_t args[4]);

static uint64_t call_version(struct vcpu *vcpu, const uint64_t args[4])
{
	(void)vcpu, (void)args;
	return HYPERCALL_ABI;
}

static hypercall_fn *const calls[] = {
	[HYPERCALL_VERSION] = call_version,
};

uint64_t hypercall_handle(struct vcpu *vcpu, uint64_t number, const uint64_t args[4])
{
	if (number >= ARRAY_SIZE(calls)) {
		return UINT64_MAX;
	}
	return calls[index_clamp(number, ARRAY_SIZE(calls))](vcpu, args);
}
