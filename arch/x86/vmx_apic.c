/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CPU as the vLAPIC's helper: in x2APIC mode it delivers what is in IRR as soon as the guest
 * can take it, and does the guest's EOI, TPR and self-IPI, all in the vLAPIC's page. SDM3 chapter
 * 30 "APIC Virtualization and Virtual Interrupts". In xAPIC mode all is done by software.
 */
#include "arch/vmx.h"

#include "arch/lapic.h"
#include "arch/vlapic_regs.h"
#include "arch/vmcs.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/option.h"
#include "core/vm.h"
#include "mm/hyp_map.h"

/* One without the others would save little. */
#define PROC2_APIC (PROC2_X2APIC | PROC2_APIC_REGISTERS | PROC2_VIRTUAL_INTERRUPT)

bool vmx_apic_is_offered(void)
{
	return (vmx_controls.offered[VMX_PROC2] & PROC2_APIC) == PROC2_APIC;
}

static bool posts; /* const after boot */

/* No machine that this has run on has them: only where somebody asks for them. */
void vmx_apic_probe(void)
{
	posts = vmx_apic_is_offered() && option_is("posted", "on") &&
		(vmx_controls.offered[VMX_PIN] & PIN_POSTED) != 0 &&
		(vmx_controls.offered[VMX_EXIT] & EXIT_ACK) != 0;
}

bool vmx_apic_posts(void)
{
	return posts;
}

/* Until its first entry the CPU has no part in it. */
void vmx_apic_init(struct vcpu *vcpu)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	vlapic->by_hardware = false;
	if (!vmx_apic_is_offered()) {
		return;
	}
	vmcs_write(VMCS_GUEST_INTERRUPT_STATUS, 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(vcpu->arch.vmx.eoi_exits); i++) {
		vmcs_write(VMCS_EOI_EXIT + 2 * i, 0);
	}
	if (posts) {
		/* The vector that left the guest is told then, which posting asks for. */
		vmx_controls_write(VMX_EXIT, vmx_controls.values[VMX_EXIT] | EXIT_ACK);
		vmcs_write(VMCS_POSTED_VECTOR, LAPIC_VECTOR_POSTED);
		vmcs_write(VMCS_POSTED, hyp_map_direct_hpa(&vlapic->post).value);
	}
}

/* The map of MSRs goes with it: without PROC2_X2APIC its open registers would be the machine's. */
static void mode_set(struct vcpu *vcpu, bool by_hardware)
{
	const struct arch_vm *vm = &vcpu->vm->arch;
	struct vmx_vcpu *vmx = &vcpu->arch.vmx;

	vcpu->arch.vlapic.by_hardware = by_hardware;
	vmx->proc2 =
		(vmx->proc2 & (uint32_t)~PROC2_APIC) | (by_hardware ? (uint32_t)PROC2_APIC : 0);
	vmcs_write(VMCS_PROC2_CONTROLS, vmx->proc2);
	if (posts) {
		vmx->pin = (vmx->pin & (uint32_t)~PIN_POSTED) |
			   (by_hardware ? (uint32_t)PIN_POSTED : 0);
		vmcs_write(VMCS_PIN_CONTROLS, vmx->pin);
	}
	vmcs_write(VMCS_MSR_MAP,
		   by_hardware ? vm->msr_bitmap_apic_hpa.value : vm->msr_bitmap_hpa.value);
}

static uint32_t status_of(const struct vlapic *vlapic)
{
	int requested = vlapic_highest_request(vlapic), served = vlapic_in_service(vlapic);

	return (uint32_t)(field_set(VMCS_STATUS_REQUESTED, requested < 0 ? 0 : requested) |
			  field_set(VMCS_STATUS_SERVED, served < 0 ? 0 : served));
}

static void eoi_exits_give(struct vmx_vcpu *vmx, const struct vlapic *vlapic)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(vmx->eoi_exits); i++) {
		if (unlikely(vmx->eoi_exits[i] != vlapic->eoi_notify[i])) {
			vmx->eoi_exits[i] = vlapic->eoi_notify[i];
			vmcs_write(VMCS_EOI_EXIT + 2 * i, vmx->eoi_exits[i]);
		}
	}
}

void vmx_apic_give(struct vcpu *vcpu)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;
	struct vmx_vcpu *vmx = &vcpu->arch.vmx;
	bool by_hardware = vlapic_is_x2apic(vlapic) && vmx_apic_is_offered();
	uint32_t status;

	if (unlikely(by_hardware != vlapic->by_hardware)) {
		mode_set(vcpu, by_hardware);
	}
	if (!by_hardware) {
		return;
	}
	status = status_of(vlapic);
	if (status != vmx->interrupt_status) {
		vmx->interrupt_status = status;
		vmcs_write(VMCS_GUEST_INTERRUPT_STATUS, status);
	}
	eoi_exits_give(vmx, vlapic);
	if (unlikely(posts)) {
		atomic_store(&vlapic->posting_cpu, (uint64_t)arch_cpu_self()->index + 1);
	}
}

void vmx_apic_take(struct vcpu *vcpu)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	if (unlikely(posts)) {
		atomic_store(&vlapic->posting_cpu, UINT64_C(0));
	}
	if (vlapic->by_hardware) {
		vcpu->arch.vmx.interrupt_status = (uint32_t)vmcs_read(VMCS_GUEST_INTERRUPT_STATUS);
		vlapic_refresh(vlapic, vcpu->arch.vmx.interrupt_status == 0);
	}
}

/* Behind the write: an EOI of EOI_EXIT's, or a self-IPI of an illegal vector. */
void vmx_apic_trapped(struct vcpu *vcpu, uint64_t reason)
{
	uint64_t info = vmcs_read(VMCS_EXIT_QUALIFICATION);

	if (reason == VMX_EXIT_VIRTUAL_EOI) {
		vlapic_ended(vcpu, (uint8_t)info);
	} else if (info == VLAPIC_SELF_IPI) {
		vlapic_raise_error(&vcpu->arch.vlapic, VLAPIC_ESR_SEND_VECTOR);
	}
}
