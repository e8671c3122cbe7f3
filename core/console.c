/* SPDX-License-Identifier: GPL-2.0-only */
/* The choice and set-up of the console. Drivers do the rest. */
#include "core/console.h"

#include "boot/boot_info.h"
#include "core/log.h"
#include "core/option.h"
#include "core/string.h"
#include "drivers/uart_16550.h"
#include "mm/frame.h"
#include "mm/hyp_map.h"

#define BAUD_DEFAULT   115200
#define UART_MMIO_SIZE PAGE_SIZE
#define OPTION_SIZE    48

static struct uart_16550 uarts[2]; /* the first choice, and the configuration's */
static struct uart_16550 *console;
static struct config_console chosen = { .kind = CONFIG_CONSOLE_COM, .baud = BAUD_DEFAULT };
static bool is_option;

/* Splits ",BAUD" off; false where it is no number. */
static bool parse_baud(char *text, uint32_t *baud)
{
	uint64_t value;

	for (; *text != '\0' && *text != ','; text++) {
	}
	if (*text == '\0') {
		return true;
	}
	*text++ = '\0';
	if (!option_parse_number(text, &value) || value > UINT32_MAX) {
		return false;
	}
	*baud = (uint32_t)value;
	return true;
}

static bool parse(char *text, struct config_console *parsed)
{
	*parsed = (struct config_console){ .kind = CONFIG_CONSOLE_COM, .baud = BAUD_DEFAULT };
	if (!parse_baud(text, &parsed->baud)) {
		return false;
	}
	if (strcmp(text, "none") == 0) {
		parsed->kind = CONFIG_CONSOLE_NONE;
		return true;
	}
	if (strncmp(text, "com", 3) == 0 && text[3] >= '1' && text[3] <= '4' && text[4] == '\0') {
		parsed->index = (uint32_t)(text[3] - '1');
		return true;
	}
	parsed->kind = CONFIG_CONSOLE_MMIO;
	return option_parse_number(text, &parsed->address);
}

static void start(struct uart_16550 *uart, const struct config_console *config)
{
	if (uart_16550_init(uart, config->baud) != 0) {
		log(LOG_WARN, "console: no UART answers there; the log is only kept in memory");
		return;
	}
	console = uart;
	log_console_add(&uart->console);
}

static void start_port(struct uart_16550 *uart, const struct config_console *config)
{
	uart->port = uart_16550_com_port(config->index);
	start(uart, config);
}

static void start_mmio(struct uart_16550 *uart, const struct config_console *config)
{
	hpa_t page = hpa(align_down(config->address, PAGE_SIZE));
	uint8_t *registers = hyp_map_mmio(page, UART_MMIO_SIZE);

	if (registers == NULL || frame_mmio_reserve(page, UART_MMIO_SIZE, "console") != 0) {
		log(LOG_WARN, "console: no memory to map the UART at %#lx", config->address);
		return;
	}
	uart->registers = registers + (config->address - page.value);
	start(uart, config);
}

void console_init(void)
{
	char text[OPTION_SIZE];

	is_option = boot_option(boot_info.cmdline, "console", text, sizeof(text));
	if (is_option && !parse(text, &chosen)) {
		log(LOG_WARN, "console=%s: expected com1 to com4, none or 0xADDRESS, then ,BAUD",
		    text);
		chosen =
			(struct config_console){ .kind = CONFIG_CONSOLE_COM, .baud = BAUD_DEFAULT };
	}
	if (chosen.kind == CONFIG_CONSOLE_COM) {
		start_port(&uarts[0], &chosen);
	}
}

void console_map(void)
{
	if (chosen.kind == CONFIG_CONSOLE_MMIO) {
		start_mmio(&uarts[0], &chosen);
	}
}

void console_config(const struct config_console *config)
{
	if (is_option || (config->kind == chosen.kind && config->index == chosen.index &&
			  config->baud == chosen.baud)) {
		return;
	}
	switch (config->kind) {
	case CONFIG_CONSOLE_COM:
		start_port(&uarts[1], config);
		break;
	case CONFIG_CONSOLE_MMIO:
		start_mmio(&uarts[1], config);
		break;
	case CONFIG_CONSOLE_FB:
		log(LOG_WARN, "console: there is no framebuffer console yet, the log stays here");
		break;
	case CONFIG_CONSOLE_NONE:
		break;
	}
}

struct uart_16550 *console_uart(void)
{
	return console;
}
