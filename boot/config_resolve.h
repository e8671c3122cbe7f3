/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks of caisson.conf across its sections, apart from the parser; config_resolve() is in
 * config.h. */
#pragma once

#include "boot/config.h"

/*
 * A CPU that a pinned guest names belongs to nobody else, a device to one guest. Guests with 'rest'
 * are looked at only after config_resolve() has made a map of it. 0, or -E_INVAL with error set.
 */
must_check int config_resolve_owners(const struct config *config, struct config_error *error);
