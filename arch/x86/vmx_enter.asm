; SPDX-License-Identifier: GPL-2.0-only
; The world switch of VT-x. SDM3 27 "VM Entries", 28 "VM Exits". What is decided is decided in C:
; vmx_run.c.

bits 64
default rel
%include "offsets.inc"
%include "arch/x86/guest_gprs.inc"
%include "arch/x86/mitigation.inc"

section .text

; %1: 1 with the work in edx, MITIGATE_ bits, at entry and exit; 0 without.
; Interrupts are off, and exit at once where the guest has let them in. An NMI that comes before the
; entry is recorded and sends this CPU an interrupt (nmi.c), which then forces the exit.
%macro WORLD_SWITCH 1
	HOST_PUSH
%if %1
	push	rdx				; [rsp + 8] work
%endif
	push	rdi				; [rsp]     state

	mov	eax, VMCS_HOST_RSP
	vmwrite	rax, rsp			; the exit comes back to this very stack
	mov	eax, VMCS_HOST_RIP
	lea	rcx, [%%exit]
	vmwrite	rax, rcx
%if %1
	MITIGATE_ENTRY byte [rsp + 8], rdi
%endif
	test	sil, sil			; no MOV changes the flags
	mov	rax, [rdi + STATE_GPRS]
	GUEST_LOAD rdi
	jnz	%%resume
	vmlaunch
	jmp	%%failed
%%resume:
	vmresume
%%failed:					; VMfail: nothing of the guest ran, rsp is ours
	mov	eax, 1
	jmp	%%return

%%exit:
	push	rax
	mov	rax, [rsp + 8]
	GUEST_SAVE rax
	pop	qword [rax + STATE_GPRS]
%if %1
	MITIGATE_EXIT byte [rsp + 8]
%endif
	xor	eax, eax

%%return:
	GUEST_FORGET
	add	rsp, 8 + 8 * %1
	HOST_POP
	ret
%endmacro

; bool vmx_enter(struct vcpu_state *state, bool launched)
; In:    rdi = state, sil = launched; the VMCS is current                 IF = 0
; Out:   al = 0: at the exit, guest GPRs but RSP in *state; al = 1: not entered
; Keeps: rbx rbp r12-r15 (SysV); rsp, CRs, segments, GDTR, IDTR by the VMCS' host fields
global vmx_enter:function
vmx_enter:
	WORLD_SWITCH 0

; bool vmx_enter_mitigated(struct vcpu_state *state, bool launched, uint32_t work)
; The same with work, MITIGATE_ bits, in edx. Of its own, so that most processors pay nothing.
global vmx_enter_mitigated:function
vmx_enter_mitigated:
	WORLD_SWITCH 1
global vmx_enter_end
vmx_enter_end:

section .rodata
mitigation_selector:
	dw	GDT_DATA
