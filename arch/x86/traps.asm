; SPDX-License-Identifier: GPL-2.0-only
; Interrupt and exception entries. Exceptions go to trap_handle() with a struct trap_frame (idt.h);
; interrupts are recorded and nothing else: arch_irq_poll() handles them where it is safe.

%include "offsets.inc"

bits 64
default rel

extern trap_handle

EXCEPTIONS	equ 32
VECTORS		equ 256

; Vectors where the CPU pushes an error code: APM2 8.4 "Error Codes"
%define HAS_ERROR_CODE(vector) ((1 << vector) & ((1 << 8) | (0x1f << 10) | (1 << 17) | (1 << 21) | (3 << 29)))

%macro save_registers 0
	push	rax
	push	rcx
	push	rdx
	push	rbx
	push	rbp
	push	rsi
	push	rdi
	push	r8
	push	r9
	push	r10
	push	r11
	push	r12
	push	r13
	push	r14
	push	r15
%endmacro

%macro restore_registers 0
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	r11
	pop	r10
	pop	r9
	pop	r8
	pop	rdi
	pop	rsi
	pop	rbp
	pop	rbx
	pop	rdx
	pop	rcx
	pop	rax
%endmacro

section .text

%assign vector 0
%rep EXCEPTIONS
	align 8
stub_ %+ vector:
	%if HAS_ERROR_CODE(vector) == 0
	push	0
	%endif
	push	vector
	jmp	trap_common
	%assign vector vector + 1
%endrep

%rep VECTORS - EXCEPTIONS
	align 8
stub_ %+ vector:
	push	strict dword vector
	jmp	irq_common
	%assign vector vector + 1
%endrep

; void trap_common(void): the rest of every exception entry
; In:    error code and vector pushed     Out: by IRETQ, when trap_handle() returns
; The frame is 22 words, so that the stack is aligned for C: the CPU aligned it before its push.
trap_common:
	save_registers
	cld
	mov	rdi, rsp
	call	trap_handle
	restore_registers
	add	rsp, 16
	iretq

; void irq_common(void): records the vector for arch_irq_poll()
; In:    vector pushed     Keeps: all     Needs: this CPU's struct at LAYOUT_PRIVATE_SELF
; Not atomic: only this CPU touches the words, and with interrupts off.
irq_common:
	push	rax
	push	rcx
	mov	rcx, LAYOUT_PRIVATE_SELF
	mov	rcx, [rcx]
	mov	eax, [rsp + 16]
	bts	[rcx + CPU_IRQ_PENDING], rax
	pop	rcx
	pop	rax
	add	rsp, 8
	iretq

section .rodata

; const uint64_t trap_stubs[256]: for the descriptors
	align 8
global trap_stubs
trap_stubs:
%assign vector 0
%rep VECTORS
	dq stub_ %+ vector
	%assign vector vector + 1
%endrep
