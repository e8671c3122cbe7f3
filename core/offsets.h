/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Structure offsets for the assembler. A function of arch/<a>/offsets.c names them; the file is
 * only compiled to assembly, where scripts/gen_offsets finds the marked lines and writes
 * offsets.inc.
 */
#pragma once

#include "core/types.h"

#define CONSTANT(name, value)      asm volatile("\n#->" #name " %0" : : "i"(value))
#define OFFSET(name, type, member) CONSTANT(name, offsetof(struct type, member))
