; SPDX-License-Identifier: GPL-2.0-only
; The world switch of AMD-V. APM2 15.5 "VMRUN Instruction", 15.6 "#VMEXIT", 15.17 "Global Interrupt
; Flag, STGI and CLGI Instructions". What is decided is decided in C: svm_run.c.

bits 64
default rel
%include "offsets.inc"
%include "arch/x86/guest_gprs.inc"
%include "arch/x86/mitigation.inc"

section .text

; %1: 1 with the work in ecx, MITIGATE_ bits, at entry and exit; 0 without.
; GIF is 0 from clgi to stgi: interrupts, NMI and INIT are held, so nothing runs on the guest's TR.
%macro WORLD_SWITCH 1
	HOST_PUSH
%if %1
	push	rcx				; [rsp + 24] work
%endif
	push	rdx				; [rsp + 16] host VMCB
	push	rsi				; [rsp + 8]  guest VMCB
	push	rdi				; [rsp]      state

	clgi
	sti					; takes effect in the guest only: with V_INTR_MASKING the
						; host's IF decides whether physical interrupts exit
	mov	rax, rsi
	vmload					; FS GS TR LDTR, KernelGSbase, SYSCALL and SYSENTER MSRs:
						; from here on the host's are gone
%if %1
	MITIGATE_ENTRY byte [rsp + 24], rdi
	mov	rax, rsi
%endif
	GUEST_LOAD rdi
	vmrun

	mov	rax, [rsp]			; RAX is the guest VMCB's address again: free to use
	GUEST_SAVE rax
%if %1
	MITIGATE_EXIT byte [rsp + 24]		; before an NMI's handler can return
%endif
	mov	rax, [rsp + 8]
	vmsave					; before the host's values overwrite the guest's
	mov	rax, [rsp + 16]
	vmload					; before anything that can fault or take an NMI: these
						; use TR for their stacks
	cli					; #VMEXIT brought IF = 1 back, and the hypervisor runs with 0
	stgi					; NMIs that waited are taken here

	GUEST_FORGET

	add	rsp, 24 + 8 * %1
	HOST_POP
	ret
%endmacro

; void svm_enter(struct vcpu_state *state, hpa_t guest_vmcb, hpa_t host_vmcb)
; In:    rdi = state, rsi and rdx = physical addresses of the VMCBs        IF = 0, GIF = 1
; Out:   guest GPRs but RAX and RSP in *state; the rest in the guest's VMCB
; Keeps: rbx rbp r12-r15 (SysV); rsp, rax, rip, rflags, CRs, GDTR, IDTR restored by #VMEXIT
global svm_enter:function
svm_enter:
	WORLD_SWITCH 0

; void svm_enter_mitigated(struct vcpu_state *state, hpa_t guest_vmcb, hpa_t host_vmcb, uint32_t work)
; The same with work, MITIGATE_ bits, in ecx. Of its own, so that most processors pay nothing.
global svm_enter_mitigated:function
svm_enter_mitigated:
	WORLD_SWITCH 1
global svm_enter_end
svm_enter_end:

section .rodata
mitigation_selector:
	dw	GDT_DATA
