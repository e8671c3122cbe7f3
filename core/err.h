/* SPDX-License-Identifier: GPL-2.0-only */
/* Expected failures. Functions return 0 or one of these negated, and are marked must_check. */
#pragma once

#include "core/types.h"

enum err {
	E_NOMEM = 1, /* no page, slot or pool entry left */
	E_INVAL,     /* a value outside of what is allowed */
	E_NOENT,     /* no such thing */
	E_EXIST,     /* there is one already, or the ranges overlap */
	E_PERM,      /* not the caller's to touch */
	E_RANGE,     /* an address or size outside of its object */
	E_NODEV,     /* the machine lacks it */
	E_NOTSUP,    /* known, and not done here */
	E_BUSY,      /* try again when the other user is done */
	E_RESTART,   /* long work was cut short with its progress kept: call again */
	E_FORMAT,    /* bytes that are not in the form they claim */
	E_TIMEDOUT,  /* hardware or another core did not answer */
};
