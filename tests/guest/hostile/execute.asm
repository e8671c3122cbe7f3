; SPDX-License-Identifier: GPL-2.0-only
; Runs code with all registers given, in ring 0 or in another.

        global  hostile_call, hostile_call_ring, hostile_back, hostile_regs, hostile_frame

bits 64
section .text
%macro load_regs 0
        mov     rax, [abs hostile_regs + 8 * 0]
        mov     rcx, [abs hostile_regs + 8 * 1]
        mov     rdx, [abs hostile_regs + 8 * 2]
        mov     rbx, [abs hostile_regs + 8 * 3]
        mov     rbp, [abs hostile_regs + 8 * 5]
        mov     rsi, [abs hostile_regs + 8 * 6]
        mov     rdi, [abs hostile_regs + 8 * 7]
        mov     r8,  [abs hostile_regs + 8 * 8]
        mov     r9,  [abs hostile_regs + 8 * 9]
        mov     r10, [abs hostile_regs + 8 * 10]
        mov     r11, [abs hostile_regs + 8 * 11]
        mov     r12, [abs hostile_regs + 8 * 12]
        mov     r13, [abs hostile_regs + 8 * 13]
        mov     r14, [abs hostile_regs + 8 * 14]
        mov     r15, [abs hostile_regs + 8 * 15]
%endmacro

; void hostile_call(uint64_t code): the code ends with a jump to hostile_back.
hostile_call:
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        mov     [abs saved_rsp], rsp
        mov     [abs target], rdi
        load_regs
        jmp     [abs target]
hostile_back:
        mov     rsp, [abs saved_rsp]
        push    2
        popfq
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        ret

; void hostile_call_ring(uint64_t unused): by hostile_frame; the code ends with INT 20h.
hostile_call_ring:
        push    qword [abs hostile_frame + 32]
        push    qword [abs hostile_frame + 24]
        push    qword [abs hostile_frame + 16]
        push    qword [abs hostile_frame + 8]
        push    qword [abs hostile_frame]
        load_regs
        iretq

section .bss
        alignb  8
hostile_regs:   resq 16
hostile_frame:  resq 5                  ; rip, cs, rflags, rsp, ss
saved_rsp:      resq 1
target:         resq 1
