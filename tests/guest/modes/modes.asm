; SPDX-License-Identifier: GPL-2.0-only
; Code for the processor's other modes: 32-bit with and without paging, real mode, compatibility at CPL 3.

%include "guests/lib/selectors.inc"

EFER_NUMBER     equ 0xc0000080
EFER_LME        equ 0x100
CR0_PG          equ 0x80000000
CR4_PSE_PAE     equ 0x30
CR4_PGE         equ 0x80
ENTRY_RESERVED  equ 2
PORT_SCRATCH    equ 0x3ff
REAL_CODE       equ 0x1000

        extern  enter_long
        global  legacy_run, legacy_work, legacy_seen, legacy_cr3, legacy_cr4, legacy_idt_pointer
        global  legacy_trap, legacy_gp, legacy_entry, real_code, real_code_end, user32_enter

section .text
bits 64
; void legacy_run(void): legacy_work in 32-bit mode, paged by legacy_cr3 and legacy_cr4 unless CR3 is 0.
legacy_run:
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        sidt    [abs saved_idt]
        mov     [abs saved_rsp], rsp
        push    qword SELECTOR_CODE32
        push    qword .compatibility
        retfq
bits 32
.compatibility:
        mov     eax, SELECTOR_DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     esp, stack_top
        mov     eax, cr0
        and     eax, ~CR0_PG
        mov     cr0, eax
        mov     ecx, EFER_NUMBER
        rdmsr
        and     eax, ~EFER_LME
        wrmsr
        mov     eax, cr4
        and     eax, ~CR4_PSE_PAE
        or      eax, [legacy_cr4]
        mov     cr4, eax
        lidt    [legacy_idt_pointer]
        mov     eax, [legacy_cr3]
        test    eax, eax
        jz      .work
        mov     cr3, eax
        mov     eax, cr0
        or      eax, CR0_PG
        mov     cr0, eax
        jmp     .work
.work:  call    legacy_break
        call    legacy_work
        mov     eax, cr0
        and     eax, ~CR0_PG
        mov     cr0, eax
        mov     ebp, .back
        jmp     enter_long
bits 64
.back:  mov     rsp, [abs saved_rsp]
        lidt    [abs saved_idt]
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        ret

bits 32
; What every legacy mode must do alike: exits of several kinds, an exception, the APIC's page.
legacy_work:
        mov     eax, cr0
        mov     [legacy_seen.cr0], eax
        xor     eax, eax
        cpuid
        mov     [legacy_seen.vendor], ebx
        mov     dx, PORT_SCRATCH
        in      al, dx
        mov     [legacy_seen.port], al
        mov     eax, [0xfee00030]
        mov     [legacy_seen.apic], eax
        mov     ecx, EFER_NUMBER
        rdmsr
        mov     [legacy_seen.efer], eax
.fault: ud2
        ret

; Where there is a legacy_entry, of PAE's first table: makes it bad, and writes CR4 and CR3, which load it.
legacy_break:
        mov     ebx, [legacy_entry]
        test    ebx, ebx
        jz      .done
        or      dword [ebx], ENTRY_RESERVED
        mov     ecx, cr4
        mov     eax, ecx
        xor     eax, CR4_PGE
        mov     cr4, eax
        mov     eax, cr4
        xor     eax, ecx
        mov     [legacy_seen.changes], eax
        mov     eax, cr3
        mov     cr3, eax
        and     dword [ebx], ~ENTRY_RESERVED
        mov     cr4, ecx
.done:  ret

; #GP of a MOV to a control register: steps over it.
legacy_gp:
        inc     dword [legacy_seen.refusals]
        add     esp, 4                  ; the error code
        add     dword [esp], 3
        iretd

; #UD of legacy_work: steps over the instruction.
legacy_trap:
        inc     dword [legacy_seen.faults]
        add     dword [esp], 2
        iretd

; Real mode: an exception and a soft interrupt through the vectors at 0, strings, a port, segments.
bits 16
real_code:
        xor     ax, ax
        mov     fs, ax
        push    dword [fs:0]            ; #DE
        push    dword [fs:0x66 * 4]
        mov     word [fs:0], REAL_CODE + (.on_divide - real_code)
        mov     [fs:2], cs
        mov     word [fs:0x66 * 4], REAL_CODE + (.on_int - real_code)
        mov     [fs:0x66 * 4 + 2], cs
        xor     ebx, ebx
        xor     cx, cx
.fault: div     cx
        int     0x66
        pop     dword [fs:0x66 * 4]
        pop     dword [fs:0]
        mov     dx, PORT_SCRATCH
        in      al, dx
        movzx   ebp, al
        mov     di, REAL_CODE + 0x800
        mov     cx, 0x100
        mov     al, 0xcd
        cld
        rep     stosb
        movzx   edi, di
        mov     esi, cr0
        ret
.on_divide:                             ; a fault: the frame names the instruction, two bytes long
        push    bp
        mov     bp, sp
        add     word [bp + 2], 2
        pop     bp
        add     ebx, 1
        iret
.on_int:
        add     ebx, 0x100
        iret
real_code_end:

bits 64
; void user32_enter(uint64_t unused): compatibility mode at CPL 3, which ends in INT 20h with EBX set.
user32_enter:
        mov     eax, SELECTOR_USER_DATA ; a segment of CPL 0 would be made null on the way
        mov     ds, eax
        mov     es, eax
        push    qword SELECTOR_USER_DATA
        push    qword stack_top
        pushfq
        push    qword SELECTOR_USER_CODE32
        push    qword .compatibility
        iretq
bits 32
.compatibility:
        mov     eax, 0x40000000
        cpuid
        mov     eax, cs
        mov     [legacy_seen.user_cs], eax
        push    dword 0x12345678
        pop     dword [legacy_seen.user_word]
        int     0x20

section .data
legacy_cr3:     dd 0
legacy_cr4:     dd 0
legacy_entry:   dd 0
legacy_idt_pointer:
        dw      0
        dd      0

section .bss
        alignb  8
legacy_seen:                            ; struct seen of main.c
.cr0:   resd    1
.vendor: resd   1
.port:  resd    1
.apic:  resd    1
.efer:  resd    1
.faults: resd   1
.user_cs: resd  1
.user_word: resd 1
.refusals: resd 1
.changes: resd  1
saved_rsp: resq 1
saved_idt: resb 16
        alignb  16
        resb    4096
stack_top:
