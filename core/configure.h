/* SPDX-License-Identifier: GPL-2.0-only */
/* The configuration file, from the loader's module to those whom it concerns. Boot CPU, once. */
#pragma once

#include "boot/config.h"

/* Parses caisson.conf, or takes the defaults where the loader brought none. Refuses on a mistake.
 */
void configure_read(void);

/* Checks it against the machine. Refuses on a mistake. */
void configure_resolve(uint32_t cpu_count);

/* const after configure_resolve(). */
extern struct config config;
