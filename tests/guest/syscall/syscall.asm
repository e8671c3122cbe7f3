; SPDX-License-Identifier: GPL-2.0-only
; Both ends of SYSCALL: what is seen at CPL 0, and what CPL 3 gets back.

bits 64
        global  syscall_entry, syscall_user, syscall_seen, after_syscall

section .text
; LSTAR. The stack is still the user's.
syscall_entry:
        mov     [abs syscall_seen.rip], rcx
        mov     [abs syscall_seen.saved_flags], r11
        pushfq
        pop     qword [abs syscall_seen.flags]
        mov     eax, cs
        mov     [abs syscall_seen.cs], eax
        mov     eax, ss
        mov     [abs syscall_seen.ss], eax
        mov     eax, 0x5ca11
        o64 sysret

; void syscall_user(uint64_t unused), at CPL 3
syscall_user:
        std                             ; SFMASK clears it for the entry, SYSRET brings it back
        syscall
after_syscall:
        mov     [abs syscall_seen.answer], rax
        pushfq
        pop     qword [abs syscall_seen.back_flags]
        mov     eax, cs
        mov     [abs syscall_seen.back_cs], eax
        mov     eax, ss
        mov     [abs syscall_seen.back_ss], eax
        cld
        ret

section .bss
        alignb  8
syscall_seen:                           ; struct seen of main.c
.rip:         resq 1
.saved_flags: resq 1
.flags:       resq 1
.answer:      resq 1
.back_flags:  resq 1
.cs:          resd 1
.ss:          resd 1
.back_cs:     resd 1
.back_ss:     resd 1
