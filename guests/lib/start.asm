; SPDX-License-Identifier: GPL-2.0-only
; The ways into a micro-guest (multiboot 1 and 2, PVH, an AP's SIPI) and from each to 64-bit mode, with
; the first 4 GiB mapped one to one. C starts at guest_start() and cpu_ap_main().

%include "guests/lib/selectors.inc"

MULTIBOOT1_MAGIC equ 0x1badb002
MULTIBOOT1_FLAGS equ 0x00010003         ; page-aligned modules, memory map, address fields
MULTIBOOT2_MAGIC equ 0xe85250d6
PVH_MAGIC        equ 0x336ec578         ; of its start information; tells guest_start() the protocol

CR0_FLAGS        equ 0x80010033         ; PG WP NE ET MP PE
CR4_FLAGS        equ 0x00000620         ; OSXMMEXCPT OSFXSR PAE
EFER_NUMBER      equ 0xc0000080
EFER_FLAGS       equ 0x00000901         ; NXE LME SCE

PAGE_TABLE       equ 0x07               ; present, writable, user
PAGE_LARGE       equ 0x87

        extern  guest_start, cpu_ap_main
        extern  image_start, image_data_end, image_end
        global  entry_multiboot, entry_pvh, enter_long, gdt, gdt_pointer, page_directories
        global  page_pml4, ap_trampoline, ap_trampoline_end, ap_stack, ap_index, boot_stack_top

section .boot progbits alloc exec write align=16
        align   8
multiboot1:
        dd      MULTIBOOT1_MAGIC, MULTIBOOT1_FLAGS
        dd      -(MULTIBOOT1_MAGIC + MULTIBOOT1_FLAGS)
        dd      multiboot1, image_start, image_data_end, image_end, entry_multiboot
        align   8
multiboot2:
        dd      MULTIBOOT2_MAGIC, 0, multiboot2_end - multiboot2
        dd      0x100000000 - (MULTIBOOT2_MAGIC + (multiboot2_end - multiboot2))
        dw      0, 0                    ; the end tag
        dd      8
multiboot2_end:

section .note.pvh note alloc align=4
        dd      4, 8, 18                ; XEN_ELFNOTE_PHYS32_ENTRY
        db      "Xen", 0
        dq      entry_pvh

section .text
bits 32
entry_multiboot:
        mov     edi, eax                ; the loader's magic
        mov     esi, ebx                ; its information
        jmp     boot_common
entry_pvh:
        mov     edi, PVH_MAGIC
        mov     esi, ebx
boot_common:
        cli
        cld
        mov     ebp, boot64
        ; falls through

; Enters 64-bit mode. In: flat 32-bit protected mode without paging, ebp = where to go on.
; Keeps: edi esi.
enter_long:
        lgdt    [gdt_pointer]
        mov     eax, cr4
        or      eax, CR4_FLAGS
        mov     cr4, eax
        mov     eax, page_pml4
        mov     cr3, eax
        mov     ecx, EFER_NUMBER
        rdmsr
        or      eax, EFER_FLAGS
        wrmsr
        mov     eax, CR0_FLAGS
        mov     cr0, eax
        jmp     SELECTOR_CODE64:.long
bits 64
.long:
        mov     eax, SELECTOR_DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     fs, eax
        mov     gs, eax
        mov     ebp, ebp                ; the upper halves are undefined after the switch
        jmp     rbp

boot64:
        mov     rsp, boot_stack_top
        mov     edi, edi
        mov     esi, esi
        xor     ebp, ebp
        call    guest_start
        ud2

; An AP's first instructions, copied to a page below 1 MiB. APs are started one at a time.
bits 16
ap_trampoline:
        cli
        cld
        mov     ax, cs
        mov     ds, ax
        o32 lgdt [ap_gdt_pointer - ap_trampoline]
        mov     eax, cr0
        and     eax, 0x9fffffff         ; caches on: INIT leaves CD and NW set
        or      al, 1
        mov     cr0, eax
        jmp     dword SELECTOR_CODE32:ap_entry32
        align   8
ap_gdt_pointer:
        dw      GDT_SIZE - 1
        dd      gdt
ap_trampoline_end:

bits 32
ap_entry32:
        mov     eax, SELECTOR_DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     ebp, ap_entry64
        jmp     enter_long
bits 64
ap_entry64:
        mov     rsp, [abs ap_stack]
        mov     edi, [abs ap_index]
        xor     ebp, ebp
        call    cpu_ap_main
        ud2

section .data
        align   16
gdt:    dq      0
        dq      0x00af9b000000ffff      ; CODE64
        dq      0x00cf93000000ffff      ; DATA
        dq      0x00cf9b000000ffff      ; CODE32
        dq      0x00cffb000000ffff      ; USER_CODE32
        dq      0x00cff3000000ffff      ; USER_DATA
        dq      0x00affb000000ffff      ; USER_CODE64
        dq      0x00009b000000ffff      ; CODE16, its base set by real_init()
        dq      0x000093000000ffff      ; DATA16
        times GDT_SIZE - ($ - gdt) db 0 ; the TSSs
gdt_pointer:
        dw      GDT_SIZE - 1
        dq      gdt

ap_stack:
        dq      0
ap_index:
        dd      0

        align   4096
page_pml4:
        dq      page_pdpt + PAGE_TABLE
        times 511 dq 0
page_pdpt:
%assign i 0
%rep 4
        dq      page_directories + i * 4096 + PAGE_TABLE
%assign i i + 1
%endrep
        times 508 dq 0
page_directories:
%assign i 0
%rep 2048
        dq      i * 0x200000 + PAGE_LARGE
%assign i i + 1
%endrep

section .bss
        align   16
        resb    16384
boot_stack_top:
