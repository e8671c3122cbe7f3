/* SPDX-License-Identifier: GPL-2.0-only */
/* A processor's name, which firmware and emulators pad as they like. */
#include "arch/brand.h"

#include "arch/msr.h"
#include "core/string.h"

/* SDM2 "CPUID": "Processor Brand String"; APM3 E.4.3. */
#define LEAF_MAX   0x80000000U
#define LEAF_FIRST 0x80000002U
#define LEAF_LAST  0x80000004U

void brand_tidy(char brand[BRAND_SIZE])
{
	unsigned to = 0;

	brand[BRAND_SIZE - 1] = 0;
	for (unsigned from = 0; brand[from] != 0; from++) {
		char letter = brand[from];
		bool is_blank = letter == ' ';

		if (is_blank && (to == 0 || brand[to - 1] == ' ')) {
			continue;
		}
		brand[to++] = letter >= ' ' && letter <= '~' ? letter : '?';
	}
	to -= to != 0 && brand[to - 1] == ' ';
	brand[to] = 0;
}

void brand_read(char brand[BRAND_SIZE])
{
	memset(brand, 0, BRAND_SIZE);
	if (cpuid(LEAF_MAX, 0).eax < LEAF_LAST) {
		return;
	}
	for (uint32_t leaf = LEAF_FIRST; leaf <= LEAF_LAST; leaf++) {
		struct cpuid regs = cpuid(leaf, 0);
		const uint32_t words[4] = { regs.eax, regs.ebx, regs.ecx, regs.edx };

		memcpy(brand + (leaf - LEAF_FIRST) * sizeof(words), words, sizeof(words));
	}
	brand_tidy(brand);
}
