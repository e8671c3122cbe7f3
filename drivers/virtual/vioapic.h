/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual IOAPICs: one for each of the host's, at the same address, with the same entries. A pin
 * that the guest may have drives the host's entry; the hypervisor's own pins are virtual only.
 * 82093AA data sheet; ICH10 13.5.8 "EOIR".
 */
#pragma once

#include "core/types.h"

struct access;
struct vm;

/* Mirrors all host IOAPICs in the VM's memory regions; every entry masked. */
must_check int vioapic_init(struct vm *vm);

/* Makes the pin the hypervisor's own: the guest's entry routes what vioapic_set_line() raises. */
void vioapic_claim(struct vm *vm, uint32_t gsi);

/* The level of a claimed pin's line, polarity apart. Any CPU, no lock above vioapic->lock held. */
void vioapic_set_line(struct vm *vm, uint32_t gsi, bool asserted);

/* A vCPU ended a level-triggered vector. Any CPU. */
void vioapic_eoi(struct vm *vm, uint8_t vector);
