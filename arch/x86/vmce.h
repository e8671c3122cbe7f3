/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine-check registers of guests. The control guest, whose kernel knows the machine, sees
 * what was recorded for it until it clears that, and else the CPU's own, where errors wait that the
 * hardware has corrected. Other guests have no banks: theirs is MCG_STATUS alone.
 */
#pragma once

#include "core/types.h"

struct mce_record;
struct vcpu;
struct vcpu_image_mce;

/* Any CPU. A vCPU is shown one record at a time: what it takes meanwhile is lost to it. */
void vmce_give(struct vcpu *vcpu, const struct mce_record *record);

/* Owner CPU: it was given one. It takes #MC, or its kernel finds it in its bank later. */
void vmce_take(struct vcpu *vcpu);

/* MCG_CAP, MCG_STATUS and the banks, for the loaded vCPU; false: #GP. */
must_check bool vmce_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
must_check bool vmce_write(struct vcpu *vcpu, uint32_t msr, uint64_t value);

/* What the guest is shown, for an image of its vCPU. What was given and not taken yet is not in it,
 * and stays. Is valid: this vCPU can have come to be shown that. Owner CPU. */
void vmce_image_get(struct vcpu_image_mce *to, const struct vcpu *vcpu);
void vmce_image_set(struct vcpu *vcpu, const struct vcpu_image_mce *from);
must_check bool vmce_image_is_valid(const struct vcpu *vcpu, const struct vcpu_image_mce *image);
