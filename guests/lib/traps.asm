; SPDX-License-Identifier: GPL-2.0-only
; The 256 entries of the IDT, and the way back out of a trap that a test has caused on purpose.

%include "guests/lib/selectors.inc"
bits 64
default rel

        extern  trap_handle
        global  trap_stubs, trap_try_call, trap_try_return, user_enter, user_return

section .text
%macro push_gprs 0
        push    rax
        push    rcx
        push    rdx
        push    rbx
        push    rbp
        push    rsi
        push    rdi
        push    r8
        push    r9
        push    r10
        push    r11
        push    r12
        push    r13
        push    r14
        push    r15
%endmacro
%macro pop_gprs 0
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     r11
        pop     r10
        pop     r9
        pop     r8
        pop     rdi
        pop     rsi
        pop     rbp
        pop     rbx
        pop     rdx
        pop     rcx
        pop     rax
%endmacro

; One stub every 16 bytes: the frame always has an error code (APM2 8.2 "Vectors" names who pushes one).
        align   16
trap_stubs:
%assign vector 0
%rep 256
        align   16
%if vector != 8 && (vector < 10 || vector > 14) && vector != 17 && vector != 21 && vector != 29 && vector != 30
        push    qword 0
%endif
        push    qword vector
        jmp     near trap_common
%assign vector vector + 1
%endrep

trap_common:
        push_gprs
        cld
        mov     rdi, rsp
        mov     rbp, rsp
        and     rsp, -16
        call    trap_handle
        mov     rsp, rbp
        pop_gprs
        add     rsp, 16                 ; vector and error code
        iretq

; void trap_try_call(void (*call)(uint64_t), uint64_t argument, uint64_t *recover_rsp)
; Calls call(argument). A trap meanwhile may go on at trap_try_return with rsp = *recover_rsp.
trap_try_call:
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        push    rdx
        mov     [rdx], rsp
        mov     rax, rdi
        mov     rdi, rsi
        call    rax
trap_try_return:
        pop     rdx
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        cld
        ret

; void user_enter(void (*call)(uint64_t), uint64_t argument, void *stack_top): goes to CPL 3, does not return.
user_enter:
        mov     rcx, rdx
        sub     rcx, 8
        lea     rax, [user_return]
        mov     [rcx], rax
        push    qword SELECTOR_USER_DATA
        push    rcx
        pushfq
        push    qword SELECTOR_USER_CODE64
        push    rdi
        mov     rdi, rsi
        iretq

; Where a function at CPL 3 returns to: the vector is TRAP_USER_RETURN.
user_return:
        int     0x20
        ud2
