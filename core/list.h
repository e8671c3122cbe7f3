/* SPDX-License-Identifier: GPL-2.0-only */
/* A circular doubly linked list, embedded in its members. An unlinked member points to itself. */
#pragma once

#include "core/types.h"

struct list {
	struct list *next;
	struct list *prev;
};

static inline void list_init(struct list *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool list_is_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_add_tail(struct list *list, struct list *member)
{
	member->prev = list->prev;
	member->next = list;
	list->prev->next = member;
	list->prev = member;
}

static inline void list_add_head(struct list *list, struct list *member)
{
	list_add_tail(list->next, member);
}

static inline void list_remove(struct list *member)
{
	member->prev->next = member->next;
	member->next->prev = member->prev;
	list_init(member);
}

#define list_entry(pointer, type, member) container_of(pointer, type, member)
#define list_for_each(at, head)           for (struct list *at = (head)->next; at != (head); at = at->next)
