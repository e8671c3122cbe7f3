/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of the machine. */
#pragma once

#include "core/types.h"

noreturn void power_off(void);
